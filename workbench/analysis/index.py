"""The flow index: an event log as arrays of integers, built once, that every question then reads.

Texts become integer codes, rows are sorted once, and each event gets a *position*: flow by flow, and
inside a flow in causal order. What follows is linear passes over arrays, never a loop over flows.

Three kinds of rows are not events of a flow, and each is counted: duplicates (the same source and id
again, by total order), dead letters (copies of an event, with the reason), and events without a
correlation id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.analysis.order import (
    Bools,
    Ints,
    causal_order,
    nanoseconds,
    total_order,
    without_cycles,
)
from workbench.capture.columns import DEAD_LETTER

NO_TYPE = "(no type)"
NO_SOURCE = "(no source)"


@dataclass(frozen=True, eq=False)
class FlowIndex:
    """An event log as arrays. Flows are numbered in the order in which they start."""

    row: Ints
    """Of the event at each position: its row in the frame."""
    flow: Ints
    """... its flow's number; ascending."""
    cause: Ints
    """... the position of its cause; -1 if it has none or its flow doesn't hold it."""
    time: Ints
    """... nanoseconds since 1970."""
    type: Ints
    """... its type, as an index into ``type_names``."""
    source: Ints
    """... its service, as an index into ``source_names``."""

    start: Ints
    """The position where each flow starts, and after the last flow the number of events."""
    correlation_id: NDArray[np.object_]
    """Each flow's correlation id."""

    record: Ints
    """The frame's rows in total order: everything that was captured."""
    record_flow: Ints
    """Of each record: its flow; -1 if the log holds no event of that."""
    record_event: Ints
    """... the position of the event that it is or repeats; -1 if that is in no flow."""
    duplicate: Bools
    """... whether it repeats an event that came before it."""
    dead: Bools
    """... whether it is a dead letter; one captured twice counts once."""
    reason: NDArray[np.object_]
    """Of each dead letter, in total order: why, as "service/reaction: error type: message"."""

    without_flow: int
    """How many events have no correlation id."""
    end: int
    """The time of the last record, in nanoseconds since 1970; 0 in an empty log."""
    type_names: NDArray[np.object_]
    source_names: NDArray[np.object_]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> FlowIndex:
        """Index a frame that has the standard columns."""
        record = total_order(frame)
        ids, causation = _id_codes(frame)
        identity = _identity(frame, ids)[record]
        copy = _is_dead_letter(frame)[record]
        duplicate = ~copy & _seen_before(identity, ~copy)
        event = ~copy & ~duplicate

        correlation, names = pd.factorize(frame["correlation_id"])
        correlation = correlation[record]
        at = np.flatnonzero(event & (correlation >= 0))
        flow, first = pd.factorize(correlation[at])
        by_flow = np.argsort(flow, kind="stable")
        at, flow = at[by_flow], flow[by_flow]
        cause = _causes(flow, ids[record[at]], causation[record[at]])
        at, cause = _effects_after_causes(at, flow, cause)

        record_event = np.full(len(record), -1)
        record_event[at] = np.arange(len(at))
        again = np.flatnonzero(copy | duplicate)
        if len(again):
            record_event[again] = pd.Index(identity[at]).get_indexer(pd.Index(identity[again]))
        flow_of = np.full(len(names) + 1, -1)  # the last is for no correlation id, coded -1
        flow_of[first] = np.arange(len(first))
        record_flow = flow_of[correlation]
        repeats = record_event >= 0
        record_flow[repeats] = flow[record_event[repeats]]

        dead = copy & ~_same_dead_letter(frame, record, identity, copy)

        row, time = record[at], nanoseconds(frame["time"])
        types, type_names = _labels(frame["type"], NO_TYPE)
        sources, source_names = _labels(frame["source"], NO_SOURCE)
        return cls(
            row=row,
            flow=flow,
            cause=cause,
            time=time[row],
            type=types[row],
            source=sources[row],
            start=np.searchsorted(flow, np.arange(len(first) + 1)),
            correlation_id=names.to_numpy(dtype=object)[first],
            record=record,
            record_flow=record_flow,
            record_event=record_event,
            duplicate=duplicate,
            dead=dead,
            reason=_reasons(frame, record[dead]),
            without_flow=int((event & (correlation < 0)).sum()),
            end=int(time[record[-1]]) if len(record) else 0,
            type_names=type_names,
            source_names=source_names,
        )

    @property
    def flows(self) -> int:
        """How many flows there are."""
        return len(self.correlation_id)

    @property
    def after(self) -> Ints:
        """Of each event: what it follows, as positions: its cause, else the event before it.

        The first event of a flow follows none: -1.
        """
        before = np.arange(len(self.flow)) - 1
        before[self.start[:-1]] = -1
        return np.where(self.cause >= 0, self.cause, before)


