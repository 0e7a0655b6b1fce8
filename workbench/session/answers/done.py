"""The reaction is done, or its guard has turned the event away: the inbox says the same of both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.analysis import wording
from workbench.capture import place_of
from workbench.choreography import cel_view
from workbench.choreography.expression import at
from workbench.choreography.impact.cel_fields import cel_fields
from workbench.errors import EventError, ExpressionError
from workbench.services.inbox import ARMED, DONE
from workbench.session.answers.phrases import at_work, due, listed
from workbench.session.answers.question import Answer, Question
from workbench.session.told import Told


def guarded(asked: Question) -> Answer | None:
    """The inbox says done both of what was handled and of what the guard has turned away."""
    guard, noted = asked.reaction.guard, asked.noted
    if guard is None or noted is None or noted.outcome != DONE or asked.emitted():
        return None
    reading = asked.reading()
    if isinstance(reading, EventError):
        return None
    try:
        holds = guard.holds(cel_view(reading.data, reading.event_type))
    except ExpressionError:
        return None
    if holds:
        return None
    data = asked.evidence.masked(asked.reaction.whenever, reading.data).payload
    seen = " and ".join(_seen(data, path) for path in cel_fields(guard)) or "it"
    return asked.answer(
        "guard false",
        f"{asked.who} turned it away: {seen}, and the guard wants {guard.source}.",
        f"inbox: done at {wording.moment(noted.at)}, with no effects",
        f"guard evaluated again on the event as v{reading.event_type.version}: false",
    )


def _seen(data: Any, path: str) -> str:
    """The value of a field, as a guard has seen it."""
    name = f"data.{path}" if path else "data"
    if "[]" in path:
        head = path.split("[]", 1)[0]
        return f"data.{head} was {wording.value(at(data, head))}"
    found = at(data, path) if path else data
    if found is None:
        return f"{name} was absent, and comparing with nothing is false"
    return f"{name} was {wording.value(found)}"


def handled(asked: Question) -> Answer | None:
    """It was handled, and its effects are sent, are to be sent, or were refused."""
    noted, event = asked.noted, asked.event
    if noted is None or noted.outcome not in (DONE, ARMED):
        return None
    effects = asked.evidence.effects(event, asked.service, asked.reaction)
    unsent = asked.evidence.unsent(event, asked.service, asked.reaction)
    began, tries = _began(asked, effects), asked.tries
    lines = [
        f"inbox: done at {wording.moment(noted.at)}",
        *_timing(asked, began),
        *(_effect_line(told) for told in effects),
        *(
            _unsent_line(asked, envelope.type, envelope.id, row.due, row.refused)
            for envelope, row in unsent
        ),
    ]
    ids = tuple(told.identity for told in effects)
    emitted = listed([told.envelope.type for told in effects if told.envelope])
    what = f"emitted {emitted}" if effects else "emitted nothing"
    if not effects and not unsent and asked.reaction.emits:
        what += f" (it may emit {' or '.join(asked.reaction.emits)})"
    reason = "handled"
    sentence = f"{asked.who} reacted at {wording.moment(noted.at)} and {what}."
    refused = [envelope.type for envelope, row in unsent if row.refused]
    kept = [(envelope.type, row.due) for envelope, row in unsent if not row.refused]
    if refused:
        reason = "refused"
        sentence = (
            f"{asked.who} reacted at {wording.moment(noted.at)}, and the broker will never take its "
            f"effect {listed(refused)}: {unsent[0][1].refused}"
        )
    elif kept:
        reason = "unsent"
        last = max(time for _, time in kept)
        sentence = (
            f"{asked.who} reacted at {wording.moment(noted.at)}; its effect "
            f"{listed([name for name, _ in kept])} is to be sent at {due(asked, last)}"
            f"{at_work(asked)}."
        )
    elif not effects and asked.repeated()[1]:
        reason = "silenced"
        sentence = (
            f"{asked.who} handled it again on request at {wording.moment(noted.at)}, with no effects "
            "sent."
        )
    elif len(event.records) > 1:
        reason = "duplicate"
        sentence = (
            f"{asked.who} reacted once, at {wording.moment(noted.at)}, and {what}; the event came "
            f"{len(event.records)} times, and the others were skipped as duplicates."
        )
        lines += [f"came again at {place_of(record)}" for record in event.records[1:]]
    given = asked.answer(reason, sentence, *lines)
    return replace(given, began=given.began if tries else began, effects=ids)


def _timing(asked: Question, began: float | None) -> list[str]:
    """How long it waited and worked: as it was logged, else as its effects and its inbox say."""
    tries, appended, noted = asked.tries, asked.event.appended, asked.noted
    if tries:
        worked = " and ".join(wording.length(attempt.ended - attempt.began) for attempt in tries)
        return [f"log: {_waited(appended, tries[0].began)}worked {worked}"]
    if began is None or noted is None:
        return []
    worked = wording.length(max(0.0, noted.at - began))
    waited = _waited(appended, began)
    return [f"{waited}worked at most {worked}: it was written then, with others"]


def _waited(appended: float | None, began: float) -> str:
    return "" if appended is None else f"waited {wording.length(max(0.0, began - appended))}, "


def _effect_line(told: Told) -> str:
    name = told.envelope.type if told.envelope else "an effect"
    return f"emitted {name} {told.identity[1]} at {place_of(told.record)}"


def _unsent_line(asked: Question, name: str, id_: str, time: float, refused: str | None) -> str:
    if refused:
        return f"outbox: {name} {id_} was refused: {wording.cut(refused, 200)}"
    return f"outbox: {name} {id_}, to be sent at {due(asked, time)}"


def _began(asked: Question, effects: list[Told]) -> float | None:
    """When an effect was made: that is when its reaction began, and it says so, delay apart."""
    times = [told.envelope.time for told in effects if told.envelope and told.envelope.time]
    if not times or asked.reaction.compensates:
        return None
    return times[0].timestamp() - asked.reaction.after
