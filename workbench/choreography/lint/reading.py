"""The rule about fields that are read and that nobody declares."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.choreography.declared import alternatives, declared
from workbench.choreography.expression import Expression
from workbench.choreography.impact.cel_fields import cel_fields, joined
from workbench.choreography.impact.fate import parts
from workbench.choreography.lint.graph import reactions_of
from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.places import Places

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction
    from workbench.choreography.versions import Versions
    from workbench.events import EventType

_LIKE = 0.5
"""How alike two names are of which one may be meant by the other, from 0 to 1."""
_SHOWN = 6
_LONGEST = 60
_COMPARED = 1_000
_DEEPEST = 40


class Unknown(NamedTuple):
    """A field that is read and not declared: its path, and the names there are at that place."""

    path: str
    known: tuple[str, ...]


@rule("unknown-field", "warning")
def unknown_field(design: Choreography) -> Iterator[Found]:
    """An expression reads a field that its event does not declare.

    It is null whenever the expression is evaluated: comparing null is false, so a guard never
    holds (or always, if it says `!`); a mapping gives null, which a required field refuses.

    Guards and mappings of reactions are looked at, and upcasters. A field is reported if none of
    the versions that the reaction reads declares it. Where a schema doesn't say what there is (no
    properties, `patternProperties`, `additionalProperties` with a schema), any name will do.

    Write the name as the schema has it; or declare the field.
    """
    for subject, _, reaction in reactions_of(design):
        versions = design.versions(reaction.whenever)
        read = [versions.known[n] for n in versions.read_by(reaction) if n in versions.known]
        for where, expression in expressions_of(reaction):
            for unknown in unknown_fields(expression, read):
                yield Found(subject, f"{subject} reads {_sentence(unknown, where, read)}")
    places = Places(design)
    for name in design.upcasters:
        versions = design.versions(name)
        for upcaster in versions.upcasters.values():
            for target, expression in _targets(upcaster.fields):
                for unknown in unknown_fields(expression, [upcaster.old]):
                    told = _sentence(unknown, f"for {target}", [upcaster.old])
                    step = f"{name}'s upcaster to v{upcaster.new.version}"
                    place = places.version(name, upcaster_file(versions, upcaster.new, design))
                    yield Found(name, f"{step} reads {told}", place)


def upcaster_file(versions: Versions, new: EventType, design: Choreography) -> str:
    """The file of the upcaster that leads to a version."""
    released = new.version in design.released.get(versions.name, {})
    return f"{new.version if released else 'draft'}.upcaster.yaml"


def expressions_of(reaction: Reaction) -> Iterator[tuple[str, Expression]]:
    """The expressions of a reaction, each with what it is there for."""
    if reaction.guard is not None:
        yield "in its guard", reaction.guard
    for effect, fields in (reaction.mappings or {}).items():
        for field, value in fields.items():
            if isinstance(value, Expression):
                yield f"for {effect}.{field}", value


def unknown_fields(expression: Expression, read: Iterable[EventType]) -> list[Unknown]:
    """What an expression reads that none of these versions declares, each place once."""
    found: dict[str, Unknown] = {}
    for path in cel_fields(expression):
        missing = [_missing(path, event_type) for event_type in read]
        known = [unknown for unknown in missing if unknown is not None]
        if known and len(known) == len(missing):
            furthest = max(known, key=lambda unknown: len(unknown.path))
            found.setdefault(furthest.path, furthest)
    return list(found.values())


def _missing(path: str, event_type: EventType) -> Unknown | None:
    """The first part of a path that is not declared where names are; ``None``: there is none."""
    here: list[Any] = [event_type.schema]
    before = ""
    for part in filter(None, islice(parts(path), _DEEPEST)):
        name = part.removeprefix(before).removeprefix(".")
        if name == "[]":
            here = list(_entries(event_type, here))
        else:
            known = declared(event_type, here)
            if known is None or any("." in other or "[]" in other for other in known):
                return None
            if name not in known:
                return Unknown(part, tuple(joined(before, other) for other in known))
            here = known[name]
        if not here or not all(isinstance(schema, Mapping) for schema in here):
            return None  # anything may be there
        before = part
    return None


def _entries(event_type: EventType, schemas: Iterable[Any]) -> Iterator[Any]:
    for schema in alternatives(event_type, schemas):
        for keyword in ("prefixItems", "items"):
            said = schema.get(keyword)
            yield from said if isinstance(said, list) else [said] if keyword in schema else []


def _targets(fields: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Expression]]:
    for name, value in fields.items():
        if isinstance(value, Expression):
            yield joined(within, name), value
        elif isinstance(value, Mapping):
            yield from _targets(value, joined(within, name))


def _sentence(unknown: Unknown, where: str, read: list[EventType]) -> str:
    versions = " and ".join(f"v{event_type.version}" for event_type in read)
    return (
        f"{_field(unknown.path)} {where}, but {read[0].name} {versions} has no such field, so that "
        f"it is null: {_advice(unknown)}"
    )


def _advice(unknown: Unknown) -> str:
    """The name that is meant, or those that there are."""
    names = {path.rpartition(".")[2].lower(): path for path in unknown.known[:_COMPARED]}
    meant = unknown.path.rpartition(".")[2].lower()
    close = (
        difflib.get_close_matches(meant, names, n=1, cutoff=_LIKE) if len(meant) < _LONGEST else []
    )
    if close:
        return f"did you mean {_field(names[close[0]])}?"
    there = ", ".join(map(_field, unknown.known[:_SHOWN]))
    return f"there is {there}{', …' if len(unknown.known) > _SHOWN else ''}."


def _field(path: str) -> str:
    """How an expression reads it, in one line of a decent length."""
    text = " ".join(f"data.{path}".split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
