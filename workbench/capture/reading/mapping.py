"""The mapping from their columns to ours: made, shown, and corrected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from html import escape
from typing import Any, Final

from workbench.capture.columns import BESIDE, COLUMNS
from workbench.capture.json_text import json_text
from workbench.capture.reading.guessing import guess
from workbench.capture.reading.paths import Path, resolve, shown
from workbench.capture.reading.times import Form, form_of
from workbench.errors import LogError

_EXAMPLE: Final = 60
_NEAR: Final = 6


@dataclass(frozen=True)
class Entry:
    """One of our columns, and where it comes from."""

    column: str
    path: Path
    given: bool
    form: Form | None = None
    example: str = ""
    inside: bool = False
    """Whether text there is JSON itself."""
    whole: bool = False
    """Whether text there is whole numbers, some of which may have been written as floats."""
    zero: bool = False
    """Whether 0 is an event's id, and so may be a cause."""

    @property
    def how(self) -> str:
        """How it was found, in a few words."""
        said = "given" if self.given else "same name" if self.path == (self.column,) else "guessed"
        return f"{said}, {self.form}" if self.form else said


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
    others: int = field(default=0)
    """Files of the same read that were mapped in another way."""

    def __getitem__(self, column: str) -> str:
        for entry in self.entries:
            if entry.column == column:
                return shown(entry.path)
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
        guessed = [
            f"{e.column} ← {shown(e.path)}" for e in self.entries if e.how.startswith("guess")
        ]
        return f"{self.format}, guessed: {', '.join(guessed)}" if guessed else self.format

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(each.column, shown(each.path), each.how, each.example) for each in self.entries]

    def _notes(self) -> list[str]:
        notes = [f"nothing for {', '.join(self.missing)}"] if self.missing else []
        if self.others:
            notes.append(f"{self.others:,} other files were mapped in another way")
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


def mapping_of(
    leaves: Mapping[Path, Sequence[Any]],
    given: Mapping[str, str] | None,
    *,
    format_name: str,
    json_is_text: bool = False,
    ours: bool = False,
) -> tuple[LogMapping, dict[str, str]]:
    """Map some rows' paths to our columns.

    Parameters
    ----------
    leaves
        Path → values of some rows.
    given
        What somebody says; the rest is guessed.
    format_name
        For showing.
    ours
        Whether columns with our names are ours, whatever is in them.
    json_is_text
        Whether JSON in the file is text (CSV, Parquet).

    Returns
    -------
    LogMapping
        With all that was found.
    dict
        What was given and names nothing here: column → path as given.
    """
    wanted = dict(given or {})
    for column in wanted:
        if column not in (*COLUMNS, *BESIDE):
            raise LogError(
                f"mapping: {column!r} is no column of an event log: they are {', '.join(COLUMNS)}; "
                f"and beside them {', '.join(BESIDE)}. "
                "Other columns are kept as they are."
            )
    found = {column: resolve(text, leaves) for column, text in wanted.items()}
    absent = {column: wanted[column] for column, path in found.items() if path is None}
    fixed = {column: path for column, path in found.items() if path is not None}
    own = {(column,) for column in COLUMNS} <= leaves.keys()
    if ours:
        told = {c: (c,) for c in COLUMNS if any(v is not None for v in leaves.get((c,), ()))}
        fixed = told | fixed
    if own:
        rest = {c: (c,) for c in COLUMNS if c not in wanted and (c,) not in fixed.values()}
        paths, forms = {**fixed, **rest}, {}
    else:
        # A key or a subject may be the flow as well.
        guessed = guess(leaves, {c: path for c, path in fixed.items() if c in COLUMNS})
        paths, forms = fixed | guessed.paths, guessed.forms
        for column in absent:  # a wrong name is not replaced by a guess
            paths.pop(column, None)
    entries = tuple(
        Entry(
            column,
            path := paths[column],
            given=column in wanted,
            form=forms.get(column) or _form(column, leaves.get(path, ())),
            example=_example(leaves.get(path, ())),
            inside=json_is_text or (not own and _holds_json(leaves.get(path, ()))),
            whole=column in _IDS and not own and not ours and _whole(leaves.get(path, ())),
            zero=_has_zero(leaves.get(paths.get("id", ()), ())),
        )
        for column in (*COLUMNS, *BESIDE)
        if column in paths
    )
    return LogMapping(format_name, entries), absent


def _form(column: str, values: Sequence[Any]) -> Form | None:
    return form_of(values, said=True) if column in {"time", "broker_time"} else None


def _holds_json(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    return bool(texts) and sum(text[:1] in {"{", "["} for text in texts) > len(texts) / 2


_IDS: Final = frozenset(["id", "correlation_id", "causation_id", "key", "subject"])


def _has_zero(values: Sequence[Any]) -> bool:
    return any(value in (0, "0", "0.0") and value is not False for value in values)


def _whole(values: Sequence[Any]) -> bool:
    there = [str(value) for value in values if value is not None and value == value]  # noqa: PLR0124
    return all(re.fullmatch(r"(-?\d+(\.0)?)?", text) for text in there)


def _example(values: Sequence[Any]) -> str:
    value = next((value for value in values if value is not None and value != ""), None)
    if value is None:
        return ""
    try:
        text = value if isinstance(value, str) else json_text(value).decode()
    except (TypeError, ValueError, RecursionError):
        text = str(value)
    line = " ".join(text.split())
    return line if len(line) <= _EXAMPLE else f"{line[: _EXAMPLE - 1]}…"


def names_nothing(
    absent: Mapping[str, str], leaves: Mapping[Path, Sequence[Any]], file: str
) -> LogError:
    """Say which part of a mapping names nothing, and what is near it."""
    known = {shown(path): path for path in leaves}
    told = []
    for column, text in absent.items():
        last = text.rsplit(".", 1)[-1].strip("\"'").lower()
        near = get_close_matches(text, known, n=3, cutoff=0.6)
        near += [name for name, path in known.items() if last in path[-1].lower()]
        near += get_close_matches(last, known, n=2, cutoff=0.6)
        names = list(dict.fromkeys(near)) or list(known)
        listed = ", ".join(names[:_NEAR]) + (" …" if len(names) > _NEAR else "")
        told.append(
            f"{column!r}: {text!r} names nothing in {file}; {'near' if near else 'there'} are {listed}"
        )
    return LogError(f"mapping: {'. '.join(told)}.")
