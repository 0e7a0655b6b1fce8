"""All that a service process needs to know, in a form that travels to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.brokers import RETENTION_SECONDS, Subscription
from workbench.choreography import Choreography, Reaction, RetryPolicy, Versions
from workbench.choreography.compensating import notices, undone_by
from workbench.errors import HandlerError
from workbench.services.tracing import Tracing

AT_LEAST_ONCE, TRANSACTIONS = "at-least-once", "transactions"
DELIVERIES = (AT_LEAST_ONCE, TRANSACTIONS)


@dataclass(frozen=True)
class ServiceSpec:
    """One service, with the names of its channels on this cluster."""

    name: str
    group: str
    reactions: tuple[Reaction, ...]
    versions: Mapping[str, Versions]
    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    dead_letters: str
    retries: str
    store: Path
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    durable: bool = False
    delivery: str = AT_LEAST_ONCE
    instance: int = 1
    """Which of the service's instances this is, from 1."""
    undone_by: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """Of the whole design: failure → the steps, as (service, reaction), that it undoes."""
    notices: tuple[str, ...] = ()
    """The event types that may say that a later step is undone."""
    watch_fields: int = 0
    """Of how many events of each reaction is noted which fields its handler touches."""
    log_level: str = "info"
    """What goes to its log: lines of this level and above; ``"off"``: none."""
    log_payloads: bool = False
    """Whether its log shows payloads; what is personal in them is masked."""
    hears: frozenset[str] = frozenset()
    """The event types that it has a use for."""
    tracing: Tracing | None = None
    """How its spans are made; ``None``: not at all."""
    keeps_offsets: bool = True
    """Whether the offsets that it is told are those of its channels; see :class:`Broker`."""

    @property
    def subscription(self) -> Subscription:
        """What its group reads."""
        return subscription_of(self.group, self.inputs, self.hears, self.retries, self.dead_letters)

    @property
    def label(self) -> str:
        """What this instance is called: ``billing``, and the others ``billing/2``, ``billing/3``."""
        return instance_label(self.name, self.instance)

    @property
    def member(self) -> str:
        """Who this instance is in its group, over restarts."""
        return group_member(self.group, self.instance)

    @property
    def remembers(self) -> float:
        """Seconds that the inbox keeps what was handled: longer than it can ever come again.

        As long as the channels keep events, the longest way through the retries, and a day.
        """
        retries = max((sum(self.retry_of(r).later) for r in self.reactions), default=0.0)
        absences = max((reaction.within for reaction in self.reactions), default=0.0)
        return RETENTION_SECONDS + 2 * retries + absences + 24 * 3600

    @property
    def awaits(self) -> bool:
        """Whether a reaction is to the absence of an event."""
        return any(reaction.unless for reaction in self.reactions)

    def retry_of(self, reaction: Reaction) -> RetryPolicy:
        """How a reaction is tried again: as it says itself, else as the workbench says."""
        return reaction.retry or self.retry


def channel_name(namespace: str, channel: str) -> str:
    """A channel or group as the cluster knows it: prefixed by the namespace, if there is one."""
    return f"{namespace}.{channel}" if namespace else channel


def dead_letter_channel(namespace: str, service: str) -> str:
    """Where a service's dead letters go."""
    return channel_name(namespace, f"{service}.dead-letters")


def retry_channel(namespace: str, service: str) -> str:
    """Where a service hands events back to itself, and where they are redriven to."""
    return channel_name(namespace, f"{service}.retries")


def input_channels(choreography: Choreography, namespace: str, service: str) -> tuple[str, ...]:
    """All that a service reads: the channels of its design, and its own retries."""
    inputs = (channel_name(namespace, channel) for channel in choreography.inputs(service))
    return (*inputs, retry_channel(namespace, service))


def subscription_of(
    group: str,
    inputs: Sequence[str],
    hears: Collection[str],
    retries: str,
    dead_letters: str,
) -> Subscription:
    """What a service's group reads: what it hears of its channels, and all of its own retries."""
    channels = {channel: None if channel == retries else hears for channel in inputs}
    return Subscription(group, channels, dead_letters)


def subscriptions(choreography: Choreography, namespace: str) -> list[Subscription]:
    """What the services of a design read that have a reaction."""
    return [
        subscription_of(
            channel_name(namespace, name),
            input_channels(choreography, namespace, name),
            frozenset(service.consumes),
            retry_channel(namespace, name),
            dead_letter_channel(namespace, name),
        )
        for name, service in list(choreography.services.items())
        if service.reactions
    ]


def instance_label(service: str, instance: int) -> str:
    """What an instance is called: the first as its service."""
    return service if instance == 1 else f"{service}/{instance}"


def service_of(label: str) -> str:
    """The service whose instance a label names."""
    return label.partition("/")[0]


def instance_number(label: str) -> int:
    """Which instance a label names, from 1; 0 if it is none."""
    _, slash, n = label.partition("/")
    return int(n) if n.isdecimal() else 0 if slash else 1


def group_member(group: str, instance: int) -> str:
    """Who an instance (from 1) is in its group."""
    return f"{group}-{instance}"


def store_path(folder: Path, service: str) -> Path:
    """The file that a service keeps in a folder."""
    return folder / f"{service}.sqlite"


def service_spec(
    choreography: Choreography,
    name: str,
    *,
    namespace: str,
    folder: Path,
    retry: RetryPolicy,
    durable: bool = False,
    delivery: str = AT_LEAST_ONCE,
    instance: int = 1,
    watch_fields: int = 0,
    log_level: str = "info",
    log_payloads: bool = False,
    tracing: Tracing | None = None,
    keeps_offsets: bool = True,
) -> ServiceSpec:
    """What is needed to run one service of a design.

    Raises
    ------
    HandlerError
        A reaction announces a Python handler and none is registered.
    DesignError
        A reaction reads or writes a version that there isn't (any more), or an upcaster leads to a
        field that its version hasn't (any more).
    """
    service = choreography.services[name]
    for reaction in service.reactions.values():
        if reaction.is_python and reaction.handler is None:
            raise HandlerError(
                f"{name}/{reaction.name} has no Python handler: register one with "
                f'@wb.service("{name}").{reaction.registration}, in a notebook or a script, '
                "before starting it."
            )
        choreography.check_versions(reaction)
    used = {*service.consumes, *service.emits}
    return ServiceSpec(
        name=name,
        group=channel_name(namespace, name),
        reactions=tuple(service.reactions.values()),
        versions={used_name: choreography.versions(used_name) for used_name in sorted(used)},
        inputs=input_channels(choreography, namespace, name),
        outputs={
            effect: channel_name(namespace, choreography.channel(effect, name))
            for effect in service.emits
        },
        dead_letters=dead_letter_channel(namespace, name),
        retries=retry_channel(namespace, name),
        store=store_path(folder, name),
        retry=retry,
        durable=durable,
        delivery=delivery,
        instance=instance,
        undone_by=undone_by(choreography),
        notices=notices(choreography, service.reactions),
        watch_fields=watch_fields,
        log_level=log_level,
        log_payloads=log_payloads,
        tracing=tracing,
        keeps_offsets=keeps_offsets,
        hears=frozenset(service.consumes),
    )
