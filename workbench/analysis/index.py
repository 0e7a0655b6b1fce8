"""The flow index: an event log as arrays of integers, built once, that every question then reads.

Texts become integers, rows are dealt to their flows and sorted there, and each event gets a
*position*: flow by flow, and inside a flow in causal order. What follows is linear passes over
arrays, never a loop over flows in Python.

Three kinds of rows are not events of a flow, and each is counted: duplicates (the same source and id
again, by total order, of which one with a correlation id goes first), dead letters (copies of an
event, with the reason), and events without a correlation id. A dead letter of a flow whose event the
log doesn't hold is that event as well: a table may mark an error where the event stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from workbench.analysis.arrays import Bools, Ints, Small, mixed
from workbench.analysis.causal_order import effects_after_causes
from workbench.analysis.grouping import Hashes, dealt, earliest, found_in_group, sort_groups
from workbench.analysis.order import (
    break_ties,
    by_start,
    category_codes,
    nanoseconds,
    order_of_each,
    total_order,
)
from workbench.analysis.paths import path_keys
from workbench.analysis.texts import Texts
from workbench.analysis.threads import cuts, cuts_between, in_ranges
from workbench.capture.columns import DEAD_LETTER, UNDATED

_NONE: Final = np.int32(-1)
NO_TYPE = "(no type)"
NO_SOURCE = "(no source)"


@dataclass(frozen=True, eq=False)
class FlowIndex:
    """An event log as arrays. Flows are numbered as they start; of two at once, by correlation id."""

    row: Small
    """Of the event at each position: its row in the frame."""
    cause: Ints
    """... the position of its cause; -1 if it has none or its flow doesn't hold it."""
    time: Ints
    """... nanoseconds since 1970."""
    type: Small
    """... its type, as an index into ``type_names``."""
    source: Small
    """... its service, as an index into ``source_names``."""

    start: Ints
    """The position where each flow starts, and after the last flow the number of events."""
    correlation_id: ExtensionArray
    """Each flow's correlation id (str)."""

    copy: Ints
    """The rows that are copies, duplicates and dead letters: those of events in no flow, then event by
    event; these, and those of one event, in total order."""
    copy_flow: Ints
    """Of each copy: its flow; -1 if the log holds no event of that."""
    copy_event: Ints
    """... the position of the event that it repeats; -1 if that is in no flow."""
    copy_of: Ints
    """... the row of the event that it repeats; its own if a dead letter is the event as well; -1 if
    the log doesn't hold it."""
    duplicate: Bools
    """... whether it repeats an event that came before it."""
    dead: Bools
    """... whether it is a dead letter; one captured twice counts once."""
    reason: NDArray[np.object_]
    """Of each dead letter, in the order of ``copy``: why, as ``workbench.analysis.reasons`` reads it."""

    flowless: Ints
    """The rows of events that have no correlation id, as they stand in the frame."""
    end: int
    """The time of the last record, in nanoseconds since 1970; 0 in an empty log."""
    type_names: NDArray[np.object_]
    source_names: NDArray[np.object_]
    undated: Bools
    """Of each event: whether it says no time of its own. It then has that of the events around, or the
    nearest to that between the first and the last time that its flow says."""
    inferred: Bools
    """Of each event: whether its cause was inferred (``workbench.analysis.inference``)."""
    causes_from: str
    """What inferred causes are from: ``""`` (there are none), ``"the design"``, or ``"the log's own
    statistics"``."""

    @classmethod
    def of(cls, frame: pd.DataFrame) -> FlowIndex:
        """Index a frame that has the standard columns."""
        time = nanoseconds(frame["time"])
        ids = Texts.of(frame["id"])
        hashes = ids.hashes()
        letter = _is_dead_letter(frame)
        first = _first_alike(frame, ids, hashes)
        correlation_ids = Texts.of(frame["correlation_id"])
        copy, original = _copies(frame, first, letter, ~correlation_ids.missing)
        correlation, named = correlation_ids.codes()
        dead = letter[copy] & ~_repeated_letter(frame, first, copy, letter)
        no_event = copy[original != copy]
        is_event = np.ones(len(frame), dtype=bool)
        is_event[no_event] = False
        flowless = np.flatnonzero(correlation_ids.missing)
        flowless = flowless[is_event[flowless]]

        of_copy, of_original = correlation[copy], correlation[original]
        group = correlation
        group[no_event] = _NONE
        undated = is_undated(frame)
        if undated.any():
            time = _within_flows(time, undated, group, len(named))
        number, names = _flow_numbers(frame, group, named, time)
        _renumber(group, number)
        events = dealt(group, len(names), time)
        tied = sort_groups(events)
        break_ties(events.rows, tied, frame)
        start, end = events.start, int(time.max()) if len(time) else 0
        del time, group, correlation, first  # much memory is needed below
        cause = found_in_group(events.rows, start, hashes, Texts.of(frame["causation_id"]).hashes())
        effects_after_causes(events.rows, events.values, cause, start)
        del hashes

        types, sources, position = _placed(events.rows, frame)
        copy_event = position[original].astype(np.int64)
        order = _in_order(frame, copy, copy_event)
        copy, original, copy_event = copy[order], original[order], copy_event[order]
        dead = dead[order]
        return cls(
            row=events.rows,
            cause=cause,
            time=events.values,
            type=types,
            source=sources,
            start=start,
            correlation_id=names,
            copy=copy,
            copy_flow=number[np.where(copy_event >= 0, of_original[order], of_copy[order])].astype(
                np.int64
            ),
            copy_event=copy_event,
            copy_of=original,
            duplicate=~letter[copy],
            dead=dead,
            reason=_reasons(frame, copy[dead]),
            flowless=flowless,
            end=end,
            type_names=_names(frame["type"], NO_TYPE),
            source_names=_names(frame["source"], NO_SOURCE),
            undated=undated[events.rows] if undated.any() else np.zeros(len(events.rows), bool),
            inferred=np.zeros(len(cause), dtype=bool),
            causes_from="",
        )

    @property
    def kind(self) -> Ints:
        """Of each event: its type and service as one number, ``type * len(source_names) + source``."""
        return self.type * np.int64(len(self.source_names)) + self.source

    @cached_property
    def flow(self) -> Ints:
        """Of each event: its flow's number; ascending."""
        return np.repeat(np.arange(self.flows), np.diff(self.start))

    @property
    def flows(self) -> int:
        """How many flows there are."""
        return len(self.correlation_id)

    def number_of(self, correlation_id: str) -> Ints:
        """The number of the flow of that id; none if there is no such flow."""
        return np.flatnonzero(pd.Series(self.correlation_id).eq(correlation_id).to_numpy())

    @cached_property
    def timed_cause(self) -> Ints:
        """Of each event: the position of its cause, if both say a time of their own; else -1."""
        if not self.undated.any():
            return self.cause
        return np.where(self.undated | self.undated[self.cause], -1, self.cause)

    @cached_property
    def fully_timed(self) -> Bools:
        """Of each flow: whether all its events say a time of their own."""
        found = np.ones(self.flows, dtype=bool)
        if self.undated.any():
            found[self.flow[self.undated]] = False
        return found

    @cached_property
    def spans(self) -> tuple[Ints, Ints]:
        """The times of the earliest and of the latest event of each flow, in nanoseconds."""
        found = np.empty(self.flows, np.int64), np.empty(self.flows, np.int64)
        in_ranges(
            lambda first, end: _spans(self.time, self.start, *found, first, end),
            cuts_between(self.start),
        )
        return found

    @property
    def durations(self) -> Ints:
        """The nanoseconds from the earliest to the latest event of each flow."""
        started, ended = self.spans
        return ended - started

    @cached_property
    def path_keys(self) -> Ints:
        """The path of each flow, as a number that is the same in every log."""
        return path_keys(self.type_names, self.type, self.cause, self.start)

    @property
    def without_flow(self) -> int:
        """How many events have no correlation id."""
        return len(self.flowless)

    @property
    def after(self) -> Ints:
        """Of each event: what it follows, as positions: its cause, else the event before it.

        The first event of a flow follows none: -1.
        """
        before = np.arange(len(self.flow)) - 1
        before[self.start[:-1]] = -1
        return np.where(self.cause >= 0, self.cause, before)


