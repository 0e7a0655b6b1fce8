"""Does the log do what the design says?

What a design makes certain, and which events it explains, stands in ``workbench.analysis.due``. A log
may be divided by flow: what its parts give adds up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from workbench.analysis import deviations as say
from workbench.analysis import due_kernel as kernel
from workbench.analysis.answer import Answer
from workbench.analysis.deviations import KINDS, MISSING, WHAT
from workbench.analysis.due import DesignArrays, undecided
from workbench.analysis.parts import named, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.index import FlowIndex
    from workbench.choreography import Choreography

_ALL: Final = (*KINDS, say.EXPLAINED, say.UNJUDGED, say.CAME, say.GIVEN_UP)
_STATES: Final[Mapping[int, str]] = {
    kernel.UNEXPECTED: say.UNEXPECTED,
    kernel.WRONG_EMITTER: say.WRONG_EMITTER,
    kernel.UNKNOWN_TYPE: say.UNKNOWN_TYPE,
    kernel.UNKNOWN_SERVICE: say.UNKNOWN_SERVICE,
}


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
        _counts(
            say.EXPLAINED, judged.events_per_flow(index, kernel.EXPLAINED), started, every=True
        ),
        _counts(say.UNJUDGED, judged.events_per_flow(index, kernel.UNJUDGED), started),
        _counts(say.CAME, judged.dues_per_flow(index, kernel.CAME), started),
        _counts(say.GIVEN_UP, judged.dues_per_flow(index, kernel.GIVEN_UP), started),
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
    sentence = say.sentence(kinds, total, facts, undecided(design))
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
    codes = odd.groupby(WHAT, observed=True, dropna=False, sort=True).ngroup().to_numpy()
    n = int(codes.max(initial=-1)) + 1
    first = np.full(n, -1)
    first[codes[::-1]] = np.arange(len(odd))[::-1]
    flows = pd.DataFrame({"kind": codes, "flow": odd["correlation_id"].cat.codes}).drop_duplicates()
    table = odd.iloc[first][WHAT].astype("str").reset_index(drop=True)
    table["event_type"] = table["event_type"].where(
        odd["event_type"].iloc[first].notna().to_numpy()
    )
    table["kind"] = pd.Categorical(table["kind"], categories=list(KINDS))
    table["flows"] = np.bincount(flows["kind"], minlength=n)
    table["events"] = np.bincount(codes, minlength=n)
    table["example"] = odd["correlation_id"].iloc[first].astype("str").to_numpy()
    by = ["events", *WHAT]
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
    good = of[say.EXPLAINED] + of[say.UNJUDGED] + of[say.CAME]
    judged = good + sum(of[kind] for kind in KINDS)
    started = np.full(n_flows, np.iinfo(np.int64).max)
    is_flow = (rows["kind"] == say.EXPLAINED).to_numpy()
    started[flow[is_flow]] = rows["since"].to_numpy()[is_flow]
    order = np.argsort(started, kind="stable")
    table = pd.DataFrame(
        {
            "correlation_id": rows["correlation_id"].cat.categories.astype("str"),
            "fitness": good / np.maximum(judged, 1),
            **{kind.replace(" ", "_"): of[kind] for kind in KINDS},
            "given_up": of[say.GIVEN_UP],
            "unjudged": of[say.UNJUDGED],
            "first_deviation": _first_deviation(rows, n_flows),
        }
    )
    table.loc[judged == 0, "fitness"] = 1.0
    return table.iloc[order].reset_index(drop=True)


def _first_deviation(rows: pd.DataFrame, n_flows: int) -> pd.Series[str]:
    """Of each flow, by its code, its earliest deviation in words; null if it has none."""
    odd = rows[rows["kind"].isin(KINDS)].sort_values(["since", *WHAT], kind="stable")
    odd = odd.drop_duplicates("correlation_id")
    number = odd.groupby(WHAT, observed=True, dropna=False).ngroup().to_numpy()
    place = pd.Series(number).drop_duplicates().index.to_numpy()
    words = dict(zip(number[place].tolist(), say.in_words(odd.iloc[place]), strict=True))
    found = np.full(n_flows, None, dtype=object)
    found[odd["correlation_id"].cat.codes.to_numpy()] = [words[code] for code in number.tolist()]
    return pd.Series(found, dtype="str")
