"""What a changed design would break that runs as it was: the gate before a change is merged."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.choreography.places import Place, Places
from workbench.events.compatibility import Change
from workbench.events.json_lines import lines_of
from workbench.problems import Problem, Problems

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.events import EventType


def differences(old: Choreography, new: Choreography) -> Problems:
    """What is wrong with a design, seen by those who run it as it was.

    Every event type that changed is held to its mode and its policy; what was released may not
    change or go; nor may the key field (events of one entity would no longer be in order) or the
    channel (those that run listen to the old one). What was forced with a reason is a note.

    Parameters
    ----------
    old, new
        The design before and after.
    """
    found = Problems()
    for name, event_type in old.event_types.items():
        if name not in new.event_types:
            found.append(_gone(old, name))
            continue
        found += _frozen(old, new, name)
        found += _incompatible(old, new, name)
        found += _own_readers(old, new, name)
        after = new.event_types[name]
        if event_type.key != after.key:
            found.append(_key_changed(new, event_type, after))
        was, now = sorted(old.channels_of(name)), sorted(new.channels_of(name))
        if not set(was) <= set(now) and old.consumers(name):
            message = (
                f"{name} moves from {' and '.join(was)} to {' and '.join(now)}: services that run "
                "read the old channel; keep it with 'channel:' until they are replaced."
            )
            found.append(_problem(new, "channel-changed", name, message))
    return found


def drafts(design: Choreography) -> Problems:
    """What is wrong with the drafts of a design, against its own released versions."""
    found = Problems()
    for name in design.event_types:
        found += _incompatible(design, design, name)
        found += breaking_draft(design, name)
    return found


def breaking_draft(design: Choreography, name: str) -> Iterator[Problem]:
    """What the draft of an event type breaks in its own design, compatible or not."""
    released = design.released.get(name)
    if not released or not design.is_draft(name):
        return
    yield from _own_readers(design, design, name)
    last, draft = released[max(released)], design.event_types[name]
    if last.key != draft.key:
        yield _key_changed(design, last, draft)


def _gone(old: Choreography, name: str) -> Problem:
    readers = old.consumers(name)
    if readers:
        message = f"{name} is gone, and {' and '.join(readers)} would wait for it in vain."
        return Problem("event-gone", name, message, "error")
    return Problem("event-gone", name, f"{name} is gone; nobody reacted to it.", "note")


def _frozen(old: Choreography, new: Choreography, name: str) -> Iterator[Problem]:
    for version, released in old.released.get(name, {}).items():
        after = new.released.get(name, {}).get(version)
        if after is not None and after.schema == released.schema:
            continue
        what = "is gone" if after is None else "has changed"
        message = f"{name} v{version} is released and never changes, but it {what}: put it back."
        yield _problem(new, "released-changed", name, message)


def _incompatible(old: Choreography, new: Choreography, name: str) -> Iterator[Problem]:
    after, evolution = new.event_types[name], new.evolution_of(name)
    if after.version in old.released.get(name, {}):
        return  # as it was
    before = old.released.get(name) or {0: old.event_types[name]}
    if all(dict(one.schema) == dict(after.schema) for one in before.values()):
        return
    versions = sorted(before)
    verdict = evolution.verdict(before, after)
    if verdict.compatible:
        return
    forced = evolution.forced.get(after.version)
    places = _lines(new, after, verdict.breaking)
    for change in verdict.breaking:
        was = f"v{versions[change.version - 1]}" if versions != [0] else "what it was"
        message = f"not {evolution.mode} compatible with {was}: {change.told}"
        file, line = places.get(change.pointer, _schema_place(new, after))
        subject = f"{name} v{after.version}"
        if forced is not None:
            yield Problem("incompatible", subject, message, "note", file, line, forced)
        else:
            yield Problem("incompatible", subject, message, "error", file, line)


def _own_readers(old: Choreography, new: Choreography, name: str) -> Iterator[Problem]:
    """Reactions of the changed design that would break on events of the changed type."""
    before, after = old.event_types[name], new.event_types[name]
    if new is not old and before == after:
        return
    seen = copy(new)
    seen.released = {**new.released, name: old.released.get(name, {})}
    seen.event_types = {**new.event_types, name: before}
    for problem in seen.impact(name, after).problems().at_least("error"):
        if problem.rule in ("reader-breaks", "emitter-breaks"):
            yield problem


def _key_changed(new: Choreography, before: EventType, after: EventType) -> Problem:
    message = (
        f"the key of {after.name} was {before.key or 'none'} and is {after.key or 'none'}: events "
        "of one entity no longer keep their order across the change."
    )
    return _problem(new, "key-changed", after.name, message)


def _problem(new: Choreography, rule: str, name: str, message: str) -> Problem:
    place = Places(new).of(name) or Place()
    return Problem(rule, name, message, "error", place.file, place.line)


def _schema_place(design: Choreography, event_type: EventType) -> Place:
    if design.source is None:
        return Place()
    folder = design.source.folder / "events" / event_type.name
    for path in (folder / f"{event_type.version}.json", folder / "draft.json"):
        if path.is_file():
            return Place(str(path), 1)
    return Place()


def _lines(design: Choreography, event_type: EventType, changes: list[Change]) -> dict[str, Place]:
    """Where the rules stand that new readers break on; old ones are in the old schema."""
    file: Any = _schema_place(design, event_type).file
    if file is None:
        return {}
    pointers = [change.pointer for change in changes]
    lines = lines_of(Path(file).read_text("utf-8"), pointers)
    return {pointer: Place(file, lines.get(pointer, 1)) for pointer in pointers}
