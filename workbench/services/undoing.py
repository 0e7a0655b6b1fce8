"""Undoing what was done when a later step fails, in reverse order and with nobody in charge.

Each service decides about its own steps, by three kinds of facts: the steps that it has done, the
failures it has heard of, and the notices that other steps are undone. A step is undone for a
failure

- if it is on the failure's trail: once every later step on that trail that the failure undoes is
  undone too, as the effects of their compensations say;
- if it is not, because another branch of the flow has done it: at once;
- but never if the failure is on the step's own trail: it was done because of it, or after it.

The facts are kept and may come in any order. A step that is done after the failure was heard of
is done and then undone, rather than left out: so the outcome is the same, whichever came first.
An occurrence of a step is undone once, whatever is delivered again and however many failures come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from workbench.brokers import Record
from workbench.choreography import Reaction
from workbench.errors import HandlerError
from workbench.events import Envelope, Trail, from_kafka
from workbench.events.notes import without
from workbench.events.retry import PREFIX as RETRY
from workbench.events.trail import Done, occurrence_of
from workbench.services.arrival import Arrival, Case
from workbench.services.done_steps import DoneStep, DoneSteps
from workbench.services.spec import ServiceSpec

Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Undo:
    """One compensation at work.

    Attributes
    ----------
    envelope
        The event that the step reacted to, as it was then.
    failure
        The failure.
    cause_id
        The id of the event that set this off: the failure's, or the notice's.
    occurrence
        What is being undone.
    earliest
        When the step's own effects happen: those of its compensation don't come before.
    places
        Where all the events stand that this depends on.
    """

    envelope: Envelope
    failure: Envelope
    cause_id: str
    occurrence: str
    earliest: datetime
    places: tuple[Place, ...]


class _Failure(NamedTuple):
    seq: int
    type: str
    event: tuple[str, str]
    done: tuple[Done, ...]


class Undoing:
    """How one service undoes its steps, within a transaction."""

    def __init__(self, spec: ServiceSpec) -> None:
        self._spec = spec
        self._compensations = {r.compensates: r for r in spec.reactions if r.compensates}
        self._failures = {name for r in self._compensations.values() for name in r.failures}
        self.hears = frozenset({*self._failures, *spec.notices})
        """The event types that may set off a compensation."""

    def note(
        self, arrival: Arrival, envelope: Envelope, trail: Trail, steps: DoneSteps, at: float
    ) -> list[Reaction]:
        """Remember what an event tells.

        Gives the compensations of steps that are on its trail and not known here, so that they
        can't be undone.
        """
        flow = envelope.correlationid or envelope.id
        record = _original(arrival)
        if trail.undone is not None and envelope.type in self._spec.notices:
            steps.undone(flow, trail.undone, envelope.id, record, at)
        if envelope.type not in self._failures:
            return []
        steps.failed(flow, (envelope.source, envelope.id), record, at)
        return [
            compensation
            for service, step, occurrence in trail.done
            if service == self._spec.name
            and (compensation := self._compensations.get(step)) is not None
            and envelope.type in compensation.failures
            and not steps.knows(flow, occurrence)
        ]

    def due(self, flow: str, steps: DoneSteps) -> list[tuple[str, Record]]:
        """The compensations to run now in a flow, as (reaction, event of the step); each once."""
        known = steps.failures(flow)
        if not known:
            return []
        failures = [_failure(seq, record) for seq, record in known]
        undone = steps.notices(flow)
        found = []
        for step in steps.standing(flow):
            compensation = self._compensations.get(step.reaction)
            chosen = self._chosen(step, compensation, failures, undone) if compensation else None
            if compensation is not None and chosen is not None:
                steps.begin(step.seq, *chosen)
                found.append((compensation.name, step.record))
        return found

    def _chosen(
        self,
        step: DoneStep,
        compensation: Reaction,
        failures: Sequence[_Failure],
        undone: dict[str, int],
    ) -> tuple[int, int | None] | None:
        """For which failure a step is undone, and after which notice; ``None``: not, or not yet.

        A failure that has the step on its trail goes before one that has not.
        """
        cause = from_kafka(step.record.headers, step.record.value)
        before = {*Trail.of(cause).failed, (cause.source, cause.id)}
        aside, ahead = None, None
        for failure in failures:
            if failure.type not in compensation.failures or failure.event in before:
                continue
            later = self._later(step.occurrence, failure)
            if later is None:
                aside = aside or (failure.seq, None)
            elif not undone.keys() >= set(later):
                return None
            else:
                ahead = ahead or (failure.seq, undone[later[0]] if later else None)
        return ahead or aside

    def _later(self, occurrence: str, failure: _Failure) -> list[str] | None:
        """What on a failure's trail is undone before a step; ``None`` if the step isn't there."""
        at = next((n for n, done in enumerate(failure.done) if done.occurrence == occurrence), None)
        if at is None:
            return None
        undone = self._spec.undone_by.get(failure.type, frozenset())
        return [d.occurrence for d in failure.done[at + 1 :] if (d.service, d.step) in undone]

    # --- reacting -------------------------------------------------------------------------

    def begun(self, case: Case, steps: DoneSteps) -> Undo:
        """What a compensation needs to know.

        Raises
        ------
        HandlerError
            Nothing is known of the step, or nothing calls for undoing it.
        """
        envelope, reaction = case.envelope, case.reaction
        found = steps.begun(reaction.compensates, envelope.source, envelope.id)
        if found is None and (edited := envelope.extensions.get("redriveof")):
            found = steps.begun(reaction.compensates, envelope.source, edited)
        if found is None:
            raise HandlerError(
                f"{self._spec.name}/{reaction.name} has nothing to undo: what is known of "
                f"{reaction.compensates} about {envelope.source}/{envelope.id} is forgotten, or no "
                "failure calls for it."
            )
        step, notice = found.step, found.notice
        failure = from_kafka(found.failure.headers, found.failure.value)
        places: tuple[Place, ...] = (_place(step.record), _place(found.failure))
        return Undo(
            envelope=replace(envelope, id=found.id),
            failure=failure,
            cause_id=notice.id if notice else failure.id,
            occurrence=step.occurrence,
            earliest=datetime.fromtimestamp(step.due, UTC),
            places=(*places, notice.place) if notice else places,
        )

    def handed_on(
        self, case: Case, effects: list[Envelope], undo: Undo | None
    ) -> tuple[list[Envelope], Done | None]:
        """Effects with the trail they carry, and the step that was done by them, if it was one.

        Raises
        ------
        HandlerError
            A compensation emits nothing, or the trail is too long.
        """
        trail, name = case.trail, case.reaction.name
        if undo is not None:
            return _undone(case, effects, undo), None
        failures = self._spec.undone_by
        done, failed = trail.done, trail.failed
        if case.envelope.type in failures and case.event not in failed:
            failed = (*failed, case.event)
        step = None
        if name in self._compensations and any(e.type not in failures for e in effects):
            occurrence = occurrence_of(*case.event, self._spec.name, name)
            step = Done(self._spec.name, name, occurrence)
            done = (*done, step)
        if done or failed:
            extensions = Trail(done, failed).written()
            effects = [replace(effect, extensions=extensions) for effect in effects]
        return effects, step

    def remember(
        self, case: Case, occurrence: str, moments: tuple[float, float], steps: DoneSteps
    ) -> None:
        """A step was done; ``moments`` are when its effects happen, and now."""
        flow = case.envelope.correlationid or case.envelope.id
        record = _original(case.arrival)
        due, now = moments
        step = DoneStep(0, case.reaction.name, occurrence, due, record)
        steps.done(flow, case.event, step, now)


def _undone(case: Case, effects: list[Envelope], undo: Undo) -> list[Envelope]:
    """The effects of a compensation; the first one is the notice."""
    if not effects:
        raise HandlerError(
            f"{case.reaction.name} has emitted nothing, and what was done before "
            f"{case.reaction.compensates} can't be undone until it does: let it return one of "
            f"{', '.join(case.reaction.emits)}."
        )
    trail, failure = case.trail, undo.failure
    failed = (*trail.failed, *Trail.of(failure).failed, (failure.source, failure.id))
    after = Trail(trail.done, tuple(dict.fromkeys(failed)))
    notice = replace(after, undone=undo.occurrence)
    return [
        replace(
            effect,
            causationid=undo.cause_id,
            extensions=(after if place else notice).written(),
        )
        for place, effect in enumerate(effects)
    ]


def _failure(seq: int, record: Record) -> _Failure:
    envelope = from_kafka(record.headers, record.value)
    return _Failure(seq, envelope.type, (envelope.source, envelope.id), Trail.of(envelope).done)


def _original(arrival: Arrival) -> Record:
    """The record as it stood at first, without the notes of a retry."""
    record = arrival.record
    headers = without((RETRY,), record.headers)
    return Record(*arrival.place, record.time_ms, record.key, headers, record.value)


def _place(record: Record) -> Place:
    return record.channel, record.partition, record.offset
