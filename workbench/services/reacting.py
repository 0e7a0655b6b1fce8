"""One reaction to one event: guard, handler or mappings, and the effects they make."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from workbench.choreography import Expression, Reaction, cel_view, fit, takes_context
from workbench.errors import HandlerError
from workbench.events import Envelope, Event, EventType
from workbench.services.context import Context


class SimulatedFailureError(Exception):
    """A failure asked for by a reaction's failure rate."""


def guard_holds(reaction: Reaction, payload: Any, event_type: EventType) -> bool:
    """Whether a reaction is interested in an event."""
    return reaction.guard is None or reaction.guard.holds(cel_view(payload, event_type))


def effects_of(
    reaction: Reaction,
    payload: Any,
    ctx: Context,
    event_types: Mapping[str, EventType],
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
        _handled(reaction, payload, ctx)
        if reaction.mappings is None
        else _mapped(reaction, reaction.mappings, payload, event_types)
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
                event_types[name],
                effect,
                service=ctx.service,
                reaction=reaction.name,
                place=place,
                time=time,
            )
        )
    return effects


def _handled(reaction: Reaction, payload: Any, ctx: Context) -> Iterator[tuple[str, Any]]:
    handler = reaction.handler
    if handler is None:
        raise HandlerError(f"{ctx.service}/{reaction.name} has no Python handler.")
    event = payload
    if reaction.takes is not None and issubclass(reaction.takes, Event):
        event = reaction.takes.model_validate_json(ctx.envelope.data)
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
    payload: Any,
    event_types: Mapping[str, EventType],
) -> Iterator[tuple[str, Any]]:
    view = cel_view(payload, event_types[reaction.whenever])
    for name, fields in mappings.items():
        schemas = event_types[name].properties
        effect = {}
        for field, value in fields.items():
            if isinstance(value, Expression):
                value = fit(value.value(payload, view), schemas.get(field, {}))
                if value is None and field not in event_types[name].schema.get("required", ()):
                    continue  # an absent optional field stays absent
            effect[field] = value
        yield name, effect


def _fail_on_purpose(reaction: Reaction, ctx: Context) -> None:
    if not reaction.failure_rate:
        return
    seed = f"{ctx.envelope.source}/{ctx.envelope.id}/{ctx.service}/{reaction.name}/{ctx.attempt}"
    if random.Random(seed).random() < reaction.failure_rate:
        raise SimulatedFailureError(
            f"a failure on purpose: {reaction.name} has a failure rate of {reaction.failure_rate:g}"
        )
