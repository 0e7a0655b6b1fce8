"""Rules about which versions of an event are written, and which are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.choreography.frozen import LOCK
from workbench.choreography.handlers import annotated_effects
from workbench.choreography.lint.graph import reactions_of
from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.places import Places
from workbench.errors import HandlerError

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction


@rule("deprecated-version", "warning")
def deprecated_version(design: Choreography) -> Iterator[Found]:
    """A reaction reads or writes a deprecated version of an event.

    The version is marked as one that nobody should use any more (`deprecated: [1]`), and as long
    as somebody does it can't go.

    Let the reaction write a newer one (`writes:`), or read one (`reads:`), with an upcaster for
    the old events that are still on the channel.
    """
    for subject, _, reaction in reactions_of(design):
        uses = [("reads", reaction.whenever, n) for n in _read(design, reaction)]
        uses += [("writes", e, _written(design, reaction, e)) for e in reaction.emits]
        for how, name, version in uses:
            if version in design.evolution_of(name).deprecated:
                message = f"{subject} {how} {name} v{version}, which is deprecated."
                yield Found(subject, message)


@rule("version-nobody-emits", "warning")
def version_nobody_emits(design: Choreography) -> Iterator[Found]:
    """A reaction reads only versions of an event that nobody emits.

    What it is given then is always of another version and is taken as it stands: it works as
    long as it happens to fit, and is a dead letter when it does not.

    A reaction is reported if services emit the event, but none of them in a version that it reads,
    nor in one from which upcasters lead to that. An event that nobody in the design emits may have
    any version.

    Let the emitter write that version (`writes:`), read what is written (`reads:`), or write the
    upcasters between the two. While consumers go first in a roll-out, silence it and say so.
    """
    written: dict[str, set[int]] = {}
    for _, _, reaction in reactions_of(design):
        for effect in reaction.emits:
            written.setdefault(effect, set()).add(_written(design, reaction, effect))
    for subject, _, reaction in reactions_of(design):
        name, read = reaction.whenever, _read(design, reaction)
        if read and name in written and not _led_to(design, name, written[name]) & {*read}:
            emitted = " and ".join(f"v{n}" for n in sorted(written[name]))
            only = " and ".join(f"v{n}" for n in sorted(read))
            yield Found(
                subject,
                f"{subject} reads only {only} of {name}, but {emitted} is emitted and no upcaster "
                "leads from one to the other.",
            )


@rule("unchecked-release", "warning")
def unchecked_release(design: Choreography) -> Iterator[Found]:
    """A released version on disk has no line in `released.lock`: nobody has checked it.

    `workbench release` checks a draft against the versions before it, and notes its sum, so that a
    later edit is told. A file that was put there by hand, such as `4.json`, went through neither:
    it may break those who read the event, and its edits go unseen.

    Make it `draft.json` and let `workbench release` check it. Or have a look at it, and save the
    design, which notes the sums of what is there: `Choreography.load(folder).save(folder)`.
    """
    unchecked = design.source.unchecked if design.source else set()
    places = Places(design)
    for name in design.event_types:
        versions = sorted(n for n in design.released.get(name, {}) if (name, n) in unchecked)
        if versions:
            told = " and ".join(f"v{version}" for version in versions)
            have, them = ("has", "it") if len(versions) == 1 else ("have", "them")
            yield Found(
                name,
                f"{name} {told} {have} no line in {LOCK}, so nobody has checked {them}: make a "
                "hand-made file draft.json and `workbench release` it, or look at it and save "
                "the design.",
                places.version(name, f"{versions[-1]}.json"),
            )


def _read(design: Choreography, reaction: Reaction) -> tuple[int, ...]:
    """The versions that a reaction reads; a compensation reads what its step has read."""
    return () if reaction.compensates else design.versions(reaction.whenever).read_by(reaction)


def _written(design: Choreography, reaction: Reaction, effect: str) -> int:
    """The version of an effect: as it is said, as the handler's annotation has it, or in use."""
    if effect in reaction.writes:
        return reaction.writes[effect]
    try:
        classes = annotated_effects(reaction.handler) if reaction.handler else []
    except HandlerError:  # it has no annotation: what it emits was said by name
        classes = []
    types = [made.event_type for made in classes if hasattr(made, "event_type")]
    versions = {event_type.name: event_type.version for event_type in types}
    return versions.get(effect, design.event_types[effect].version)


def _led_to(design: Choreography, name: str, written: set[int]) -> set[int]:
    """The versions as which these can be read through upcasters, themselves included."""
    versions = design.versions(name)
    found = set(written)
    for version, upcaster in versions.upcasters.items():  # from the oldest
        if version in found:
            found.add(upcaster.new.version)
    return found
