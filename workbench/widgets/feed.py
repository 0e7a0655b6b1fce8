"""The newest events as they pass, and the flows they belong to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workbench.brokers import Record
from workbench.capture import row

KEPT = 20_000
LONGEST_FLOW = 300
"""Of a longer flow (one correlation id for everything, say) the first ones are shown."""
_EARLY = datetime(1970, 1, 1, tzinfo=UTC)


class Passing(NamedTuple):
    """What is read of a record as it passes; the rest is decoded when someone looks."""

    type: str | None
    source: str | None
    flow: bytes | None
    dead_letter_of: str | None


class FlowStep(NamedTuple):
    """One event of a flow, in its order. ``latency`` is in seconds since its cause."""

    event: dict[str, Any]
    cause: dict[str, Any] | None
    latency: float | None
    depth: int


def passing(record: Record) -> Passing:
    """Type, source and flow of a record, from its headers alone."""
    headers = dict(record.headers)
    if "ce_type" not in headers and "dl_service" not in headers:
        found = row(record)  # not in binary mode: it has to be decoded to be known
        flow = found["correlation_id"]
        return Passing(found["type"], found["source"], flow.encode() if flow else None, None)

    def text(name: str) -> str | None:
        value = headers.get(name)
        return value.decode("utf-8", "replace") if value is not None else None

    return Passing(
        text("ce_type"), text("ce_source"), headers.get("ce_correlationid"), text("dl_service")
    )


def place(record: Record) -> str:
    """Where a record stands, as a key: ``orders[2]@17``."""
    return f"{record.channel}[{record.partition}]@{record.offset}"


class Feed:
    """A ring of the newest records, with an index from flow to records. Not thread-safe."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._ring: deque[tuple[Record, Passing]] = deque()
        self._flows: dict[bytes, list[Record]] = {}
        self._places: dict[str, tuple[Record, Passing]] = {}

    def add(self, records: Iterable[tuple[Record, Passing]]) -> None:
        """Take in records, oldest first."""
        for record, facts in records:
            self._ring.append((record, facts))
            self._places[place(record)] = (record, facts)
            if facts.flow is not None:
                self._flows.setdefault(facts.flow, []).append(record)
        while len(self._ring) > self._kept:
            record, facts = self._ring.popleft()
            self._places.pop(place(record), None)
            if facts.flow is not None:
                flow = self._flows[facts.flow]
                flow.remove(record)
                if not flow:
                    del self._flows[facts.flow]

    def newest(self, n: int) -> list[dict[str, Any]]:
        """The newest events, newest first, each with its ``place``."""
        last = sorted(
            (self._ring[-1 - i][0] for i in range(min(len(self._ring), 4 * n))),
            key=lambda r: (r.time_ms, r.channel, r.partition, r.offset),
        )
        events = [{**row(record), "place": place(record)} for record in last[-n:][::-1]]
        return sorted(events, key=lambda e: e["time"] or e["broker_time"] or _EARLY, reverse=True)

    def flow_of(self, key: str) -> list[FlowStep]:
        """The whole flow of the event at a place, causes before effects; empty if it is gone."""
        if key not in self._places:
            return []
        record, facts = self._places[key]
        records = self._flows[facts.flow] if facts.flow is not None else [record]
        shown = records[:LONGEST_FLOW]
        if record not in shown:
            shown = [*shown, record]
        return flow_steps([{**row(found), "place": place(found)} for found in shown])

    def flow_size(self, key: str) -> int:
        """How many events of the flow are held."""
        facts = self._places[key][1] if key in self._places else None
        return len(self._flows[facts.flow]) if facts is not None and facts.flow is not None else 0

    def __len__(self) -> int:
        return len(self._ring)


def flow_steps(events: Sequence[dict[str, Any]]) -> list[FlowStep]:
    """One flow's events in order of time, no effect before its cause, with latencies.

    A dead letter stands right behind the event that was given up on.
    """
    rank = sorted(events, key=lambda e: (e["time"] or _EARLY, e["channel"], e["offset"]))
    alive = {event["id"]: event for event in rank if not event["dead_letter"]}
    letters = [event for event in rank if event["dead_letter"]]
    steps: list[FlowStep] = []
    depths: dict[str, int] = {}
    waiting = [event for event in rank if not event["dead_letter"]]
    while waiting:
        ready = next(
            (
                event
                for event in waiting
                if event["causation_id"] not in alive
                or event["causation_id"] in depths
                or event["causation_id"] == event["id"]
            ),
            waiting[0],
        )
        waiting.remove(ready)
        cause = alive.get(ready["causation_id"])
        depth = depths.get(ready["causation_id"], -1) + 1
        depths[ready["id"]] = depth
        steps.append(FlowStep(ready, cause, _between(cause, ready), depth))
        steps += [
            FlowStep(letter, ready, None, depth + 1)
            for letter in letters
            if letter["id"] == ready["id"]
        ]
    shown = {id(step.event) for step in steps}
    steps += [FlowStep(letter, None, None, 0) for letter in letters if id(letter) not in shown]
    return steps


def _between(cause: dict[str, Any] | None, effect: dict[str, Any]) -> float | None:
    if cause is None or cause["time"] is None or effect["time"] is None:
        return None
    return float((effect["time"] - cause["time"]).total_seconds())
