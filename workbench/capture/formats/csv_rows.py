"""CSV files of other tools as rows of text, with the lines that they began on."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, Final

from workbench.capture.formats.documents import shown
from workbench.capture.formats.outline import first_lines
from workbench.capture.formats.record_fields import NotARecordError
from workbench.capture.reading.foreign import Rejected, Source

_LONGEST: Final = 2**31 - 1
csv.field_size_limit(_LONGEST)  # a field is a Kafka value, and the limit is 131,072 otherwise


def begins_with(head: bytes, *columns: str) -> bool:
    """Say whether the first line names these columns, and then perhaps others."""
    names = first_lines(head)[:1]
    line = names[0].replace(b'"', b"") if names else b""
    return line.split(b",")[: len(columns)] == [name.encode() for name in columns]


def named_rows(source: Source) -> Iterator[tuple[int, dict[str, str]] | Rejected]:
    """Each row by the names of the first; one with more or fewer fields is rejected."""
    lines = _Lines(source)
    reader = csv.reader(lines)
    names: list[str] = []
    while True:
        begins = lines.number + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Rejected(begins, f"this row is not CSV: {error}.", shown_row([lines.last]))
            continue
        if not row:
            continue
        if not names:
            names = row
        elif len(row) == len(names):
            yield begins, dict(zip(names, row, strict=True))
        else:
            reason = f"this row has {len(row)} fields and the first line names {len(names)}."
            yield Rejected(begins, reason, shown_row(row))


def rows_of_cells(
    source: Source, row: Callable[[dict[str, str]], dict[str, Any]], what: str
) -> Iterator[dict[str, Any] | Rejected]:
    """Make a row of each row of cells; one that is no record is rejected, as ``what`` says."""
    for found in named_rows(source):
        if isinstance(found, Rejected):
            yield found
            continue
        line, cells = found
        try:
            yield row(cells)
        except (KeyError, NotARecordError) as error:
            yield Rejected(line, f"{what}: {error}.", shown_row(cells.values()))


def shown_row(cells: Iterable[str]) -> str:
    """The beginning of a row that is rejected."""
    return shown(",".join(cells).encode())


class _Lines:
    """A source's lines as text, the empty ones too: a quoted field may hold them."""

    def __init__(self, source: Source) -> None:
        self.number = 0
        self.last = ""
        self._lines = self._all(source)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.last = next(self._lines)
        self.number += 1
        return self.last

    @staticmethod
    def _all(source: Source) -> Iterator[str]:
        given = 0
        for number, line in source.lines():
            yield from repeat("\n", number - given - 1)
            yield line.decode() + "\n"
            given = number
