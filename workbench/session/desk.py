"""Where dead letters are dealt with: read from the broker, handed over, and decided about.

What is decided about a letter is itself an event on the service's dead-letter channel
(``DeadLetterRedriven``, ``DeadLetterEdited``, ``DeadLetterDiscarded``), of the letter's flow: a
captured log shows who went on, when and why. A redrive goes to the service's retry channel first
and is noted then, so one that is interrupted can be run again: the service knows what it has had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pandas as pd

from workbench.brokers import Outgoing, Record
from workbench.capture import read_channels
from workbench.choreography import Choreography
from workbench.errors import BrokerError, DeadLetterError, EventError
from workbench.events import (
    DeadLetter,
    Envelope,
    EventType,
    Retry,
    decode_payload,
    encode_payload,
    from_kafka,
    to_kafka,
)
from workbench.events.dead_letter import PREFIX
from workbench.events.identity import derived_uuid
from workbench.events.notes import without
from workbench.services import Clock, dead_letter_channel, retry_channel
from workbench.session.connection import Connection
from workbench.session.dead_letters import DeadLetters
from workbench.session.publishing import SOURCE
from workbench.session.shown_letters import ShownLetters

DECISIONS = {
    "DeadLetterRedriven": "redriven",
    "DeadLetterEdited": "edited",
    "DeadLetterDiscarded": "discarded",
}
"""Event type → what has become of the letter that such an event is about."""
_EDITS = UUID("0a9d2f7c-52d4-5b0e-9c55-8a4c1b7f6e21").bytes
"""The UUIDv5 namespace of the ids that edited events get; it never changes."""
_BATCH = 500


@dataclass(frozen=True)
class Letter:
    """One dead letter as it stands on the broker.

    ``status`` is ``open``, ``redriven``, ``edited`` or ``discarded``; ``reason`` why it was
    discarded; ``new_id`` that of the event it was edited to; ``decided`` when that was.
    """

    record: Record
    note: DeadLetter
    envelope: Envelope | None
    status: str = "open"
    reason: str | None = None
    new_id: str | None = None
    decided: datetime | None = None

    @property
    def name(self) -> str:
        """Where it stands."""
        return letter_name(self.record)


class Desk:
    """Reads a design's dead letters, and carries out what is decided about them."""

    def __init__(self, choreography: Choreography, connection: Connection) -> None:
        self._choreography = choreography
        self._connection = connection
        self._clock = Clock()
        self._letters: dict[str, Letter] = {}
        self.shown = ShownLetters(choreography, {})
        """What may be shown of the letters."""

    def read(self, *, settled: bool) -> DeadLetters:
        """The letters as they stand now; ``settled``: with those decided about."""
        records = read_channels(self._connection.broker, self._connection.dead_letter_channels())
        self._letters = {letter.name: letter for letter in letters_among(records)}
        self.shown = ShownLetters(self._choreography, self._letters)
        shown = [_row(x) for x in self._letters.values() if settled or x.status == "open"]
        frame = DeadLetters(pd.DataFrame(shown, columns=_COLUMNS).astype(_DTYPES))
        frame = frame.set_index("letter")
        frame._desk = self  # noqa: SLF001 - what the table's verbs act through
        return frame

    def redrive(self, rows: pd.DataFrame) -> int:
        """See :meth:`DeadLetters.redrive`."""
        chosen = self._open(rows)
        return self._carry_out(
            [
                (letter, self._retry(letter), self._decision("DeadLetterRedriven", letter))
                for letter in chosen
            ]
        )

    def discard(self, rows: pd.DataFrame, reason: str) -> int:
        """See :meth:`DeadLetters.discard`."""
        if not reason.strip():
            raise DeadLetterError("say why: discard(..., reason='a test order').")
        return self._carry_out(
            [
                (letter, None, self._decision("DeadLetterDiscarded", letter, reason=reason))
                for letter in self._open(rows)
            ]
        )

    def edit(self, name: str, data: Mapping[str, Any], type_: str | None) -> str:
        """See :meth:`DeadLetters.edit_and_redrive`."""
        letter = self._letters[name]
        if letter.status != "open":
            raise DeadLetterError(f"{name} was {letter.status} already.")
        found = type_ or (letter.envelope.type if letter.envelope else None)
        if found is None:
            raise DeadLetterError(f"{name} can't be read: say its type, type='OrderPlaced'.")
        event_type = self._edited_as(found, letter.envelope, data)
        place = f"{letter.note.channel}:{letter.note.partition}:{letter.note.offset}"
        value, written = event_type.encode(data)
        old = letter.envelope or Envelope.first(
            event_type, data, source=letter.note.channel, time=self._clock.now(), id=place
        )
        identity = [old.source, old.id, letter.note.service, letter.note.reaction]
        new_id = derived_uuid(_EDITS, encode_payload([*identity, value.decode()]).decode())
        edited = replace(
            old,
            id=new_id,
            type=event_type.name,
            data=value,
            subject=event_type.key_of(written) or None,
            dataschema=event_type.dataschema,
            correlationid=old.correlationid or old.id,
            extensions={**old.extensions, "redriveof": old.id},
        )
        key, headers, value = to_kafka(edited)
        note = replace(letter.note, turn=0)
        outgoing = self._handed_over(note, key, headers, value)
        decision = self._decision("DeadLetterEdited", letter, new_id=new_id)
        self._carry_out([(letter, outgoing, decision)])
        return new_id

    def _edited_as(self, name: str, old: Envelope | None, data: Any) -> EventType:
        """The version that edited data are of: that in use, or the one that they were of."""
        data = decode_payload(encode_payload(data))
        current = self._choreography.event_type(name)
        if old is None or old.type != name or current.problem_with(data) is None:
            return current
        versions = self._choreography.versions(name)
        written = versions.known[versions.version_of(old.dataschema) or current.version]
        return written if written.problem_with(data) is None else current

    def _open(self, rows: pd.DataFrame) -> list[Letter]:
        return [letter for name in rows.index if (letter := self._letters[name]).status == "open"]

    def _retry(self, letter: Letter) -> Outgoing:
        record = letter.record
        headers = without((PREFIX,), record.headers)
        return self._handed_over(letter.note, record.key, headers, record.value)

    def _handed_over(
        self, note: DeadLetter, key: bytes | None, headers: Iterable[Any], value: bytes | None
    ) -> Outgoing:
        retry = Retry(
            note.reaction,
            note.channel,
            note.partition,
            note.offset,
            due=self._clock.now(),
            turn=note.turn + 1,
            round=0,
            attempts=note.attempts,
            redrives=note.redrives + 1,
            first_failure=note.first_failure,
        )
        channel = retry_channel(self._connection.namespace, note.service)
        return Outgoing(channel, key, [*headers, *retry.headers()], value)

    def _decision(self, type_: str, letter: Letter, **more: str) -> Outgoing:
        note, event = letter.note, letter.envelope
        data = {
            "letter": letter.name,
            "service": note.service,
            "reaction": note.reaction,
            "event": event.id if event else None,
            **more,
        }
        envelope = Envelope(
            id=derived_uuid(_EDITS, encode_payload([type_, data]).decode()),
            source=SOURCE,
            type=type_,
            data=encode_payload(data),
            time=self._clock.now(),
            subject=letter.record.key.decode("utf-8", "replace") if letter.record.key else None,
            correlationid=event.correlationid if event else None,
            causationid=event.id if event else None,
        )
        channel = dead_letter_channel(self._connection.namespace, note.service)
        return Outgoing(channel, *to_kafka(envelope))

    def _carry_out(self, steps: list[tuple[Letter, Outgoing | None, Outgoing]]) -> int:
        """Hand over, then note that it was done, a batch at a time."""
        self._connection.may_write("redrive or discard dead letters")
        self._connection.ensure_channels()
        producer = self._connection.broker.producer()
        done = 0
        try:
            for first in range(0, len(steps), _BATCH):
                batch = steps[first : first + _BATCH]
                for outgoing in (
                    [handed for _, handed, _ in batch if handed is not None],
                    [decision for _, _, decision in batch],
                ):
                    answers = producer.send(outgoing)
                    failed = next((x for x in answers if isinstance(x, BrokerError)), None)
                    if failed is not None:
                        raise DeadLetterError(
                            f"{done} of {len(steps)} letters are done, then: {failed} Run it "
                            "again: what was handed over already is not handled twice."
                        ) from failed
                done += len(batch)
                for letter, _, decision in batch:
                    status = DECISIONS[from_kafka(decision.headers, decision.value).type]
                    self._letters[letter.name] = replace(letter, status=status)
        finally:
            producer.close()
        return done


