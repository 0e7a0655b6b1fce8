"""What is known about one flow: its events and dead letters, and what each service has on record.

Gathered once, from the broker and from the services' files; nothing is concluded here. It is as of
the moment it was read, and a service that is at work meanwhile may have gone on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from workbench.analysis import wording
from workbench.brokers import Broker, Position, Record
from workbench.choreography import Choreography, Reaction
from workbench.errors import EventError
from workbench.events import DeadLetter, Envelope, Retry, from_kafka
from workbench.events.identity import effect_id
from workbench.events.masking import Masked, Masking
from workbench.services import Life, channel_name, input_channels, retry_channel, store_path
from workbench.services.account import Account, Armed, Noted, Unsent, Waits, read_account
from workbench.services.inbox import Entry
from workbench.session.desk import Letter, letters_among
from workbench.session.logs import read_logs

Identity = tuple[str, str]
"""An event's source and id; of one that can't be read, its channel and place."""


@dataclass(frozen=True)
class Sources:
    """What answers are drawn from: a design, its broker, and the folder of its services' files.

    ``lives`` says how the services are that were started here, ``older`` which of them run an
    older design, ``now`` the services' time.
    """

    choreography: Choreography
    broker: Broker
    namespace: str
    folder: Path
    lives: Callable[[], Mapping[str, Life]]
    now: Callable[[], datetime]
    older: Callable[[], frozenset[str]] = frozenset


@dataclass(frozen=True)
class Told:
    """One event as the broker has it.

    Attributes
    ----------
    envelope
        ``None`` if it can't be read.
    records
        Where it stands, in the order in which the broker got it: more than one if it was sent
        again.
    """

    envelope: Envelope | None
    records: Sequence[Record]

    @property
    def record(self) -> Record:
        """The first."""
        return self.records[0]

    @property
    def identity(self) -> Identity:
        """Its source and id, or its channel and place."""
        if self.envelope is not None:
            return self.envelope.source, self.envelope.id
        return self.record.channel, _place_in_inbox(self.record)

    @property
    def appended(self) -> float:
        """When the broker got it, in seconds since 1970 UTC."""
        return self.record.time_ms / 1000

    def by_data(self) -> list[Told]:
        """It, and, if other events have taken its id, each of them, by their data."""
        found: dict[bytes, list[Record]] = {}
        for record in self.records:
            found.setdefault(digest(record), []).append(record)
        return [Told(_envelope(records[0]), records) for records in found.values()]


class Attempt(NamedTuple):
    """One attempt of a reaction, as its service has logged it: seconds since 1970 UTC."""

    began: float
    ended: float
    failed: bool = False
    error: str = ""


@dataclass(frozen=True)
class Evidence:
    """All that is known about a flow.

    Attributes
    ----------
    flow
        Its correlation id.
    events
        In the order in which the broker got them.
    letters
        Dead letters of its events, the newest last, with what was decided about them.
    records
        All that was found, dead letters too, as the broker has it.
    personal
        Whether personal data may be shown.
    """

    sources: Sources
    flow: str
    events: Sequence[Told]
    letters: Sequence[Letter]
    records: Sequence[Record]
    personal: bool = False
    _masks: dict[str, Masking] = field(default_factory=dict)
    _accounts: dict[str, Account] = field(default_factory=dict)
    _committed: dict[str, Mapping[Position, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, sources: Sources, flow: str, records: Sequence[Record], *, personal: bool = False
    ) -> Evidence:
        """Sort what was found of a flow."""
        events: dict[tuple[Identity, bool], list[Record]] = {}
        envelopes: dict[tuple[Identity, bool], Envelope | None] = {}
        copies = []
        dead = {f"{channel_name(sources.namespace, name)}.dead-letters" for name in _names(sources)}
        for record in sorted(records, key=lambda r: (r.time_ms, r.channel, r.partition, r.offset)):
            if DeadLetter.from_headers(record.headers) is not None or record.channel in dead:
                copies.append(record)
                continue
            envelope = _envelope(record)
            told = Told(envelope, [record])
            key = told.identity, envelope is None
            events.setdefault(key, []).append(record)
            envelopes.setdefault(key, envelope)
        found = [Told(envelopes[key], at) for key, at in events.items()]
        return cls(sources, flow, found, letters_among(copies), records, personal)

    # --- events ---------------------------------------------------------------------------

    @cached_property
    def by_identity(self) -> dict[Identity, Told]:
        """Its events, by source and id."""
        return {told.identity: told for told in self.events}

    def masked(self, event_type: str, payload: Any) -> Masked:
        """A payload as it may be shown, and what is hidden of it."""
        design = self.sources.choreography
        if self.personal or event_type not in design.event_types:
            return Masked(payload, frozenset())
        if event_type not in self._masks:
            versions = design.versions(event_type)
            self._masks[event_type] = Masking(versions.known.values())
        return self._masks[event_type].mask(payload)

    def hidden(self, event: Told) -> Masked:
        """An event's payload as it may be shown; what can't be read is shown as it is."""
        if event.envelope is None:
            return Masked(None, frozenset())
        try:
            return self.masked(event.envelope.type, event.envelope.payload())
        except EventError:
            return Masked(None, frozenset())

    def effects(self, event: Told, service: str, reaction: Reaction) -> list[Told]:
        """What a reaction to an event has emitted, in order: effects have derived ids."""
        ids = self._effect_ids(event, service, reaction)
        found = (self.by_identity.get((service, id_)) for id_ in ids)
        return [told for told in found if told is not None]

    def unsent(
        self, event: Told, service: str, reaction: Reaction
    ) -> list[tuple[Envelope, Unsent]]:
        """Effects of a reaction to an event that are in its service's outbox."""
        kept = [(_envelope_of(row.headers, row.value), row) for row in self.account(service).unsent]
        if not kept:
            return []
        ids = set(self._effect_ids(event, service, reaction))
        return [
            (envelope, row)
            for envelope, row in kept
            if envelope is not None and envelope.source == service and envelope.id in ids
        ]

    def _effect_ids(self, event: Told, service: str, reaction: Reaction) -> list[str]:
        """The ids that a reaction's effects may have, as many as there can be of them."""
        source, id_ = event.identity
        # What a compensation emits names the failure as its cause, or a notice.
        causes = self._caused if reaction.compensates else {id_: self._caused.get(id_, ())}
        emitted = sum(told.identity[0] == service for told in chain(*causes.values()))
        places = range(emitted + len(self.account(service).unsent))
        return [effect_id(source, id_, service, reaction.name, place) for place in places]

    @cached_property
    def _caused(self) -> dict[str, Sequence[Told]]:
        """Its events by the ids of their causes."""
        found: dict[str, list[Told]] = {}
        for told in self.events:
            if told.envelope is not None and told.envelope.causationid is not None:
                found.setdefault(told.envelope.causationid, []).append(told)
        return dict(found)

    def letters_of(self, event: Told, service: str, reaction: str) -> list[Letter]:
        """The dead letters of an event at a reaction of a service, the newest last.

        By what they hold: not every broker counts a place for services as it does for readers.
        """
        data = digest(event.record)
        return [
            letter
            for letter in self.letters
            if letter.note.service == service
            and letter.note.reaction in ("", reaction)
            and digest(letter.record) == data
            and _same(letter, event)
        ]

    # --- what services have on record ---------------------------------------------------------

    def account(self, service: str) -> Account:
        """What a service has on record about the flow."""
        if service not in self._accounts:
            names = [told.identity for told in self.events]
            places = [(r.channel, _place_in_inbox(r)) for told in self.events for r in told.records]
            path = store_path(self.sources.folder, service)
            self._accounts[service] = read_account(path, self.flow, [*names, *places])
        return self._accounts[service]

    def noted(self, event: Told, service: str, reaction: str) -> Noted | None:
        """What the inbox has about an event at a reaction."""
        return self.account(service).inbox.get((*event.identity, reaction))

    def poisoned(self, record: Record, service: str, reaction: str) -> Noted | None:
        """What the inbox has about a record that was given up by its place."""
        inbox = self.account(service).inbox
        place = _place_in_inbox(record)
        entries: list[Entry] = [(record.channel, place, name) for name in ("", reaction)]
        return next((inbox[entry] for entry in entries if entry in inbox), None)

    def waits(self, event: Told, service: str, reaction: str) -> Waits | None:
        """The retry, or the parked event, that waits in a service's file."""
        for waits in self.account(service).waiting:
            retry, envelope = Retry.from_headers(waits.record.headers), _envelope(waits.record)
            name = waits.behind or (retry.reaction if retry else "")
            known = envelope is not None and (envelope.source, envelope.id) == event.identity
            if known and name in ("", reaction):
                return waits
        return None

    def armed(self, event: Told, service: str, reaction: str) -> Armed | None:
        """The timer that an event has armed."""
        for timer in self.account(service).armed:
            envelope = _envelope(timer.record)
            known = envelope is not None and (envelope.source, envelope.id) == event.identity
            if known and timer.reaction == reaction:
                return timer
        return None

    # --- what services have logged ----------------------------------------------------------

    @cached_property
    def logs(self) -> pd.DataFrame:
        """What all services have logged about the flow, in causal order."""
        return read_logs(self.sources.folder, correlation_id=self.flow)

    @cached_property
    def _lines(self) -> dict[tuple[str, str, Identity], list[Any]]:
        """The lines about reactions to events: by service, reaction and event."""
        found: dict[tuple[str, str, Identity], list[Any]] = {}
        lines: Iterable[Any] = self.logs.itertuples()
        for line in lines:
            about = line.service, line.reaction, (line.source, line.event_id)
            found.setdefault(about, []).append(line)
        return found

    def attempts(self, event: Told, service: str, reaction: str) -> list[Attempt]:
        """The attempts of a reaction to an event; none if nothing is logged about them."""
        found = []
        for line in self._lines.get((service, reaction, event.identity), ()):
            if line.duration_ms >= 0:  # not where it is missing
                ended = line.time.timestamp()
                failed = line.event == "failed"
                error = str(line.error) if failed else ""
                found.append(Attempt(ended - line.duration_ms / 1000, ended, failed, error))
        return found

    def own_lines(self, event: Told, service: str, reaction: str) -> list[str]:
        """What the handler has logged itself, as text."""
        lines = self._lines.get((service, reaction, event.identity), ())
        return [_own_text(line) for line in lines if isinstance(line.logger, str)]

    # --- how far services are -------------------------------------------------------------

    def committed(self, service: str) -> Mapping[Position, int]:
        """Where a service reads on; empty if it has never read, or its broker keeps no offsets."""
        if service not in self._committed:
            group = channel_name(self.sources.namespace, service)
            self._committed[service] = self.sources.broker.committed(group)
        return self._committed[service]

    def lag(self, service: str) -> int:
        """How many events stand on a service's channels that it has not committed yet."""
        sources = self.sources
        group = channel_name(sources.namespace, service)
        inputs = set(input_channels(sources.choreography, sources.namespace, service))
        return sources.broker.lags({group: inputs}).get(group, 0)

    def reads(self, service: str) -> list[str]:
        """The channels that a service reads, its own retries left out."""
        sources = self.sources
        channels = input_channels(sources.choreography, sources.namespace, service)
        return [name for name in channels if name != retry_channel(sources.namespace, service)]


