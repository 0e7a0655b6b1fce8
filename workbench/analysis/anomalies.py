"""Which flows are unlike the rest: in their path, their times, their repeats, or when they came?

Every finding has one kind of score, standard deviations of a normal distribution, so that a slow
hop and a rare path can be ranked together. What chance alone would do once in so many hops and
flows is no finding.
"""

from __future__ import annotations

from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.attributes import flow_keys
from workbench.analysis.hop_kinds import hop_keys, hop_kinds, hop_text
from workbench.analysis.intervals import normal_quantile
from workbench.analysis.parts import inferred_from, named, times_of, together, untimed_flows
from workbench.analysis.paths import paths
from workbench.analysis.plots_anomalies import plot_anomalies
from workbench.analysis.unusual import bursts, how_far_out, tail_share
from workbench.analysis.wording import count, cut, length, percent, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.analysis.arrays import Ints, Small
    from workbench.analysis.index import FlowIndex

_LISTED = 100
_PATHS_NAMED = 1_000
_RARE = 0.01
"""Flows on paths so rare, all together."""
_LEAST = 3.5
"""What is nearer than this is never a finding."""
_NOUNS = {
    "hop": "with an unusual hop",
    "duration": "of unusual duration",
    "repeats": "with repeats",
    "variant": "on a rare path",
    "burst": "at the start of a burst",
}


def part(index: FlowIndex) -> pd.DataFrame:
    """Measure what may be unusual.

    Returns
    -------
    pandas.DataFrame
        ``what`` (category: ``hop``, ``repeats``, ``duration``, ``variant``, ``start``), ``name``
        (category: the hop, type or path), ``value`` (int64: nanoseconds; a count; a path's
        number), ``flow`` (int64: a hash of its id), ``correlation_id`` (category; only where
        ``what`` is ``duration``).
    """
    key = flow_keys(index.correlation_id)
    kind, kinds = hop_kinds(index)
    hops = [hop_text(*hop) for hop in hop_keys(index, kinds)]
    effect = np.flatnonzero(kind >= 0)
    took = index.time[effect] - index.time[index.cause[effect]]

    n_types = len(index.type_names)
    member, n = np.unique(index.flow * n_types + index.type, return_counts=True)
    holder, held = np.divmod(member, n_types)

    path = index.path_keys
    variants, example, code, flows = np.unique(
        path, return_index=True, return_inverse=True, return_counts=True
    )
    rarest = np.lexsort((variants, flows))[:_PATHS_NAMED]
    place = np.full(len(variants), -1)
    place[rarest] = np.arange(len(rarest))
    every, no_name = np.arange(index.flows), np.full(index.flows, -1)
    tables = [
        _rows("hop", kind[effect], hops, took, key[index.flow[effect]]),
        _rows("repeats", held, index.type_names, n, key[holder]),
        _rows("variant", place[code], paths(index, example[rarest]), path, key),
        _rows("start", no_name, [], index.spans[0], key),
    ]
    untimed = np.where(index.fully_timed, -1, 0)
    flow = _rows("duration", untimed, ["untimed"], index.durations, key)
    flow["correlation_id"] = named(every, index.correlation_id)
    found = together([flow, *tables], unsorted=["correlation_id"])
    found.attrs = times_of(index)
    return found


def whole(parts: Iterable[pd.DataFrame]) -> Answer:
    """Judge all parts together; ``EventLog.anomalies`` documents the columns."""
    parts = list(parts)
    rows = together(parts, unsorted=["correlation_id"])
    of = {str(what): rows[rows["what"] == what] for what in rows["what"].cat.categories}
    flows = of["duration"].set_index("flow")
    n = len(flows)
    judged = len(of.get("hop", ())) + len(of["repeats"]) + 2 * n
    limit = max(_LEAST, normal_quantile(judged))
    found = [
        _far(of["hop"], "hop", limit, floor=0.05) if "hop" in of else None,
        _far(_by_path(of), "duration", limit, floor=0.05),
        _far(of["repeats"], "repeats", limit, floor=0.4),
        _rare(of["variant"]),
        _bursts(of["start"], limit),
    ]
    table = pd.concat([each for each in found if each is not None], ignore_index=True)
    table["size"] = table["score"].abs()
    tally, odd = table["what"].value_counts(), table["flow"].nunique()
    at = flows.index.get_indexer(table["flow"])
    table["correlation_id"] = flows["correlation_id"].iloc[at].astype("str").to_numpy()
    table = table.sort_values(
        ["size", "correlation_id", "what", "name"],
        ascending=[False, True, True, True],
        ignore_index=True,
    ).head(_LISTED)
    evidence = [_evidence(row, n) for _, row in table.iterrows()]
    at = flows.index.get_indexer(table["flow"])
    table = table.assign(
        evidence=pd.array(evidence, dtype="str"), duration_ms=flows["value"].to_numpy()[at] / 1e6
    )
    columns = ["correlation_id", "what", "name", "score", "evidence", "duration_ms"]
    sentence = _sentence(table, n, tally, odd)
    negative = int((of["hop"]["value"] <= 0).sum()) if "hop" in of else 0
    if negative:
        sentence += f" {count(negative, 'hop')} of no time or less could not be judged."
    sentence += untimed_flows(parts) + inferred_from(parts)
    return Answer(table[columns], sentence, partial(plot_anomalies, n=n))


