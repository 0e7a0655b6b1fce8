"""One reaction to one event: guard, handler or mappings, and the effects they make."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from workbench.choreography import (
    Reaction,
    Reading,
    Versions,
    cel_view,
    mapped,
    takes_context,
)
from workbench.errors import HandlerError
from workbench.events import Envelope, Event, EventType, encode_payload
from workbench.services.context import Context


class SimulatedFailureError(Exception):
    """A failure asked for by a reaction's failure rate."""


def guard_holds(reaction: Reaction, reading: Reading) -> bool:
    """Whether a reaction is interested in an event."""
    guard = reaction.guard
    return guard is None or guard.holds(cel_view(reading.data, reading.event_type))


def effects_of(
    reaction: Reaction,
    reading: Reading,
    ctx: Context,
    versions: Mapping[str, Versions],
    time: datetime,
) -> list[Envelope]:
    """The effects of an event, in order.

    Raises
    ------
    HandlerError
        The handler gives something that is not an event it said it emits.
    EventError
        An effect does not satisfy its schema.
    Exception
        Whatever the handler raises.
    """
    _fail_on_purpose(reaction, ctx)
    made = (
        _handled(reaction, reading, ctx)
        if reaction.mappings is None
        else _mapped(reaction, reaction.mappings, reading, versions)
    )
    effects = []
    for place, (name, effect) in enumerate(made):
        if name not in reaction.emits:
            raise HandlerError(
                f"{ctx.service}/{reaction.name} emitted {name}, but says it emits "
                f"{', '.join(reaction.emits) or 'nothing'}: add it to the annotation or to emits=."
            )
        effects.append(
            ctx.envelope.effect(
                _written_as(reaction, name, effect, versions[name]),
                effect,
                service=ctx.service,
                reaction=reaction.name,
                place=place,
                time=time,
            )
        )
    return effects


def _written_as(reaction: Reaction, name: str, effect: Any, versions: Versions) -> EventType:
    """The version in which an effect is written: as the reaction says, else as the event says."""
    version = reaction.writes.get(name)
    if version is None and isinstance(effect, Event):
        version = type(effect).event_type.version
    return versions.known.get(version or versions.current, versions.known[versions.current])


def _handled(reaction: Reaction, reading: Reading, ctx: Context) -> Iterator[tuple[str, Any]]:
    handler = reaction.handler
    if handler is None:
        raise HandlerError(f"{ctx.service}/{reaction.name} has no Python handler.")
    event = reading.data
    if reaction.takes is not None and issubclass(reaction.takes, Event):
        data = ctx.envelope.data if reading.as_written else encode_payload(event)
        event = reaction.takes.model_validate_json(data)
    result = handler(event, ctx) if takes_context(handler) else handler(event)
    for effect in _each(result):
        if isinstance(effect, Event):
            yield type(effect).event_type.name, effect
        elif isinstance(effect, tuple) and len(effect) == 2 and isinstance(effect[0], str):
            yield effect
        else:
            raise HandlerError(
                f"{ctx.service}/{reaction.name} gave {type(effect).__name__}; a handler returns "
                'or yields events, or ("EventType", {...}) pairs.'
            )


def _each(result: Any) -> Iterable[Any]:
    if result is None:
        return ()
    if isinstance(result, Event) or (
        isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], str)
    ):
        return (result,)
    if isinstance(result, Iterable) and not isinstance(result, str | bytes | Mapping):
        return (effect for effect in result if effect is not None)
    return (result,)


def _mapped(
    reaction: Reaction,
    mappings: Mapping[str, Mapping[str, Any]],
    reading: Reading,
    versions: Mapping[str, Versions],
) -> Iterator[tuple[str, Any]]:
    view = cel_view(reading.data, reading.event_type)
    for name, fields in mappings.items():
        kind = _written_as(reaction, name, None, versions[name])
        yield name, mapped(fields, reading.data, view, kind)


def _fail_on_purpose(reaction: Reaction, ctx: Context) -> None:
    if not reaction.failure_rate:
        return
    seed = f"{ctx.envelope.source}/{ctx.envelope.id}/{ctx.service}/{reaction.name}/{ctx.attempt}"
    if random.Random(seed).random() < reaction.failure_rate:
        raise SimulatedFailureError(
            f"a failure on purpose: {reaction.name} has a failure rate of {reaction.failure_rate:g}"
        )
