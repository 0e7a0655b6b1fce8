"""Schemas from files, where no registry can be asked.

A file is named by the schema's id: ``17.avsc`` is an Avro schema, ``17.json`` a JSON Schema (or an
Avro schema: its types tell), ``17.proto`` Protobuf. What a registry answered to
``GET /schemas/ids/17`` may be saved as ``17.json`` as it is. An Avro schema that others refer to is a
file of any other name: ``com.acme.Money.avsc``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from workbench.capture.avro_schema import NAMED, ReadingSchema
from workbench.capture.schemas import AVRO, JSON, PROTOBUF, Schema, SchemaId, is_address
from workbench.errors import LogError, UndecodedError

_SUFFIXES: Final = (".avsc", ".json", ".proto")


class SchemaFiles:
    """The schemas in a folder, or in files that a mapping names.

    Parameters
    ----------
    files
        A folder, or a mapping from ids (whole numbers, or a GUID's text) to paths; by any other
        name stands what others refer to.

    Raises
    ------
    LogError
        There is no such folder or file, none of them has an id, two have the same, or it is an address.
    """

    def __init__(
        self, files: str | os.PathLike[str] | Mapping[Any, str | os.PathLike[str]]
    ) -> None:
        if isinstance(files, Mapping):
            named = [(str(name), _path(path)) for name, path in files.items()]
            self._place = "the files given"
        else:
            if is_address(os.fspath(files)):
                raise LogError("that is an address, not a folder: give it to a SchemaRegistry.")
            folder = Path(files)
            if not folder.is_dir():
                raise LogError(
                    f"there is no folder {folder}: schemas are files in one, by their ids."
                )
            found = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
            named = [(path.stem, path) for path in found if path.is_file()]
            self._place = str(folder)
        self._files: dict[SchemaId, Path] = {}
        self._others: list[Path] = []
        for name, path in named:
            self._take(_id(name), path)
        if not self._files:
            raise LogError(
                f"no schema in {self._place} has an id: name the files by them, such as 17.avsc."
            )
        self._referenced: tuple[list[str], list[str]] | None = None

    def _take(self, name: SchemaId | str, path: Path) -> None:
        if not path.is_file():
            raise LogError(f"there is no file {path} with a schema.")
        if isinstance(name, str):
            self._others.append(path)
        elif name in self._files:
            raise LogError(
                f"schema {name} is in two files, {self._files[name]} and {path}: leave one."
            )
        else:
            self._files[name] = path

    def __repr__(self) -> str:
        return f"SchemaFiles({self._place!r})"

    def schema(self, schema_id: SchemaId, /) -> Schema:
        """The schema of that id.

        Raises
        ------
        UndecodedError
            No file is named by it, or the file can't be read.
        """
        path = self._files.get(schema_id)
        if path is None:
            raise UndecodedError(f"schema {schema_id} is not among {self._place}")
        return _read(path)

    def referenced(self, schema: Schema, /) -> Sequence[str]:
        """The texts of the files that are not named by an id; what is no schema there is left out.

        Raises
        ------
        UndecodedError
            A name is missing, and one of them can't be read.
        """
        if self._referenced is None:
            self._referenced = _readable(self._others)
        texts, unread = self._referenced
        if unread:
            try:
                ReadingSchema(json.loads(schema.text), map(json.loads, texts))
            except LogError as error:
                raise UndecodedError(f"a schema can't be used: {error}; {unread[0]}") from None
            except (ValueError, RecursionError):
                pass  # no schema: whoever asked will say so
        return texts


def _readable(paths: Sequence[Path]) -> tuple[list[str], list[str]]:
    """The texts of the Avro schemas in files, and why the other files can't be read."""
    texts, unread = [], []
    for path in paths:
        try:
            found = _read(path)
            if found.kind == AVRO:
                json.loads(found.text)
                texts.append(found.text)
        except UndecodedError as error:
            unread.append(str(error))
        except (ValueError, RecursionError):
            unread.append(f"the schema in {path} can't be read (it is no JSON)")
    return texts, unread


def _path(given: Any) -> Path:
    try:
        return Path(given)
    except TypeError:
        raise LogError(f"a schema's file is given by its path, not by {given!r}.") from None


def _id(name: str) -> SchemaId | str:
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return UUID(name)
    except ValueError:
        return name


def _read(path: Path) -> Schema:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".proto":
            return Schema(PROTOBUF, text)
        found = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or "it is no JSON"
        raise UndecodedError(f"the schema in {path} can't be read ({why})") from None
    if isinstance(found, dict) and isinstance(found.get("schema"), str):
        return Schema(str(found.get("schemaType") or AVRO), found["schema"])
    avro = path.suffix == ".avsc" or _is_avro(found)
    return Schema(AVRO if avro else JSON, text)


def _is_avro(found: Any) -> bool:
    return isinstance(found, list) or (isinstance(found, dict) and found.get("type") in NAMED)
