"""Records that hold several events each, in a list: an order with its history, a page of a search.

Each item of the list makes a row of its own, which has the item in the place of the list and all else
of the record beside it, as MongoDB's ``$unwind`` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from workbench.capture.reading.json_documents import BAD, MEMBERS, VALUES, events
from workbench.capture.reading.kinds import Batch, JsonDocument, JsonLines, batches_of
from workbench.capture.reading.opening import OpenedFile
from workbench.capture.reading.paths import Path, shown


def list_in(leaves: Mapping[Path, Sequence[Any]]) -> Path | None:
    """The path at which most of some rows have lists of objects; of several that with most objects."""
    found: dict[Path, int] = {}
    for path, values in leaves.items():
        there = [value for value in values if value is not None]
        lists = [value for value in there if _is_list_of_objects(value)]
        if len(lists) > len(there) / 2:
            found[path] = sum(map(len, lists))
    return max(found, key=lambda path: found[path], default=None)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


class Unwound:
    """A kind of JSON of whose records each item of a list is an event."""

    ours = json_is_text = untyped = False

    def __init__(self, kind: JsonLines | JsonDocument, path: Path) -> None:
        self._kind, self._path = kind, path
        self.name = f"{kind.name}, an event for each of {shown(path)}"

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give its rows."""
        yield from batches_of(self._rows(file), file)

    def _rows(self, file: OpenedFile) -> Iterator[bytes]:
        whole = (
            file.lines() if isinstance(self._kind, JsonLines) else ((-1, t) for t in events(file))
        )
        for line, text in whole:
            try:
                rows = list(_unwound(text, self._path))
            except BAD as error:
                file.reject(line, f"this is not a JSON object that holds events: {error}", text)
                continue
            if not rows:
                file.reject(line, f"this record has no event in {shown(self._path)}", text)
            yield from map(msgspec.json.encode, rows)


def _unwound(record: bytes, path: Path) -> Iterator[Any]:
    """The record with each item of the list at a path in the place of the list."""
    members = MEMBERS.decode(record)
    step, *deeper = path
    inside = bytes(members.get(step, b"null"))
    if deeper:
        items: Any = _unwound(inside, tuple(deeper)) if inside[:1] == b"{" else ()
    else:
        items = VALUES.decode(inside) if inside[:1] == b"[" else ()
    for item in items:
        yield members | {step: item}
