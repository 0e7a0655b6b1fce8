r"""Rows of a database one value a line, as its shells print what is too wide for a table.

``\x`` in psql (https://www.postgresql.org/docs/current/app-psql.html), ``\G`` in mysql
(https://dev.mysql.com/doc/refman/8.4/en/mysql-commands.html), ``EXPAND ON`` in cqlsh, and
``FORMAT Vertical`` in ClickHouse (https://clickhouse.com/docs/interfaces/formats/Vertical).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
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
        row: _Row | None = None
        framed, before = False, 0
        for number, line in source.lines():
            text = line.decode()
            bare = text.strip()
            blank, before = number - before - 1, number
            if begun := shell.begin.fullmatch(bare):
                if row is not None:
                    yield from table.taken(row)
                if begun[1] == "1":
                    yield from table.rest()
                    table = _Table(shell)
                row, framed = table.row(), bare.startswith("+")
            elif row is None:
                yield Rejected(number, "this line stands outside of the rows.", shown(line), False)
            elif _FOOTER.fullmatch(bare) and table.is_whole(row):
                yield from table.taken(row)
                yield Rejected(number, "this line counts the rows.", shown(line), False)
                row = None
            elif not (_RULER.fullmatch(bare) and (framed or not row.lines)):
                row.add(_Line(number, _unframed(text) if framed else text, blank))
        if row is not None:
            yield from table.taken(row)
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
        self._first: list[_Row] = []
        self._names: frozenset[str] = frozenset()

    def row(self) -> _Row:
        """Begin a row."""
        return _Row(self._shell, self._names)

    def is_whole(self, row: _Row) -> bool:
        """Say whether a row has all names, as far as they are known."""
        wanted = self._first[0].values.keys() if self._first else self._names
        return row.values.keys() >= wanted

    def taken(self, row: _Row) -> Iterator[dict[str, Any] | Rejected]:
        """Take a row; gives those whose names are known."""
        if self._names:
            yield from row.read()
        else:
            self._first.append(row)
            if len(self._first) == _TELLING:
                yield from self.rest()

    def rest(self) -> Iterator[dict[str, Any] | Rejected]:
        """Give the rows that were kept until the names are known: those that half of them have."""
        have = Counter(name for row in self._first for name in row.values)
        self._names = frozenset(name for name, n in have.items() if 2 * n >= len(self._first))
        for first in self._first:
            row = self.row()
            for line in first.lines:
                row.add(line)
            yield from row.read()
        self._first = []


class _Row:
    """What a row holds, by names that may be known."""

    def __init__(self, shell: _Shell, names: frozenset[str]) -> None:
        self.lines: list[_Line] = []
        self.values: dict[str, list[str]] = {}
        """Each by its lines."""
        self._strange: list[_Line] = []
        """Lines that are no part of it."""
        self._shell, self._names = shell, names
        self._column: int | None = None

    def add(self, line: _Line) -> None:
        """Add a line: a value, or more of the last one."""
        self.lines.append(line)
        if not self._added(line.text, line.blank):
            self._strange.append(line)

    def read(self) -> Iterator[dict[str, Any] | Rejected]:
        """Give what it holds, and the lines that are no part of it."""
        for line in self._strange:
            why = "this line is none of a name and a value."
            yield Rejected(line.number, why, shown(line.text.encode()))
        yield self._known()

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

    def _known(self) -> dict[str, Any]:
        """What is not null."""
        null = {"", self._shell.null}
        values = {name: "\n".join(lines) for name, lines in self.values.items()}
        return {name: value for name, value in values.items() if value not in null}
