"""CSV and its kin to columns of text: comma, semicolon, tab or bar between; quotes as in RFC 4180."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from workbench.capture.reading.arrays import TEXT, Values
from workbench.capture.reading.continued_cells import whole_cells
from workbench.capture.reading.csv_blocks import row_end, row_lines, whole_rows
from workbench.capture.reading.csv_heads import are_types, comments_end, is_value
from workbench.capture.reading.opening import OpenedFile

SAID: Final = re.compile(rb'"?sep=(.)"?\r?\n', re.IGNORECASE)
"""A first line by which Excel is told what stands between values."""
_LINE: Final = rb" *(?:(?::?-+:?|=+) *)?"
FOOTER: Final = r"(?:\(\d+ rows?(?: affected)?\)|\d+ rows? in set\b.*)"
"""What psql, SQL Server and MySQL write below a table."""
_FOOTER: Final = re.compile(rf"^{FOOTER}\r?$".encode(), re.MULTILINE)
_ANNOTATION: Final = re.compile(rb"^#(?:group|datatype|default)\b.*$", re.MULTILINE)
"""What InfluxDB writes above each table."""
_NAMELESS: Final = (
    "the first row of {} holds values and no names, so its columns are called column 1, column 2 "
    "and so on"
)
_CUT: Final = "the last line of {} does not end, and its last value is short: it may be cut off"
_MANY: Final = 10
"""Values that tell how long they are."""


class Csv:
    """Values between delimiters, under a line of names."""

    ours = False
    json_is_text = untyped = True

    def __init__(self, delimiter: str, *, escaped: bool = False) -> None:
        self._delimiter, self._escaped = delimiter, escaped
        self.name = {",": "CSV", "\t": "TSV"}.get(delimiter, f"CSV with {delimiter!r}")

    def batches(self, file: OpenedFile) -> Iterator[tuple[dict[str, Values], int]]:
        """Give columns of text; what is empty and not quoted is null.

        A first row that holds values is none of names: columns are then called by their places.
        """
        names: list[str] = []
        edges: set[str] = set()
        padded, header = False, b""
        shortest = _Shortest()
        for line, block in whole_rows(file, escaped=self._escaped):
            if not names:
                end, header = self._header(block, line, file)
                cells = self._cells(header)
                padded = any(cell != cell.strip() for cell in cells)
                if any(map(is_value, cells)):
                    file.notes.append(_NAMELESS.format(file.name))
                    cells, end, header = [""] * len(cells), end - len(header), b""
                names = unique(cells)
                if header:
                    edges = {n for n, cell in zip(names, cells, strict=True) if not cell.strip()}
                end = self._below_types(block, end, line, file)
                line, block = line + block.count(b"\n", 0, end), block[end:]
            block = self._without_what_is_no_row(block, header, len(names), line, file)
            if self._delimiter == "|":
                block = whole_cells(block, len(names))
            if block.strip():
                table = self._parsed(block, names, line, file)
                columns = {n: table.column(n).combine_chunks() for n in names}
                if shortest.is_cut(columns[names[-1]], ended=block.endswith(b"\n")):
                    file.notes.append(_CUT.format(file.name))
                if padded:
                    columns = {n: _trimmed(column) for n, column in columns.items()}
                    columns = {n: c for n, c in columns.items() if n not in edges or _holds(c)}
                yield columns, table.num_rows

    def _cells(self, row: bytes) -> list[str]:
        text = io.StringIO(row.decode(), newline="")
        return next(csv.reader(text, delimiter=self._delimiter), [])

    def _header(self, block: bytes, line: int, file: OpenedFile) -> tuple[int, bytes]:
        """Where the first row ends, and the row; comments above it are rejected."""
        start = comments_end(block)
        for number, comment in enumerate(block[:start].split(b"\n"), start=line):
            if comment.strip():
                is_edge = comment.startswith((b"+-", b"+="))
                why = "this row is a ruler" if is_edge else "this line is a comment"
                file.reject(number, why, comment.strip(), is_row=False)
        start = len(block) - len(block[start:].lstrip(b"\r\n"))
        end = row_end(block, start)
        if SAID.match(block, start, end):
            start, end = end, row_end(block, end)
        return end, block[start:end]

    def _below_types(self, block: bytes, start: int, line: int, file: OpenedFile) -> int:
        """Where the rows begin: a first one of types, as ClickHouse writes below the names, is rejected."""
        end = row_end(block, start)
        cells = self._cells(block[start:end])
        if not cells or not are_types(cells):
            return start
        number = line + block.count(b"\n", 0, start)
        why = "this row names the types of the columns"
        file.reject(number, why, block[start:end].strip(), is_row=False)
        return end

    def _without_what_is_no_row(
        self, block: bytes, header: bytes, width: int, line: int, file: OpenedFile
    ) -> bytes:
        """A block without what stands between and below rows: the header again, rulers, a footer."""
        no_rows = []
        if header.strip() and header.strip() in block:
            no_rows.append((_again(header), "this row repeats the header"))
        if header and (b"---" in block or b"===" in block):
            no_rows.append((self._ruler(width), "this row is a ruler"))
        if b" row" in block:
            no_rows.append((_FOOTER, "this line counts the rows"))
        if b"#datatype" in block:
            no_rows.append((_ANNOTATION, "this line is a comment"))
        return _without(no_rows, line, block, file) if no_rows else block

    def _ruler(self, width: int) -> re.Pattern[bytes]:
        """A row of lines, as databases draw them below a header, and Markdown does."""
        crossing = rb"(?:\+|" + re.escape(self._delimiter.encode()) + rb")"
        between = rb"(?:" + crossing + _LINE + rb"){%d}" % (width - 1)
        return re.compile(rb"^(?=.*(?:---|===))" + _LINE + between + rb"\r?$", re.MULTILINE)

    def _parsed(self, block: bytes, names: list[str], line: int, file: OpenedFile) -> pa.Table:
        starts: list[int] = []

        def bad(row: Any) -> str:
            if not starts:
                starts.extend(row_lines(block, line))
            number = starts[row.number - 1] if row.number and row.number <= len(starts) else -1
            had, wanted = row.actual_columns, row.expected_columns
            file.reject(
                number,
                f"this row has {had:,} value{'' if had == 1 else 's'}, and not {wanted:,} as the header",
                row.text,
            )
            return "skip"

        try:
            return pa_csv.read_csv(
                pa.py_buffer(block),
                read_options=pa_csv.ReadOptions(
                    use_threads=False, column_names=names, block_size=len(block) + 1
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=bad
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, TEXT),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=[""],
                ),
            )
        except pa.ArrowInvalid as error:
            file.reject(line, f"from this line on rows can't be told apart: {error}", block)
            return pa.table({name: pa.array([], TEXT) for name in names})


class _Shortest:
    """How short values of a column are."""

    def __init__(self) -> None:
        self._n, self._least = 0, sys.maxsize

    def is_cut(self, column: pa.Array, *, ended: bool) -> bool:
        """Say whether the last one is shorter than all before, of a file that did not end there."""
        if not len(column):
            return False
        lengths = pc.fill_null(pc.utf8_length(column), 0)
        n = len(lengths) if ended else len(lengths) - 1
        self._n += n
        self._least = min(self._least, pc.min(lengths[:n]).as_py() or 0 if n else self._least)
        return not ended and self._n >= _MANY and lengths[n].as_py() < self._least


def _trimmed(column: pa.Array) -> pa.Array:
    """Text without the blanks around it; null if nothing is left."""
    text = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, TEXT), text)


def _holds(column: pa.Array) -> bool:
    return bool(column.null_count < len(column))


def _again(header: bytes) -> re.Pattern[bytes]:
    """The header, as where files were joined."""
    return re.compile(rb"^" + re.escape(header.strip()) + rb"\r?$", re.MULTILINE)


def _without(
    no_rows: Sequence[tuple[re.Pattern[bytes], str]], line: int, block: bytes, file: OpenedFile
) -> bytes:
    """A block without what some patterns find, which says nothing, but for what stands in quotes."""
    found = [(each, reason) for pattern, reason in no_rows for each in pattern.finditer(block)]
    found.sort(key=lambda each: each[0].start())
    kept, end = [], 0
    for each, reason in found:
        if block.count(b'"', end, each.start()) % 2 == 0:
            number = line + block.count(b"\n", 0, each.start())
            file.reject(number, reason, each[0].strip(), is_row=False)
            kept.append(block[end : each.start()])
            end = each.end()
    return b"".join([*kept, block[end:]])


def unique(cells: list[str]) -> list[str]:
    """Column names, each once: the second ``id`` is ``id.2``; one without a name is ``column 3``."""
    names: dict[str, None] = {}
    for place, cell in enumerate(cells, start=1):
        name = plain = cell.strip() or f"column {place}"
        again = 2
        while name in names:
            name, again = f"{plain}.{again}", again + 1
        names[name] = None
    return list(names)
