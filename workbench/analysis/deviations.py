"""The kinds of deviation from a design, and how they are said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from workbench.analysis.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING: Final = "missing"
UNEXPECTED: Final = "unexpected"
WRONG_EMITTER: Final = "wrong emitter"
UNKNOWN_TYPE: Final = "unknown type"
UNKNOWN_SERVICE: Final = "unknown service"
KINDS: Final = (MISSING, UNEXPECTED, WRONG_EMITTER, UNKNOWN_TYPE, UNKNOWN_SERVICE)
"""The kinds of deviation."""


class Deviation(NamedTuple):
    """A deviation from a design, whatever the flow."""

    kind: str
    service: str
    """Who owes, or emitted."""
    event_type: str | None
    """The cause's type."""
    effect_type: str
    """What came, or should have."""

    @property
    def rank(self) -> tuple[object, ...]:
        """What deviations are sorted by: as the kinds stand, then by name, without a cause last."""
        cause = self.event_type or ""
        return (
            KINDS.index(self.kind),
            self.service,
            self.event_type is None,
            cause,
            self.effect_type,
        )


_NAMED: Final = 3
"""Deviations that the sentence names."""


def in_words(deviation: Deviation) -> str:
    """Say a deviation, as a sentence without its full stop."""
    kind, service, event_type, effect_type = deviation
    after = f"after {event_type}" if event_type is not None else "with no cause"
    if kind == MISSING:
        return f"{service} owes {effect_type} {after}"
    if kind == UNEXPECTED:
        return f"{service} emitted {effect_type} {after}, which the design doesn't have"
    if kind == WRONG_EMITTER:
        return f"{effect_type} came from {service}, which doesn't emit it by design"
    if kind == UNKNOWN_TYPE:
        return f"{service} emitted {effect_type}, a type that the design doesn't have"
    return f"{effect_type} came from {service}, a service that the design doesn't have"


class Facts(NamedTuple):
    """How many there are in a log, beside its deviations."""

    flows: int
    explained: int
    """Events that the design explains."""
    unjudged: int
    """Events whose cause is not in the log."""
    came: int
    """Effects that were due and came."""
    given_up: int
    """Effects for which there is a dead letter instead."""
    early: int
    """Effects that may come yet."""
    inferred: int
    """Causes."""
    without_flow: int
    """Events."""


def sentence(
    deviations: Sequence[tuple[Deviation, int]], facts: Facts, undecided: Sequence[str]
) -> str:
    """What was found, in words.

    Parameters
    ----------
    deviations
        The deviations with how often there is each, the most frequent first.
    facts
        What else there is.
    undecided
        The reactions of which nothing is due.
    """
    wrong = sum(n for _, n in deviations)
    missing = sum(n for deviation, n in deviations if deviation.kind == MISSING)
    events = facts.explained + facts.unjudged + wrong - missing
    due = facts.came + missing
    good = facts.explained + facts.unjudged + facts.came
    if not events:
        return "There is no event of a flow here, so there is nothing to hold against the design."
    if not deviations:
        said = [
            (
                f"All {count(events, 'event')} of {count(facts.flows, 'flow')} are as the design has "
                f"them, and so are all {count(due, 'effect')} that were due."
            )
        ]
    else:
        first = "; ".join(f"{in_words(what)} ({n:,})" for what, n in deviations[:_NAMED])
        more = len(deviations) - _NAMED
        said = [
            f"{count(wrong, 'deviation')} of {count(len(deviations), 'kind')} in "
            f"{count(events, 'event')} and {count(due, 'effect')} due of "
            f"{count(facts.flows, 'flow')}: {first}"
            + (f"; and {count(more, 'other kind')}." if more > 0 else ".")
            + f" Fitness {_share(good, events + due)}."
        ]
    if facts.given_up:
        said.append(f"For {count(facts.given_up, 'effect')} there is a dead letter instead.")
    if facts.early:
        said.append(f"{count(facts.early, 'effect')} may be on the way still.")
    if facts.unjudged:
        n = count(facts.unjudged, "event")
        said.append(f"The causes of {n} are not in the log: these were taken for right.")
    if facts.inferred:
        said.append(f"{count(facts.inferred, 'cause')} inferred from the design.")
    if facts.without_flow:
        was = "was" if facts.without_flow == 1 else "were"
        said.append(f"{count(facts.without_flow, 'event')} without a flow {was} left out.")
    if undecided:
        others = f" and {len(undecided) - _NAMED} more" if len(undecided) > _NAMED else ""
        said.append(
            "What these emit may come and is never missed, since payloads or state decide it: "
            f"{', '.join(undecided[:_NAMED])}{others}."
        )
    return " ".join(said)


def _share(good: int, n: int) -> str:
    """A ratio that says 1 only where all are good."""
    return f"{min(good / n, 0.9999) if good < n else 1:.4f}"
