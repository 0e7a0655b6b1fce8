"""Which of their columns are ours: guessed from names, and from what values do in some rows.

A name gives points (``workbench.capture.reading.vocabulary``), values give or take some: ids differ
from row to row, a correlation id comes again a few times, a cause is some other row's id and shares
its correlation id, types are few. So a column with a name that nobody thought of is still found by
what stands in it, and a good name over the wrong values is passed by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.capture.columns import ATTEMPTS, COLUMNS, DEAD_LETTER
from workbench.capture.reading.arrays import are_single, first_text, singles
from workbench.capture.reading.evidence import Evidence
from workbench.capture.reading.nameless import types_without_a_name
from workbench.capture.reading.own_times import own_time, record_time
from workbench.capture.reading.paths import Path
from workbench.capture.reading.seen import Seen, numbered
from workbench.capture.reading.times import Form
from workbench.capture.reading.vocabulary import LEVELS, points

ENOUGH: Final = 40.0
"""Points from which a guess is taken."""

_ORDER: Final = ("data", "time", "id", "data", "type", "causation_id", "correlation_id", "source",
                 "channel", "partition", "offset", "broker_time")  # fmt: skip
"""The payload twice: first by a good name, for in it ids and times are not what they are outside;
then as what is nested, differs, and holds neither the id nor the time.
"""

_AFTER_ID: Final = _ORDER.index("id") + 1


@dataclass
class Guess:
    """The paths guessed for our columns, and how the times in them are written."""

    paths: dict[str, Path] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)
    other_types: tuple[Path, ...] = ()
    """What else may tell the types, where what was taken for them hardly does."""


def guess(
    leaves: Mapping[Path, Sequence[Any]],
    given: Mapping[str, Path],
    *,
    never: Collection[str] = (),
    fraction: float = 1.0,
) -> Guess:
    """Guess where our columns stand.

    Parameters
    ----------
    leaves
        Path → values, one for each row that was looked at.
    given
        What is not guessed, as somebody said so.
    never
        Columns of ours that the log doesn't have, as somebody said so.
    fraction
        The share of the log's rows that were looked at, drawn by chance; 1 for rows that stand
        together.

    Notes
    -----
    Which object is the payload says nothing of where all else stands: whoever names it, or says that
    there is none, gets the same otherwise.
    """
    if "data" in given or "data" in never:
        others = {column: path for column, path in given.items() if column != "data"}
        never = [column for column in never if column != "data"]
        found = guess(leaves, others, never=never, fraction=fraction)
        paths = found.paths | dict(given)
        found.paths = {
            column: paths[column]
            for column in COLUMNS
            if column in paths and (column != "data" or column in given)
        }
        return found
    whose = {path[0] for path in given.values()}
    seen = {
        path: Seen(path, _told(path, values), fraction)
        for path, values in leaves.items()
        if not _is_part_of_a_time(path, leaves) and path[0] not in _NEVER - whose
    }
    ours = _our_words(seen) or types_without_a_name(seen)
    ours = {column: path for column, path in ours.items() if column not in never}
    found = Guess(ours | dict(given))
    evidence = Evidence(found.paths, seen, given)
    for place, column in enumerate(_ORDER):
        if place == _AFTER_ID:
            evidence.around_id = found.paths.get("id", ())[:-1]
        if column == "broker_time":
            _find_times(evidence, keep={*ours, *given}, never=never)
        if column in found.paths or column in never:
            continue
        best = _best(column, evidence)
        if best is not None:
            found.paths[column] = best
    if "data" not in {*ours, *given}:
        _choose_payload_again(evidence, seen)
    for column in ("time", "broker_time"):
        where = found.paths.get(column)
        if where in seen and (form := seen[where].form) is not None:
            found.forms[column] = form
    found.other_types = _other_types(evidence)
    found.paths = {column: found.paths[column] for column in COLUMNS if column in found.paths}
    return found


def _choose_payload_again(evidence: Evidence, seen: dict[Path, Seen]) -> None:
    """Take another payload, or none, if there is none yet, or all that is in it are other columns of ours."""
    payload = evidence.paths.get("data", ())
    inside = {path for path in seen if payload == path[:-1]} if payload else set()
    if inside and inside <= set(evidence.paths.values()):
        del evidence.paths["data"]
        del seen[payload]
    if "data" not in evidence.paths and (best := _best("data", evidence)) is not None:
        evidence.paths["data"] = best


def tells_little(values: Collection[str]) -> bool:
    """Whether there is but one type, or types that only say how grave an event is."""
    return len(values) < 2 or {*map(str.lower, values)} <= LEVELS


def _other_types(evidence: Evidence) -> tuple[Path, ...]:
    types = evidence.seen.get(evidence.paths.get("type", ()))
    if types is None or not tells_little(types.counts):
        return ()
    scores = _scores("type", evidence)
    good = [path for path in scores if not tells_little(evidence.seen[path].counts)]
    return tuple(sorted(good, key=lambda path: (numbered(evidence.seen[path]) == 1, -scores[path])))


def _find_times(evidence: Evidence, *, keep: Collection[str], never: Collection[str]) -> None:
    """Look again for the time, now that the others of our columns are known, and for the broker's."""
    paths = evidence.paths
    if "time" in paths and "time" not in keep:
        del paths["time"]
        paths["time"] = own_time(_scores("time", evidence), evidence)
    record = record_time(evidence)
    if record is not None and "broker_time" not in {*paths, *never}:
        paths["broker_time"] = record


