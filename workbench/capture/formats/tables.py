"""Tables in JSON whose columns are named apart from the rows.

pandas writes ``{"columns": […], "index": […], "data": [[…]]}`` and ``{"a": {"0": …, "1": …}, …}``
(``to_json`` with ``orient="split"`` and ``"columns"``), Azure's logs
``{"tables": [{"columns": [{"name": …}], "rows": [[…]]}]}``, and others one such table alone, its rows
called ``data`` or, as Elasticsearch's ES|QL has it, ``values``. ClickHouse writes
``{"meta": [{"name": …, "type": …}], "data": […]}`` (``JSONCompact``; ``JSON``, whose rows are objects), or
a list a line, of which the first has the names (``JSONCompactEachRowWithNames``), and of
sheets all are in a list, in Google's answers ``{"range": …, "values": [[…]]}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

from workbench.capture.formats.documents import short_json, shown, whole_value
from workbench.capture.formats.outline import first_lines, outline
from workbench.capture.reading.csv_heads import are_types
from workbench.capture.reading.csv_rows import unique
from workbench.capture.reading.foreign import Rejected, Source

_APART: Final = re.compile(
    rb'\s*\{\s*"columns"\s*:\s*\[\s*"[^\]{}]*\]\s*,\s*'
    rb'("index"\s*:\s*\[\s*[^\s{]|"(data|rows|values)"\s*:\s*\[\s*\[)'
)
_LISTS: Final = re.compile(rb'"(data|rows|values)"\s*:\s*\[\s*\[')
_NUMBERED: Final = re.compile(rb'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{\s*"0"\s*:\s*[^\s{\[]')
_TEXT: Final = rb'"(?:[^"\\]|\\.)*+"'
_SHEET: Final = rb'\{[^\[\]{}]*"values"\s*:\s*'
_ROWS_BEGIN: Final = re.compile(
    rb"\s*(?:" + _SHEET + rb")?(?:\[\s*)?"
    rb"\[\s*" + _TEXT + rb"(?:\s*,\s*" + _TEXT + rb")+\s*\]\s*,?\s*\[\s*[^\s\[{]"
)
_HEAD: Final = 64
_NAMES: Final = ("columns", "meta")
_ROWS: Final = ("rows", "data", "values")
_TYPED: Final = frozenset(["meta.[].name", "meta.[].type", "data"])
_NAMED: Final = (
    frozenset(["tables.[].columns.[].name"]), *(frozenset(["columns.[].name", name]) for name in _ROWS)
)  # fmt: skip


class JsonTables:
    """Tables in JSON, their columns apart."""

    name = "a table in JSON"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds such tables."""
        if sum(line[:1] == b"{" for line in first_lines(head)[:2]) > 1:
            return False  # an object a line
        if _NUMBERED.match(head):
            return _are_columns(outline(head))
        if outline(head) >= _TYPED:
            return True
        if _LISTS.search(head) and any(outline(head) >= fields for fields in _NAMED):
            return True
        return _APART.match(head) is not None

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give the rows."""
        value = whole_value(source)
        if isinstance(value, Rejected):
            yield value
            return
        tables = value.get("tables") if isinstance(value, dict) else None
        for table in tables if isinstance(tables, list) else [value]:
            yield from _rows(table)


def _are_columns(fields: frozenset[str]) -> bool:
    """Whether every member of an object holds rows under their numbers."""
    outer = {name for name in fields if "." not in name}
    inner = [name.rpartition(".")[2] for name in fields - outer]
    return inner.count("1") >= 1 and all(map(str.isdecimal, inner))


def _rows(table: Any) -> Iterator[dict[str, Any] | Rejected]:
    if not isinstance(table, dict):
        yield Rejected(-1, "this is no table.", shown(table))
    elif (columns := _list(table, _NAMES)) is None:
        yield from _of_columns(table)
    elif (rows := _list(table, _ROWS)) is None:
        yield Rejected(-1, "this table has no list of rows.", shown(table))
    else:
        yield from _of_lists(columns, rows, table.get("index"))


def _list(table: Mapping[str, Any], names: Sequence[str]) -> list[Any] | None:
    """The first list that a table has by one of these names."""
    return next((table[name] for name in names if isinstance(table.get(name), list)), None)


def _of_lists(
    columns: Sequence[Any], rows: Sequence[Any], labels: Any
) -> Iterator[dict[str, Any] | Rejected]:
    named = (each.get("name") if isinstance(each, dict) else each for each in columns)
    names = unique([str(name) for name in named])
    index = _index(labels, len(rows))
    for label, row in zip_longest(index, rows):
        found = _named(names, row, -1)
        if index and not isinstance(found, Rejected):
            found = {"index": label} | found
        yield found


def _named(names: Sequence[str], row: Any, line: int) -> dict[str, Any] | Rejected:
    """The values of a row by their columns' names, if it doesn't have them so."""
    if isinstance(row, dict) and row.keys() == {*names}:
        return row
    if isinstance(row, list) and len(row) == len(names):
        return dict(zip(names, row, strict=True))
    reason = f"this row has not one value for each of the {len(names):,} columns."
    return Rejected(line, reason, shown(row))


def _index(index: Any, height: int) -> Sequence[Any]:
    """The labels of rows, where they are more than their numbers."""
    told = isinstance(index, list) and len(index) == height and index != [*range(height)]
    return index if told else []


def _of_columns(table: Mapping[str, Any]) -> Iterator[dict[str, Any] | Rejected]:
    columns = {name: column for name, column in table.items() if isinstance(column, dict)}
    for name in table.keys() - columns.keys():
        yield Rejected(-1, f"{name} is no column of the table.", shown(table[name]))
    for label in dict.fromkeys(label for column in columns.values() for label in column):
        yield {name: column.get(label) for name, column in columns.items()}


class JsonRows:
    """Rows that are lists, the first one of names: one a line, or all in a list."""

    name = "rows in JSON"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds such rows."""
        return _ROWS_BEGIN.match(head) is not None

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give the rows."""
        names: list[str] = []
        for place, (line, row) in enumerate(self._lists(source)):
            if isinstance(row, Rejected):
                yield row
            elif not isinstance(row, list):
                yield Rejected(line, "this is no list of values.", shown(row))
            elif not names:
                names = unique(list(map(str, row)))
            elif place == 1 and row and are_types(row):
                yield Rejected(line, "this row names the types of the columns.", shown(row))
            else:
                yield _named(names, row, line)

    @staticmethod
    def _lists(source: Source) -> Iterator[tuple[int, Any]]:
        start = source.head(_HEAD).lstrip()
        if start[:1] == b"{" or start[1:].lstrip()[:1] == b"[":
            value = whole_value(source)
            listed = value.get("values") if isinstance(value, dict) else value
            yield from ((-1, row) for row in (listed if isinstance(listed, list) else [value]))
            return
        for number, line in source.lines():
            try:
                yield number, short_json(line)
            except (ValueError, RecursionError):
                yield number, line
