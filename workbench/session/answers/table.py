"""What became of one event at one reaction of a service: one answer, by what is on record.

The answers stand in a table, in the order in which they are tried; the first that fits is given.
Nothing is run: a guard is a pure expression, and is evaluated again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from workbench.session.answers.done import guarded, handled
from workbench.session.answers.given_up import given_up, reused
from workbench.session.answers.not_met import elsewhere, not_received, passed_over
from workbench.session.answers.question import Answer, Question
from workbench.session.answers.waiting import absence, parked, retrying

_ANSWERS: Final[tuple[Callable[[Question], Answer | None], ...]] = (
    reused,
    given_up,
    retrying,
    parked,
    absence,
    guarded,
    handled,
    elsewhere,
    not_received,
    passed_over,
)


def answer(question: Question) -> Answer:
    """What became of an event at a reaction."""
    given = next(found for ask in _ANSWERS if (found := ask(question)) is not None)
    shown = question.evidence.hidden(question.event).text
    lines = [*given.evidence, *_repetition(question)]
    return replace(given, sentence=shown(given.sentence), evidence=tuple(map(shown, lines)))


def _repetition(asked: Question) -> list[str]:
    """That a service handles events again, where that concerns this one."""
    until, silent = asked.repeated()
    if not until:
        return []
    effects = "with no effects sent" if silent else "with effects sent again"
    return [f"{asked.service} was asked to handle events again up to offset {until:,}, {effects}"]
