"""Why a service did not react to an event, or did: ``wb.why(event_id, "billing")``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from html import escape
from typing import Final

from workbench import look
from workbench.analysis import wording
from workbench.brokers import Record
from workbench.capture import Found, find_alike, find_event, find_flow, identity, place_of
from workbench.choreography import Reaction
from workbench.errors import LogError
from workbench.events import Envelope
from workbench.session.answers import PENDING, TROUBLE, Answer, Question, answer
from workbench.session.evidence import Evidence, Sources
from workbench.session.publishing import Published
from workbench.session.told import Told

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Why:
    """What a service made of an event: in words where it is shown, and in parts.

    Attributes
    ----------
    service
        Who was asked about.
    event
        Type, id and place of the event.
    answers
        One for each reaction to it: ``reaction``, ``reason``, ``sentence`` and ``evidence``.
    looked_at
        What was asked.
    """

    service: str
    event: str
    answers: tuple[Answer, ...]
    looked_at: str

    @property
    def reason(self) -> str:
        """One word of :data:`~workbench.session.answers.REASONS`.

        Of several reactions that of the one that somebody should look at; else of one that is
        still to come; else of the first.
        """
        return self._first.reason

    @property
    def sentence(self) -> str:
        """The answer whose reason it is, in a sentence."""
        return self._first.sentence

    @property
    def _first(self) -> Answer:
        return min(self.answers, key=lambda found: _urgency(found.reason))

    def __repr__(self) -> str:
        lines = [f"{self.event} at {self.service}"]
        for found in self.answers:
            lines += [f"{_sign(found.reason)} {found.sentence}", f"  [{found.reason}]"]
            lines += [f"  · {line}" for line in found.evidence]
        return "\n".join(map(wording.visible, [*lines, f"  · {self.looked_at}"]))

    def _repr_html_(self) -> str:
        parts = "".join(_answer_html(found) for found in self.answers)
        return (
            f"<div class='wb-why'><style>{_CSS}</style><div class='wb-why-of'>{escape(self.event)} "
            f"at <b>{escape(self.service)}</b></div>{parts}"
            f"<div class='wb-why-quiet'>{escape(self.looked_at)}</div></div>"
        )


def why(
    sources: Sources,
    event: str | Envelope | Published,
    service: str,
    channels: Iterable[str],
    progress: Progress = lambda done, total: None,
    *,
    personal: bool = False,
) -> Why:
    """Why a service did not react to an event, or did; see :meth:`Workbench.why`.

    Raises
    ------
    LogError
        There is no such event on these channels.
    """
    name, flow, source = _named(event)
    names = sorted(set(channels))
    found = Found()
    if flow is None:
        found = find_event(sources.broker, names, name, progress=progress)
        flow = _flow_of(found.records)
    if flow:
        found = find_flow(sources.broker, names, flow, progress=progress)
    elif found.records:
        alike = find_alike(sources.broker, names, found.records)
        found.records = [record for record in alike if not identity(record)[1]]
    evidence = Evidence.of(sources, flow or name, found.records, personal=personal)
    evidence = evidence.followed_up([service], names, found.ends) if flow else evidence
    asked = [
        told
        for told in evidence.events
        if name in (told.identity[1], place_of(told.record)) and source in (None, told.identity[0])
    ] or evidence.given_up_at(name)
    if not asked:
        raise LogError(_unknown(name, names, found.near, found.looked_at))
    answers = [
        replace(given, sentence=f"{_which(told, asked)}{given.sentence}")
        for told in asked
        for given in answers_of(evidence, told, service)
    ]
    looked = (
        f"looked at: {wording.count(found.looked_at, 'event')} on {len(names)} channels, the file of "
        f"{service}, and how far it has read"
    )
    return Why(service, _described(asked), tuple(answers), looked)


def answers_of(evidence: Evidence, event: Told, service: str) -> list[Answer]:
    """What became of an event at each reaction of a service that has to do with it."""
    design = evidence.sources.choreography
    if event.envelope is None:
        return [_unreadable(evidence, event, service)]
    type_ = event.envelope.type
    reactions = list(design.services[service].reactions.values())
    found: list[Answer] = []
    for part in event.by_data():
        for reaction in reactions:
            if reaction.compensates:
                if type_ in reaction.failures:
                    found += _undoing(evidence, part, service, reaction)
            elif reaction.whenever == type_:
                found.append(answer(Question(evidence, part, service, reaction)))
            elif type_ in reaction.unless:
                found.append(_awaited(evidence, part, service, reaction))
    return found or [_no_reaction(evidence, event, service)]


def _unreadable(evidence: Evidence, event: Told, service: str) -> Answer:
    """A record that is no event has been given up on by whoever read it, or is still to be read."""
    design = evidence.sources.choreography
    reactions = design.services[service].reactions
    asked = Question(evidence, event, service, Reaction(next(iter(reactions), ""), ""))
    return replace(answer(asked), reaction="")


def _no_reaction(evidence: Evidence, event: Told, service: str) -> Answer:
    assert event.envelope is not None
    design, type_ = evidence.sources.choreography, event.envelope.type
    own = design.services[service]
    others = [name for name in design.consumers(type_) if name != service]
    heard = ", ".join(own.consumes) or "nothing"
    who = (
        f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} one"
        if others
        else ("no service has one")
    )
    lines = [f"design: {service} hears {heard}"]
    inbox = evidence.account(service).inbox
    lines += [
        f"inbox: {noted.outcome} at {wording.moment(noted.at)} by {reaction}, which it had then"
        for (source, id_, reaction), noted in inbox.items()
        if (source, id_) == event.identity and reaction
    ]
    if service in evidence.sources.older():
        lines.append(f"{service} runs an older design: wb.restart({service!r})")
    return Answer("", "no reaction", f"{service} has no reaction to {type_}; {who}.", tuple(lines))


def _awaited(evidence: Evidence, event: Told, service: str, reaction: Reaction) -> Answer:
    """The event is one that a reaction to an absence waits for."""
    who = f"{service}/{reaction.name}"
    came = evidence.account(service).arrived.get(reaction.name)
    if came is None:
        asked = Question(evidence, event, service, reaction)
        given = answer(asked)
        if given.reason in ("not received", "elsewhere"):
            return given
        return replace(
            given,
            sentence=f"{who} waits for such an event, but has none on record in this flow: it was "
            "read before the reaction was there, or what was on record is forgotten.",
        )
    return Answer(
        reaction.name,
        "noted",
        f"{who} reacts to {reaction.whenever} unless this comes, and has it on record: since "
        f"{wording.moment(came)} there is nothing to react to in this flow.",
        (f"arrived: {wording.moment(came)}",),
        ended=came,
    )


def _undoing(evidence: Evidence, failure: Told, service: str, reaction: Reaction) -> list[Answer]:
    """What a failure has set off: the undoing of each time that the step was done in its flow."""
    account = evidence.account(service)
    who = f"{service}/{reaction.name}"
    if failure.identity not in {*account.heard}:
        asked = Question(evidence, failure, service, reaction)
        given = answer(asked)
        if given.reason in ("not received", "elsewhere", "dead", "discarded", "redriven", "edited"):
            return [given]
    steps = [step for step in account.steps if step.reaction == reaction.compensates]
    if not steps:
        sentence = f"{who} had nothing to undo: {service} has not done {reaction.compensates} in this flow."
        return [Answer(reaction.name, "nothing to undo", sentence)]
    found = []
    for step in steps:
        told = evidence.by_identity.get(step.event)
        if told is None:
            continue
        if step.begun:
            found.append(answer(Question(evidence, told, service, reaction, failure)))
            continue
        sentence = (
            f"{who} has not undone {reaction.compensates} of {step.event[1]}: it waits until later "
            "steps are undone, or the failure came before the step."
        )
        line = f"what is owed: wb.compensations({evidence.flow!r})"
        found.append(Answer(reaction.name, "not undone yet", sentence, (line,)))
    return found


# --- which event -----------------------------------------------------------------------------


def _named(event: str | Envelope | Published) -> tuple[str, str | None, str | None]:
    """The id of an event, and its flow and source if it says so."""
    if isinstance(event, Envelope):
        return event.id, event.correlationid or event.id, event.source
    if isinstance(event, Published):
        return event.id, event.correlation_id or event.id, None
    return str(event), None, None


def _flow_of(records: Iterable[Record]) -> str:
    """The flow of an event; empty if it can't be read, or there is none."""
    return next((flow for record in records if (flow := identity(record)[0])), "")


