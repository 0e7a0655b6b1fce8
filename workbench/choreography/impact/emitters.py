"""Who emits an event, and whether what they emit is of the new version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.choreography.handlers import annotated_effects
from workbench.choreography.impact.result import Effect, Emitter, Reason
from workbench.choreography.impact.trial import Sample, try_reaction
from workbench.choreography.reaction import Reaction
from workbench.errors import EventError, HandlerError
from workbench.events import EventType, examples

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

TRIED = 30
"""On so many plausible payloads a reaction is tried."""


def emitters(design: Choreography, old: EventType, new: EventType) -> Iterator[Emitter]:
    """Every reaction that emits an event type, in the design's order."""
    for service in design.services.values():
        for reaction in service.reactions.values():
            if new.name in reaction.emits:
                source = design.source
                file = (
                    str(source.folder / "choreography.yaml") if source and reaction.line else None
                )
                writes = reaction.writes.get(new.name)
                reasons = () if writes else tuple(_reasons(design, reaction, old, new))
                yield Emitter(service.name, reaction.name, writes or _written(reaction, old, new),
                              reasons, file, reaction.line if file else None)  # fmt: skip


def _written(reaction: Reaction, old: EventType, new: EventType) -> int:
    """The version that is written after the change."""
    return _version_of_class(reaction, new.name) or (
        old.version if reaction.mappings is None else new.version
    )


def _version_of_class(reaction: Reaction, name: str) -> int | None:
    """The version of the class that a Python handler says it returns, if it says so."""
    if reaction.handler is None:
        return None
    try:
        classes = annotated_effects(reaction.handler)
    except HandlerError:
        return None
    return next((c.event_type.version for c in classes if c.event_type.name == name), None)


def _reasons(
    design: Choreography, reaction: Reaction, old: EventType, new: EventType
) -> Iterator[Reason]:
    if reaction.mappings is None:
        if _version_of_class(reaction, new.name) is None:
            yield Reason(
                "check",
                f"a Python handler makes it, and must give what v{new.version} wants; which fields "
                "it fills is not known.",
            )
        return
    fields = reaction.mappings[new.name]
    required = set(new.schema.get("required", ()))
    missing = sorted(required - {*fields})
    for name in missing:
        yield Reason(
            "breaks", f"it doesn't fill `{name}`, which must be there: every {new.name} is refused."
        )
    unknown = sorted({*fields} - {*new.properties})
    if unknown and new.properties:
        closed = new.schema.get("additionalProperties", True) is False
        for name in unknown:
            what = "every one is refused" if closed else "it travels undeclared"
            effect: Effect = "breaks" if closed else "check"
            yield Reason(effect, f"it fills `{name}`, which v{new.version} doesn't have: {what}.")
    if not missing:
        yield from _tried(design, reaction, old, new, fields)


def _tried(
    design: Choreography,
    reaction: Reaction,
    old: EventType,
    new: EventType,
    fields: Mapping[str, Any],
) -> Iterator[Reason]:
    """What is wrong with the values, as plausible payloads of the cause show."""
    if reaction.whenever == new.name:
        return  # tried as a reader
    versions = design.versions(reaction.whenever)
    cause = versions.known[max(versions.read_by(reaction))]
    try:
        payloads = [(payload, cause.dataschema) for payload in examples(cause, TRIED)]
    except EventError:
        return
    alone = replace(reaction, mappings={new.name: fields}, guard=None)
    samples = [Sample(f"plausible {cause.name} events", payloads, both=True)]
    yield from try_reaction(alone, samples, versions, versions, ({new.name: old}, {new.name: new}))