@njit(cache=True, nogil=True)
def _spans(time: Ints, start: Ints, least: Ints, most: Ints, first: int, end: int) -> None:
    for flow in range(first, end):
        least[flow] = most[flow] = time[start[flow]]
        for at in range(start[flow] + 1, start[flow + 1]):
            least[flow] = min(least[flow], time[at])
            most[flow] = max(most[flow], time[at])


def _reasons(frame: pd.DataFrame, rows: Ints) -> NDArray[np.object_]:
    if DEAD_LETTER not in frame:
        return np.empty(0, dtype=object)
    return frame[DEAD_LETTER].iloc[rows].to_numpy(dtype=object)


def is_undated(frame: pd.DataFrame) -> Bools:
    """Whether each row says no time of its own, and has that of the events around."""
    if UNDATED not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame[UNDATED].eq(other=True).to_numpy(dtype=bool, na_value=False)


def _within_flows(time: Ints, undated: Bools, group: Small, n_groups: int) -> Ints:
    """Move the times of rows that say none of their own to between those that their flow says."""
    told = np.where(undated, _NONE, group)
    first, last = earliest(told, n_groups, time), -earliest(told, n_groups, -time)
    rows = np.flatnonzero(undated & (group >= 0))
    rows = rows[first[group[rows]] <= last[group[rows]]]
    found = time.copy()
    found[rows] = np.clip(time[rows], first[group[rows]], last[group[rows]])
    return found


