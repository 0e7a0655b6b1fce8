"""Rules that try what is data on plausible events: guards, mappings and upcasters."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from workbench.choreography.expression import Expression
from workbench.choreography.impact.refusals import VALUES
from workbench.choreography.impact.trial import effects_of, outcome
from workbench.choreography.lint.graph import reactions_of
from workbench.choreography.lint.reading import expressions_of, unknown_fields, upcaster_file
from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.places import Places
from workbench.errors import DesignError, EventError
from workbench.events import EventType, encode_payload
from workbench.events.compatibility.result import shown
from workbench.events.examples import Examples

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction
    from workbench.choreography.upcaster import Upcaster
    from workbench.problems import Severity

PLAUSIBLE = 20
"""On so many events of a version a reaction or an upcaster is tried."""

_FEWEST = 5
_MOST = 3_000
"""Events that are made for a design; in a larger one there are fewer of each version."""
_SECONDS = 10.0
"""After that a rule tries no more."""
_SECONDS_EACH = 1.0
"""After that no more events of a version are made."""
_MOST_STEPS = 10_000_000
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
    tried = _Trial(len(design.event_types))
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
    tried, places = _Trial(len(design.event_types)), Places(design)
    for name in design.upcasters:
        versions = design.versions(name)
        for upcaster in versions.upcasters.values():
            failures, count = list[tuple[str, Any]](), 0
            for payload in tried.payloads(upcaster.old, _expressions(upcaster.fields)):
                count += 1
                why = _why_refused(upcaster, payload)
                if why:
                    failures.append((why, payload))
            if failures:
                told, severity = _told(failures, count, f"plausible v{upcaster.old.version} events")
                step = f"{name}'s upcaster to v{upcaster.new.version}"
                place = places.version(name, upcaster_file(versions, upcaster.new, design))
                yield Found(name, f"{step} fails on {told}", place, severity)


class _Trial:
    """One rule's trial of a whole design: what is tried, as long as there is time."""

    def __init__(self, event_types: int) -> None:
        self._each = max(_FEWEST, min(PLAUSIBLE, _MOST // max(1, event_types)))
        self._end = time.monotonic() + _SECONDS

    def payloads(self, kind: EventType, expressions: Iterable[Expression]) -> Iterator[Any]:
        """Plausible payloads of a version, as far as the expressions can be evaluated on them."""
        sources = [expression.source for expression in expressions]
        for payload, size in self.examples(kind):
            if time.monotonic() > self._end:
                return
            if all(_steps(source, size) <= _MOST_STEPS for source in sources):
                yield payload

    def examples(self, kind: EventType) -> tuple[tuple[Any, int], ...]:
        """Plausible payloads of a version, each with its size; none if none is found."""
        if time.monotonic() > self._end:
            return ()
        try:
            text = json.dumps(kind.schema, sort_keys=True)
        except (TypeError, ValueError, RecursionError):
            return ()
        return _examples(text, self._each)


@lru_cache(maxsize=2_000)
def _examples(schema: str, most: int) -> tuple[tuple[Any, int], ...]:
    """Kept, since a design is checked again and again while it is drawn."""
    found: list[Any] = []
    end = time.monotonic() + _SECONDS_EACH
    try:
        kind = EventType("Tried", json.loads(schema))
        made = Examples(kind)
        while len(found) < most and time.monotonic() < end:
            found.append(next(made))
            if len(found) == 1:  # the first has all optional fields
                found += _without_optional(found[0], kind)
    except EventError:
        pass  # nothing, or nothing more, is found
    return tuple((payload, len(encode_payload(payload))) for payload in found)


def _without_optional(payload: Any, kind: EventType) -> list[Any]:
    """The same without its optional fields, if that is an event too."""
    if not isinstance(payload, dict):
        return []
    required = kind.schema.get("required", ())
    sparse = {name: value for name, value in payload.items() if name in required}
    return [sparse] if sparse != payload and kind.accepts(sparse) else []


def _steps(source: str, size: int) -> float:
    """About how many steps an expression takes at most: each comprehension may go through all."""
    comprehensions = len(_COMPREHENSION.findall(source))
    return float(((len(source) + size) / 4) ** min(comprehensions, 20))


_COMPREHENSION = re.compile(r"\b(?:all|exists|exists_one|filter|map)\b")


def _without_what_is_unknown(
    reaction: Reaction, read: list[EventType], effects: Mapping[str, EventType], tried: _Trial
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


def _expressions(fields: Mapping[str, Any]) -> Iterator[Expression]:
    for value in fields.values():
        if isinstance(value, Expression):
            yield value
        elif isinstance(value, Mapping):
            yield from _expressions(value)
