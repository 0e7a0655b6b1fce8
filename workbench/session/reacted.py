"""What all services made of the events of a flow, for its tree and its waterfall."""

from __future__ import annotations

from typing import Final

from workbench.analysis import wording
from workbench.analysis.causal_tree import Identity, Reacted, Tone
from workbench.session.answers import DONE_WELL, PENDING, TROUBLE, Answer
from workbench.session.evidence import Evidence
from workbench.session.told import Told
from workbench.session.why import answers_of

_UNTOLD: Final = frozenset({"no reaction", "nothing to undo"})
"""Answers that are no news unless one asks for them."""


def reacted(evidence: Evidence) -> dict[Identity, list[Reacted]]:
    """What was made of each event, by source and id."""
    design = evidence.sources.choreography
    found: dict[Identity, list[Reacted]] = {}
    for told in evidence.events:
        if told.envelope is None:
            continue
        for service in design.consumers(told.envelope.type):
            for answer in answers_of(evidence, told, service):
                elsewhere = answer.reason == "elsewhere" and evidence.is_handed_over(told)
                if answer.reason not in _UNTOLD and not elsewhere:
                    made = _reacted(told, service, answer)
                    found.setdefault(told.identity, []).append(made)
    return found


def _reacted(told: Told, service: str, answer: Answer) -> Reacted:
    tone = _tone(answer.reason)
    who = f"{service}/{answer.reaction}" if answer.reaction else service
    text = answer.sentence
    for name in (who, service):
        text = text.removeprefix(f"{name} ")
    if answer.reason in DONE_WELL:
        text = _timing(told, answer)
    hint = f"wb.why({told.identity[1]!r}, {service!r})" if tone in ("pending", "trouble") else ""
    return Reacted(
        service,
        answer.reaction,
        tone,
        answer.reason,
        text,
        told.appended,
        answer.began,
        answer.ended,
        answer.effects,
        hint,
        tuple((attempt.began, attempt.ended, attempt.failed) for attempt in answer.tries),
        answer.logged,
    )


def _tone(reason: str) -> Tone:
    if reason in TROUBLE:
        return "trouble"
    if reason in PENDING:
        return "pending"
    return "done" if reason in DONE_WELL else "quiet"


def _timing(told: Told, answer: Answer) -> str:
    """How long it waited and worked: as it was logged, else at most so long."""
    began, ended, tries = answer.began, answer.ended, answer.tries
    parts = []
    if began is not None and told.appended is not None:
        parts.append(f"waited {wording.length(max(0.0, began - told.appended))}")
    if tries:
        parts.append(f"worked {wording.length(sum(t.ended - t.began for t in tries))}")
    elif ended is not None and (since := told.appended if began is None else began) is not None:
        # The inbox is written once for all that came together with it.
        what = "worked" if began is not None else "waited and worked"
        parts.append(f"{what} at most {wording.length(max(0.0, ended - since))}")
    if len(tries) > 1:
        parts.append(f"in {len(tries)} attempts")
    if not answer.effects:
        parts.append("emitted nothing")
    if answer.reason == "duplicate":
        parts.append("the repeats were skipped")
    if answer.reason == "silenced":
        parts.append("handled again on request, with no effects sent")
    return ", ".join(parts)
