"""Rules about keys: what keeps an entity's events in order, and together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.choreography.expression import Expression
from workbench.choreography.lint.graph import reactions_of
from workbench.choreography.lint.rule import Found, rule

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction
    from workbench.choreography.service import Service


@rule("no-key", "warning")
def no_key(design: Choreography) -> Iterator[Found]:
    """An event type has no key field.

    Its events spread over the partitions, and a consumer may see an order shipped before it is
    paid.

    Name the field that says which entity it is about: `key: order_id`. Where order truly doesn't
    matter (measurements, say), silence this and say so.
    """
    for name, event_type in design.event_types.items():
        if event_type.key is None:
            yield Found(name, f"{name} has no key field: its events keep no order.")


@rule("key-changes", "warning")
def key_changes(design: Choreography) -> Iterator[Found]:
    """The key changes along a flow, or from one version to the next.

    Events of one key stay in order; from one key to the next there is none. If `OrderPlaced` goes
    by `order_id` and the `PaymentReceived` that follows by `customer_id`, then two events about
    one order may reach the next service in either order, and a hot customer holds up many orders.

    A reaction is reported if both events have a key and the effect's is filled from something
    other than the cause's: another field, a constant, or nothing at all. Of a Python handler only
    the names of the key fields are compared. Copying the cause's key, or making one from it alone
    (`'parcel-' + data.order_id`), keeps the order. An event type is reported if two of its versions
    go by different fields: an entity's old and new events have different keys then.

    Carry the key along, and keep the other id as a plain field. Where another entity's story
    begins (an order is paid: its customer gains points), the change is right: silence it and say
    so.
    """
    for name in design.event_types:
        for old, new in pairwise(design.versions(name).known.values()):
            if old.key and new.key and old.key != new.key:
                yield Found(
                    name,
                    f"{name} goes by {old.key} in v{old.version} and by {new.key} in "
                    f"v{new.version}: old and new events of one entity lose their order.",
                )
    for subject, _, reaction in reactions_of(design):
        before = design.event_types[reaction.whenever].key
        for effect in reaction.emits:
            after = design.event_types[effect].key
            how = _other_key(reaction, before, effect, after) if before and after else None
            if how:
                yield Found(
                    subject,
                    f"{subject} goes from {reaction.whenever} (key {before}) to {effect} (key "
                    f"{after}, {how}): one {before}'s events lose their order.",
                )


def _other_key(reaction: Reaction, before: str, effect: str, after: str) -> str | None:
    """What an effect's key is made of, if not of its cause's key."""
    if reaction.mappings is None:
        return "another field" if after != before else None
    value = reaction.mappings[effect].get(after)
    if value is None:
        return "left empty"
    if not isinstance(value, Expression) or not value.paths:
        return "a constant"
    return f"from {value.source}" if {*value.paths} != {before} else None


@rule("mixed-keys", "warning")
def mixed_keys(design: Choreography) -> Iterator[Found]:
    """A channel is shared by events of unlike keys.

    On one channel the key `17` is one key, whether it means an order or a customer: the two share
    a partition, wait for each other where `ordered` is set, and where a topic is compacted the
    one deletes the other. A consumer has to know each type before it knows what the key means.

    Give the events of the other entity a channel of their own (`channel:`), or key them alike.
    """
    keys: dict[str, dict[str, str]] = {}
    for name, event_type in design.event_types.items():
        if event_type.key is not None:
            for channel in design.channels_of(name):
                keys.setdefault(channel, {}).setdefault(event_type.key, name)
    for channel, found in keys.items():
        if len(found) > 1:
            by = " and ".join(f"{key} ({name})" for key, name in found.items())
            yield Found(channel, f"the channel {channel} holds events by unlike keys: {by}.")


@rule("uncorrelated-join", "warning")
def uncorrelated_join(design: Choreography) -> Iterator[Found]:
    """A service waits for several events, and nothing tells which of them belong together.

    Two cases can be told from a design:

    - Python handlers of one service that react to different events and emit the same one (the
      last to come emits it) must remember what came. They need a field that all of the events have
      and that is the key of one of them at least. Handlers that surely emit join nothing.
    - A reaction with `unless` waits for an event of the same flow. If nothing leads to both events,
      they are never of one flow: the wait always runs out.

    Give the events a common key, such as the order that they are parts of; let both follow from one
    event.
    """
    for service in design.services.values():
        yield from _joins(design, service)
    for subject, _, reaction in reactions_of(design):
        for absent in reaction.unless:
            if design.emitters(absent) and not _one_flow(design, reaction.whenever, absent):
                yield Found(
                    subject,
                    f"{subject} waits for {absent} in the flow of {reaction.whenever}, but "
                    "nothing leads to both: they are never of one flow.",
                )


def _joins(design: Choreography, service: Service) -> Iterator[Found]:
    joining: dict[str, dict[str, str]] = {}
    for reaction in service.reactions.values():
        waits = reaction.is_python and (reaction.handler is None or reaction.may_be_silent)
        if waits and not reaction.compensates and not reaction.unless:
            for effect in reaction.emits:
                joining.setdefault(effect, {}).setdefault(reaction.whenever, reaction.name)
    for effect, causes in joining.items():
        types = [design.event_types[name] for name in causes]
        common = set.intersection(*(set(event_type.properties) for event_type in types))
        if len(causes) > 1 and not common & {event_type.key for event_type in types}:
            yield Found(
                f"{service.name}/{next(iter(causes.values()))}",
                f"{service.name} joins {' and '.join(causes)} into {effect}, but they share no key: "
                "nothing tells which of them belong together.",
            )


def _one_flow(design: Choreography, *names: str) -> bool:
    """Whether some event leads to all of these."""
    reach = design.reach()
    return any({*names} <= reach.led_to((cause,)) for cause in design.event_types)
