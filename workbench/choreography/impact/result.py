"""What a change of an event would do, in sentences for people who stand at a whiteboard."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from workbench.choreography.impact.refusals import Refusals
from workbench.events import Compatibility, EventType
from workbench.events.compatibility.result import shown
from workbench.problems import Problem, Problems, Severity, printable

Effect = Literal["breaks", "check", "fits"]
"""``breaks``: it fails, or does something else, on events that are allowed; ``check``: a person
should look; ``fits``: nothing changes for it."""

MARKS: dict[Effect, str] = {"breaks": "✗", "check": "?", "fits": "✓"}
_WORST: tuple[Effect, ...] = ("breaks", "check", "fits")
_CHANGES = 10
"""So many of the changes that break are printed; all of them are in ``compatibility``."""
_SEVERITIES: dict[Effect, Severity] = {"breaks": "error", "check": "warning"}


@dataclass(frozen=True)
class Reason:
    """Why something breaks, or should be looked at.

    Attributes
    ----------
    effect
        How bad it is.
    text
        A sentence.
    witness
        A payload that shows it; ``None`` if there is none.
    """

    effect: Effect
    text: str
    witness: Any = None

    def __str__(self) -> str:
        text = f"{MARKS[self.effect]} {self.text}"
        return text if self.witness is None else f"{text}\n      for example {shown(self.witness)}"


@dataclass(frozen=True)
class FieldRead:
    """A field that a reaction reads, and what becomes of it there.

    Attributes
    ----------
    path
        ``customer.city``, ``lines[].sku``; empty: any field, as far as is known.
    known_from
        Where that is known from: ``guard `data.total > 3.0```, ``StockReserved.total``, ``its
        code``, ``its model``, ``seen to touch it``.
    effect
        What the change does to this use of the field.
    why
        In a sentence; empty if it fits.
    """

    path: str
    known_from: tuple[str, ...]
    effect: Effect = "fits"
    why: str = ""

    def __str__(self) -> str:
        name = f"`{self.path}`" if self.path else "any of its fields"
        text = f"{MARKS[self.effect]} {name} ({'; '.join(self.known_from)})"
        return f"{text}: {self.why}" if self.why else text


class _Part:
    """A reaction, and what the change does to it."""

    service: str
    reaction: str
    fields: tuple[FieldRead, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def name(self) -> str:
        """``billing/charge``."""
        return f"{self.service}/{self.reaction}"

    @property
    def effect(self) -> Effect:
        """The worst of all."""
        return _worst([*self.fields, *self.reasons])

    @property
    def breaks(self) -> bool:
        """Whether it would fail, do something else, or emit what is refused."""
        return self.effect == "breaks"

    def told(self) -> Iterator[tuple[Effect, str]]:
        """All that there is to say, each with how bad it is."""
        yield from ((field.effect, field.why) for field in self.fields)
        yield from ((reason.effect, reason.text) for reason in self.reasons)

    def _said(self, beside: str) -> str:
        fate = {"breaks": "breaks", "check": "should be looked at", "fits": "fits"}[self.effect]
        head = f"{MARKS[self.effect]} {self.name} {fate}{beside}"
        return "\n    ".join([head, *map(str, self.fields), *map(str, self.reasons)])


@dataclass(frozen=True)
class Reader(_Part):
    """A reaction that reads the event, and what the change does to it.

    Attributes
    ----------
    service, reaction
        Who.
    role
        ``reacts``; ``undoes charge`` (a compensation, which is given the event of its step); or
        ``waits for it``, which reads no field.
    reads
        The version that it reads before the change.
    pinned
        Whether it goes on reading that version; else it reads the new one.
    fields
        What it reads of the event.
    reasons
        What else there is to say: what it refuses, and what came of trying.
    """

    service: str
    reaction: str
    role: str
    reads: int
    pinned: bool
    fields: tuple[FieldRead, ...] = ()
    reasons: tuple[Reason, ...] = ()
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        if self.role != "reacts":
            return self._said(f" ({self.role})")
        return self._said(f" (it goes on reading v{self.reads})" if self.pinned else "")


@dataclass(frozen=True)
class Emitter(_Part):
    """A reaction that emits the event, and whether what it emits is of the new version.

    Attributes
    ----------
    service, reaction
        Who.
    writes
        The version that it would write after the change.
    reasons
        What the new schema has against it.
    """

    service: str
    reaction: str
    writes: int
    reasons: tuple[Reason, ...] = ()
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        return self._said(f" (it emits v{self.writes})")


@dataclass(frozen=True, repr=False)
class Impact:
    """What happens if an event type gets a new schema; prints as an explanation.

    Attributes
    ----------
    event_type
        Its name.
    old, new
        The version that is replaced, and the new one.
    compatibility
        The verdict of :func:`workbench.events.check_compatibility`, under the event type's mode
        and policy.
    readers
        Every reaction that reads the event, in the design's order.
    emitters
        Every reaction that emits it.
    remarks
        What concerns no reaction: its key, its upcasters.
    payloads
        What the new version would refuse of a captured log; ``None`` without one.
    """

    event_type: str
    old: EventType
    new: EventType
    compatibility: Compatibility
    readers: tuple[Reader, ...]
    emitters: tuple[Emitter, ...]
    remarks: tuple[Reason, ...]
    payloads: Refusals | None = None

    @property
    def breaks(self) -> bool:
        """Whether somebody breaks, captured payloads are refused, or the verdict is a refusal."""
        refused = self.payloads is not None and self.payloads.refused > 0
        broken = any(part.effect == "breaks" for part in self._parts())
        return refused or broken or not self.compatibility.compatible

    def _parts(self) -> list[Reader | Emitter | Reason]:
        return [*self.readers, *self.emitters, *self.remarks]

    def to_json(self) -> str:
        """All of it as a JSON object, for other tools."""
        verdict = self.compatibility
        return json.dumps(
            {
                "event_type": self.event_type,
                "old_version": self.old.version,
                "new_version": self.new.version,
                "breaks": self.breaks,
                "compatibility": {
                    "compatible": verdict.compatible,
                    "mode": verdict.mode,
                    "policy": verdict.policy,
                    "changes": [asdict(change) for change in verdict.changes],
                },
                "readers": [{**asdict(part), "effect": part.effect} for part in self.readers],
                "emitters": [{**asdict(part), "effect": part.effect} for part in self.emitters],
                "remarks": [asdict(remark) for remark in self.remarks],
                "payloads": None if self.payloads is None else self.payloads.as_dict(),
            },
            indent=2,
            ensure_ascii=False,
            default=str,
        )

    def problems(self) -> Problems:
        """What breaks and what should be looked at, as ``workbench impact`` annotates it."""
        found = Problems(
            Problem("incompatible", self.event_type, change.sentence, "error")
            for change in self.compatibility.breaking
        )
        parts: list[Reader | Emitter] = [*self.readers, *self.emitters]
        for part in parts:
            rule = "reader-breaks" if isinstance(part, Reader) else "emitter-breaks"
            for effect, text in part.told():
                if effect != "fits":
                    name = rule if effect == "breaks" else "look-at-it"
                    message, severity = f"{part.name}: {text}", _SEVERITIES[effect]
                    found.append(Problem(name, part.name, message, severity, part.file, part.line))
        for remark in self.remarks:
            if remark.effect != "fits":
                severity = _SEVERITIES[remark.effect]
                found.append(Problem("event-changes", self.event_type, remark.text, severity))
        if self.payloads is not None:
            found += [
                Problem("payloads-refused", self.event_type, str(group), "error")
                for group in self.payloads.groups
            ]
        return found

    def __str__(self) -> str:
        head = f"{self.event_type} v{self.old.version} → v{self.new.version}: "
        head += _counted("reaction", self.readers, "read it", "reads it")
        if self.emitters:
            head += f"; {_counted('reaction', self.emitters, 'emit it', 'emits it')}"
        verdict, *_ = str(self.compatibility).splitlines()
        breaking = self.compatibility.breaking
        lines = [f"{head}.", f"{verdict}.", *map(str, breaking[:_CHANGES])]
        if len(breaking) > _CHANGES:
            lines.append(f"and {len(breaking) - _CHANGES:,} more changes that break.")
        for part in self._parts():
            lines += ["", str(part)]
        if self.payloads is not None:
            lines += ["", str(self.payloads)]
        return "\n".join(printable(line).rstrip() for line in "\n".join(lines).split("\n"))

    __repr__ = __str__


def _worst(parts: Iterable[FieldRead | Reason]) -> Effect:
    found = {part.effect for part in parts}
    return next((effect for effect in _WORST if effect in found), "fits")


def _counted(
    what: str, parts: tuple[Reader, ...] | tuple[Emitter, ...], many: str, one: str
) -> str:
    if not parts:
        return f"no {what} {one}"
    text = f"{len(parts):,} {what}s {many}" if len(parts) > 1 else f"one {what} {one}"
    broken = sum(part.breaks for part in parts)
    doubtful = sum(part.effect == "check" for part in parts)
    said = [f"{broken:,} break{'s' if broken == 1 else ''}" if broken else "none breaks"]
    if doubtful:
        said.append(f"{doubtful:,} should be looked at")
    return f"{text} ({', '.join(said)})"
