"""The mapping from their columns to ours: made of what was said and what is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from itertools import chain
from typing import Any, Final

from workbench.capture.columns import ATTEMPTS, BESIDE, COLUMNS, TIMES
from workbench.capture.json_text import json_text
from workbench.capture.reading.arrays import are_single, number_array
from workbench.capture.reading.base64_json import json_in_base64
from workbench.capture.reading.digits import is_digits
from workbench.capture.reading.guessing import guess, tells_little
from workbench.capture.reading.log_mapping import Entry, LogMapping
from workbench.capture.reading.paths import Path, resolve, shown
from workbench.capture.reading.precision import finer
from workbench.capture.reading.refusing import not_whole, why_nothing
from workbench.capture.reading.said_times import said_time
from workbench.capture.reading.sampling import Sample
from workbench.capture.reading.times import Form, form_of, may_be_time
from workbench.capture.reading.uuids import is_any_case
from workbench.capture.reading.zones import names_zone
from workbench.errors import LogError

_EXAMPLE: Final = 60
_NEAR: Final = 6


def mapping_of(
    sample: Sample,
    given: Given | None,
    *,
    format_name: str,
    json_is_text: bool = False,
    ours: bool = False,
) -> tuple[LogMapping, dict[str, str]]:
    """Map some rows' paths to our columns.

    Parameters
    ----------
    sample
        Some rows.
    given
        What somebody says: column → path, or ``None`` for a column that the log doesn't have; the
        rest is guessed.
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
    leaves = sample.leaves
    wanted, never = _said(given)
    times = {c: said_time(c, wanted[c], leaves) for c in wanted if c in TIMES}
    wanted |= {column: said.path for column, said in times.items()}
    found = {column: resolve(text, leaves) for column, text in wanted.items()}
    absent = {column: wanted[column] for column, path in found.items() if path is None}
    fixed = {column: path for column, path in found.items() if path is not None}
    for column in filter(_counts, fixed):
        _check_whole(column, wanted[column], leaves[fixed[column]])
    others: tuple[Path, ...] = ()
    own = {(column,) for column in COLUMNS} <= leaves.keys()
    if ours:
        told = {c: (c,) for c in COLUMNS if any(v is not None for v in leaves.get((c,), ()))}
        fixed = {c: path for c, path in told.items() if c not in never} | fixed
    if own:
        rest = {
            c: (c,) for c in COLUMNS if c not in {*wanted, *never} and (c,) not in fixed.values()
        }
        paths, forms = {**fixed, **rest}, {}
    else:
        # A key or a subject may be the flow as well.
        known = {column: path for column, path in fixed.items() if column in COLUMNS}
        parts = {path for both in sample.joins.values() for path in both} - {*known.values()}
        whole = {path: values for path, values in leaves.items() if path not in parts}
        guessed = guess(whole, known, never=never, fraction=sample.fraction)
        paths, forms, others = fixed | guessed.paths, guessed.forms, guessed.other_types
        for column in absent:  # a wrong name is not replaced by a guess
            paths.pop(column, None)
    ids = [leaves.get(paths.get(column, ()), ()) for column in _NAMING]
    any_case = not own and not ours and is_any_case(chain.from_iterable(ids))
    entries = tuple(
        Entry(
            column,
            path := paths[column],
            joins=sample.joins.get(path, ()),
            given=column in wanted,
            form=(form := forms.get(column) or _form(column, leaves.get(path, ()))),
            example=_example(_written_so(leaves.get(path, ()), form)),
            single=column != "data" and are_single(leaves.get(path, ())),
            inside=json_is_text or (not own and _holds_json(leaves.get(path, ()))),
            whole=column in _IDS and not own and not ours and _whole(leaves.get(path, ())),
            any_case=any_case and column in _NAMING,
            zero=_has_zero(leaves.get(paths.get("id", ()), ())),
            zone=times[column].zone if column in times else None,
            order=times[column].order if column in times else None,
            zoneless=_zoneless(leaves.get(path, ())) if column in TIMES else 0.0,
            empty=_empty(leaves.get(path, ())) if column in _FULL and not own and not ours else 0.0,
            finer=finer(path, form, leaves, paths.values()) if column == "time" and not own else (),
            doubt=_doubt(leaves.get(path, ())) if column == "type" and not own and not ours else "",
            others=others if column == "type" else (),
        )
        for column in (*COLUMNS, *BESIDE)
        if column in paths
    )
    return LogMapping(format_name, entries), absent


