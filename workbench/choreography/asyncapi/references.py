"""The files of a document, and what ``$ref`` points to in them: never fetched, never outside.

https://www.rfc-editor.org/rfc/rfc6901 (JSON Pointer)
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from workbench.choreography.documents import Node, read_yaml
from workbench.errors import DesignError
from workbench.events.files import read_json
from workbench.events.json_pointer import names_of

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_MOST_FILES = 200


class Place(NamedTuple):
    """Where a value stands: the file, and the way to it from the file's top."""

    file: Path
    way: tuple[str, ...]


class Documents:
    """The files that a document is made of, each read once.

    Parameters
    ----------
    root
        The folder that no reference leads out of.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._tops: dict[Path, Node] = {}

    def open(self, path: Path) -> Node:
        """The whole of a file."""
        file = path.resolve()
        if file not in self._tops:
            if not file.is_file():
                raise DesignError("there is no such file.", file=str(path))
            if len(self._tops) >= _MOST_FILES:
                raise DesignError(f"a document of more than {_MOST_FILES} files.", file=str(path))
            as_json = file.suffix in {".json", ".avsc"}
            value = read_json(path) if as_json else read_yaml(path)
            self._tops[file] = Node(value, str(path), "", None if as_json else 1)
        return self._tops[file]

    def follow(self, node: Node) -> Node:
        """What stands at the end of a chain of references; the node itself if it is none."""
        return self.trace(node)[0]

    def trace(self, node: Node) -> tuple[Node, Place | None]:
        """The same, and its place, if a reference led to it."""
        seen: set[Place] = set()
        place: Place | None = None
        while isinstance(node.value, Mapping) and isinstance(node.value.get("$ref"), str):
            reference = node.get("$ref")
            node, place = self.target(reference, reference.text())
            if place in seen:
                raise reference.error("references go round in a circle here")
            seen.add(place)
        return node, place

    def target(self, reference: Node, text: str) -> tuple[Node, Place]:
        """What a reference of a file points to, and where that is."""
        address, _, fragment = text.partition("#")
        if _REMOTE.match(address):
            raise reference.error(
                f"{text!r} is remote, and nothing is fetched: save it beside the document, and "
                "refer to the file"
            )
        top = self.open(self._file(reference, address)) if address else None
        path = Path(reference.file) if top is None else Path(top.file)
        node = top or self.open(path)
        if fragment and not fragment.startswith("/"):
            raise reference.error(f"{text!r} is no path such as '#/components/messages/...'")
        way = names_of(unquote(fragment))
        for part in way:
            if isinstance(node.value, Mapping) and part in node.value:
                node = node.get(part)
            elif isinstance(node.value, list) and part.isdecimal() and int(part) < len(node.value):
                node = node.items()[int(part)]
            else:
                raise reference.error(f"{text!r} points to nothing: there is no {part!r}")
        return node, Place(path.resolve(), tuple(way))

    def _file(self, reference: Node, address: str) -> Path:
        path = Path(os.path.normpath(Path(reference.file).parent / unquote(address)))
        try:
            inside = path.resolve().is_relative_to(self.root)
        except (OSError, ValueError, RuntimeError) as error:
            raise reference.error(f"{address!r} is no file's name") from error
        if not inside:
            raise reference.error(
                f"{address!r} lies outside the document's folder, {self.root.name}: nothing is "
                "read there"
            )
        if not path.is_file():
            raise reference.error(f"there is no file {address!r} beside the document")
        return path