def _is_part_of_a_time(path: Path, leaves: Mapping[Path, Sequence[Any]]) -> bool:
    """Whether a member is of an object that is a time, of which ``leaves`` has the count."""
    outer = leaves.get(path[:-1], ())
    return any(isinstance(value, int) for value in outer)


def _told(path: Path, values: Sequence[Any]) -> Sequence[Any]:
    """Values; of lists of one what is in them; where a name says that lists are types, the first."""
    if are_single(values):
        return singles(values)
    values = _without_odd(values)
    if points("type", path) < _LISTED_TYPES or not any(isinstance(each, list) for each in values):
        return values
    return [first_text(value) for value in values]


def _without_odd(values: Sequence[Any]) -> Sequence[Any]:
    """Values, but for the few that are an object or a list among others that are neither."""
    there = sum(value is not None for value in values)
    odd = sum(isinstance(value, dict | list) for value in values)
    if not 0 < odd <= _FEW_ODD * there:
        return values
    return [None if isinstance(value, dict | list) else value for value in values]


_FEW_ODD: Final = 0.1


def _best(column: str, evidence: Evidence) -> Path | None:
    scores = _scores(column, evidence)
    ranked = [evidence.seen[path] for path in sorted(scores, key=lambda path: -scores[path])]
    return next((each.path for each in ranked if not _has_fuller(column, each, ranked)), None)


def _scores(column: str, evidence: Evidence) -> dict[Path, float]:
    """Path → points, of all that have enough of them for a column."""
    scores: dict[Path, float] = {}
    for path, each in evidence.seen.items():
        if _taken(path, column, evidence.paths) or not each.there:
            continue
        told = evidence.of(column, each)
        if told is not None:
            inside = column != "data" and evidence.in_payload(path)
            worth = points(column, path) * (_INSIDE if inside else 1)
            # Of two that are equal the one that stands higher, then the one that comes first.
            scores[path] = worth + told - len(path) / 10
    return {path: score for path, score in scores.items() if score > ENOUGH}


def _has_fuller(column: str, each: Seen, others: Sequence[Seen]) -> bool:
    """Whether another is the same without its gaps: a row's ``before`` has the ids of ``after``."""
    return column in _KEYS and any(
        each.path[-1] == other.path[-1]
        and each.filled < other.filled
        and each.known_in(other) > 0.5
        for other in others
    )


_NEVER: Final = frozenset([DEAD_LETTER, ATTEMPTS])
"""Columns of ours beside the standard ones, which mean what we mean."""
_LISTED_TYPES: Final = 60
"""Points of a name from which on lists may be types: an event of several, as MassTransit writes it."""
_KEYS: Final = frozenset(["id", "correlation_id", "causation_id"])

_INSIDE: Final = 0.7
"""What a name is worth inside the payload."""


def _our_words(seen: Mapping[Path, Seen]) -> dict[str, Path]:
    """The columns of a file that has a ``time`` and a ``type`` as we do: it means what we mean."""
    time, kind = seen.get(("time",)), seen.get(("type",))
    if time is None or time.form is None or kind is None or not kind.plain:
        return {}
    ours = [seen[column,] for column in COLUMNS if (column,) in seen]
    return {each.path[0]: each.path for each in ours if each.plain or each.path == ("data",)}


def _taken(path: Path, column: str, paths: Mapping[str, Path]) -> bool:
    """Whether a path is some other column already; a topic may be the type and the channel both."""
    inside_payload = (
        column != "correlation_id" and paths.get("data") == path[: len(paths.get("data", ()))]
    )
    if inside_payload and "data" in paths and column in _OUTSIDE:
        return True
    return path in [where for name, where in paths.items() if (column, name) != ("channel", "type")]


_OUTSIDE: Final = frozenset(["channel", "partition", "offset", "broker_time", "source"])
"""What is never looked for in the payload."""
