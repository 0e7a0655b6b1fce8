"""How far each service is behind: the broker's end offsets less the committed ones."""

from __future__ import annotations

from workbench.brokers import Broker
from workbench.choreography import Choreography
from workbench.services.spec import channel_name, input_channels


def consumer_lag(broker: Broker, choreography: Choreography, namespace: str) -> dict[str, int]:
    """Service → events on its channels that it has not committed yet.

    Those of a transaction that is still open count: they are on their way.
    """
    services = list(choreography.services.items())  # another thread may be designing
    inputs = {
        name: set(input_channels(choreography, namespace, name))
        for name, service in services
        if service.reactions
    }
    channels = {channel for used in inputs.values() for channel in used}
    ends = broker.end_offsets(channels, committed=False)
    begins = broker.begin_offsets({position.channel for position in ends})
    found = {}
    for name, used in inputs.items():
        committed = broker.committed(channel_name(namespace, name))
        mine = [position for position in ends if position.channel in used]
        found[name] = sum(max(0, ends[p] - committed.get(p, begins.get(p, 0))) for p in mine)
    return found
