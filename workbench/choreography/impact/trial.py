"""Guards and mappings tried on payloads, before and after a change. No handler is ever called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.choreography.expression import cel_view
from workbench.choreography.impact.refusals import VALUES
from workbench.choreography.impact.result import Reason
from workbench.choreography.mapping import mapped
from workbench.choreography.reaction import Reaction
from workbench.choreography.versions import Versions
from workbench.errors import EventError, ExpressionError
from workbench.events import EventType, decode_payload, encode_payload

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


class Sample(NamedTuple):
    """Payloads to try a reaction on.

    Attributes
    ----------
    name
        ``plausible new events``, ``captured events``.
    payloads
        Each with the ``dataschema`` that it names.
    both
        Whether they are tried before the change, too.
    """

    name: str
    payloads: Sequence[tuple[Any, str | None]]
    both: bool


class Outcome(NamedTuple):
    """What became of one payload: whether the guard let it through, and why it failed, if it did."""

    held: bool
    failure: str = ""


def try_reaction(
    reaction: Reaction,
    samples: Sequence[Sample],
    before: Versions,
    after: Versions,
    effects: tuple[Mapping[str, EventType], Mapping[str, EventType]],
) -> Iterator[Reason]:
    """What goes wrong after a change that went well before it.

    Payloads that can't be read at all are left out: that is told elsewhere, and once.

    Parameters
    ----------
    reaction
        Tried as far as it is data: its guard and its mappings.
    samples
        What it is tried on; plausible new payloads right after plausible old ones.
    before, after
        The versions of the event that it reacts to.
    effects
        The event types that are emitted, before and after.
    """
    usual = False
    for sample in samples:
        tried = _Tried(reaction, sample, before, after, effects)
        yield from tried.reasons(usual=usual)
        usual = tried.held_before > 0


class _Tried:
    """One sample, tried on one reaction."""

    def __init__(
        self,
        reaction: Reaction,
        sample: Sample,
        before: Versions,
        after: Versions,
        effects: tuple[Mapping[str, EventType], Mapping[str, EventType]],
    ) -> None:
        self._reaction, self._sample = reaction, sample
        self._failed: dict[str, list[tuple[str, Any]]] = {}
        self.held = self.held_before = self._let_in = self._shut_out = 0
        for payload, dataschema in sample.payloads:
            was = None
            if sample.both:
                was = outcome(reaction, payload, dataschema, before, effects[0])
                if was is None or was.failure:
                    continue  # it is no worse than before
                self.held_before += was.held
            now = outcome(reaction, payload, dataschema, after, effects[1])
            if now is not None:
                self._compare(payload, was, now)

    def _compare(self, payload: Any, was: Outcome | None, now: Outcome) -> None:
        self.held += now.held
        if now.failure:
            key = VALUES.sub("…", now.failure)
            self._failed.setdefault(key, []).append((now.failure, payload))
        elif was is not None:
            self._let_in += now.held and not was.held
            self._shut_out += was.held and not now.held

    def reasons(self, *, usual: bool) -> Iterator[Reason]:
        """What is wrong; ``usual``: the guard lets events through that are like these."""
        n, name = len(self._sample.payloads), self._sample.name
        for found in self._failed.values():
            why, payload = found[0]
            yield Reason("breaks", f"{len(found):,} of {n:,} {name} fail: {why}", payload)
        guard = self._reaction.guard
        if guard is None:
            return
        text = f"the guard `{guard.source}`"
        if self._shut_out:
            yield Reason(
                "breaks", f"{text} no longer lets {self._shut_out:,} of {n:,} {name} through."
            )
        if self._let_in:
            yield Reason(
                "breaks",
                f"{text} lets {self._let_in:,} of {n:,} {name} through that it turned away.",
            )
        if usual and not self._sample.both and not self.held and not self._failed:
            yield Reason("check", f"{text} lets none of {n:,} {name} through.")


def outcome(
    reaction: Reaction,
    payload: Any,
    dataschema: str | None,
    versions: Versions,
    effects: Mapping[str, EventType],
) -> Outcome | None:
    """What becomes of one payload, as in a service; ``None``: it can't be read.

    Parameters
    ----------
    reaction
        Tried as far as it is data: its guard and its mappings.
    payload, dataschema
        What the event says, and the version that it names.
    versions
        Those of the event type that it reacts to.
    effects
        Event type → the version of it that is emitted.
    """
    try:
        reading = versions.read(payload, dataschema, versions.read_by(reaction))
    except EventError:
        return None
    held = False
    try:
        view = cel_view(reading.data, reading.event_type)
        if reaction.guard is not None and not reaction.guard.holds(view):
            return Outcome(held)
        held = True
        for name, fields in (reaction.mappings or {}).items():
            kind = effects[name]
            made = decode_payload(encode_payload(mapped(fields, reading.data, view, kind)))
            problem = kind.problem_with(made)
            if problem:
                return Outcome(held, f"the effect is refused: {problem}.")
    except (ExpressionError, EventError) as error:
        return Outcome(held, str(error))
    return Outcome(held)


def effects_of(design: Choreography, reaction: Reaction) -> dict[str, EventType]:
    """The event types that a reaction emits, in the versions that it writes."""
    return {name: design.event_type(name, reaction.writes.get(name)) for name in reaction.emits}


def effects_after(
    design: Choreography, reaction: Reaction, changed: EventType
) -> dict[str, EventType]:
    """The same after a change of one of them."""
    found = effects_of(design, reaction)
    if changed.name in found and changed.name not in reaction.writes:
        found[changed.name] = changed
    return found
