"""The columns of times of a log, in which some text is read only when all of it was seen."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from workbench.capture.reading.arrays import TEXT, Values, is_text, time_values
from workbench.capture.reading.counts import in_other_units
from workbench.capture.reading.day_first import Orders
from workbench.capture.reading.log_mapping import Entry
from workbench.capture.reading.times import Form, form_of, form_told, times

_LOOKED_AT: Final = 1_000


class TimeColumns:
    """Reads blocks of times; text with a date whose day may be first or second waits."""

    def __init__(self) -> None:
        self.unread: Counter[str] = Counter()
        """How many values of a column are no times that can be read."""
        self.lost: dict[str, str] = {}
        """... and the first of them."""
        self._orders = Orders()
        self._waiting: dict[str, dict[int, int]] = {}
        self._zones: dict[tuple[str, int], str] = {}
        self.other_units: dict[str, Counter[str]] = {}
        """How many values of a column count in another unit than most do."""
        self._read_in: dict[int, int] = {}
        self._example: dict[int, tuple[str, str]] = {}

    def block(self, entry: Entry, values: Values, file: int) -> pa.Array:
        """Times of a block of a file, by its number; or text, which :meth:`waits`."""
        column, form = entry.column, entry.form
        found = time_values(values)
        self._zones[column, file] = entry.zone or "UTC"
        if entry.order is not None:
            self._orders.say(column, file, day_first=entry.order == "day first")
        if form is None:
            some = found.slice(0, _LOOKED_AT).drop_null().to_pylist()
            form = form_of(some, said=True) or "ISO 8601"
        if form.startswith("text") and is_text(found.type):
            texts = found.cast(TEXT)
            self._orders.see(column, file, texts)
            return texts
        return self._read(column, found, form, file)

    def waits(self, column: str, place: int, file: int) -> None:
        """Say that the block at a place of a column is text."""
        self._waiting.setdefault(column, {})[place] = file

    def read_waiting(self, column: str, blocks: list[pa.Array]) -> None:
        """Put times in the place of text."""
        for place, file in self._waiting.pop(column, {}).items():
            blocks[place] = self._read(column, blocks[place], self.form(column, file), file)

    def contradicting(self) -> Counter[str]:
        """How many dates of a column say another order of day and month than most."""
        return self._orders.contradicting()

    def form(self, column: str, file: int) -> Form:
        """How text that waited is read."""
        return form_told(self._orders.told(column, file))

    def unreadable(self, file: int) -> tuple[str, str] | None:
        """A column of a file, and a value in it if there is one, where none is a time."""
        return None if self._read_in.get(file, 1) else self._example.get(file, ("time", ""))

    def _read(self, column: str, values: pa.Array, form: Form, file: int) -> pa.Array:
        made = times(values, form, self._zones[column, file])
        lost = pc.and_(pc.is_null(made), pc.is_valid(values))
        if is_text(values.type):
            lost = pc.and_(lost, pc.not_equal(pc.utf8_trim_whitespace(values), ""))
        lost = pc.fill_null(lost, False)
        n = pc.sum(lost).as_py() or 0
        self.unread[column] += n
        self._read_in[file] = self._read_in.get(file, 0) + len(made) - made.null_count
        if n:
            first = str(values.filter(lost)[0].as_py())
            self.lost.setdefault(column, first)
            self._example.setdefault(file, (column, first))
        if others := in_other_units(values, form):
            self.other_units.setdefault(f"{column}, most in {form}", Counter()).update(others)
        return made