def letter_name(record: Record) -> str:
    """What a dead letter is called, by where it stands."""
    return f"{record.channel}[{record.partition}]@{record.offset}"


def letters_among(records: Iterable[Record]) -> list[Letter]:
    """The letters among records, with what was decided about each."""
    found: list[Letter] = []
    decided: dict[str, dict[str, Any]] = {}
    for record in records:
        try:
            envelope = from_kafka(record.headers, record.value)
        except EventError:
            envelope = None
        note = DeadLetter.from_headers(record.headers)
        if note is not None:
            found.append(Letter(record, note, envelope))
        elif envelope is not None and envelope.type in DECISIONS:
            data = envelope.payload()
            if isinstance(data, dict):
                what = {
                    "status": DECISIONS[envelope.type],
                    "reason": data.get("reason"),
                    "new_id": data.get("new_id"),
                    "decided": envelope.time,
                }
                decided.setdefault(str(data.get("letter")), what)
    letters = [replace(letter, **decided.get(letter.name, {})) for letter in found]
    return sorted(letters, key=lambda letter: (letter.note.last_failure, letter.name))


_COLUMNS = [
    "letter", "status", "service", "reaction", "type", "id", "correlation_id", "traceparent",
    "fingerprint", "error_type", "error_message", "attempts", "redrives", "first_failure",
    "last_failure", "channel", "partition", "offset", "key", "reason", "data", "traceback",
]  # fmt: skip
_DTYPES = {
    "attempts": "int64",
    "redrives": "int64",
    "partition": "int64",
    "offset": "int64",
    "first_failure": "datetime64[ns, UTC]",
    "last_failure": "datetime64[ns, UTC]",
}


def _row(letter: Letter) -> dict[str, Any]:
    """A letter as a row of the table."""
    note, event, record = letter.note, letter.envelope, letter.record
    return {
        "letter": letter.name,
        "status": letter.status,
        "service": note.service,
        "reaction": note.reaction,
        "type": event.type if event else None,
        "id": event.id if event else None,
        "correlation_id": event.correlationid if event else None,
        "traceparent": event.traceparent if event else None,
        "fingerprint": note.fingerprint,
        "error_type": note.error_type,
        "error_message": note.error_message,
        "attempts": note.attempts,
        "redrives": note.redrives,
        "first_failure": note.first_failure,
        "last_failure": note.last_failure,
        "channel": note.channel,
        "partition": note.partition,
        "offset": note.offset,
        "key": record.key.decode("utf-8", "replace") if record.key is not None else None,
        "reason": letter.reason,
        "data": (record.value or b"").decode("utf-8", "backslashreplace"),
        "traceback": note.traceback,
    }
