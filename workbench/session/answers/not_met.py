"""The service and the event have not met: not yet, not here, or before the reaction was there."""

from __future__ import annotations

from workbench.analysis import wording
from workbench.brokers import Position
from workbench.capture import place_of
from workbench.session.answers.phrases import crashes, listed, reader_state, since
from workbench.session.answers.question import Answer, Question


def elsewhere(asked: Question) -> Answer | None:
    """The event stands where the service does not read."""
    record, reads = asked.event.record, asked.evidence.reads(asked.service)
    if record.channel in reads or asked.noted is not None:
        return None
    return asked.answer(
        "elsewhere",
        f"{asked.service} does not read {record.channel}, where this event stands; it reads "
        f"{listed(reads)}.",
        f"the event is at {place_of(record)}",
        "a design that sends this type to other channels than before leaves old events behind",
    )


def not_received(asked: Question) -> Answer | None:
    """The service has not come so far yet."""
    record, service = asked.event.record, asked.service
    if asked.event.identity in asked.evidence.fresh:
        return asked.answer(
            "not received",
            f"{service} had not received it yet when that was looked for: it has only just come.",
            f"the event is at {place_of(record)}{since(asked.event)}",
        )
    position = Position(record.channel, record.partition)
    committed = asked.evidence.committed(service)
    lag = asked.evidence.lag(service)
    if position in committed:
        if record.offset < committed[position]:
            return None
        before = record.offset - committed[position]
        where = f"{service} reads on at {committed[position]:,}, {before:,} before it"
    elif committed or lag == 0:
        if not lag:
            return None
        where = f"{service} has committed nothing of {record.channel}[{record.partition}]"
    else:
        where = f"{service} has committed nothing yet"
    behind = f"it is {wording.count(lag, 'event')} behind" if lag else "it is about to"
    return asked.answer(
        "not received",
        f"{service} has not received it yet: {reader_state(asked.evidence, service, position)}, and {behind}.",
        f"the event is at {place_of(record)}{since(asked.event)}",
        where,
        *crashes(asked, service),
    )


def passed_over(asked: Question) -> Answer:
    """The service has come past it, and knows nothing of it."""
    service, event = asked.service, asked.event
    account = asked.evidence.account(service)
    other = [
        reaction
        for source, id_, reaction in account.inbox
        if (source, id_) == event.identity and reaction
    ]
    older = service in asked.evidence.sources.older()
    lines = [
        f"the event is at {place_of(event.record)}{since(event)}",
        f"the inbox of {service} has nothing about it at {asked.reaction.name}",
    ]
    again = (
        f"wb.reprocess({service!r}, since=...) lets it handle it"
        if asked.evidence.sources.broker.keeps_offsets
        else "Published or replayed again, it is handled"
    )
    if other or older:
        known = f"; its inbox has it at {listed(other)}" if other else ""
        why = f"{asked.reaction.name} was not part of it yet when it read the event{known}"
        if older:
            lines.append(f"{service} runs an older design: wb.restart({service!r})")
    elif account.since is None or account.since > (event.appended or 0):
        why = (
            "it began to read after the event (begin='now', or a later time), or the event was of "
            "a type that it did not know then"
        )
        if account.since is not None:
            lines.append(f"the oldest entry of its inbox is of {wording.moment(account.since)}")
    else:
        why = (
            f"{asked.reaction.name} was not part of it yet when it read the event, or what was on "
            "record is older than what an inbox keeps"
        )
    return asked.answer(
        "passed over", f"{service} has read past it without reacting: {why}. {again}.", *lines
    )
