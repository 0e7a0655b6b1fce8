"""Which kind of CSV a file is, by its first rows."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice
from typing import Final

from workbench.capture.reading.csv_blocks import doubled
from workbench.capture.reading.csv_heads import comments_end, is_name, is_value
from workbench.capture.reading.csv_rows import SAID, Csv
from workbench.capture.reading.vocabulary import LEVELS

_DELIMITERS: Final = (",", ";", "\t", "|")
_LINES: Final = 50
_ROWS: Final = 30
_LEAST: Final = 4
"""Values of a row from which on a table is known by them alone."""
_OPENED: Final = re.compile(r"\[\d+[-./]\d+[-./]\d+[^\]]*$")
_PAIR: Final = re.compile(r"[A-Za-z_][\w.-]*=")


def csv_like(head: bytes) -> Csv | None:
    """The kind of CSV that a file which begins so is, by its header and the rows below."""
    lines = _lines(head[comments_end(head) :])
    if not lines:
        return None
    if said := SAID.match(f"{lines[0]}\n".encode()):
        return Csv(said[1].decode())
    best, most = None, 1.0
    for delimiter in _DELIMITERS:
        rows = _rows(lines, delimiter)
        if (worth := _worth(rows)) > most:
            best, most = Csv(delimiter), worth
    if not any('\\"' in line for line in lines):
        return best
    # Read as RFC 4180 has it, text after an escaped quote mostly stands where none may.
    escaped = _lines(doubled("\n".join(lines).encode()))
    proper = max(_worth(_rows(lines, delimiter, strict=True)) for delimiter in _DELIMITERS)
    for delimiter in _DELIMITERS:
        worth = _worth(_rows(escaped, delimiter, strict=True))
        if worth >= most and worth > proper:
            best, most = Csv(delimiter, escaped=True), worth
    return best


def table_of_values(head: bytes) -> Csv | None:
    """The kind of CSV without a header that a file is for sure, whatever stands in its values.

    All rows have one width, and the first one a time or a UUID. A line of a log is none: it tells
    its level, has blanks between its parts, or text before its JSON or its names and values.
    """
    lines = _lines(head)
    lines = lines if head.endswith(b"\n") or len(lines) < 2 else lines[:-1]
    found = {delimiter: _rows(lines, delimiter) for delimiter in _DELIMITERS}
    sure = [delimiter for delimiter, rows in found.items() if _are_values(rows)]
    return Csv(max(sure, key=lambda delimiter: len(found[delimiter][0]))) if sure else None


def _are_values(rows: list[list[str]]) -> bool:
    first = rows[0] if rows else []
    pairs = [cell for cell in first if "=" in cell]
    return (
        len(first) >= _LEAST
        and all(len(row) == len(first) for row in rows)
        and any(map(is_value, first))
        and not any(cell[:1] == " " or cell.lower() in LEVELS for cell in first)
        and all(cell[:1] in "{[" for cell in first if '{"' in cell)
        and not any(map(_is_torn, first))
        and len(pairs) <= 1
        and all(map(_PAIR.match, pairs))
    )


def _worth(rows: list[list[str]]) -> float:
    """How wide the first row is, and how many of the others are as wide; 0 if it is no first row.

    The last row may be cut. The first row holds names, or values.
    """
    first = rows[0] if rows else []
    if len(first) < 2:
        return 0
    is_first = all(map(is_name, first)) or (
        any(map(is_value, first)) and not any(map(_is_torn, first))
    )
    return len(first) * sum(len(row) == len(first) for row in rows) / len(rows) if is_first else 0


def _is_torn(cell: str) -> bool:
    """Whether a cell is part of JSON, or of brackets around a time: a delimiter then stands in them."""
    is_json = '{"' in cell and cell.count("{") != cell.count("}")
    return is_json or _OPENED.match(cell) is not None


def _lines(head: bytes) -> list[str]:
    """The first lines that are not blank; not every sign that ends a line for Python does for CSV."""
    lines = head.decode("utf-8", "replace").split("\n")
    return list(islice(filter(str.strip, lines), _LINES))


def _rows(lines: list[str], delimiter: str, *, strict: bool = False) -> list[list[str]]:
    """The first rows; none if some quote stands where none may, and it is to be strict."""
    text = io.StringIO("\n".join(lines), newline="")
    rows: list[list[str]] = []
    try:
        rows.extend(islice(csv.reader(text, delimiter=delimiter, strict=strict), _ROWS))
    except csv.Error as error:
        # The last row may be cut; those before it are there.
        return rows if "unexpected end" in str(error) else []
    return rows
