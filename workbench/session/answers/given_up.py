"""The event was given up on: for good, or until somebody decided about it."""

from __future__ import annotations

from workbench.analysis import wording
from workbench.capture import place_of
from workbench.services.account import Noted
from workbench.services.inbox import DEAD
from workbench.session.answers.phrases import at_work
from workbench.session.answers.question import Answer, Question
from workbench.session.desk import Letter


def reused(asked: Question) -> Answer | None:
    """The same id with other data: the first was handled, and this is a dead letter."""
    name, record = asked.reaction.name, asked.event.record
    first = asked.evidence.noted(asked.event, asked.service, name)
    if first is None or asked.noted is not None:
        return None
    gave_up = asked.evidence.letters_of(asked.event, asked.service, name)
    if not gave_up and asked.evidence.poisoned(record, asked.service, name) is None:
        return None
    return asked.answer(
        "id reused",
        f"{asked.who} did not react to it at {place_of(record)}: an event of this source and id was "
        f"handled before, at {wording.moment(first.at)}, with other data; this one is a dead letter.",
        f"inbox: {first.outcome} with another payload at {wording.moment(first.at)}",
        *(f"dead letter {letter.name}, {letter.status}" for letter in gave_up),
    )


def given_up(asked: Question) -> Answer | None:
    """It was given up on, and it may have been decided about since."""
    letters = asked.evidence.letters_of(asked.event, asked.service, asked.reaction.name)
    noted = asked.noted or asked.evidence.poisoned(
        asked.event.record, asked.service, asked.reaction.name
    )
    if noted is not None and noted.outcome != DEAD:
        return None  # it is tried again, or done after all
    if not letters:
        return _dead_unseen(asked, noted) if noted is not None else None
    letter = letters[-1]
    if letter.status == "open":
        return _open_letter(asked, letter)
    when = f"{letter.status} at {wording.moment(letter.decided)}"
    lines = (_gave_up(asked, letter), f"dead letter {letter.name}: {when}")
    if letter.status == "discarded":
        why = f": {wording.cut(letter.reason, 200)}" if letter.reason else ""
        return asked.answer(
            "discarded",
            f"{asked.who} gave it up, and its dead letter was {when}{why}.",
            *lines,
            attempts=letter.note.attempts,
        )
    if letter.status == "edited":
        return asked.answer(
            "edited",
            f"{asked.who} gave it up; it was {when} and goes on as the event {letter.new_id}: "
            f"wb.why({letter.new_id!r}, {asked.service!r}).",
            *lines,
            attempts=letter.note.attempts,
        )
    return asked.answer(
        "redriven",
        f"{asked.who} gave it up; it was {when}, and {asked.service} has not dealt with it yet"
        f"{at_work(asked)}.",
        *lines,
        attempts=letter.note.attempts,
    )


def _open_letter(asked: Question, letter: Letter) -> Answer:
    note = letter.note
    tries = "" if note.attempts <= 1 else f" after {note.attempts} attempts"
    again = f" It was redriven {note.redrives} times before." if note.redrives else ""
    return asked.answer(
        "dead",
        f"{asked.who} gave it up{tries} at {wording.moment(note.last_failure)}: "
        f"{note.error_type}: {wording.cut(note.error_message, 300)}{again}",
        f"dead letter {letter.name}, open",
        *((f"arose in {wording.cut(note.frame, 120)}",) if note.frame else ()),
        f"first failure {wording.moment(note.first_failure)}, last {wording.moment(note.last_failure)}",
        f"once mended: wb.dead_letters().redrive([{letter.name!r}])",
        attempts=note.attempts,
    )


def _gave_up(asked: Question, letter: Letter) -> str:
    note = letter.note
    return (
        f"given up by {asked.who} after {wording.count(note.attempts, 'attempt')}: "
        f"{note.error_type}: {wording.cut(note.error_message, 200)}"
    )


def _dead_unseen(asked: Question, noted: Noted) -> Answer:
    return asked.answer(
        "dead",
        f"{asked.who} gave it up at {wording.moment(noted.at)}; its dead letter is not on the broker "
        "(not sent yet, or older than what that keeps).",
        f"inbox: {noted.outcome} at {wording.moment(noted.at)}",
        f"what it printed: wb.output({asked.service!r})",
    )