def _same(letter: Letter, event: Told) -> bool:
    """Whether a letter is of an event; of one that can't be read, by its key and its channel."""
    if event.envelope is not None or letter.envelope is not None:
        return (letter.envelope and (letter.envelope.source, letter.envelope.id)) == event.identity
    note, record = letter.note, event.record
    placed = (note.channel, note.partition, note.offset) == record[:3]
    return placed or (note.channel, letter.record.key) == (record.channel, record.key)


def digest(record: Record) -> bytes:
    """The hash of a payload, as inboxes have it."""
    return hashlib.blake2b(record.value or b"", digest_size=16).digest()


def _names(sources: Sources) -> list[str]:
    return list(sources.choreography.services)


def _place_in_inbox(record: Record) -> str:
    return record.message_id or f"{record.partition}:{record.offset}"


def _envelope(record: Record) -> Envelope | None:
    return _envelope_of(record.headers, record.value)


def _envelope_of(
    headers: Sequence[tuple[str, bytes | None]], value: bytes | None
) -> Envelope | None:
    try:
        return from_kafka(headers, value)
    except EventError:
        return None


def _own_text(line: Any) -> str:
    """A line that a handler has logged, as it is read by people."""
    fields = "".join(f" {name}={wording.value(value)}" for name, value in line.fields.items())
    error = f" {line.error}" if isinstance(line.error, str) else ""
    return f"{wording.moment(line.time)} {line.level} {line.event}{fields}{error}"