Given = Mapping[str, str | None]
"""What somebody says of a mapping."""


def _said(given: Given | None) -> tuple[dict[str, str], set[str]]:
    """The paths that somebody gives, and the columns that he says are not there."""
    if given is not None and not isinstance(given, Mapping):
        raise LogError(
            f'mapping is a {type(given).__name__}: give a dict of our columns and theirs, {{"type": "kind"}}.'
        )
    wanted: dict[str, str] = {}
    never: set[str] = set()
    for column, text in (given or {}).items():
        if column not in (*COLUMNS, *BESIDE):
            raise LogError(
                f"mapping: {column!r} is no column of an event log: they are {', '.join(COLUMNS)}; "
                f"and beside them {', '.join(BESIDE)}. "
                "Other columns are kept as they are."
            )
        if text == "" and column in BESIDE:
            raise LogError(
                f"mapping: {column!r} is empty text: give the path of a column as text; it is never "
                "guessed, so that there is nothing to take back."
            )
        if text is None or text == "":
            never.add(column)
        elif isinstance(text, str):
            wanted[column] = text
        else:
            raise LogError(
                f"mapping: {column!r} is a {type(text).__name__}: give the path of a column as text, "
                "or None if there is none."
            )
    return wanted, never


def _check_whole(column: str, theirs: str, values: Sequence[Any]) -> None:
    there = [value for value in values if value is not None and value != ""]
    if there and number_array(there).null_count == len(there):
        raise not_whole(column, theirs, there[0])


def _counts(column: str) -> bool:
    return column == ATTEMPTS or COLUMNS.get(column, "").startswith("int")


def _zoneless(values: Sequence[Any]) -> float:
    """The share of what may be times that says no zone."""
    told = [value.tzinfo is not None for value in values if isinstance(value, datetime)]
    told += [names_zone(value) for value in values if isinstance(value, str) and may_be_time(value)]
    told += [False for value in values if is_digits(value)]
    return 1 - sum(told) / len(told) if told else 0.0


_FULL: Final = frozenset(["id", "correlation_id"])
"""Columns of which it is said if many rows have nothing there."""


def _empty(values: Sequence[Any]) -> float:
    there = sum(v is not None and v != "" and v == v for v in values)  # noqa: PLR0124
    return 1 - there / len(values) if values else 0.0


_ALONE: Final = 20
"""Rows from which on it is worth a word that all are of one type."""


def _doubt(values: Sequence[Any]) -> str:
    """Why values hardly tell types, if that is so."""
    there = [str(value) for value in values if value is not None and value != ""]
    if len(there) < _ALONE or not tells_little(kinds := {*there}):
        return ""
    return (
        "is the same in all rows looked at" if len(kinds) == 1 else "says only how grave events are"
    )


def _written_so(values: Sequence[Any], form: Form | None) -> Iterator[Any]:
    """The values; of times those that are written as most are."""
    there = (value for value in values if value is not None and value != "")
    if form is None or form.startswith("text"):
        return there
    return (value for value in there if form_of([value], said=True) == form)


def _form(column: str, values: Sequence[Any]) -> Form | None:
    return form_of(values, said=True) if column in TIMES else None


def _holds_json(values: Sequence[Any]) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    found = sum(text[:1] in {"{", "["} or json_in_base64(text) is not None for text in texts)
    return found > len(texts) / 2


_NAMING: Final = ("id", "correlation_id", "causation_id")
"""Columns whose values name events and flows."""
_IDS: Final = frozenset(["id", "correlation_id", "causation_id", "key", "subject"])


def _has_zero(values: Sequence[Any]) -> bool:
    return any(value in (0, "0", "0.0") and value is not False for value in values)


def _whole(values: Sequence[Any]) -> bool:
    there = [str(value) for value in values if value is not None and value == value]  # noqa: PLR0124
    return all(re.fullmatch(r"(-?\d+(\.0)?)?", text) for text in there)


def _example(values: Iterator[Any]) -> str:
    value = next(values, None)
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
        why = why_nothing(column, text, leaves)
        if why is not None:
            told.append(f"{column!r}: {text!r} names nothing in {file}; {why}")
            continue
        if not known:
            told.append(
                f"{column!r}: {text!r} names nothing in {file}, of which no row could be read"
            )
            continue
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
