"""What is known about one flow: its events and dead letters, and what each service has on record.

Gathered once, from the broker and from the services' files; nothing is concluded here. It is as of
the moment it was read, and a service that is at work meanwhile may have gone on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.analysis import wording
from workbench.brokers import Broker, Position, Record
from workbench.capture import find_flow
from workbench.choreography import Choreography, Reaction
from workbench.errors import EventError
from workbench.events import DeadLetter, Envelope, Retry
from workbench.events.dead_letter import PREFIX as DEAD_LETTER
from workbench.events.identity import effect_id
from workbench.events.masking import Masked, Masking
from workbench.events.notes import without
from workbench.events.retry import PREFIX as RETRY
from workbench.services import (
    Life,
    channel_name,
    dead_letter_channel,
    input_channels,
    service_of,
    store_path,
    together,
)
from workbench.services.account import Account, Armed, Noted, Unsent, Waits, read_account
from workbench.services.inbox import Entry
from workbench.session.desk import Letter, letters_among
from workbench.session.logs import read_logs
from workbench.session.told import (
    Attempt,
    Identity,
    Told,
    digest,
    envelope_of,
    event_among,
    place_in_inbox,
)


@dataclass(frozen=True)
class Sources:
    """What answers are drawn from: a design, its broker, and the folder of its services' files.

    ``instances`` says how those of services are that were started here, ``older`` which of them run an
    older design, ``now`` the services' time.
    """

    choreography: Choreography
    broker: Broker
    namespace: str
    folder: Path
    instances: Callable[[], Iterable[Life]]
    now: Callable[[], datetime]
    older: Callable[[], frozenset[str]] = frozenset


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
        Its events and dead letters as the broker has them.
    personal
        Whether personal data may be shown.
    fresh
        The events that came after the services' files were read.
    """

    sources: Sources
    flow: str
    events: Sequence[Told]
    letters: Sequence[Letter]
    records: Sequence[Record]
    personal: bool = False
    fresh: frozenset[Identity] = frozenset()
    _masks: dict[str, Masking] = field(default_factory=dict)
    _accounts: dict[str, Account] = field(default_factory=dict)
    _committed: dict[str, Mapping[Position, int]] = field(default_factory=dict)
    _lags: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, sources: Sources, flow: str, records: Sequence[Record], *, personal: bool = False
    ) -> Evidence:
        """Sort what was found of a flow."""
        events: dict[tuple[Identity, bool], list[Record]] = {}
        copies, handed = [], []
        names = list(sources.choreography.services)
        dead = {dead_letter_channel(sources.namespace, name) for name in names}
        for record in sorted(records, key=lambda r: (r.time_ms, r.channel, r.partition, r.offset)):
            if DeadLetter.from_headers(record.headers) is not None or record.channel in dead:
                copies.append(record)
            elif Retry.from_headers(record.headers) is not None:
                handed.append(record)
            else:
                told = Told(envelope_of(record), [record])
                events.setdefault((told.identity, told.envelope is None), []).append(record)
        letters = letters_among(copies)
        # An edited event stands on a retry channel alone, and one that was given up may be kept
        # no longer than its dead letter.
        for record in (*handed, *map(_original, letters)):
            told = Told(envelope_of(record), [record])
            if told.envelope is not None:
                events.setdefault((told.identity, False), [record])
        found = [Told(envelope_of(at[0]), at) for at in events.values()]
        shown = [record for at in events.values() for record in at]
        return cls(sources, flow, found, letters, [*shown, *copies], personal)

    def followed_up(
        self, services: Iterable[str], channels: Iterable[str], ends: Mapping[Position, int]
    ) -> Evidence:
        """With what services have on record, and then what has come to the channels meanwhile.

        In this order: an effect is on record before it is on its channel. ``ends`` is how far the
        channels were read.

        Raises
        ------
        LogError
            The broker stops giving events before the end.
        """
        for service in services:
            self.account(service)
        more = find_flow(self.sources.broker, channels, self.flow, start=ends)
        if not more.records:
            return self
        newer = Evidence.of(
            self.sources, self.flow, [*self.records, *more.records], personal=self.personal
        )
        return replace(
            newer,
            fresh=frozenset(newer.by_identity.keys() - self.by_identity.keys()),
            _accounts=self._accounts,
            _committed=self._committed,
            _lags=self._lags,
        )

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
        kept = [(event_among(row.headers, row.value), row) for row in self.account(service).unsent]
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
        return [
            letter
            for letter in self.letters
            if letter.note.service == service
            and letter.note.reaction in ("", reaction)
            and _same(letter, event)
        ]

    def given_up_at(self, place: str) -> list[Told]:
        """The events whose dead letter stands at a place, or says that its event stood there."""
        letters = [letter for letter in self.letters if place in (letter.name, _stood(letter))]
        return [told for told in self.events if any(_same(letter, told) for letter in letters)]

    # --- what services have on record ---------------------------------------------------------

    def account(self, service: str) -> Account:
        """What a service has on record about the flow."""
        if service not in self._accounts:
            # How far it has read is asked first: what it has read by then is on record.
            self.committed(service)
            self.lag(service)
            names = [told.identity for told in self.events]
            places = [(r.channel, place_in_inbox(r)) for told in self.events for r in told.records]
            path = store_path(self.sources.folder, service)
            self._accounts[service] = read_account(path, self.flow, [*names, *places])
        return self._accounts[service]

    def noted(self, event: Told, service: str, reaction: str) -> Noted | None:
        """What the inbox has about an event at a reaction."""
        return self.account(service).inbox.get((*event.identity, reaction))

    def poisoned(self, record: Record, service: str, reaction: str) -> Noted | None:
        """What the inbox has about a record that was given up by its place."""
        inbox = self.account(service).inbox
        place = place_in_inbox(record)
        entries: list[Entry] = [(record.channel, place, name) for name in ("", reaction)]
        return next((inbox[entry] for entry in entries if entry in inbox), None)

    def waits(self, event: Told, service: str, reaction: str) -> Waits | None:
        """The retry, or the parked event, that waits in a service's file."""
        for waits in self.account(service).waiting:
            retry, envelope = Retry.from_headers(waits.record.headers), envelope_of(waits.record)
            name = waits.behind or (retry.reaction if retry else "")
            known = envelope is not None and (envelope.source, envelope.id) == event.identity
            if known and name in ("", reaction):
                return waits
        return None

    def armed(self, event: Told, service: str, reaction: str) -> Armed | None:
        """The timer that an event has armed."""
        for timer in self.account(service).armed:
            envelope = envelope_of(timer.record)
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

    # --- how services are, and how far they have come ---------------------------------------

    def life(self, service: str) -> Life | None:
        """How a service is, its instances taken together; ``None`` if it was not started here."""
        found = self._instances(service)
        return together(service, found) if found else None

    def reader(self, service: str, position: Position) -> Life | None:
        """The instance, of several, that reads a partition, as it has last reported."""
        place, found = str(position), self._instances(service)
        if len(found) < 2:
            return None
        return next((x for x in found if x.status and place in x.status.partitions), None)

    def _instances(self, service: str) -> list[Life]:
        return [life for life in self.sources.instances() if service_of(life.service) == service]

    def committed(self, service: str) -> Mapping[Position, int]:
        """Where a service reads on; empty if it has never read, or its broker keeps no offsets."""
        if service not in self._committed:
            group = channel_name(self.sources.namespace, service)
            self._committed[service] = self.sources.broker.committed(group)
        return self._committed[service]

    def lag(self, service: str) -> int:
        """How many events stand on a service's channels that it has not committed yet."""
        if service not in self._lags:
            sources = self.sources
            group = channel_name(sources.namespace, service)
            inputs = set(input_channels(sources.choreography, sources.namespace, service))
            self._lags[service] = sources.broker.lags({group: inputs}).get(group, 0)
        return self._lags[service]

    def reads(self, service: str) -> list[str]:
        """The channels that a service reads, its own retries among them."""
        sources = self.sources
        return [*input_channels(sources.choreography, sources.namespace, service)]

    def is_handed_over(self, event: Told) -> bool:
        """Whether an event was given to one service alone, as one that was edited is."""
        return Retry.from_headers(event.record.headers) is not None