def _is_dead_letter(frame: pd.DataFrame) -> Bools:
    if DEAD_LETTER not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame[DEAD_LETTER].notna().to_numpy()


def _first_alike(frame: pd.DataFrame, ids: Texts, hashes: Hashes) -> Small:
    """Find, for each row, the first row that is the same event; rows as they stand in the frame.

    An event is its source and id. A record without an id is known by where it stood on the broker;
    where that is unknown too, it is an event of its own.

    Parameters
    ----------
    hashes
        Of the ids.
    """
    also: Small = category_codes(frame["source"]).astype(np.int32)
    nameless = np.flatnonzero(ids.missing)
    spread: Hashes | None = None
    if len(nameless):
        place = frame.iloc[nameless][["channel", "partition", "offset"]]
        number = place.groupby(list(place), observed=True, dropna=False).ngroup().to_numpy()
        also[nameless] = number
        spread = mixed(number.astype(np.uint64) + np.uint64(1)) | np.uint64(1)
        spread[place["offset"].to_numpy() < 0] = 0

    def hashed(seed: int) -> Hashes:
        of_ids = ids.hashes(seed) if seed else hashes
        if spread is None:
            return of_ids
        of_ids = of_ids.copy()
        of_ids[nameless] = spread
        return of_ids

    return ids.first_alike(hashed, also)


def _copies(frame: pd.DataFrame, first: Small, letter: Bools, has_flow: Bools) -> tuple[Ints, Ints]:
    """Find the rows that are copies, and of each the row that it repeats, or -1.

    They go event by event, and those of one event in total order. Of the rows that are the same
    event, that one is it which is no dead letter and comes first, rather one that has a correlation
    id; if all are dead letters, the first that has one is the event as well, and repeats itself.
    """
    is_concerned = letter.copy()
    again = np.concatenate(in_ranges(lambda a, b: _repeated(first, a, b), cuts(len(first))))
    is_concerned[again] = is_concerned[first[again]] = True
    concerned = np.flatnonzero(is_concerned)
    of_each, event = order_of_each(frame, concerned, first[concerned])
    originals = np.full(len(concerned), -1)
    plain, in_flow = ~letter[of_each], has_flow[of_each]
    for could_be in (~plain & in_flow, plain, plain & in_flow):
        last_first = np.flatnonzero(could_be)[::-1]
        originals[event[last_first]] = of_each[last_first]
    original = originals[event]
    is_copy = letter[of_each] | (original != of_each)
    return of_each[is_copy], original[is_copy]


def _in_order(frame: pd.DataFrame, copy: Ints, event: Ints) -> Ints:
    """Put copies, whose events stand at some positions or in no flow (-1), in the order of an index."""
    order = np.argsort(event, kind="stable")
    lost = order[: np.count_nonzero(event < 0)]
    if len(lost):
        lost = lost[np.argsort(copy[lost])]
        order[: len(lost)] = lost[np.searchsorted(copy[lost], total_order(frame, copy[lost]))]
    return order


