"""The mapping from their columns to ours, as a file was read: shown, and given again corrected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from workbench.capture.columns import COLUMNS
from workbench.capture.reading.paths import Path, shown
from workbench.capture.reading.said_times import Order
from workbench.capture.reading.times import UNDECIDED, Form

_FILES: Final = 3
"""Files mapped in another way that are shown."""

_OTHERS: Final = 3
"""Columns that may tell the types and are named."""

_MANY: Final = 0.1
"""The share of empty rows from which it is said."""


@dataclass(frozen=True)
class Entry:
    """One of our columns, and where it comes from."""

    column: str
    path: Path
    given: bool
    joins: tuple[Path, ...] = ()
    """Where the date and the time of day stand, if that is two columns."""
    form: Form | None = None
    example: str = ""
    inside: bool = False
    """Whether text there is JSON itself."""
    single: bool = False
    """Whether values there are lists of one."""
    whole: bool = False
    """Whether text there is whole numbers, some of which may have been written as floats."""
    any_case: bool = False
    """Whether values there are UUIDs, of which some are written in another case than others."""
    zero: bool = False
    """Whether 0 is an event's id, and so may be a cause."""
    zone: str | None = None
    """The zone that was said for times without one."""
    order: Order | None = None
    """What was said of the order of the day and the month."""
    zoneless: float = 0.0
    """The share of the times there that say no zone."""
    empty: float = 0.0
    """The share of the rows that have nothing there."""
    finer: Path = ()
    """Where times stand that say finer what stands here in whole seconds."""
    doubt: str = ""
    """What it says of itself where it hardly tells the types."""
    others: tuple[Path, ...] = ()
    """What else may tell them."""

    @property
    def how(self) -> str:
        """How it was found, in a few words."""
        said = "given" if self.given else "same name" if self.path == (self.column,) else "guessed"
        form = f"{said}, {self.form}" if self.form else said
        if not self.zoneless:
            return form
        where = "" if self.zoneless == 1 else " where no zone is said"
        return f"{form}, taken as {self.zone or 'UTC'}{where}"

    @property
    def theirs(self) -> str:
        """Where it comes from, as it may be given in a mapping."""
        where = " + ".join(map(shown, self.joins)) or shown(self.path)
        return " @ ".join(filter(None, [where, self.zone, self.order]))


@dataclass(frozen=True, repr=False)
class LogMapping(Mapping[str, str]):
    """Our columns ← theirs, as a file was read: ``{**log.mapping, "type": "kind"}`` corrects it.

    Attributes
    ----------
    format
        Of the file: ``"JSON lines"``.
    entries
        One for each of our columns that was found, and those beside them that were given.
    """

    format: str
    entries: tuple[Entry, ...]
    others: Mapping[str, LogMapping] = field(default_factory=dict)
    """The files of the same read that were mapped in another way, with their mappings."""

    def __getitem__(self, column: str) -> str:
        for entry in self.entries:
            if entry.column == column:
                return entry.theirs
        raise KeyError(column)

    def __iter__(self) -> Iterator[str]:
        return (entry.column for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def missing(self) -> tuple[str, ...]:
        """Our columns that nothing was found for."""
        return tuple(column for column in COLUMNS if column not in self)

    @property
    def sentence(self) -> str:
        """The format, and what was guessed."""
        guessed = [f"{e.column} ← {e.theirs}" for e in self.entries if e.how.startswith("guess")]
        told = f"{self.format}, guessed: {', '.join(guessed)}" if guessed else self.format
        said = ["times without a zone taken as UTC"] if self._zoneless else []
        said += ["dates read month first, which nothing tells"] if self._undecided else []
        said += [f"no {each.column} in {each.empty:.0%} of the rows" for each in self._gappy]
        said += [f"{e.column} in whole seconds where a finer one is told" for e in self._coarse]
        said += [f"{e.column} {e.doubt}" for e in self._doubtful]
        return "; ".join([told, *said])

    @property
    def _zoneless(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.zoneless and entry.zone is None]

    @property
    def _undecided(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.form == UNDECIDED]

    @property
    def _gappy(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.empty >= _MANY]

    @property
    def _coarse(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.finer and not entry.given]

    @property
    def _doubtful(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.doubt and not entry.given]

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(each.column, each.theirs, each.how, each.example) for each in self.entries]

    def _notes(self) -> list[str]:
        notes = [f"nothing for {', '.join(self.missing)}"] if self.missing else []
        notes += [
            f"{each.column} says no zone"
            + ("" if each.zoneless == 1 else " in some rows")
            + " and is taken as UTC; if it is another: "
            + _mapping(each, "Europe/Berlin")
            for each in self._zoneless
        ]
        notes += [
            f"no date of {each.column} tells the day from the month, so the month is read first; "
            "if the day is first: " + _mapping(each, "day first")
            for each in self._undecided
        ]
        notes += [
            f"{each.column} is empty in {each.empty:.0%} of the rows looked at"
            for each in self._gappy
        ]
        notes += [
            f"{each.column} is in whole seconds, and {shown(each.finer)} says it finer: "
            f"mapping={json.dumps({each.column: shown(each.finer)}, ensure_ascii=False)}"
            for each in self._coarse
        ]
        notes += [
            f"{each.column} {each.doubt}; if another column tells the types"
            + (f", as {' or '.join(map(shown, each.others[:_OTHERS]))} may" if each.others else "")
            + f": {_mapping(each, '', next(map(shown, each.others), '…'))}"
            for each in self._doubtful
        ]
        if any(each.any_case for each in self.entries):
            notes.append(
                "UUIDs are written in upper and in lower case here, and read in lower case"
            )
        if self.others:
            notes.append(
                f"{len(self.others):,} other "
                + ("file was" if len(self.others) == 1 else "files were")
                + " mapped in another way"
            )
        notes += [
            f"{file}: {', '.join(f'{ours} ← {theirs}' for ours, theirs in other.items())}"
            for file, other in list(self.others.items())[:_FILES]
        ]
        if len(self.others) > _FILES:
            notes.append("the mapping's .others has them all")
        return notes

    def __repr__(self) -> str:
        rows = [("ours", "theirs", "how", "example"), *self._rows()]
        widths = [max(len(row[place]) for row in rows) for place in range(3)]
        lines = [
            f"{ours:<{widths[0]}}  ← {theirs:<{widths[1]}}  {how:<{widths[2]}}  {example}".rstrip()
            for ours, theirs, how, example in rows
        ]
        return "\n".join([f"{self.format}, read as", *lines, *self._notes()])

    def _repr_html_(self) -> str:
        left = "style='text-align:left'"
        head = "".join(f"<th {left}>{name}</th>" for name in ("ours", "← theirs", "how", "example"))
        body = "".join(
            "<tr>" + "".join(f"<td {left}>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        notes = "".join(f"<div>{escape(note)}</div>" for note in self._notes())
        return (
            f"<div>{escape(self.format)}, read as</div>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )


def _mapping(entry: Entry, said: str, theirs: str | None = None) -> str:
    """What is given to say something of a column of times, or that it stands elsewhere."""
    value = " @ ".join(filter(None, [theirs or entry.theirs, said]))
    return f"mapping={json.dumps({entry.column: value}, ensure_ascii=False)}"