def _unknown(name: str, channels: list[str], near: list[str], looked_at: int) -> str:
    hint = f" Did you mean {' or '.join(repr(found) for found in near)}?" if near else ""
    return (
        f"there is no event {name!r} on {', '.join(channels)} (looked at "
        f"{wording.count(looked_at, 'event')}).{hint}"
    )


def _which(told: Told, asked: list[Told]) -> str:
    """Of several events that have the id, which one."""
    return f"of source {told.identity[0]}: " if len(asked) > 1 else ""


def _described(asked: list[Told]) -> str:
    told = asked[0]
    name = told.envelope.type if told.envelope else "a record that is no event"
    id_ = f" {told.envelope.id}" if told.envelope else ""
    times = len(told.records)
    again = f", which came {times} times" if times > 1 else ""
    several = ""
    if len(asked) > 1:
        sources = ", ".join(one.identity[0] for one in asked)
        several = f" (this id has {len(asked)} events, of the sources {sources})"
    return f"{name}{id_} at {place_of(told.record)}{again}{several}"


# --- shown -----------------------------------------------------------------------------------


def _urgency(reason: str) -> int:
    return 0 if reason in TROUBLE else 1 if reason in PENDING else 2


def _sign(reason: str) -> str:
    return look.TROUBLE_SIGN if reason in TROUBLE else "…" if reason in PENDING else "✓"


_CSS: Final = """
.wb-why { font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: 14px;
  line-height: 1.45; color: var(--jp-ui-font-color1, #1f2937); max-width: 980px; }
.wb-why-of { color: var(--jp-ui-font-color2, #5b6270); overflow-wrap: anywhere; }
.wb-why-part { border-left: 4px solid #16a34a; padding: 4px 0 4px 12px; margin: 6px 0; }
.wb-why-part.wb-pending { border-left-color: #d97706; }
.wb-why-part.wb-trouble { border-left-color: #dc2626; }
.wb-why-part p { margin: 0 0 2px; overflow-wrap: anywhere; }
.wb-why-word { font-size: 12px; border: 1px solid var(--jp-border-color1, #9ca3af);
  border-radius: 9px; padding: 0 8px; white-space: nowrap; }
.wb-why ul { margin: 2px 0 0; padding-left: 18px; color: var(--jp-ui-font-color2, #5b6270); }
.wb-why li { overflow-wrap: anywhere; }
.wb-why-quiet { color: var(--jp-ui-font-color2, #5b6270); font-size: 12px; }
"""


def _answer_html(found: Answer) -> str:
    tone = (
        "wb-trouble" if found.reason in TROUBLE else "wb-pending" if found.reason in PENDING else ""
    )
    lines = "".join(f"<li>{escape(line)}</li>" for line in found.evidence)
    return (
        f"<div class='wb-why-part {tone}'><p>{_sign(found.reason)} {escape(found.sentence)} "
        f"<span class='wb-why-word'>{escape(found.reason)}</span></p><ul>{lines}</ul></div>"
    )
