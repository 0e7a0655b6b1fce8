"""Rules that try what is data on plausible events: guards, mappings and upcasters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.choreography.expression import Expression
from workbench.choreography.impact.refusals import VALUES
from workbench.choreography.impact.trial import effects_of, outcome
from workbench.choreography.lint.graph import reactions_of
from workbench.choreography.lint.reading import expressions_of, unknown_fields, upcaster_file
from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.lint.trial import Trial, expressions_in
from workbench.choreography.places import Places
from workbench.errors import DesignError, EventError
from workbench.events.compatibility.result import shown

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction
    from workbench.choreography.upcaster import Upcaster
    from workbench.events import EventType
    from workbench.problems import Severity

_SHOWN = 120


@rule("reaction-fails", "error")
def reaction_fails(design: Choreography) -> Iterator[Found]:
    """A guard or a mapping fails on plausible events, which are dead letters then.

    An operator meets a value of another type (`data.note + 1.0` on a text), a list has no such
    entry; or a mapping makes an effect that its schema refuses, since it leaves out a required
    field, or copies an optional one to it.

    Each reaction that is data is tried, as services do it, on about 20 events that are made up from
    the schemas of the versions that it reads. It is an error if it fails on every one for which its
    guard holds, else a warning; one of the events is told. No Python handler is called. Schemas for
    which no event is found are passed over, and so is what `unknown-field` explains.

    Mend the expression (CEL: `data.note == null ? 'none' : data.note`), let a guard turn such events
    away, or say more in the schema of the event, if no such event can come.
    """
    tried = Trial(len(design.event_types))
    for subject, _, reaction in reactions_of(design):
        if reaction.is_python:
            continue
        versions = design.versions(reaction.whenever)
        try:
            effects = effects_of(design, reaction)
        except DesignError:  # the draft that it writes has become another version
            continue
        read = [versions.known[n] for n in versions.read_by(reaction) if n in versions.known]
        guarded, reaction = _without_what_is_unknown(reaction, read, effects, tried)
        expressions = [expression for _, expression in expressions_of(reaction)]
        count, turned_away, failures = 0, 0, list[tuple[str, Any]]()
        for kind in read:
            for payload in tried.payloads(kind, expressions):
                found = outcome(reaction, payload, kind.dataschema, versions, effects)
                if found is None or (guarded and not found.held):
                    continue  # can't be read; or its guard reads what is unknown
                if not found.held and not found.failure:
                    turned_away += 1
                    continue
                count += 1
                if found.failure:
                    failures.append((found.failure, payload))
        if failures:
            events = f"plausible {reaction.whenever} events"
            if turned_away:
                events += " that its guard does not turn away"
            told, severity = _told(failures, count, events)
            yield Found(subject, f"{subject} fails on {told}", severity=severity)


@rule("upcaster-fails", "error")
def upcaster_fails(design: Choreography) -> Iterator[Found]:
    """An upcaster fails on plausible events of the older version.

    Whoever reads the newer version can't read them, and old events on the channel are dead letters.

    Each upcaster is tried on about 20 events that are made up from the older version's schema; what
    it gives must satisfy the newer one's. It is an error if it fails on every one, else a warning;
    one of the events is told.

    Mend it: give a required field that old events lack (or have only sometimes) a value, such as
    `data.locale == null ? 'en' : data.locale`.
    """
    tried, places = Trial(len(design.event_types)), Places(design)
    for name in design.upcasters:
        versions = design.versions(name)
        for upcaster in versions.upcasters.values():
            failures, count = list[tuple[str, Any]](), 0
            for payload in tried.payloads(upcaster.old, expressions_in(upcaster.fields)):
                count += 1
                why = _why_refused(upcaster, payload)
                if why:
                    failures.append((why, payload))
            if failures:
                told, severity = _told(failures, count, f"plausible v{upcaster.old.version} events")
                step = f"{name}'s upcaster to v{upcaster.new.version}"
                place = places.version(name, upcaster_file(versions, upcaster.new, design))
                yield Found(name, f"{step} fails on {told}", place, severity)


def _without_what_is_unknown(
    reaction: Reaction, read: list[EventType], effects: Mapping[str, EventType], tried: Trial
) -> tuple[bool, Reaction]:
    """Whether the guard reads unknown fields; and the reaction with plausible values for such."""
    guarded = reaction.guard is not None and bool(unknown_fields(reaction.guard, read))
    mappings: dict[str, Mapping[str, Any]] = {}
    for effect, fields in (reaction.mappings or {}).items():
        unknown = {
            field
            for field, value in fields.items()
            if isinstance(value, Expression) and unknown_fields(value, read)
        }
        if not unknown:
            mappings[effect] = fields
            continue
        plausible = next((payload for payload, _ in tried.examples(effects[effect])), None)
        if isinstance(plausible, Mapping):
            mappings[effect] = {
                field: plausible.get(field) if field in unknown else value
                for field, value in fields.items()
                if field not in unknown or field in plausible
            }
    return guarded, replace(reaction, mappings=mappings)


def _told(failures: list[tuple[str, Any]], count: int, events: str) -> tuple[str, Severity]:
    """How often it fails, why (most often), and one event on which it does."""
    same: dict[str, list[tuple[str, Any]]] = {}
    for why, payload in failures:
        same.setdefault(VALUES.sub("…", why), []).append((why, payload))
    why, payload = max(same.values(), key=len)[0]
    others = " (and for other reasons)" if len(same) > 1 else ""
    told = f"{len(failures)} of {count} {events}, such as {shown(payload, _SHOWN)}: "
    return f"{told}{_one_line(why)}{others}.", "error" if len(failures) == count else "warning"


def _one_line(why: str) -> str:
    return " ".join(why.split()).rstrip(".")


def _why_refused(upcaster: Upcaster, payload: Any) -> str:
    try:
        upcaster.upcast(payload)
    except EventError as error:
        return str(error)
    return ""
