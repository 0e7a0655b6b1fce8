"""The kinds of deviation from a design, and how they are said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workbench.analysis.wording import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

MISSING: Final = "missing"
UNEXPECTED: Final = "unexpected"
WRONG_EMITTER: Final = "wrong emitter"
UNKNOWN_TYPE: Final = "unknown type"
UNKNOWN_SERVICE: Final = "unknown service"
KINDS: Final = (MISSING, UNEXPECTED, WRONG_EMITTER, UNKNOWN_TYPE, UNKNOWN_SERVICE)
"""The kinds of deviation."""

EXPLAINED, UNJUDGED, CAME, GIVEN_UP = "explained", "unjudged", "came", "given up"
"""What is right of an event, and of what is due."""
WHAT: Final = ["kind", "service", "event_type", "effect_type"]
"""The columns that tell a kind of deviation."""
_NAMED: Final = 3
"""Deviations that the sentence names."""


def in_words(deviations: pd.DataFrame) -> list[str]:
    """Each deviation, as a sentence without its full stop."""
    rows: list[Any] = deviations[WHAT].astype("object").to_numpy().tolist()
    return [_in_words(*row) for row in rows]


def _in_words(kind: str, service: str, event_type: Any, effect_type: str) -> str:
    after = f"after {event_type}" if isinstance(event_type, str) else "with no cause"
    if kind == MISSING:
        return f"{service} owes {effect_type} {after}"
    if kind == UNEXPECTED:
        return f"{service} emitted {effect_type} {after}, which the design doesn't have"
    if kind == WRONG_EMITTER:
        return f"{effect_type} came from {service}, which doesn't emit it by design"
    if kind == UNKNOWN_TYPE:
        return f"{service} emitted {effect_type}, a type that the design doesn't have"
    return f"{effect_type} came from {service}, a service that the design doesn't have"


def sentence(
    kinds: pd.Series[int], total: pd.DataFrame, facts: Mapping[str, int], open_: Sequence[str]
) -> str:
    """What was found, in words.

    Parameters
    ----------
    kinds
        How many there are of everything right and wrong.
    total
        The deviations, each kind once.
    facts
        How many flows there are, effects that may come yet (``early``), causes inferred, and events
        without a flow.
    open_
        The reactions of which nothing is due.
    """
    events = int(kinds[[EXPLAINED, UNJUDGED, *KINDS[1:]]].sum())
    due = int(kinds[CAME] + kinds[MISSING])
    good = int(kinds[[EXPLAINED, UNJUDGED, CAME]].sum())
    if not events:
        return "There is no event of a flow here, so there is nothing to hold against the design."
    if total.empty:
        said = [
            (
                f"All {count(events, 'event')} of {count(facts['flows'], 'flow')} are as the design has "
                f"them, and so are all {count(due, 'effect')} that were due."
            )
        ]
    else:
        top = total.head(_NAMED)
        first = "; ".join(
            f"{words} ({n:,})" for words, n in zip(in_words(top), top["events"], strict=True)
        )
        more = len(total) - _NAMED
        said = [
            f"{count(int(total['events'].sum()), 'deviation')} of {count(len(total), 'kind')} in "
            f"{count(events, 'event')} and {count(due, 'effect')} due of "
            f"{count(facts['flows'], 'flow')}: {first}"
            + (f"; and {count(more, 'other kind')}." if more > 0 else ".")
            + f" Fitness {_share(good, events + due)}."
        ]
    if kinds[GIVEN_UP]:
        said.append(f"For {count(int(kinds[GIVEN_UP]), 'effect')} there is a dead letter instead.")
    if facts["early"]:
        said.append(f"{count(facts['early'], 'effect')} may be on the way still.")
    if kinds[UNJUDGED]:
        n = count(int(kinds[UNJUDGED]), "event")
        said.append(f"The causes of {n} are not in the log: these were taken for right.")
    if facts["inferred"]:
        said.append(f"{count(facts['inferred'], 'cause')} inferred from the design.")
    if facts["without_flow"]:
        was = "was" if facts["without_flow"] == 1 else "were"
        said.append(f"{count(facts['without_flow'], 'event')} without a flow {was} left out.")
    if open_:
        others = f" and {len(open_) - _NAMED} more" if len(open_) > _NAMED else ""
        said.append(
            "What these emit may come and is never missed, since payloads or state decide it: "
            f"{', '.join(open_[:_NAMED])}{others}."
        )
    return " ".join(said)


def _share(good: int, n: int) -> str:
    """A ratio that says 1 only where all are good."""
    return f"{min(good / n, 0.9999) if good < n else 1:.4f}"
