"""Who reads an event, which of its fields, and what a change does to each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.choreography.compensating import notices
from workbench.choreography.expression import Expression
from workbench.choreography.impact.cel_fields import cel_fields
from workbench.choreography.impact.code_fields import code_fields
from workbench.choreography.impact.fate import Fate, declared_part, fate_of, find, kinds
from workbench.choreography.impact.result import Effect, FieldRead, Reader, Reason
from workbench.choreography.impact.trial import Sample, effects_after, effects_of, try_reaction
from workbench.choreography.reaction import Reaction
from workbench.choreography.versions import Versions
from workbench.events import Change, EventType, check_compatibility
from workbench.events.compatibility.sentences import field_of

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

Touched = Mapping[str, Collection[str]]
"""``service/reaction`` → the fields that its handler was seen to touch."""

CODE, WHOLE, SEEN, UNBOUND = (
    "its code",
    "its code hands the event on as a whole",
    "seen to touch it",
    "its handler is not bound here",
)


@dataclass(frozen=True)
class _Use:
    """One way in which a reaction uses a field."""

    known_from: str
    target: str = ""
    """The field of an effect that it is copied or computed to; empty: none."""
    needed: bool = False
    """Whether that field must be there."""
    guard: bool = False
    takes: frozenset[str] | None = None
    """The kinds of value that field takes, where one is copied to it as it stands."""


class Readers:
    """The readers of one event type, before and after a change."""

    def __init__(
        self,
        design: Choreography,
        before: Versions,
        after: Versions,
        samples: Sequence[Sample],
        touched: Touched,
    ) -> None:
        self._design, self._before, self._after = design, before, after
        self._samples, self._touched = samples, touched
        self._new = after.known[after.current]
        self._breaking: dict[int, list[Change]] = {}

    def all(self) -> Iterator[Reader]:
        """Every reaction that reads the event or waits for it, in the design's order."""
        name = self._new.name
        for service in self._design.services.values():
            heard = notices(self._design, service.reactions)
            for reaction in service.reactions.values():
                if reaction.whenever == name:
                    yield self._reader(service.name, reaction)
                elif name in reaction.unless:
                    yield self._deaf(service.name, reaction, "waits for it to stay away")
                elif name in reaction.failures:
                    yield self._deaf(
                        service.name, reaction, f"undoes {reaction.compensates} for it"
                    )
                elif reaction.compensates and name in heard:
                    yield self._deaf(service.name, reaction, "waits for it as a notice")

    def _deaf(self, service: str, reaction: Reaction, role: str) -> Reader:
        """One to whom it matters only that the event has come."""
        return Reader(service, reaction.name, f"{role}; reads no field", self._before.current,
                      pinned=False, **self._place(reaction))  # fmt: skip

    def _reader(self, service: str, reaction: Reaction) -> Reader:
        newest = max(self._before.read_by(reaction))
        # A reaction may read the new version already, which was not known before.
        read = self._before.known.get(newest) or self._before.known[self._before.current]
        pinned = self._after.current not in self._after.read_by(reaction)
        uses = self._uses(service, reaction, read)
        reasons = list(self._refusals(read)) if pinned else list(self._undecided(read))
        effects = (
            effects_of(self._design, reaction),
            effects_after(self._design, reaction, self._new),
        )
        reasons += try_reaction(reaction, self._samples, self._before, self._after, effects)
        fields = tuple(
            self._field(path, tuple(found), read, pinned=pinned) for path, found in uses.items()
        )
        role = f"undoes {reaction.compensates}" if reaction.compensates else "reacts"
        return Reader(service, reaction.name, role, read.version, pinned, fields, tuple(reasons),
                      **self._place(reaction))  # fmt: skip

    def _place(self, reaction: Reaction) -> dict[str, Any]:
        source = self._design.source
        file = str(source.folder / "choreography.yaml") if source and reaction.line else None
        return {"file": file, "line": reaction.line if file else None}

    # --- what it reads ----------------------------------------------------------------------

    def _uses(self, service: str, reaction: Reaction, read: EventType) -> dict[str, list[_Use]]:
        """Path → how it is used, the deepest part that the schema declares."""
        found: dict[str, list[_Use]] = {}

        def add(path: str, use: _Use) -> None:
            declared = declared_part(read, path)
            known = found.setdefault(declared or path, [])
            if use not in known:
                known.append(use)

        if reaction.guard is not None:
            for path in cel_fields(reaction.guard):
                add(path, _Use(f"guard `{reaction.guard.source}`", guard=True))
        for effect, fields in (reaction.mappings or {}).items():
            kind = self._design.event_type(effect, reaction.writes.get(effect))
            for target, value in fields.items():
                if isinstance(value, Expression):
                    needed = target in kind.schema.get("required", ())
                    schema = (kind.properties.get(target, {}),)
                    takes = frozenset(kinds(kind, schema)) if value.is_path else None
                    use = _Use(f"{effect}.{target}", f"{effect}.{target}", needed, takes=takes)
                    for path in cel_fields(value):
                        add(path, use)
        if reaction.is_python:
            for path, known_from in self._handler_fields(service, reaction, read):
                add(path, _Use(known_from))
        return found

    def _handler_fields(
        self, service: str, reaction: Reaction, read: EventType
    ) -> Iterator[tuple[str, str]]:
        seen = self._touched.get(f"{service}/{reaction.name}", ())
        yield from ((path, SEEN) for path in seen)
        if reaction.handler is None:
            if not seen:
                yield "", UNBOUND
            return
        paths = code_fields(reaction.handler)
        if paths is None:
            if not seen:
                yield "", "its code can't be read"
            return
        known = read.properties
        for path in paths:
            first = path.partition(".")[0].partition("[")[0]
            if path and (first in known or not known):
                yield path, CODE
            elif not path and not seen:
                yield "", WHOLE
            elif path and hasattr(reaction.takes, first):
                yield "", f"its code uses `{first}` of its model"
            elif path:
                yield path, CODE

    # --- what becomes of it -----------------------------------------------------------------

    def _field(
        self, path: str, uses: tuple[_Use, ...], read: EventType, *, pinned: bool
    ) -> FieldRead:
        known_from = tuple(dict.fromkeys(use.known_from for use in uses))
        if not path:
            return self._whole(known_from, read, pinned=pinned)
        fate = fate_of(path, read, self._new)
        if fate.kind != "fits":
            told = [_what_follows(fate, use, read, self._new, pinned=pinned) for use in uses]
            worst: Effect = "breaks" if any(effect == "breaks" for effect, _ in told) else "check"
            first = next(text for effect, text in told if effect == worst)
            return FieldRead(path, known_from, worst, first)
        for change in self._changes(read):
            place = field_of(change.pointer)
            if place and (_within(place, path) or _within(path, place)):
                effect: Effect = "breaks" if pinned else "check"
                return FieldRead(path, known_from, effect, _plain(change.sentence, pinned=pinned))
        return FieldRead(path, known_from)

    def _whole(self, known_from: tuple[str, ...], read: EventType, *, pinned: bool) -> FieldRead:
        lost = [
            fate.text
            for name in read.properties
            if (fate := fate_of(name, read, self._new)).kind != "fits"
        ]
        if lost:
            why = f"it may read what changes: {', '.join(lost)}"
            return FieldRead("", known_from, "check", why)
        breaking = [] if pinned else self._changes(read)
        why = _plain(breaking[0].sentence, pinned=False) if breaking else ""
        return FieldRead("", known_from, "check" if breaking else "fits", why)

    def _refusals(self, read: EventType) -> Iterator[Reason]:
        """Why a reader that stays at its version refuses new events."""
        for change in self._changes(read):
            text = f"it validates by v{read.version}, and {_lower(change.sentence)}"
            yield Reason("breaks", text, change.witness)

    def _undecided(self, read: EventType) -> Iterator[Reason]:
        """What could not be found out about a reader that goes along with the change."""
        for change in self._changes(read):
            if change.kind == "undecided":
                yield Reason("check", change.sentence)

    def _changes(self, read: EventType) -> list[Change]:
        """What those who know a version can't read of what is written in the new one."""
        if read.version not in self._breaking:
            policy = self._design.evolution_of(read.name).policy
            verdict = check_compatibility(
                dict(read.schema), dict(self._new.schema), "FORWARD", policy
            )
            first = {"type-changed": 0}
            found = sorted(verdict.breaking, key=lambda change: first.get(change.kind, 1))
            self._breaking[read.version] = found
        return self._breaking[read.version]