def _rows(what: str, codes: Ints | Small, names: Any, value: Ints, flow: Ints) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "what": named(np.zeros(len(codes), np.int64), [what]),
            "name": named(codes, names),
            "value": value.astype(np.int64),
            "flow": flow,
            "correlation_id": named(np.full(len(codes), -1), []),
        }
    )


def _by_path(of: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Durations, named by the path that their flow took; without those of guessed times."""
    timed = of["duration"][of["duration"]["name"].isna()]
    path = of["variant"].set_index("flow")["value"].loc[timed["flow"]]
    return timed.assign(name=path.to_numpy())


def _far(rows: pd.DataFrame, what: str, limit: float, *, floor: float) -> pd.DataFrame:
    """What lies far from the median of its kind: of each flow the farthest."""
    rows = rows[rows["value"] > 0]
    name = rows["name"]
    code, kinds = pd.factorize(
        name.cat.codes if isinstance(name.dtype, pd.CategoricalDtype) else name
    )
    score, usual, n = how_far_out(rows["value"].to_numpy(), code, len(kinds), floor=floor)
    size = score if what == "repeats" else np.abs(score)
    at = np.flatnonzero(size >= limit)
    top = rows.iloc[at].assign(score=score[at], usual=usual[code[at]], n=n[code[at]])
    top["name"] = top["name"].astype("str") if what != "duration" else ""
    top = top.iloc[np.lexsort((top["name"], -np.abs(top["score"])))].drop_duplicates("flow")
    return _findings(what, top)


def _rare(rows: pd.DataFrame) -> pd.DataFrame:
    """Flows on paths that few take, where most flows are not on such paths."""
    path, taken = pd.factorize(rows["value"])
    share, n = tail_share(path, len(taken))
    rare = share <= _RARE
    score = np.zeros(len(share))
    score[rare] = [NormalDist().inv_cdf(1 - each) for each in share[rare]]
    at = np.flatnonzero(rare[path])
    top = rows.iloc[at].astype({"name": "str"}).fillna({"name": ""})
    return _findings(
        "variant", top.assign(score=score[path[at]], value=n[path[at]], usual=0.0, n=0)
    )


def _bursts(rows: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Times at which far more flows started than usual, each with its first flow."""
    rows = rows.iloc[np.lexsort((rows["flow"], rows["value"]))]
    first, score, n, usual, nanoseconds = bursts(rows["value"].to_numpy())
    chosen = score >= limit
    top = rows.iloc[first[chosen]].assign(score=score[chosen], value=n[chosen], name="")
    return _findings("burst", top.assign(usual=usual, n=nanoseconds))


def _findings(what: str, rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flow": rows["flow"].to_numpy(),
            "what": pd.array([what] * len(rows), dtype="str"),
            "name": pd.array(rows["name"].to_numpy(object), dtype="str"),
            "score": rows["score"].to_numpy(np.float64),
            "value": rows["value"].to_numpy(np.int64),
            "usual": rows["usual"].to_numpy(np.float64),
            "n": rows["n"].to_numpy(np.int64),
        }
    )


def _evidence(row: pd.Series[Any], flows: int) -> str:
    """What makes a flow unusual, in words."""
    what, name, value, usual, n = (row[key] for key in ("what", "name", "value", "usual", "n"))
    if what == "hop":
        took, half = length(value / 1e9), length(usual / 1e9)
        return f"{name} took {took}, {half} at the median (n = {n:,})"
    if what == "duration":
        took, half = length(value / 1e9), length(usual / 1e9)
        return f"took {took}; flows on its path take {half} at the median (n = {n:,})"
    if what == "repeats":
        return f"{name} came {value:,} times; {usual:.3g} at the median of {count(n, 'flow')}"
    if what == "variant":
        path = f": {cut(name, 200)}" if name else ""
        return f"{value:,} of {count(flows, 'flow')} took its path{path}"
    return (
        f"{count(value, 'flow')} started within {length(n / 1e9)}, it first; usually {usual:g} do"
    )


def _sentence(table: pd.DataFrame, n: int, tally: pd.Series[Any], odd: int) -> str:
    if table.empty:
        return f"None of {count(n, 'flow')} is unlike the rest by more than chance."
    told = ", ".join(
        f"{tally[what]:,} {words}" for what, words in _NOUNS.items() if what in tally.index
    )
    top = table.iloc[0]
    sentence = (
        f"{odd:,} of {count(n, 'flow')} ({percent(odd / n)}) {'is' if odd == 1 else 'are'} unlike "
        f"the rest: {told}. The most unusual: {short(top['correlation_id'], 40)}, "
        f"{top['evidence']}."
    )
    if (findings := int(tally.sum())) > len(table):
        sentence += (
            f" The {len(table)} most unusual findings are listed, and {findings - len(table):,} "
            "are not."
        )
    return sentence
