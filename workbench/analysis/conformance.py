"""Does the log do what the design says?

What a design makes certain, and which events it explains, stands in ``workbench.analysis.due``. A log
may be divided by flow: what its parts give adds up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis import due_kernel as kernel
from workbench.analysis.answer import Answer
from workbench.analysis.due import DesignArrays, undecided
from workbench.analysis.parts import named, together
from workbench.analysis.wording import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex
    from workbench.choreography import Choreography

MISSING: Final = "missing"
UNEXPECTED: Final = "unexpected"
WRONG_EMITTER: Final = "wrong emitter"
UNKNOWN_TYPE: Final = "unknown type"
UNKNOWN_SERVICE: Final = "unknown service"
KINDS: Final = (MISSING, UNEXPECTED, WRONG_EMITTER, UNKNOWN_TYPE, UNKNOWN_SERVICE)
"""The kinds of deviation."""

_EXPLAINED, _UNJUDGED, _CAME, _GIVEN_UP = "explained", "unjudged", "came", "given up"
_ALL: Final = (*KINDS, _EXPLAINED, _UNJUDGED, _CAME, _GIVEN_UP)
_STATES: Final[Mapping[int, str]] = {
    kernel.UNEXPECTED: UNEXPECTED,
    kernel.WRONG_EMITTER: WRONG_EMITTER,
    kernel.UNKNOWN_TYPE: UNKNOWN_TYPE,
    kernel.UNKNOWN_SERVICE: UNKNOWN_SERVICE,
}
_WHAT: Final = ["kind", "service", "event_type", "effect_type"]
_NAMED: Final = 3
"""Deviations that the sentence names."""


def part(index: FlowIndex, untold: Bools, design: Choreography) -> pd.DataFrame:
    """Judge a part of a log.

    Parameters
    ----------
    untold
        Of each event, whether it has no causation id.

    Returns
    -------
    pandas.DataFrame
        A row per flow and thing that is right in it, with how many (``n``), and a row per deviation.
        ``attrs``: the time of the part's last record, how many causes were inferred, and how many
        events belong to no flow.
    """
    arrays = DesignArrays.of(design, index.type_names, index.source_names)
    judged = kernel.Judged.of(index, untold, arrays)
    started = np.minimum.reduceat(index.time, index.start[:-1]) if index.flows else index.time[:0]
    rows = [
        _counts(_EXPLAINED, judged.events_per_flow(index, kernel.EXPLAINED), started, every=True),
        _counts(_UNJUDGED, judged.events_per_flow(index, kernel.UNJUDGED), started),
        _counts(_CAME, judged.dues_per_flow(index, kernel.CAME), started),
        _counts(_GIVEN_UP, judged.dues_per_flow(index, kernel.GIVEN_UP), started),
        _odd_events(index, judged),
        _missing(index, judged),
    ]
    flow, kind, service, why, effect, n, since, due = map(np.concatenate, zip(*rows, strict=True))
    words = [*arrays.types, *(owed.words for owed in arrays.dues)]
    effects, effect_names = pd.factorize(np.array(words, dtype=object))
    effect = np.where(effect >= 0, effects[effect], -1)
    found = pd.DataFrame(
        {
            "correlation_id": named(flow, index.correlation_id),
            "kind": named(kind, _ALL),
            "service": named(service, arrays.sources),
            "event_type": named(why, arrays.types),
            "effect_type": named(effect, effect_names),
            "n": n,
            "since": since,
            "due": due,
        }
    )
    found.attrs = {
        "end": index.end,
        "inferred": int(judged.inferred.sum()),
        "without_flow": index.without_flow,
    }
    return found


def whole(
    parts: Sequence[pd.DataFrame],
    design: Choreography,
    longer_than: pd.Timedelta,
    *,
    per_flow: bool,
) -> Answer:
    """Put the parts of a log together; ``EventLog.conformance`` documents the columns."""
    end = max(piece.attrs["end"] for piece in parts)
    rows = together(parts)
    missing = (rows["kind"] == MISSING).to_numpy()
    early = missing & (rows["due"].to_numpy() > end - longer_than.value)
    rows = rows[~early]
    facts = {
        "flows": rows["correlation_id"].nunique(),
        "early": int(early.sum()),
        "inferred": sum(piece.attrs["inferred"] for piece in parts),
        "without_flow": sum(piece.attrs["without_flow"] for piece in parts),
    }
    kinds = rows.groupby("kind", observed=False)["n"].sum()
    total = _kinds(rows)
    sentence = _sentence(kinds, total, facts, undecided(design))
    if per_flow:
        return Answer(_per_flow(rows), sentence)
    from workbench.analysis.plots_design import plot_conformance

    return Answer(total, sentence, plot_conformance)


def _counts(kind: str, n: Ints, started: Ints, *, every: bool = False) -> tuple[Ints, ...]:
    """How many of a kind there are in each flow: flow, kind, service, cause, effect, n, times."""
    at = np.arange(len(started)) if every else np.flatnonzero(n)
    nothing = np.full(len(at), -1)
    mark = np.full(len(at), _ALL.index(kind))
    return at, mark, nothing, nothing, nothing, n[at], started[at], started[at]


def _odd_events(index: FlowIndex, judged: kernel.Judged) -> tuple[Ints, ...]:
    at = np.flatnonzero(judged.state >= kernel.UNEXPECTED)
    cause, time = judged.cause[at], index.time[at]
    why = np.where(cause >= 0, index.type[cause], -1)
    kind_of = np.zeros(kernel.UNKNOWN_TYPE + 1, dtype=np.int64)
    kind_of[list(_STATES)] = [_ALL.index(kind) for kind in _STATES.values()]
    kind, one = kind_of[judged.state[at]], np.ones(len(at), dtype=np.int64)
    return index.flow[at], kind, index.source[at], why, index.type[at], one, time, time


def _missing(index: FlowIndex, judged: kernel.Judged) -> tuple[Ints, ...]:
    """As :func:`_counts`; the effects are counted on from the types, by what is due."""
    (event, due), codes = judged.missing(index), judged.design.codes
    kind, one = np.full(len(event), _ALL.index(MISSING)), np.ones(len(event), dtype=np.int64)
    time = index.time[event]
    who, effect = codes.due_source[due], due + len(judged.design.types)
    return (
        index.flow[event], kind, who, index.type[event], effect, one, time,
        time + codes.due_after[due],
    )  # fmt: skip


def _kinds(rows: pd.DataFrame) -> pd.DataFrame:
    """The deviations, each kind once, the most frequent first."""
    odd = rows[rows["kind"].isin(KINDS)].sort_values(["since", "correlation_id"], kind="stable")
    codes = odd.groupby(_WHAT, observed=True, dropna=False, sort=True).ngroup().to_numpy()
    n = int(codes.max(initial=-1)) + 1
    first = np.full(n, -1)
    first[codes[::-1]] = np.arange(len(odd))[::-1]
    flows = pd.DataFrame({"kind": codes, "flow": odd["correlation_id"].cat.codes}).drop_duplicates()
    table = odd.iloc[first][_WHAT].astype("str").reset_index(drop=True)
    table["event_type"] = table["event_type"].where(
        odd["event_type"].iloc[first].notna().to_numpy()
    )
    table["kind"] = pd.Categorical(table["kind"], categories=list(KINDS))
    table["flows"] = np.bincount(flows["kind"], minlength=n)
    table["events"] = np.bincount(codes, minlength=n)
    table["example"] = odd["correlation_id"].iloc[first].astype("str").to_numpy()
    by = ["events", *_WHAT]
    return table.sort_values(
        by, ascending=[False, True, True, True, True], kind="stable", ignore_index=True
    )


def _per_flow(rows: pd.DataFrame) -> pd.DataFrame:
    flow = rows["correlation_id"].cat.codes.to_numpy()
    kinds = rows["kind"].cat.categories
    n_flows = len(rows["correlation_id"].cat.categories)
    counts = np.zeros((len(kinds), n_flows), dtype=np.int64)
    np.add.at(counts, (rows["kind"].cat.codes.to_numpy(), flow), rows["n"].to_numpy())
    of = {name: counts[place] for place, name in enumerate(kinds)}
    good = of[_EXPLAINED] + of[_UNJUDGED] + of[_CAME]
    judged = good + sum(of[kind] for kind in KINDS)
    started = np.full(n_flows, np.iinfo(np.int64).max)
    is_flow = (rows["kind"] == _EXPLAINED).to_numpy()
    started[flow[is_flow]] = rows["since"].to_numpy()[is_flow]
    order = np.argsort(started, kind="stable")
    table = pd.DataFrame(
        {
            "correlation_id": rows["correlation_id"].cat.categories.astype("str"),
            "fitness": good / np.maximum(judged, 1),
            **{kind.replace(" ", "_"): of[kind] for kind in KINDS},
            "given_up": of[_GIVEN_UP],
            "unjudged": of[_UNJUDGED],
            "first_deviation": _first_deviation(rows, n_flows),
        }
    )
    table.loc[judged == 0, "fitness"] = 1.0
    return table.iloc[order].reset_index(drop=True)


def _first_deviation(rows: pd.DataFrame, n_flows: int) -> pd.Series[str]:
    """Of each flow, by its code, its earliest deviation in words; null if it has none."""
    odd = rows[rows["kind"].isin(KINDS)].sort_values(["since", *_WHAT], kind="stable")
    odd = odd.drop_duplicates("correlation_id")
    number = odd.groupby(_WHAT, observed=True, dropna=False).ngroup().to_numpy()
    place = pd.Series(number).drop_duplicates().index.to_numpy()
    words = dict(zip(number[place].tolist(), in_words(odd.iloc[place]), strict=True))
    found = np.full(n_flows, None, dtype=object)
    found[odd["correlation_id"].cat.codes.to_numpy()] = [words[code] for code in number.tolist()]
    return pd.Series(found, dtype="str")


def in_words(deviations: pd.DataFrame) -> list[str]:
    """Each deviation, as a sentence without its full stop."""
    rows: list[Any] = deviations[_WHAT].astype("object").to_numpy().tolist()
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


def _sentence(
    kinds: pd.Series[int], total: pd.DataFrame, facts: Mapping[str, int], open_: Sequence[str]
) -> str:
    events = int(kinds[[_EXPLAINED, _UNJUDGED, *KINDS[1:]]].sum())
    due = int(kinds[_CAME] + kinds[MISSING])
    good = int(kinds[[_EXPLAINED, _UNJUDGED, _CAME]].sum())
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
    if kinds[_GIVEN_UP]:
        said.append(f"For {count(int(kinds[_GIVEN_UP]), 'effect')} there is a dead letter instead.")
    if facts["early"]:
        said.append(f"{count(facts['early'], 'effect')} may be on the way still.")
    if kinds[_UNJUDGED]:
        n = count(int(kinds[_UNJUDGED]), "event")
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