@njit(cache=True, nogil=True)
def _repeated(first: Small, begin: int, stop: int) -> Ints:
    """The rows of a range that are not the first of their kind."""
    n = 0
    for row in range(begin, stop):
        n += first[row] != row
    found, n = np.empty(n, np.int64), 0
    for row in range(begin, stop):
        if first[row] != row:
            found[n] = row
            n += 1
    return found


def _repeated_letter(frame: pd.DataFrame, first: Small, copy: Ints, letter: Bools) -> Bools:
    """Whether a copy is a dead letter that came before: it is captured twice.

    That is of the same event, for the same reason, and where it stood on the broker; where that is
    not known, by the broker's time, and where that isn't either, whenever it was.
    """
    repeated = np.zeros(len(copy), dtype=bool)
    letters = np.flatnonzero(letter[copy])
    if len(letters):
        rows = copy[letters]
        channel, partition, offset = (
            category_codes(frame["channel"])[rows],
            frame["partition"].to_numpy()[rows],
            frame["offset"].to_numpy()[rows],
        )
        placed = (channel >= 0) & (partition >= 0) & (offset >= 0)
        letters_of = pd.DataFrame(
            {
                "event": first[rows],
                "reason": _reasons(frame, rows),
                "channel": np.where(placed, channel, -1),
                "partition": np.where(placed, partition, -1),
                "offset": np.where(placed, offset, -1),
                "time": np.where(placed, 0, nanoseconds(frame["broker_time"])[rows]),
            }
        )
        repeated[letters] = letters_of.duplicated()
    return repeated


def _flow_numbers(
    frame: pd.DataFrame, group: Small, example: Ints, time: Ints
) -> tuple[Small, ExtensionArray]:
    """Number the flows by when they start, and name them.

    Parameters
    ----------
    group
        Each row's correlation id as a code; -1 for a row that is no event of a flow.
    example
        A row that has the correlation id, of each code.

    Returns
    -------
    tuple of numpy.ndarray
        Each code's flow, -1 for one without events, with another -1 at the end (for the code -1);
        and each flow's correlation id.
    """
    started = earliest(group, len(example), time)
    used = np.flatnonzero(started != np.iinfo(np.int64).max)
    ids = frame["correlation_id"].array
    order = used[by_start(started[used], lambda places: ids.take(example[used[places]]))]
    number = np.full(len(example) + 1, _NONE)
    number[order] = np.arange(len(order))
    return number, ids.take(example[order])


def _renumber(at: Small, number: Small) -> None:
    """Put ``number[at]`` in the place of each ``at``, on all processors."""
    in_ranges(lambda first, end: _put_number(at, number, first, end), cuts(len(at)))


@njit(cache=True, nogil=True)
def _put_number(at: Small, number: Small, first: int, end: int) -> None:
    for place in range(first, end):
        at[place] = number[at[place]]


def _placed(rows: Small, frame: pd.DataFrame) -> tuple[Small, Small, Small]:
    """The type and the source of each event, as indices into their names, and each row's position.

    The position of a row that is no event is -1, and so is that of the last, which is for no row.
    """
    n = len(rows)
    types, sources = np.empty(n, np.int32), np.empty(n, np.int32)
    position = np.full(len(frame) + 1, _NONE)
    of_type, of_source = frame["type"], frame["source"]
    codes = category_codes(of_type), category_codes(of_source)
    null = len(of_type.cat.categories), len(of_source.cat.categories)
    in_ranges(
        lambda first, end: _place(rows, *codes, *null, types, sources, position, first, end),
        cuts(n),
    )
    return types, sources, position


@njit(cache=True, nogil=True)
def _place(
    rows: Small,
    type_codes: NDArray[Any],
    source_codes: NDArray[Any],
    no_type: int,
    no_source: int,
    types: Small,
    sources: Small,
    position: Small,
    first: int,
    end: int,
) -> None:
    for at in range(first, end):
        row = rows[at]
        position[row] = at
        types[at] = type_codes[row] if type_codes[row] >= 0 else no_type
        sources[at] = source_codes[row] if source_codes[row] >= 0 else no_source


def _names(column: pd.Series[Any], null: str) -> NDArray[np.object_]:
    """The categories of a column, with a last name for null."""
    return np.append(column.cat.categories.to_numpy(dtype=object), null)
