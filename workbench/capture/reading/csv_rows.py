"""CSV and its kin to columns of text: comma, semicolon, tab or bar between; quotes as in RFC 4180."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from workbench.capture.reading.arrays import TEXT, Values
from workbench.capture.reading.opening import OpenedFile
from workbench.capture.reading.times import form_of
from workbench.capture.reading.uuids import UUID

_DELIMITERS: Final = (",", ";", "\t", "|")
_QUOTE: Final = ord('"')
_LONGEST_ROW: Final = 32 << 20
_SAID: Final = re.compile(rb'"?sep=(.)"?\r?\n', re.IGNORECASE)
"""A first line by which Excel is told what stands between values."""
_DATED: Final = re.compile(r"\s*\d+[-./]\d+[-./]\d+\D+\d+[:.]\d\d")
"""A date and a time of day."""
_LINE: Final = rb" *(?:(?::?-+:?|=+) *)?"
_NAMELESS: Final = (
    "the first row of {} holds values and no names, so its columns are called column 1, column 2 "
    "and so on"
)


class Csv:
    """Values between delimiters, under a line of names."""

    ours = False
    json_is_text = untyped = True

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self.name = {",": "CSV", "\t": "TSV"}.get(delimiter, f"CSV with {delimiter!r}")

    def batches(self, file: OpenedFile) -> Iterator[tuple[dict[str, Values], int]]:
        """Give columns of text; what is empty and not quoted is null.

        A first row that holds values is none of names: columns are then called by their places.
        """
        names: list[str] = []
        padded, header = False, b""
        for line, block in _whole_rows(file):
            if not names:
                end, header = self._header(block)
                cells = next(
                    csv.reader(io.StringIO(header.decode(), newline=""), delimiter=self._delimiter)
                )
                padded = any(cell != cell.strip() for cell in cells)
                if any(map(_is_value, cells)):
                    file.notes.append(_NAMELESS.format(file.name))
                    cells, end, header = [""] * len(cells), end - len(header), b""
                names, line, block = unique(cells), line + block.count(b"\n", 0, end), block[end:]
            if header.strip() and header.strip() in block:
                block = _without(_again(header), "repeats the header", line, block, file)
            if header and (b"---" in block or b"===" in block):
                block = _without(self._ruler(len(names)), "is a ruler", line, block, file)
            if block.strip():
                table = self._parsed(block, names, line, file)
                columns = {n: table.column(n).combine_chunks() for n in names}
                if padded:
                    columns = {n: _trimmed(column) for n, column in columns.items()}
                yield columns, table.num_rows

    def _header(self, block: bytes) -> tuple[int, bytes]:
        """Where the first row ends, and the row."""
        start = len(block) - len(block.lstrip(b"\r\n"))
        end = _row_end(block, start)
        if _SAID.match(block, start, end):
            start, end = end, _row_end(block, end)
        return end, block[start:end]

    def _ruler(self, width: int) -> re.Pattern[bytes]:
        """A row of lines, as databases draw them below a header, and Markdown does."""
        between = rb"(?:" + re.escape(self._delimiter.encode()) + _LINE + rb"){%d}" % (width - 1)
        return re.compile(rb"^(?=.*(?:---|===))" + _LINE + between + rb"\r?$", re.MULTILINE)

    def _parsed(self, block: bytes, names: list[str], line: int, file: OpenedFile) -> pa.Table:
        starts: list[int] = []

        def bad(row: Any) -> str:
            if not starts:
                starts.extend(_row_lines(block, line))
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


def _trimmed(column: pa.Array) -> pa.Array:
    """Text without the blanks around it; null if nothing is left."""
    text = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, TEXT), text)


def _again(header: bytes) -> re.Pattern[bytes]:
    """The header, as where files were joined."""
    return re.compile(rb"^" + re.escape(header.strip()) + rb"\r?$", re.MULTILINE)


def _without(
    rows: re.Pattern[bytes], what: str, line: int, block: bytes, file: OpenedFile
) -> bytes:
    """A block without the rows of a pattern, which say nothing, but for what stands in quotes."""
    kept, end = [], 0
    for found in rows.finditer(block):
        if block.count(b'"', end, found.start()) % 2 == 0:
            number = line + block.count(b"\n", 0, found.start())
            file.reject(number, f"this row {what}", found[0].strip())
            kept.append(block[end : found.start()])
            end = found.end()
    return b"".join([*kept, block[end:]])


def _is_value(cell: str) -> bool:
    """Whether a cell is what hardly any column is called: a time or a UUID."""
    return UUID.fullmatch(cell.strip()) is not None or (
        _DATED.match(cell) is not None and form_of([cell]) is not None
    )


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


def csv_like(head: bytes) -> Csv | None:
    """The kind of CSV that a file which begins so is, by its header and the rows below."""
    lines = [line for line in head.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return None
    if said := _SAID.match(f"{lines[0]}\n".encode()):
        return Csv(said[1].decode())
    some = "\n".join(lines[:50])
    best, most = None, 1.0
    for delimiter in _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(some, newline=""), delimiter=delimiter))[:30]
        except csv.Error:
            continue
        width = len(rows[0])
        # The last row may be cut. Names are short; the first row may hold values.
        same = sum(len(row) == width for row in rows) / len(rows)
        short = all(len(cell) < 100 for cell in rows[0]) or any(map(_is_value, rows[0]))
        if width > 1 and short and width * same > most:
            best, most = Csv(delimiter), width * same
    return best


def _row_end(block: bytes, start: int = 0) -> int:
    """The end of the row that starts there: the first line end outside quotes."""
    end = start
    while (end := block.find(b"\n", end) + 1) > 0:
        if block.count(b'"', start, end) % 2 == 0:
            return end
    return len(block)


def _ends(block: bytes) -> np.ndarray[Any, Any]:
    """The places after line ends outside quotes."""
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    quotes = np.flatnonzero(data == _QUOTE)
    found: np.ndarray[Any, Any] = ends[np.searchsorted(quotes, ends) % 2 == 0] + 1
    return found


def _row_lines(block: bytes, first: int) -> list[int]:
    """The line in which each row starts."""
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    starts = np.concatenate([[0], _ends(block)])
    lines = first + np.searchsorted(ends, starts, side="right")
    data = np.concatenate([np.frombuffer(block, dtype=np.uint8), [10, 10]])
    filled = ~((data[starts] == 10) | ((data[starts] == 13) & (data[starts + 1] == 10)))
    return [int(line) for line in lines[filled]]


def _whole_rows(file: OpenedFile) -> Iterator[tuple[int, bytes]]:
    """Blocks that end where a row ends: a quoted value may hold line ends."""
    rest, began = b"", 1
    for line, block in file.blocks():
        if not rest:
            began = line
        whole = rest + block
        ends = _ends(whole)
        end = int(ends[-1]) if len(ends) else 0
        if not end and len(whole) > _LONGEST_ROW:
            end = whole.find(b"\n") + 1 or len(whole)
            yield began, whole[:end]  # a quote is opened here and never closed
            rest, began = whole[end:], began + 1
            continue
        if end:
            yield began, whole[:end]
        began += whole.count(b"\n", 0, end)
        rest = whole[end:]
    while rest:
        ends = _ends(rest)
        if len(ends) or b'"' not in rest:
            end = int(ends[-1]) if len(ends) else len(rest)
            yield began, rest[:end]
        elif rest.count(b'"') % 2 == 0:
            yield began, rest
            return
        else:  # a quote is opened here and never closed
            end = rest.find(b"\n") + 1 or len(rest)
            yield began, rest[:end]
        began += rest.count(b"\n", 0, end)
        rest = rest[end:]
