"""How far each service is behind."""

from __future__ import annotations

from workbench.brokers import Broker
from workbench.choreography import Choreography
from workbench.services.spec import channel_name, input_channels


def consumer_lag(broker: Broker, choreography: Choreography, namespace: str) -> dict[str, int]:
    """Service → events on its channels that it has not committed yet."""
    services = list(choreography.services.items())  # another thread may be designing
    groups = {
        channel_name(namespace, name): set(input_channels(choreography, namespace, name))
        for name, service in services
        if service.reactions
    }
    lags = broker.lags(groups)
    return {
        name: lags[group]
        for name, _ in services
        if (group := channel_name(namespace, name)) in lags
    }
