"""The event log: what was captured, and the questions it answers."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from workbench.analysis.arguments import check_design, checked_events
from workbench.analysis.conditions import Hints, rows_between, rows_where
from workbench.analysis.design_questions import DesignQuestions
from workbench.analysis.flow_ids import flow_id, no_flow
from workbench.analysis.flow_questions import FlowQuestions
from workbench.analysis.index import FlowIndex, is_undated
from workbench.analysis.log_questions import LogQuestions
from workbench.analysis.stored import Stored
from workbench.analysis.traffic_parts import events_once
from workbench.analysis.traffic_questions import TrafficQuestions
from workbench.analysis.wording import cut, visible
from workbench.capture.columns import (
    BESIDE,
    COLUMNS,
    TIMES,
    UNDECODED,
    inferred,
    object_frame,
    standard_frame,
)
from workbench.capture.nothing import without_nothing
from workbench.capture.reading import frame_as_held, from_frame, table_in
from workbench.capture.reading.times import form_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from workbench.analysis.asked import P
    from workbench.analysis.inference import HabitCounts
    from workbench.analysis.scanned import ScannedLog
    from workbench.capture.reading import ArrowTable, Given
    from workbench.choreography import Choreography
    from workbench.choreography.impact import Captured
    from workbench.mermaid import Mermaid


class EventLog(Stored, LogQuestions, DesignQuestions, FlowQuestions, TrafficQuestions):
    """A captured stream of events, which never changes; every method gives something new.

    Parameters
    ----------
    events
        A DataFrame (or a table of Polars, DuckDB or PyArrow), or one mapping per event, with the
        standard columns (see ``workbench.capture.columns``); other columns are kept beside them. In
        a table they may have other names: which is which is guessed, and shown by ``mapping``.
    mapping
        Our column → the DataFrame's, where a guess is wrong; dots go into nested values. ``None``:
        it has no such column.

    Raises
    ------
    LogError
        These are no events, or there is no column of their types or times.

    Notes
    -----
    Duplicates (the same source and id again) and dead letters (copies of an event that a service
    gave up on) stay in the frame and are counted, but no answer counts an event twice. Events
    without a correlation id belong to no flow: ``without_flow`` counts them.
    """

    _infer_by: Choreography | HabitCounts | None = None
    """What says the causes that the log doesn't tell, where they are inferred."""

    def __init__(
        self,
        events: ArrowTable | Iterable[Mapping[str, Any]],
        mapping: Given | None = None,
    ) -> None:
        table = table_in(events)
        if table is None:
            table = inferred(object_frame(checked_events(events)))
            is_standard = _has_our_times(table)
            if mapping is None and not is_standard:  # all but the times is as it is named
                mapping = {name: name if name in table else None for name in COLUMNS}
        else:
            is_standard = mapping is None and _is_standard(frame_as_held(table.head(_LOOKED_AT)))
            table = frame_as_held(table) if is_standard else table  # else from_frame does it
        if mapping is None and is_standard:
            self._frame = without_nothing(standard_frame(table))
        else:
            self._reading = from_frame(table, mapping)
            self._frame = self._reading.frame

    @staticmethod
    def scan(
        folder: str | os.PathLike[str],
        *,
        client: Any = None,
        memory: int | None = None,
        spill: str | os.PathLike[str] | None = None,
    ) -> EventLog | ScannedLog:
        """Take a log from a Parquet folder, in memory if it fits there and in buckets if not.

        Parameters
        ----------
        folder
            A folder of Parquet files with the standard columns, as a capture writes it.
        client
            A Dask ``distributed`` client: the buckets go to its workers, which must see the folder
            and ``spill``.
        memory
            Bytes that may be taken; half of what is free if not given. With a client, of each
            worker.
        spill
            Where the buckets go while they are needed; the folder for temporary files if not given.

        Returns
        -------
        EventLog or ScannedLog
            Both answer the same questions, with the same answers.

        Raises
        ------
        LogError
            There is no such folder, or it holds no Parquet file, or others as well.
        """
        from workbench.analysis.scanned import scan

        return scan(folder, client=client, memory=memory, spill=spill)

    @property
    def frame(self) -> pd.DataFrame:
        """The DataFrame, as captured. Changing it leaves the log as it is."""
        return self._frame.copy(deep=False)

    def __len__(self) -> int:
        """Count everything captured: events, duplicates and dead letters."""
        return len(self._frame)

    @cached_property
    def index(self) -> FlowIndex:
        """The log as arrays of integers, which every answer is made from."""
        from workbench.analysis.inference import with_causes

        index = FlowIndex.of(self._frame)
        return with_causes(index, self._frame, self._infer_by) if self._infer_by else index

    # --- what is in it ---------------------------------------------------------------------

    @property
    def events(self) -> int:
        """How many events there are, each counted once."""
        return len(self.index.row) + self.without_flow

    @property
    def n_duplicates(self) -> int:
        """How many events came again, with the same source and id."""
        return int(self.index.duplicate.sum())

    @property
    def n_dead_letters(self) -> int:
        """How many dead letters there are, be their flow in the log or not."""
        return int(self.index.dead.sum())

    @property
    def without_flow(self) -> int:
        """How many events have no correlation id."""
        return self.index.without_flow

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to do: this is for what :meth:`scan` picks, which may hold files."""

    # --- parts of it -----------------------------------------------------------------------

    def _part(self, frame: pd.DataFrame) -> EventLog:
        """Make a log of some of the events."""
        log = self._with(frame)
        log.is_part = True
        return log

    def _with(
        self, frame: pd.DataFrame, *, infer_by: Choreography | HabitCounts | None = None
    ) -> EventLog:
        """Make a log of the events in another frame, which knows what is known of their files."""
        log = EventLog(frame)
        log.is_part = self.is_part
        log._infer_by = infer_by or self._infer_by
        if self._reading is not None:
            log._reading = replace(self._reading, frame=log._frame)
        return log

    def flow(self, correlation_id: str | int) -> EventLog:
        """Take one flow, in causal order; duplicates and dead letters follow their event.

        Raises
        ------
        LogError
            The log holds no event of that flow.
        """
        index = self.index
        number = index.number_of(flow_id(correlation_id))
        if not len(number):
            raise no_flow(correlation_id, index.correlation_id)
        first, end = index.start[number[0]], index.start[number[0] + 1]
        events = index.row[first:end]
        is_other = index.copy != index.copy_of
        of_flow = (index.copy_flow == number[0]) & (index.copy_event >= 0)
        copies = np.flatnonzero(of_flow & is_other)
        place = np.concatenate([np.arange(first, end), index.copy_event[copies]])
        rows = np.concatenate([events, index.copy[copies]])
        return self._part(self._frame.iloc[rows[np.argsort(place, kind="stable")]])

    def between(
        self, start: pd.Timestamp | str | None = None, end: pd.Timestamp | str | None = None
    ) -> EventLog:
        """Take what happened from ``start`` up to, but not at, ``end``; ``None`` leaves it open.

        A time without a time zone is taken as UTC.
        """
        return self._part(self._frame[rows_between(self._frame, start, end)])

    def where(self, condition: str) -> EventLog:
        """Take the events for which a condition holds.

        Parameters
        ----------
        condition
            Compares columns, and paths into those that hold JSON, with values:
            ``"type == 'OrderPlaced' and data.total > 100"``; see
            ``workbench.analysis.conditions``. It is never run as code.

        Raises
        ------
        LogError
            The condition can't be read, or names a column that is not there.

        Warns
        -----
        UserWarning
            No event looked at has a path, and it is compared with more than ``None`` or one that
            some have is named nearly so; or what is compared is of another kind in all events looked
            at, text and a number say.
        """
        hints: Hints = {}
        rows = rows_where(self._frame, condition, hints, self._theirs())
        for hint in filter(None, hints.values()):
            warnings.warn(hint, stacklevel=2)
        return self._part(self._frame[rows])

    def _theirs(self) -> dict[str, str]:
        """What was a column in the file that was read → what it is here."""
        if self._reading is None:
            return {}
        entries = reversed(self._reading.mapping.entries)  # of two read from one, the first
        return {entry.path[0]: entry.column for entry in entries if len(entry.path) == 1}

    def with_causes(self, design: Choreography | None = None) -> EventLog:
        """Infer the causes that the log doesn't tell; the rules are ``workbench.analysis.inference``'s.

        Only an event without a causation id is given one, and never a flow's first. The frame stays
        as it is; ``log.index.inferred`` marks the events, and answers say where causes are from.
        What is taken of the log then (:meth:`flow`, :meth:`where`, …) has its causes inferred in the
        same way. Asked again, all are inferred anew.

        Parameters
        ----------
        design
            Says what may cause what. Without it the log's own statistics do.

        Raises
        ------
        LogError
            ``design`` is none.
        """
        from workbench.analysis.inference import with_causes

        if design is not None:
            check_design(design, "with_causes")
        by = design or self.habits
        log = self._with(self._frame, infer_by=by)
        log.__dict__["index"] = with_causes(self.index, self._frame, by)
        return log

    def without_skew(self) -> EventLog:
        """Shift the clock of each service so that no effect stands before its cause.

        One shift per service, in whole nanoseconds, can't put everything right where clocks drift
        or jump; ``log.skew().sentence`` says what remains. Only times change, not those of the
        broker; the column ``time_as_logged`` has them as they were.
        """
        from workbench.analysis.skew import Skew, part, shifted

        return self._with(shifted(self._frame, Skew([part(self.index)])))

    # --- asking ----------------------------------------------------------------------------

    def parts(
        self,
        part: Callable[[FlowIndex, pd.DataFrame], P],
        *,
        causal: bool = False,
        by: str = "correlation_id",  # noqa: ARG002 - all is one share
    ) -> list[P]:
        """Put a question to the log, which is one share; see :meth:`Asked.parts`."""
        return [part(self._causal if causal else self.index, self._frame)]

    @property
    def tells_causes(self) -> bool:
        """Whether any event of a flow names its cause."""
        from workbench.analysis.inference import untold

        return (
            bool(self.index.cause.max(initial=-1) >= 0) or not untold(self.index, self._frame).all()
        )

    @cached_property
    def _causal(self) -> FlowIndex:
        """The index; of a log that tells no cause at all, with those that its statistics tell."""
        from workbench.analysis.inference import with_causes

        if self.index.inferred.any() or self.tells_causes:
            return self.index
        return with_causes(self.index, self._frame, self.habits)

    @cached_property
    def habits(self) -> HabitCounts:
        """How often which kind of event comes of which, as the log tells."""
        from workbench.analysis.inference import HabitCounts, told

        return HabitCounts.of(told(self.index))

    # --- versions --------------------------------------------------------------------------

    def upcast(self, design: Choreography, versions: Mapping[str, int] | None = None) -> EventLog:
        """Read old events as new: every payload in the version of its type that is in use.

        As in a service: older events are read step by step, through upcasters where there are any,
        and what is missing has the default of its schema. ``dataschema`` then names the version
        that a payload was read as. What can't be read stays as it was; :meth:`unreadable` says why.
        Events of types that the design doesn't have stay as they were, too.

        Parameters
        ----------
        design
            The event types, their versions and upcasters.
        versions
            Event type → the version to read it as, where that is not the one in use.

        Raises
        ------
        DesignError
            The design has no such event type or version.
        LogError
            ``design`` is none.
        """
        from workbench.analysis.upcasting import upcast

        check_design(design, "upcast")
        return self._with(upcast(self._frame, design, versions))

    def unreadable(self) -> pd.DataFrame:
        """List what ``upcast`` could not read, by reason, the most frequent first.

        Returns
        -------
        pandas.DataFrame
            ``type`` (str), ``version`` (Int64: as the events say; null if they don't), ``events``
            (int64: how many rows), ``reason`` (str), ``example`` (str: the first one's id). Empty
            for a log that was not upcast.
        """
        from workbench.analysis.upcasting import unreadable

        return unreadable(self._frame)

    def payloads_of(self, event_type: str, *, progress: bool = True) -> Iterator[Captured]:
        """Go through the payloads of an event type, each event once, in the order of time.

        What :meth:`Choreography.impact` asks of a log. Duplicates and dead letters are left out.
        A bar shows how far it is, where there is somebody to see it.
        """
        from workbench.analysis.payloads import payloads_of

        return payloads_of(self._frame, event_type, progress=progress)

    # --- questions -------------------------------------------------------------------------

    def compensations(self, design: Choreography) -> pd.DataFrame:
        """List what failed flows have done and have to undo: what is undone, and what is owed.

        Returns
        -------
        pandas.DataFrame
            One row for each time that a step was done that a failure in its flow undoes; in each
            flow what is undone, in that order, then what is owed, in the order in which it is due.
            ``correlation_id`` (str), ``state`` (category: ``"compensated"`` or ``"owed"``),
            ``order`` (Int64, from 1: as which of its flow it was undone; null while it is owed),
            ``service`` and ``step`` (str), ``done_type``, ``done_id`` and ``done_at`` (the step's
            effect), ``failure`` (str: the type of the event it is undone for), ``compensation``
            (str: the reaction), ``undone_type``, ``undone_id`` and ``undone_at`` (its effect;
            null while it is owed), ``why`` (str: of what is owed: the dead letter, or the later
            step that it waits for; null if the log does not tell).

        Raises
        ------
        LogError
            ``design`` is none.
        """
        from workbench.analysis.compensations import compensations

        check_design(design, "compensations")
        index = self.index
        ids = self._frame["id"].to_numpy(dtype=object)[index.row]
        return compensations(index, ids, design, _edited(self._frame))

    # --- pictures --------------------------------------------------------------------------

    def mermaid(self) -> Mermaid:
        """Draw one flow as a sequence diagram in text, which JupyterLab and GitHub draw.

        Raises
        ------
        LogError
            The log holds more flows than one, or one of more than 200 events.

        Examples
        --------
        >>> log.flow("o-1").mermaid()  # doctest: +SKIP
        """
        from workbench.analysis.mermaid_sequence import mermaid_sequence

        return mermaid_sequence(self.index)

    # --- in words --------------------------------------------------------------------------

    def _facts(self) -> dict[str, str]:
        """Say what is in the log, as names and texts."""
        index = self.index
        stray = int((index.dead & (index.copy_flow < 0)).sum())
        alone = int((index.dead & (index.copy_of == index.copy)).sum())
        told = [f"{alone:,} the only record of the event"] if alone else []
        told += [f"{stray:,} without a flow"] if stray else []
        times = self._frame["time"]
        return {
            "events": f"{self.events:,}",
            "flows": f"{index.flows:,}",
            "types": f"{self._frame['type'].nunique():,}",
            "time": _span(times.min(), times.max()),
            "duplicates": f"{self.n_duplicates:,}",
            "dead letters": f"{self.n_dead_letters:,}" + (f" ({'; '.join(told)})" if told else ""),
            "events without a flow": f"{self.without_flow:,}",
            **self._untyped(),
            **self._undated(),
            **self._undecoded(),
            **self._read_facts(),
        }

    def _untyped(self) -> dict[str, str]:
        n = int(self._frame["type"].isna().sum())
        return {"events without a type": f"{n:,}"} if n else {}

    def _undated(self) -> dict[str, str]:
        n = int(is_undated(self._frame).sum())
        return {"events without a time": f"{n:,} (it is that of the events around)"} if n else {}

    def _undecoded(self) -> dict[str, str]:
        if UNDECODED not in self._frame:
            return {}
        reasons = self._frame[UNDECODED].dropna().astype("str").value_counts().sort_index()
        if reasons.empty:
            return {}
        reasons = reasons.sort_values(ascending=False, kind="stable")
        said = [f"{n:,}: {visible(cut(str(why), _REASON_LETTERS))}" for why, n in reasons.items()]
        left = len(said) - _REASONS_SHOWN
        which = "; ".join(said[:_REASONS_SHOWN] + [f"and {left:,} more"] * (left > 0))
        return {"undecoded": f"{int(reasons.sum()):,} ({which})"}

    def _emptiness(self) -> list[str]:
        if self._reading is not None:
            return ["no events", *self._read_words()]
        if self.is_part:
            return ["no events: of the log that this is a part of, none fits"]
        return ["no events. Publish some and capture again, or look at another time range"]

    def __repr__(self) -> str:
        """Say in a line what is in the log."""
        if not len(self):
            return f"<EventLog: {'. '.join(self._emptiness())}>"
        return "<EventLog: " + ", ".join(f"{k} {v}" for k, v in self._facts().items()) + ">"

    def _repr_html_(self) -> str:
        if not len(self):
            told = escape(". ".join(self._emptiness()))
            return f"<div><b>Event log</b>: {told}</div>"
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:right;font-variant-numeric:tabular-nums'>{escape(text)}</td></tr>"
            for name, text in self._facts().items()
        )
        types = self._frame["type"].iloc[events_once(self.index)].value_counts()
        types = types[types > 0].head(_TYPES_SHOWN)
        named = ", ".join(escape(f"{name} ({n:,})") for name, n in types.items())
        return f"<div><b>Event log</b><table>{cells}</table><div>{named}</div></div>"


_TYPES_SHOWN = 12
_REASONS_SHOWN = 3
_REASON_LETTERS = 120
_LOOKED_AT = 1_000
"""Rows of a DataFrame by which it is told how its times are written."""


def _is_standard(events: pd.DataFrame) -> bool:
    """Whether a DataFrame says all that it says in columns of our names, as we write times."""
    is_ours = "type" in events and any(name in events for name in TIMES)
    others = {*map(str, events)} - {*COLUMNS, *BESIDE}
    is_whole = {"id", "correlation_id", "causation_id"} <= {*events} or not others
    return events.empty or (is_ours and is_whole and _has_our_times(events))


def _has_our_times(events: pd.DataFrame) -> bool:
    """Whether times are written as we write them, where there are any."""
    return all(_is_iso(events[name]) for name in TIMES if name in events)


def _is_iso(column: pd.Series[Any]) -> bool:
    """Whether a column may be taken for ISO 8601 or nanoseconds since 1970, by its first values."""
    some = column.head(_LOOKED_AT).dropna().tolist()
    told = [value for value in some if isinstance(value, str | int | float)]
    return form_of(told) in ("ISO 8601", "ns", None)


def _edited(frame: pd.DataFrame) -> dict[str, list[str]]:
    """The events that were edited as dead letters: their ids → those they were redriven under."""
    found: dict[str, list[str]] = {}
    for data in frame.loc[frame["type"] == "DeadLetterEdited", "data"]:
        if isinstance(data, dict) and isinstance(data.get("new_id"), str):
            found.setdefault(str(data.get("event")), []).append(data["new_id"])
    return found


def _span(start: pd.Timestamp, end: pd.Timestamp) -> str:
    return f"{start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
