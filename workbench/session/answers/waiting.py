"""The event waits: for another try, behind another event, or for an absence."""

from __future__ import annotations

from workbench.analysis import wording
from workbench.events import Retry
from workbench.services.inbox import ARMED, PARKED, RETRYING
from workbench.session.answers.phrases import at_work, due
from workbench.session.answers.question import Answer, Question


def retrying(asked: Question) -> Answer | None:
    """It failed, and is to be tried again."""
    noted = asked.noted
    if noted is None or noted.outcome != RETRYING:
        return None
    waits = asked.evidence.waits(asked.event, asked.service, asked.reaction.name)
    failed = f"inbox: failed at {wording.moment(noted.at)}, to be tried again (turn {noted.turn})"
    errors = [attempt.error for attempt in asked.tries if attempt.failed]
    why = f": {wording.cut(errors[-1], 200)}" if errors else ""
    printed = f"what it printed: wb.output({asked.service!r})"
    if waits is None or waits.due is None:
        return asked.answer(
            "retrying",
            f"{asked.who} failed at {wording.moment(noted.at)}, and the event is on its way back to "
            f"it{at_work(asked)}{why}.",
            failed,
            printed,
        )
    retry = Retry.from_headers(waits.record.headers)
    tried = retry.attempts if retry else 1
    since = f", for the first time at {wording.moment(retry.first_failure)}" if retry else ""
    return asked.answer(
        "retrying",
        f"{asked.who} has failed {wording.count(tried, 'time')}; attempt {tried + 1} is due at "
        f"{due(asked, waits.due)}{at_work(asked)}{why}.",
        f"waits in the file of {asked.service} until {wording.moment(waits.due)}",
        f"{failed}{since}",
        printed,
        attempts=tried,
    )


def parked(asked: Question) -> Answer | None:
    """It keeps the order of its key behind one that failed."""
    noted, record = asked.noted, asked.event.record
    if noted is None or noted.outcome != PARKED:
        return None
    waits = asked.evidence.waits(asked.event, asked.service, asked.reaction.name)
    before = waits.before if waits is not None else 0
    blocker = asked.evidence.account(asked.service).blockers.get(
        (asked.reaction.name, record.key or b"")
    )
    behind = f"the event {blocker[1]}" if blocker else "an earlier event of its key"
    key = (record.key or b"").decode("utf-8", "replace")
    others = f" and {wording.count(before, 'other')} parked before it" if before else ""
    ask = (f"what holds it up: wb.why({blocker[1]!r}, {asked.service!r})",) if blocker else ()
    return asked.answer(
        "parked",
        f"{asked.who} keeps the order of key {wording.value(key)}: this event waits behind {behind}"
        f"{others}, which has failed and is neither done nor given up.",
        f"inbox: parked at {wording.moment(noted.at)}",
        *ask,
    )


def absence(asked: Question) -> Answer | None:
    """The reaction is to the absence of an event, and has not (or not yet) reacted."""
    reaction, noted = asked.reaction, asked.noted
    if not reaction.unless or noted is None:
        return None
    account = asked.evidence.account(asked.service)
    awaited = " or ".join(reaction.unless)
    came = account.arrived.get(reaction.name)
    timer = asked.evidence.armed(asked.event, asked.service, reaction.name)
    if noted.outcome == ARMED and timer is not None:
        now = asked.evidence.sources.now().timestamp()
        late = (
            f" Its time is over, and {asked.service} first reads what came before that"
            f"{at_work(asked)}."
            if timer.due <= now
            else ""
        )
        return asked.answer(
            "waiting for absence",
            f"{asked.who} waits for {awaited}, and reacts at {due(asked, timer.due)} unless that "
            f"comes in this flow before.{late}",
            f"timer: due {wording.moment(timer.due)}, armed by this event",
        )
    if came is not None and (noted.outcome == ARMED or came <= noted.at) and not asked.emitted():
        seen = [
            told
            for told in asked.evidence.events
            if told.envelope is not None and told.envelope.type in reaction.unless
        ]
        which = (
            f" ({seen[0].envelope.type} {seen[0].envelope.id})" if seen and seen[0].envelope else ""
        )
        return asked.answer(
            "spared",
            f"{asked.who} need not react: {awaited} came in this flow at {wording.moment(came)}"
            f"{which}.",
            f"inbox: {noted.outcome} at {wording.moment(noted.at)}",
            f"came: {wording.moment(came)}",
        )
    return None
