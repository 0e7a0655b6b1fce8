r"""Rows of a database one value a line, as its shells print what is too wide for a table.

``\x`` in psql (https://www.postgresql.org/docs/current/app-psql.html), ``\G`` in mysql
(https://dev.mysql.com/doc/refman/8.4/en/mysql-commands.html), ``EXPAND ON`` in cqlsh, and
``FORMAT Vertical`` in ClickHouse (https://clickhouse.com/docs/interfaces/formats/Vertical).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from workbench.capture.formats.documents import shown
from workbench.capture.formats.outline import first_lines
from workbench.capture.reading.csv_rows import FOOTER
from workbench.capture.reading.foreign import Rejected, Source


class _Shell(NamedTuple):
    """How a shell prints."""

    begin: re.Pattern[str]
    """The line above a row, with its number."""
    field: re.Pattern[str]
    """A name and a value; where the name is empty, the line goes on with the value above."""
    null: str
    aligned: bool = False
    """Whether a further line of a value is told from a field by where the value stands."""


_SHELLS: Final = (
    _Shell(re.compile(r"\+?-\[ \w+ (\d+) \][-+]*"), re.compile(r"([^|]*)\|(?: (.*))?"), ""),
    _Shell(
        re.compile(r"\*{10,} (\d+)\. row \*{10,}"),
        re.compile(r" *([^\s:][^:]*):(?: (.*))?"),
        "NULL",
        aligned=True,
    ),
    _Shell(re.compile(r"@ Row (\d+)"), re.compile(r" ([^|]*)\|(?: (.*))?"), "null"),
    _Shell(
        re.compile(r"Row (\d+):"), re.compile(r"([^\s:][^:]*):(?: +(.*))?"), "ᴺᵁᴸᴸ", aligned=True
    ),
)
_RULER: Final = re.compile(r"[-─+]{2,}")
_FOOTER: Final = re.compile(FOOTER)
_TELLING: Final = 32
"""Rows that tell the names."""


class VerticalRecords:
    """Rows whose names stand before each value."""

    name = "rows of a database, a value a line"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds such rows."""
        return _shell(head) is not None

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give each row as text, by its names; a value that is null is not in it.

        What stands above, between and below tables is rejected.
        """
        shell = _shell(source.head())
        if shell is None:
            return
        table = _Table(shell)
        lines: list[_Line] | None = None
        framed, before = False, 0
        for number, line in source.lines():
            text = line.decode()
            bare = text.strip()
            blank, before = number - before - 1, number
            if begun := shell.begin.fullmatch(bare):
                if lines is not None:
                    yield from table.taken(lines)
                if int(begun[1]) == 1:
                    yield from table.rest()
                    table = _Table(shell)
                lines, framed = [], bare.startswith("+")
            elif lines is None:
                yield Rejected(number, "this line stands outside of the rows.", shown(line), False)
            elif _FOOTER.fullmatch(bare) and table.is_whole(lines):
                yield from table.taken(lines)
                yield Rejected(number, "this line counts the rows.", shown(line), False)
                lines = None
            elif not (_RULER.fullmatch(bare) and (framed or not lines)):
                lines.append(_Line(number, _unframed(text) if framed else text, blank))
        if lines is not None:
            yield from table.taken(lines)
        yield from table.rest()


def _shell(head: bytes) -> _Shell | None:
    lines = [line.decode("utf-8", "replace") for line in first_lines(head)]
    return next((each for each in _SHELLS if any(map(each.begin.fullmatch, lines))), None)


def _unframed(text: str) -> str:
    """A line without the frame around it, as psql draws one where ``border`` is 2."""
    return text[2:-1].rstrip(" ") if text.startswith("| ") and text.endswith("|") else text


class _Line(NamedTuple):
    number: int
    text: str
    blank: int
    """Blank lines above it."""


class _Table:
    """Rows with the same names, which the first of them tell: a line in a value may look like a field."""

    def __init__(self, shell: _Shell) -> None:
        self._shell = shell
        self._first: list[list[_Line]] = []
        self._names: frozenset[str] = frozenset()

    def taken(self, lines: list[_Line]) -> Iterator[dict[str, Any] | Rejected]:
        """Take a row; gives those whose names are known."""
        if self._names:
            yield from self._read(lines)
        else:
            self._first.append(lines)
            if len(self._first) == _TELLING:
                yield from self.rest()

    def rest(self) -> Iterator[dict[str, Any] | Rejected]:
        """Give the rows that were kept until the names are known: those that half of them have."""
        have = Counter(name for lines in self._first for name in self._row(lines).values)
        self._names = frozenset(name for name, n in have.items() if 2 * n >= len(self._first))
        for lines in self._first:
            yield from self._read(lines)
        self._first = []

    def is_whole(self, lines: list[_Line]) -> bool:
        """Say whether a row has all names, as far as they are known."""
        wanted: Collection[str] = self._names
        if self._first:
            wanted = self._row(self._first[0]).values
        return set(wanted) <= self._row(lines).values.keys()

    def _read(self, lines: list[_Line]) -> Iterator[dict[str, Any] | Rejected]:
        row = self._row(lines)
        for line in row.strange:
            why = "this line is none of a name and a value."
            yield Rejected(line.number, why, shown(line.text.encode()))
        yield row.known()

    def _row(self, lines: list[_Line]) -> _Row:
        return _Row(self._shell, self._names, lines)


class _Row:
    """What a row holds, by names that may be known."""

    def __init__(self, shell: _Shell, names: frozenset[str], lines: Iterable[_Line]) -> None:
        self.values: dict[str, list[str]] = {}
        """Each by its lines."""
        self._shell, self._names = shell, names
        self._column: int | None = None
        self.strange = [line for line in lines if not self._added(line.text, line.blank)]
        """Lines that are no part of it."""

    def _added(self, text: str, blank: int) -> bool:
        """Add a value, or a further line of the last one, below some blank lines.

        False if it is neither.
        """
        found = self._shell.field.fullmatch(text)
        if self.values and self._shell.aligned:
            self._last.extend([""] * blank)
        if found and self._is_field(found):
            self.values[found[1].strip()] = [found[2] or ""]
            self._column = found.start(2) if found[2] else self._column
            return True
        if not self.values or not (self._shell.aligned or (found and not found[1].strip())):
            return False
        if found and not self._shell.aligned:
            text = found[2] or ""
            self._last[-1] = self._last[-1].removesuffix("+").rstrip(" ")
        self._last.append(text)
        return True

    @property
    def _last(self) -> list[str]:
        return self.values[next(reversed(self.values))]

    def _is_field(self, found: re.Match[str]) -> bool:
        name = found[1].strip()
        if not name or name in self.values or (self._names and name not in self._names):
            return False
        return not (self._shell.aligned and found[2]) or self._column in {None, found.start(2)}

    def known(self) -> dict[str, Any]:
        """What is not null."""
        null = {"", self._shell.null}
        values = {name: "\n".join(lines) for name, lines in self.values.items()}
        return {name: value for name, value in values.items() if value not in null}