def _same(letter: Letter, event: Told) -> bool:
    """Whether a letter is of an event; of one that can't be read, by its key and its channel."""
    if digest(letter.record) != digest(event.record):
        return False
    if event.envelope is not None or letter.envelope is not None:
        return (letter.envelope and (letter.envelope.source, letter.envelope.id)) == event.identity
    note, record = letter.note, event.record
    placed = (note.channel, note.partition, note.offset) == record[:3]
    return placed or (note.channel, letter.record.key) == (record.channel, record.key)


def _stood(letter: Letter) -> str:
    return f"{letter.note.channel}[{letter.note.partition}]@{letter.note.offset}"


def _original(letter: Letter) -> Record:
    """The event of a letter as it stood at first, where the broker doesn't keep that any more."""
    note, record = letter.note, letter.record
    headers = without((DEAD_LETTER, RETRY), record.headers)
    at = int(note.first_failure.timestamp() * 1000)
    return Record(note.channel, note.partition, note.offset, at, record.key, headers, record.value)


def _own_text(line: Any) -> str:
    """A line that a handler has logged, as it is read by people."""
    fields = "".join(f" {name}={wording.value(value)}" for name, value in line.fields.items())
    error = f" {line.error}" if isinstance(line.error, str) else ""
    return f"{wording.moment(line.time)} {line.level} {line.event}{fields}{error}"
