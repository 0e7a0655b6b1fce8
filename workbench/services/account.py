"""What a service's file has on record about the events of one flow, and of events that it names.

Read all at once, as of one moment, while the service runs or not: the inbox, what waits, the timers,
the outbox and the steps done. Nothing is concluded here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from workbench.brokers import Position, Record
from workbench.services.inbox import Entry
from workbench.services.reprocessing import Reprocessing
from workbench.services.rows import RECORD, unpack_headers, unpack_record
from workbench.services.store import ask_file


class Noted(NamedTuple):
    """What the inbox has: ``at`` is when it was written, in seconds since 1970 UTC."""

    hash: bytes
    outcome: str
    turn: int
    at: float


class Waits(NamedTuple):
    """A retry that waits until ``due``, or an event parked ``behind`` another at a reaction.

    ``before`` is how many were parked behind the same one earlier.
    """

    due: float | None
    behind: str | None
    record: Record
    before: int = 0


class Armed(NamedTuple):
    """A timer: it fires at ``due`` (seconds since 1970 UTC), unless what is awaited comes."""

    reaction: str
    due: float
    record: Record


class Unsent(NamedTuple):
    """What is in the outbox: to be sent at ``due``, or ``refused`` by the broker for a reason."""

    due: float
    channel: str
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None
    refused: str | None


class Step(NamedTuple):
    """A step that was done about an event, and whether it is being undone."""

    reaction: str
    event: tuple[str, str]
    begun: bool


@dataclass(frozen=True)
class Account:
    """What one service has on record; empty if it never ran.

    Attributes
    ----------
    inbox
        By source, id and reaction.
    waiting, armed, unsent
        Of the flow.
    blockers
        Reaction and key → the event (source and id) that later ones of the key wait behind.
    arrived
        Reaction → when what it awaits in this flow came, in seconds since 1970 UTC.
    repeated
        Partition → the offset up to which events are handled again on request, and whether
        silently.
    steps
        Those of the flow that have a compensation.
    heard
        The failures that were heard of in the flow, by source and id.
    since
        When the oldest entry of the inbox was written; ``None`` if there is none.
    """

    inbox: Mapping[Entry, Noted] = field(default_factory=dict)
    waiting: Sequence[Waits] = ()
    armed: Sequence[Armed] = ()
    unsent: Sequence[Unsent] = ()
    blockers: Mapping[tuple[str, bytes], tuple[str, str]] = field(default_factory=dict)
    arrived: Mapping[str, float] = field(default_factory=dict)
    repeated: Mapping[Position, tuple[int, bool]] = field(default_factory=dict)
    steps: Sequence[Step] = ()
    heard: Collection[tuple[str, str]] = ()
    since: float | None = None


def read_account(path: Path, flow: str, events: Collection[tuple[str, str]]) -> Account:
    """What a service's file has on record about a flow and about events, by source and id.

    An event that can't be read is named by its channel and its place, as the inbox has it.

    Raises
    ------
    ServiceError
        The file can't be read.
    """
    return ask_file(path, lambda file: _account(file, flow, events), Account())


def _account(file: sqlite3.Connection, flow: str, events: Collection[tuple[str, str]]) -> Account:
    inbox: dict[Entry, Noted] = {}
    for source, id_ in events:
        rows = file.execute(
            "SELECT reaction, hash, outcome, turn, at FROM inbox WHERE source = ? AND id = ?",
            (source, id_),
        )
        inbox |= {(source, id_, reaction): Noted(*row) for reaction, *row in rows}
    named = _as_packed(flow)
    waiting = [
        Waits(due, behind, unpack_record(*row), _parked_before(file, seq, behind, row[4]))
        for seq, due, behind, *row in file.execute(
            f"SELECT seq, due, behind, {RECORD} FROM waiting WHERE instr(headers, ?)",  # noqa: S608
            (named,),
        )
    ]
    armed = [
        Armed(reaction, due, unpack_record(*row))
        for reaction, due, *row in file.execute(
            f"SELECT reaction, due, {RECORD} FROM timers WHERE flow = ?",  # noqa: S608
            (flow,),
        )
    ]
    unsent = [
        Unsent(due, channel, unpack_headers(headers), value, refused)
        for due, channel, headers, value, refused in file.execute(
            "SELECT due, channel, headers, value, refused FROM outbox WHERE instr(headers, ?)",
            (named,),
        )
    ]
    blocked = file.execute("SELECT reaction, key, source, id FROM blocked")
    steps = file.execute(
        "SELECT reaction, source, id, failure IS NOT NULL FROM done_steps WHERE flow = ?", (flow,)
    )
    heard = file.execute("SELECT source, id FROM failures WHERE flow = ?", (flow,))
    arrived = file.execute("SELECT reaction, at FROM arrived WHERE flow = ?", (flow,))
    return Account(
        inbox,
        waiting,
        armed,
        unsent,
        {(reaction, key): (source, id_) for reaction, key, source, id_ in blocked},
        dict(arrived.fetchall()),
        Reprocessing(file).ranges(),
        [Step(reaction, (source, id_), bool(begun)) for reaction, source, id_, begun in steps],
        heard.fetchall(),
        file.execute("SELECT min(at) FROM inbox").fetchone()[0],
    )


def _as_packed(text: str) -> bytes:
    """A text as it stands among packed headers."""
    return orjson.dumps(text.encode("utf-8", "replace").decode("latin-1"))[1:-1]


def _parked_before(file: sqlite3.Connection, seq: int, behind: str | None, key: Any) -> int:
    if behind is None:
        return 0
    query = "SELECT count(*) FROM waiting WHERE behind = ? AND key = ? AND seq < ?"
    return int(file.execute(query, (behind, key, seq)).fetchone()[0])
