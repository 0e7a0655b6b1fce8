"""Letting a service handle again what it has handled before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from workbench.brokers import Broker, Position
from workbench.choreography import Choreography
from workbench.errors import EventError, ServiceError
from workbench.events import from_kafka
from workbench.moments import moment_of
from workbench.services import Store, channel_name
from workbench.session.connection import Connection
from workbench.session.running import Running

EFFECTS = ("suppress", "resend")


def reprocess(
    choreography: Choreography,
    connection: Connection,
    running: Running,
    service: str,
    since: datetime | str | None,
    effects: str,
) -> int:
    """Let a service handle events again; see :meth:`Workbench.reprocess`."""
    running.check(service)
    connection.may_write("reprocess events")
    if effects not in EFFECTS:
        raise ServiceError(f"effects are 'suppress' or 'resend', not {effects!r}.")
    moment = None if since is None else moment_of(since, "since", ServiceError)
    broker, namespace = connection.broker, connection.namespace
    broker.may_rewind(channel_name(namespace, service))
    life = running.lives().get(service)
    was_up = life is not None and (life.up or life.wanted)
    if was_up:
        running.stop((service,), timeout=10.0)
    connection.ensure_channels()
    channels = [channel_name(namespace, name) for name in choreography.inputs(service)]
    ends = broker.end_offsets(channels)
    begins = broker.begin_offsets(channels)
    starts = begins if moment is None else broker.offsets_at(channels, moment)
    forget = None if moment is None else _identities(broker, starts, ends)
    store = Store(connection.store(service), durable=running.durable)
    try:
        with store.transaction():
            store.reprocessing.begin(ends, forget, suppress=effects == "suppress")
    finally:
        store.close()
    broker.rewind(channel_name(namespace, service), starts)
    if was_up:
        running.start((service,), timeout=30.0)
    return sum(ends[position] - start for position, start in starts.items())


def _identities(
    broker: Broker, starts: Mapping[Position, int], ends: Mapping[Position, int]
) -> list[tuple[str, str]]:
    """Source and id of every event in a range; the place of what is no event."""
    from workbench.capture import read_range

    found = []
    for record in read_range(broker, starts, ends):
        try:
            envelope = from_kafka(record.headers, record.value)
            found.append((envelope.source, envelope.id))
        except EventError:
            found.append((record.channel, f"{record.partition}:{record.offset}"))
    return found
