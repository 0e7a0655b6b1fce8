"""A reaction as it is typed: texts, and what they mean or why they mean nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.choreography import (
    Choreography,
    Expression,
    Reaction,
    format_duration,
    parse_duration,
)
from workbench.errors import DesignError, WorkbenchError
from workbench.events import EventType

DATA, PYTHON = "data: fields from the cause", "handler: python"


@dataclass(frozen=True)
class ReactionDraft:
    """The texts of the form. ``mappings``: effect → lines ``field = expression``."""

    service: str
    whenever: str
    emits: tuple[str, ...] = ()
    guard: str = ""
    after: str = ""
    how: str = DATA
    mappings: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    """The reaction being edited; ``None`` for a new one."""


def draft_of(service: str, reaction: Reaction) -> ReactionDraft:
    """A reaction of the design, as texts to edit."""
    mappings = {
        effect: "\n".join(f"{name} = {_source(value)}" for name, value in fields.items())
        for effect, fields in (reaction.mappings or {}).items()
    }
    return ReactionDraft(
        service,
        reaction.whenever,
        reaction.emits,
        reaction.guard.source if reaction.guard is not None else "",
        format_duration(reaction.after) if reaction.after else "",
        PYTHON if reaction.is_python else DATA,
        mappings,
        reaction.name,
    )


def proposed_mapping(cause: EventType, effect: EventType) -> str:
    """Fields of the same name copied from the cause; the others wait for an expression."""
    lines = []
    required = effect.schema.get("required", ())
    for name in effect.properties:
        if name in cause.properties:
            lines.append(f"{name} = data.{name}")
        elif name in required:
            lines.append(f"{name} = ")
    return "\n".join(lines)


def read_mapping(text: str, effect: EventType) -> dict[str, Any]:
    """Lines ``field = expression`` as a mapping.

    Raises
    ------
    DesignError
        Says the line and what is wrong with it.
    """
    found: dict[str, Any] = {}
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, source = (part.strip() for part in line.partition("="))
        place = f"{effect.name}, line {n}"
        if not equals:
            raise DesignError(f"{place}: write 'field = expression', not {line.strip()!r}.")
        if effect.properties and name not in effect.properties:
            known = ", ".join(effect.properties)
            raise DesignError(f"{place}: there is no field {name!r} (it has: {known}).")
        if name in found:
            raise DesignError(f"{place}: {name!r} is filled twice.")
        if not source:
            raise DesignError(f"{place}: {name} needs an expression, such as data.{name}.")
        try:
            found[name] = _constant(source)
        except WorkbenchError as error:
            raise DesignError(f"{place}: {error}") from error
    missing = [name for name in effect.schema.get("required", ()) if name not in found]
    if missing:
        raise DesignError(f"{effect.name}: nothing fills {', '.join(missing)} yet.")
    return found


def problems_of(draft: ReactionDraft, design: Choreography) -> list[str]:
    """What is wrong with the texts so far, a sentence each."""
    found: list[str] = []
    if draft.service not in design.services:
        found.append("choose the service that reacts; add one first if there is none.")
    if draft.whenever not in design.event_types:
        found.append("choose the event type it reacts to.")
    if draft.guard.strip():
        _collect(found, lambda: _check_guard(draft, design))
    if draft.after.strip():
        _collect(found, lambda: parse_duration(_duration(draft.after)))
    if draft.how == DATA:
        if not draft.emits:
            found.append("choose what it emits; a reaction that emits nothing is handler: python.")
        for effect in draft.emits:
            if effect in design.event_types:
                text = draft.mappings.get(effect, "")
                _collect(found, lambda e=effect, t=text: read_mapping(t, design.event_types[e]))
                _collect(found, lambda t=text: _check_paths(t, draft, design))
    return found


def reaction_of(draft: ReactionDraft, design: Choreography, name: str) -> Reaction:
    """The reaction that the texts describe; raises :class:`DesignError` with the first problem."""
    for problem in problems_of(draft, design):
        raise DesignError(problem)
    mappings: dict[str, dict[str, Any]] | None = None
    if draft.how == DATA:
        mappings = {
            effect: read_mapping(draft.mappings.get(effect, ""), design.event_types[effect])
            for effect in draft.emits
        }
    return Reaction(
        name,
        draft.whenever,
        tuple(draft.emits),
        Expression(draft.guard.strip()) if draft.guard.strip() else None,
        parse_duration(_duration(draft.after)) if draft.after.strip() else 0.0,
        mappings,
    )


def sentence_of(reaction: Reaction) -> str:
    """``whenever OrderPlaced, if …, then StockReserved or OutOfStock``, to be read aloud."""
    text = f"whenever {reaction.whenever}"
    if reaction.compensates:
        text = f"undoes {reaction.compensates} when {' or '.join(reaction.failures)}"
    text += f", if {reaction.guard.source}" if reaction.guard is not None else ""
    if reaction.unless:
        text += f", unless {' or '.join(reaction.unless)} within {format_duration(reaction.within)}"
    text += f", after {format_duration(reaction.after)}" if reaction.after else ""
    text += ", in order" if reaction.ordered else ""
    word = " or " if reaction.is_python else " and "
    text += f", then {word.join(reaction.emits)}" if reaction.emits else ", then nothing is emitted"
    return text + (" (Python)" if reaction.is_python else "")


def _collect(found: list[str], check: Any) -> None:
    try:
        check()
    except WorkbenchError as error:
        found.append(str(error))


def _check_guard(draft: ReactionDraft, design: Choreography) -> None:
    guard = Expression(draft.guard.strip())
    _known(guard.paths, draft, design, "the guard")


def _check_paths(text: str, draft: ReactionDraft, design: Choreography) -> None:
    for line in text.splitlines():
        source = line.partition("=")[2].strip()
        if source:
            value = _constant(source)
            if isinstance(value, Expression):
                _known(value.paths, draft, design, line.partition("=")[0].strip())


def _known(paths: Sequence[str], draft: ReactionDraft, design: Choreography, where: str) -> None:
    cause = design.event_types.get(draft.whenever)
    for path in paths:
        name = path.split(".")[0]
        if cause is not None and cause.properties and name not in cause.properties:
            known = ", ".join(cause.properties)
            raise DesignError(f"{where}: {cause.name} has no field {name!r} (it has: {known}).")


def _constant(source: str) -> Any:
    """A number, ``true``, ``false`` or ``null`` as it stands; anything else is CEL."""
    try:
        value = json.loads(source)
    except (json.JSONDecodeError, RecursionError):
        return Expression(source)
    return Expression(source) if isinstance(value, str | list | dict) else value


def _source(value: Any) -> str:
    return value.source if isinstance(value, Expression) else json.dumps(value)


def _duration(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text.strip()
