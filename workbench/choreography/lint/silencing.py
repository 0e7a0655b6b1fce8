"""Silencing a rule, with a reason; and the rule about silencings that are out of date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.choreography.lint.rule import RULES, Found, named, rule
from workbench.choreography.places import Places
from workbench.errors import DesignError
from workbench.problems import Problem

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

Silenced = Mapping[tuple[str, str], str]
"""Rule and subject → the reason; an empty subject: everywhere."""


def checked_rule(name: str) -> str:
    """The name of a rule that may be silenced.

    Raises
    ------
    DesignError
        There is none of that name, or it can't be silenced.
    """
    if named(name).check is stale_silence:
        raise DesignError("stale-silence is not silenced: take away the silencing it is about.")
    return name


def checked_subject(design: Choreography, subject: str) -> str:
    """A subject of a check that the design has; an empty one is everywhere.

    Raises
    ------
    DesignError
        The design has no such part.
    """
    if subject and Places(design).of(subject) is None:
        raise DesignError(
            f"the design has no {subject!r}: name an event type, a field (OrderPlaced.email), a "
            "service, a reaction (billing/charge) or a channel."
        )
    return subject


def checked_reason(reason: str) -> str:
    """A reason that says something.

    Raises
    ------
    DesignError
        It is empty.
    """
    if not reason.strip():
        raise DesignError("a silencing needs a reason, for whoever reads the design next.")
    return reason


def with_reasons(problem: Problem, silenced: Silenced) -> Problem:
    """A problem with the reason for which it is silenced, if it is."""
    reason = silenced.get((problem.rule, problem.subject), silenced.get((problem.rule, "")))
    return problem if reason is None else replace(problem, silenced=reason)


@rule("stale-silence", "note")
def stale_silence(design: Choreography) -> Iterator[Found]:
    """A silencing has nothing to silence.

    What it was for is mended, or its subject is no more. Left there, it would hide the next
    mistake of that kind, with a reason that was meant for another.

    Take it out of `silenced:`.
    """
    places = Places(design)
    for name, subject in design.silenced:
        found = {about for about, *_ in RULES[name].check(design)}
        if (subject not in found) if subject else not found:
            where = f" about {subject}" if subject else ""
            message = f"{name} finds nothing{where}: take its silencing away."
            yield Found(subject or name, message, places.entry(f"silenced.{name}.{subject}"))
