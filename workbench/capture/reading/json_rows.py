"""JSON lines to columns, without a Python object for what nobody asks for.

A block of lines is decoded at once, by ``msgspec``, into records whose members are known from the
rows before; a member that holds objects stays undecoded. Only a block in which that fails, for a
line that is no event or for a member not met before, is taken line by line. Both ways give the same
values: what ``workbench.capture.json_text.any_json`` gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import msgspec

from workbench.capture.json_text import any_json, json_text

Reject = Callable[[int, str, bytes], None]

MORE: Final = "more"
"""The column for members beyond the widest table."""

_WIDEST: Final = 1_000
_ODD: Final = re.compile(r'["\\\x00-\x1f]')
"""What msgspec takes in no member's name."""
_TOO_DEEP: Final = "this line nests too deep"
_NO_OBJECT: Final = "this line is not a JSON object that holds an event"
_NESTED: Final = (b"{", b"[")

_RAW_ROWS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class JsonColumns:
    """Turns blocks of JSON lines into columns.

    Parameters
    ----------
    raw
        Members that are wanted as JSON text (``msgspec.Raw``), whatever they hold.
    """

    def __init__(self, raw: Iterable[str] = ()) -> None:
        self._raw = dict.fromkeys(raw, True)
        self._names: dict[str, bool] = {}
        self._wide = False
        self._build()

    def columns(self, block: bytes, first: int, reject: Reject) -> tuple[dict[str, list[Any]], int]:
        """Give name → values, and how many rows there are. Lines count from ``first``."""
        if self._wide:
            return self._wide_columns(block, first, reject)
        rows = self._rows(block, first, reject)
        if self._is_wide():  # only now
            return self._wide_columns(block, first, lambda *_: None)
        columns = {
            name: list(map(attrgetter(f"f{place}"), rows)) for place, name in enumerate(self._names)
        }
        return columns, len(rows)

    def _is_wide(self) -> bool:
        return self._wide

    def _wide_columns(
        self, block: bytes, first: int, reject: Reject
    ) -> tuple[dict[str, list[Any]], int]:
        rows = []
        for number, line in enumerate(block.split(b"\n"), start=first):
            if line and not line.isspace() and (row := _object(line, number, reject)) is not None:
                rows.append(row)
        for name, value in chain.from_iterable(map(dict.items, rows)):
            if name not in self._names and len(self._names) < _WIDEST:
                self._names[name] = self._raw.get(name, isinstance(value, dict | list))
        columns = {name: [row.pop(name, None) for row in rows] for name in self._names}
        if any(rows):
            columns[MORE] = [msgspec.Raw(json_text(row)) if row else None for row in rows]
        for name, raw in self._names.items():
            if raw:
                values = columns[name]
                columns[name] = [v if v is None else msgspec.Raw(json_text(v)) for v in values]
        return columns, len(rows)

    def _rows(self, block: bytes, first: int, reject: Reject) -> list[Any]:
        for _ in range(2):
            try:
                rows = self._decoder.decode_lines(block)
            except msgspec.ValidationError:
                if not self._learn(block):
                    break
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                break
            else:
                if _one_a_line(block, len(rows)):
                    return list(rows)
                break
        self._learn(block)
        found = []
        for number, line in enumerate(block.split(b"\n"), start=first):
            if line and not line.isspace():
                found += self._row(line, number, reject)
        return found

    def _row(self, line: bytes, number: int, reject: Reject) -> list[Any]:
        if not _begins_object(line):  # by millions, perhaps: text between events
            reject(number, _NO_OBJECT, line)
            return []
        try:
            return [self._decoder.decode(line)]
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
        row = _object(line, number, reject)
        if row is None or self._wide:
            return []
        try:
            cells = {
                self._fields[name]: msgspec.Raw(json_text(value)) if self._names[name] else value
                for name, value in row.items()
            }
        except RecursionError:
            reject(number, _TOO_DEEP, line)
            return []
        return [self._record(**cells)]

    def _learn(self, block: bytes) -> bool:
        """Take note of the members in a block; whether there are new ones."""
        known = len(self._names)
        for line in block.split(b"\n"):
            if not _begins_object(line):
                continue
            try:
                row: dict[str, Any] | None = _RAW_ROWS.decode(line)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                row = _object(line, 0, lambda *_: None)
            for name, value in (row or {}).items():
                if name in self._names:
                    continue
                if len(self._names) == _WIDEST:
                    self._wide = True
                    return False
                raw = isinstance(value, msgspec.Raw)
                nested = bytes(value)[:1] in _NESTED if raw else isinstance(value, dict | list)
                self._names[name] = self._raw.get(name, nested)
        if len(self._names) == known:
            return False
        self._build()
        return True

    def _build(self) -> None:
        self._fields = {name: f"f{place}" for place, name in enumerate(self._names)}
        kinds = [
            (self._fields[name], msgspec.Raw if raw else Any, None)
            for name, raw in self._names.items()
        ]
        if any(map(_ODD.search, self._names)):
            self._wide = True
            return
        self._record = msgspec.defstruct(
            "Record",
            kinds,
            rename={field: name for name, field in self._fields.items()},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(self._record)


def _begins_object(line: bytes) -> bool:
    return line[:1] == b"{" or line.lstrip()[:1] == b"{"


def _one_a_line(block: bytes, objects: int) -> bool:
    """Whether a block of so many objects has one on each line, and no empty lines.

    It has if every line end has ``}`` before and ``{`` behind it: inside an object they are never
    neighbours.
    """
    ends = block.count(b"\n") - block.endswith(b"\n")
    between = b"}\r\n{" if block.endswith(b"\r\n") else b"}\n{"
    return objects == ends + 1 and block.count(between) == ends


def _object(line: bytes, number: int, reject: Reject) -> dict[str, Any] | None:
    """Decode a line the slow way, which also takes what Python's ``json`` takes for JSON."""
    try:
        row = any_json(line)
    except (ValueError, RecursionError) as error:
        reject(number, f"this line is not JSON: {error}", line)
        return None
    if not isinstance(row, dict):
        reject(number, _NO_OBJECT, line)
        return None
    return {name.encode("utf-8", "replace").decode(): value for name, value in row.items()}