def _what_follows(
    fate: Fate, use: _Use, read: EventType, new: EventType, *, pinned: bool
) -> tuple[Effect, str]:
    """What a field's fate means for one use of it."""
    if fate.kind == "retyped":
        return _retyped(fate, use, new)
    default = _default(read, fate.path) if pinned else None
    if default is not None:
        return "check", f"{fate.text}: it reads its default {default} instead."
    seldom = "" if fate.kind == "gone" else " where it is absent"
    if use.guard:
        return "breaks", (
            f"{fate.text}: in {use.known_from} it is null{seldom}, and comparing null is false."
        )
    if use.target and use.needed:
        return "breaks", (
            f"{fate.text}: {use.target} must be there, so that the effect is refused{seldom}."
        )
    if use.target:
        effect, _, target = use.target.partition(".")
        return "check" if fate.kind == "optional" else "breaks", (
            f"{fate.text}: {effect} goes out without {target}{seldom}."
        )
    return "breaks", f"{fate.text}: its handler finds nothing there{seldom}."


def _retyped(fate: Fate, use: _Use, new: EventType) -> tuple[Effect, str]:
    if use.guard:
        return "breaks", (
            f"{fate.text}: in {use.known_from} it compares as something else, or fails."
        )
    if use.takes is not None:
        found = find(new, fate.path)
        if found is not None and kinds(new, found.schemas) <= use.takes:
            return "check", f"{fate.text}, and so is {use.target}, which it is copied to."
        return (
            "breaks",
            f"{fate.text}, and {use.target}, which it is copied to, does not take that.",
        )
    if use.target:
        return "breaks", f"{fate.text}, and {use.target} is computed from it."
    return "breaks", f"{fate.text}: its handler does not expect that."


def _default(event_type: EventType, path: str) -> str | None:
    schema = event_type.properties.get(path, {})
    return repr(schema["default"]) if "default" in schema else None


def _within(place: str, path: str) -> bool:
    return place == path or place.startswith((f"{path}.", f"{path}[")) or not path


def _plain(sentence: str, *, pinned: bool) -> str:
    """A change's sentence for one who reads the new version, and refuses nothing of it."""
    if pinned:
        return sentence
    said = sentence.rsplit(": old readers refuse", 1)[0]
    return f"{said}: it meets values that it has not met before."


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
