"""What may be shown of a service's events: payloads and texts without what is personal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from workbench.choreography import Versions
from workbench.errors import EventError
from workbench.events import Envelope
from workbench.events.masking import Masking
from workbench.services.spec import ServiceSpec

NOTHING: frozenset[str] = frozenset()


class Discretion:
    """Knows the event types of one service, in all their versions."""

    def __init__(self, spec: ServiceSpec) -> None:
        self._versions = spec.versions
        self._maskings = {
            name: Masking(versions.known.values()) for name, versions in spec.versions.items()
        }
        self._reads: dict[str, set[tuple[int, ...]]] = {}
        for reaction in spec.reactions:
            reads = spec.versions[reaction.whenever].read_by(reaction)
            self._reads.setdefault(reaction.whenever, set()).add(reads)

    def payload(self, envelope: Envelope) -> Any:
        """An event's payload, masked; ``None`` if it can't be read, or its type isn't known.

        Nor is it shown if it is of a version that isn't known: what is personal there?
        """
        versions = self._versions.get(envelope.type)
        if versions is None or not _is_known(versions, envelope):
            return None
        try:
            return self._maskings[envelope.type].mask(envelope.payload()).payload
        except (EventError, RecursionError):
            return None

    def hidden(self, envelope: Envelope | None) -> frozenset[str]:
        """The personal values of an event, as it was written and as reactions read it."""
        if envelope is None or envelope.type not in self._maskings:
            return NOTHING
        masking, found = self._maskings[envelope.type], set[str]()
        if not masking.marks:
            return NOTHING
        with contextlib.suppress(RecursionError):
            for payload in self._readings(envelope):
                found |= masking.mask(payload).hidden
        return frozenset(found)

    def _readings(self, envelope: Envelope) -> Iterator[Any]:
        try:
            payload = envelope.payload()
        except EventError:
            return
        yield payload
        versions = self._versions[envelope.type]
        for reads in self._reads.get(envelope.type, ()):
            try:
                reading = versions.read(payload, envelope.dataschema, reads)
            except EventError:
                continue
            if not reading.as_written:
                yield reading.data


def _is_known(versions: Versions, envelope: Envelope) -> bool:
    return envelope.dataschema is None or versions.version_of(envelope.dataschema) is not None
