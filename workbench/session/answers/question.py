"""What is asked, an event at a reaction of a service, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.brokers import Position
from workbench.choreography import Reaction, Reading
from workbench.errors import EventError
from workbench.services.account import Noted
from workbench.services.inbox import DONE
from workbench.session.evidence import Evidence
from workbench.session.told import Attempt, Told, digest


@dataclass(frozen=True)
class Answer:
    """What became of an event at a reaction.

    Attributes
    ----------
    reaction
        Empty if the service has none to it.
    reason
        One of :data:`REASONS`.
    sentence
        The answer.
    evidence
        What it was drawn from, line by line.
    began, ended
        When the reaction began and was done, in seconds since 1970 UTC, as far as is known.
    effects
        Source and id of what it emitted.
    attempts
        How often it was tried, as far as is known.
    tries
        When it was tried, as far as its service has logged it.
    logged
        What its handler has logged itself.
    """

    reaction: str
    reason: str
    sentence: str
    evidence: tuple[str, ...] = ()
    began: float | None = None
    ended: float | None = None
    effects: tuple[tuple[str, str], ...] = ()
    attempts: int = 1
    tries: tuple[Attempt, ...] = ()
    logged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One event at one reaction of a service.

    ``failure`` is, where the reaction is a compensation, the event that it undoes a step for.
    """

    evidence: Evidence
    event: Told
    service: str
    reaction: Reaction
    failure: Told | None = None

    @property
    def who(self) -> str:
        """The reaction, by its service and name."""
        return f"{self.service}/{self.reaction.name}"

    @property
    def noted(self) -> Noted | None:
        """What the inbox has about it; not about another event that has taken its id."""
        noted = self.evidence.noted(self.event, self.service, self.reaction.name)
        same = noted is None or noted.hash == digest(self.event.record)
        return noted if same else None

    def reading(self) -> Reading | EventError:
        """The event as the reaction reads it, or why it can't."""
        envelope, reaction = self.event.envelope, self.reaction
        if envelope is None:
            return EventError("it is not an event.")
        versions = self.evidence.sources.choreography.versions(reaction.whenever)
        try:
            return versions.read(
                envelope.payload(), envelope.dataschema, versions.read_by(reaction)
            )
        except EventError as error:
            return error

    def answer(self, reason: str, sentence: str, *evidence: str, attempts: int = 1) -> Answer:
        """An answer to it."""
        tries, noted = tuple(self.tries), self.noted
        return Answer(
            self.reaction.name,
            reason,
            sentence,
            evidence,
            began=tries[0].began if tries else None,
            ended=tries[-1].ended if tries else noted.at if noted else None,
            attempts=max(attempts, len(tries)),
            tries=tries,
            logged=tuple(self.evidence.own_lines(self.event, self.service, self.reaction.name)),
        )

    @property
    def tries(self) -> list[Attempt]:
        """Its attempts, as far as they were logged: those since it was done before, if it was."""
        found = self.evidence.attempts(self.event, self.service, self.reaction.name)
        noted = self.noted
        if found and found[-1].failed and noted is not None and noted.outcome == DONE:
            return []  # the log is for trouble alone
        done = [n for n, attempt in enumerate(found[:-1]) if not attempt.failed]
        return found[done[-1] + 1 :] if done else found

    def emitted(self) -> bool:
        """Whether any of its effects is known."""
        named = self.event, self.service, self.reaction
        return bool(self.evidence.effects(*named) or self.evidence.unsent(*named))

    def repeated(self) -> tuple[int, bool]:
        """If it is handled again on request: up to which offset, and whether silently; else 0."""
        record = self.event.record
        ranges = self.evidence.account(self.service).repeated
        until, silent = ranges.get(Position(record.channel, record.partition), (0, False))
        return (until, silent) if record.offset < until else (0, False)