def _reasons(frame: pd.DataFrame, rows: Ints) -> NDArray[np.object_]:
    if DEAD_LETTER not in frame:
        return np.empty(0, dtype=object)
    return frame[DEAD_LETTER].iloc[rows].to_numpy(dtype=object)


def _is_dead_letter(frame: pd.DataFrame) -> Bools:
    if DEAD_LETTER not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame[DEAD_LETTER].notna().to_numpy()


def _id_codes(frame: pd.DataFrame) -> tuple[Ints, Ints]:
    """Number ids and causation ids by one scheme; -1 is null."""
    both = pd.concat([frame["id"], frame["causation_id"]], ignore_index=True)
    codes = pd.factorize(both)[0]
    return codes[: len(frame)], codes[len(frame) :]


def _identity(frame: pd.DataFrame, ids: Ints) -> Ints:
    """Number the events, so that equal numbers are one event.

    An event is its source and id. A record without an id is known by where it stood on the broker;
    where that is unknown too, it is an event of its own.
    """
    sources, names = _labels(frame["source"], NO_SOURCE)
    identity = ids * len(names) + sources
    nameless = np.flatnonzero(ids < 0)
    if len(nameless):
        place = frame.iloc[nameless][["channel", "partition", "offset"]]
        group = place.groupby(list(place), observed=True, dropna=False).ngroup().to_numpy()
        placed = place["offset"].to_numpy() >= 0
        identity[nameless] = -1 - np.where(placed, group, len(group) + np.arange(len(group)))
    return identity


def _seen_before(keys: Ints, among: Bools) -> Bools:
    seen = np.zeros(len(keys), dtype=bool)
    seen[among] = pd.Series(keys[among]).duplicated()
    return seen


def _same_dead_letter(frame: pd.DataFrame, record: Ints, identity: Ints, copy: Bools) -> Bools:
    """Whether a record is a dead letter, captured before, of the same event for the same reason."""
    same = np.zeros(len(record), dtype=bool)
    if copy.any():
        reason = _reasons(frame, record[copy])
        same[copy] = pd.DataFrame({"event": identity[copy], "reason": reason}).duplicated()
    return same


def _causes(flow: Ints, ids: Ints, causation: Ints) -> Ints:
    """Find the position of each event's cause: the first event of the flow that has its id."""
    n_ids = max(ids.max(initial=0), causation.max(initial=0)) + 1
    wanted = np.flatnonzero(causation >= 0)
    named = np.flatnonzero(ids >= 0)
    keys = np.concatenate([(flow * n_ids + ids)[named], (flow * n_ids + causation)[wanted]])
    codes, distinct = pd.factorize(keys)
    position = np.full(len(distinct), -1)
    position[codes[: len(named)][::-1]] = named[::-1]
    cause = np.full(len(flow), -1)
    cause[wanted] = position[codes[len(named) :]]
    return cause


def _effects_after_causes(at: Ints, flow: Ints, cause: Ints) -> tuple[Ints, Ints]:
    """Put the flows right in which an effect stands before its cause, or causes run in a ring."""
    early = cause >= np.arange(len(cause))
    if not early.any():
        return at, cause
    concerned = np.isin(flow, flow[early])
    here = np.flatnonzero(concerned)
    inner = np.where(cause[here] >= 0, (np.cumsum(concerned) - 1)[cause[here]], -1)
    inner = without_cycles(inner)
    order = causal_order(inner)
    moved_to = np.argsort(order)
    at[here] = at[here][order]
    cause[here] = np.where(inner[order] >= 0, here[moved_to[inner[order]]], -1)
    return at, cause


def _labels(column: pd.Series[Any], null: str) -> tuple[Ints, NDArray[np.object_]]:
    """Return a category column as codes and the names they index, with a last name for null."""
    names = np.append(column.cat.categories.to_numpy(dtype=object), null)
    codes = column.cat.codes.to_numpy(np.int64)
    return np.where(codes >= 0, codes, len(names) - 1), names


def who_gave_up(reason: str) -> str:
    """The service that a dead letter's reason, "service/reaction: error type: message", names."""
    return reason.split("/", 1)[0].split(":", 1)[0]
