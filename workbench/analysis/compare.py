"""What changed between two logs: which paths, types, services and hops, by how much, how surely?

Two logs are never the same. So every difference has its size and an interval, the intervals hold
all together, and a difference that could well be chance is called that.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.clock_jumps import jumps
from workbench.analysis.hop_kinds import effects_first, hop_keys, hop_kinds, hop_text
from workbench.analysis.intervals import by_group, cliffs_delta, normal_quantile, share_difference
from workbench.analysis.parts import inferred_from, named, times_of, together, untimed_flows
from workbench.analysis.paths import paths
from workbench.analysis.plots_compare import plot_compare
from workbench.analysis.quantiles import quantiles
from workbench.analysis.skew import shifts_made
from workbench.analysis.wording import count, cut, length, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from workbench.analysis.arrays import Bools, Ints, Small
    from workbench.analysis.index import FlowIndex

_PATHS_NAMED = 2_000
"""Paths of a part that are written out, the most frequent; another is known by its number."""
_PATHS_COMPARED = 200
"""The most frequent in both logs; the rest is compared as one."""

_NEGLIGIBLE = 0.147
"""Of Cliff's delta. J. Romano et al., "Appropriate statistics for ordinal level data", 2006."""
_SMALL_SHARE = 0.01
"""A difference of shares that is called slight."""
_TOLD = 3
_BETWEEN: Final = "\x1f"
"""Between the names of a hop: of two that read alike each is compared alone."""
_UNTOLD: Final = "times not known"
_NOUN = {"flow": "duration", "hop": "hop", "variant": "path", "type": "type", "service": "service"}
_COLUMNS: Final[Mapping[str, Any]] = {
    "what": "str",
    "name": "str",
    "n_before": "int64",
    "n_after": "int64",
    "before": "float64",
    "after": "float64",
    "effect": "float64",
    "low": "float64",
    "high": "float64",
    "verdict": "str",
}


def part(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """Measure what is compared in a part of a log, of which ``frame`` is the frame.

    Returns
    -------
    pandas.DataFrame
        ``what`` and ``name`` (category), ``value`` (int64: of a hop or a flow's duration how many
        nanoseconds, of a variant its number), ``n`` (int32: how many flows; of a hop 1 if it is the
        first of its kind in its flow, else 0), ``timed`` (bool: whether its time is known).
    """
    kind, kinds = hop_kinds(index, timed=False)
    hops = hop_keys(index, kinds)
    texts = [hop_text(*hop) for hop in hops]
    names = [_BETWEEN.join(hop) for hop in hops]
    effect = np.flatnonzero(kind >= 0)
    keys, example, n = np.unique(index.path_keys, return_index=True, return_counts=True)
    ranked = np.lexsort((keys, -n))[:_PATHS_NAMED]
    path = np.full(len(keys), -1)
    path[ranked] = np.arange(len(ranked))
    types, with_type = _members(index, index.type, len(index.type_names))
    sources, with_source = _members(index, index.source, len(index.source_names))
    found = together(
        [
            _rows(
                "flow",
                np.zeros(index.flows, np.int64),
                ["duration"],
                index.durations,
                timed=index.fully_timed,
            ),
            _rows(
                "hop",
                kind[effect],
                names,
                index.time[effect] - index.time[index.cause[effect]],
                _first_of_flow(index.flow[effect], kind[effect]),
                timed=index.timed_cause[effect] >= 0,
            ),
            _rows("variant", path, paths(index, example[ranked]), keys, n),
            _rows("type", types, index.type_names, np.zeros(len(types), np.int64), with_type),
            _rows(
                "service",
                sources,
                index.source_names,
                np.zeros(len(sources), np.int64),
                with_source,
            ),
        ]
    )
    found.attrs = times_of(index) | {
        "effects_first": effects_first(index),
        "shifts": shifts_made(frame),
        "between": _between(index, kind[effect], index.cause[effect], texts, hops),
    }
    return found


def whole(before: Iterable[pd.DataFrame], after: Iterable[pd.DataFrame]) -> Answer:
    """Compare the parts of two logs; ``EventLog.compare`` documents the columns."""
    both = [(part, log) for log, parts in enumerate((before, after)) for part in parts]
    rows = together([part for part, _ in both])
    rows["after"] = np.repeat([bool(log) for _, log in both], [len(part) for part, _ in both])
    durations_of = rows.loc[rows["what"] == "flow", "after"]
    flows = (int((~durations_of).sum()), int(durations_of.sum()))
    if not all(flows):
        sentence = (
            f"There is nothing to compare: {count(flows[0], 'flow')} before, {flows[1]:,} after."
        )
        nothing = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})
        return Answer(nothing, sentence, plot_compare)

    timed = rows["what"].isin(["flow", "hop"]).to_numpy()
    counts, times = _counted(rows[~timed]), rows[timed & rows["name"].notna().to_numpy()]
    n_names = len(times["name"].cat.categories)
    kind = times["what"].cat.codes.to_numpy(np.int64) * n_names + times["name"].cat.codes
    code, kinds = pd.factorize(np.asarray(kind, dtype=np.int64), sort=True)
    z = normal_quantile(len(counts) + len(kinds))
    shares, speeds = (
        _shares(counts, flows, z),
        _speeds(times, code, kinds, flows, z),
    )
    speeds["name"] = [
        hop_text(*name.split(_BETWEEN)) if what == "hop" else name
        for what, name in zip(speeds["what"], speeds["name"], strict=True)
    ]
    table = pd.concat([shares, speeds], ignore_index=True)
    bound = table[["low", "high"]].abs().min(axis=1).where(table["low"] * table["high"] > 0, 0)
    table = table.assign(bound=bound, size=table["effect"].abs()).sort_values(
        ["bound", "size", "what", "name"], ascending=[False, False, True, True], ignore_index=True
    )
    no_times = (table["what"] == "hop") & (table[["n_before", "n_after"]].min(axis=1) == 0)
    table.loc[no_times, ["effect", "low", "high"]] = np.nan
    table = table[list(_COLUMNS)].astype(_COLUMNS)
    first = [sum(p.attrs["effects_first"] for p, at in both if at == log) for log in (0, 1)]
    between = {hop for part, _ in both for hop in part.attrs["between"]}
    made: tuple[dict[str, int], dict[str, int]] = {}, {}
    for part_of, log in both:
        made[log].update(part_of.attrs["shifts"])
    sentence = _sentence(table, flows) + jumps(table, between) + _effects_first(*first)
    sentence += _shifted(*made) + untimed_flows(part for part, _ in both)
    sentence += inferred_from([part for part, _ in both])
    return Answer(table, sentence, plot_compare)


def _shifted(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Say it if the clocks of the two logs were shifted by different lengths of time."""
    apart = {name: abs(before.get(name, 0) - after.get(name, 0)) for name in {*before, *after}}
    if not any(apart.values()):
        return ""
    name = max(sorted(apart), key=lambda each: apart[each])
    by = [length(each.get(name, 0) / 1e9) for each in (before, after)]
    return (
        f" Clocks were shifted differently, that of {name} by {by[0]} before and {by[1]} after: what "
        "got slower may be hidden by that, or stand at another service. Compare the logs as they "
        "were before log.without_skew()."
    )


def _between(
    index: FlowIndex, kind: Small, cause: Ints, texts: list[str], hops: list[tuple[str, ...]]
) -> list[tuple[str, str, str]]:
    """Each kind of hop by name, with each service that its causes are of and that of its effects."""
    n = len(index.source_names)
    kinds, sources = np.divmod(pd.unique(kind.astype(np.int64) * n + index.source[cause]), n)
    return [
        (texts[at], str(index.source_names[source]), hops[at][-1])
        for at, source in zip(kinds.tolist(), sources.tolist(), strict=True)
    ]


def _first_of_flow(flow: Ints, kind: Ints | Small) -> Ints:
    """1 for the first of each kind in each flow, 0 for the others."""
    pairs = pd.DataFrame({"flow": flow, "kind": kind})
    return (~pairs.duplicated()).to_numpy().astype(np.int64)


def _rows(
    what: str,
    codes: Ints | Small,
    names: list[str] | NDArray[np.object_],
    value: Ints,
    n: Ints | None = None,
    timed: Bools | None = None,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "what": named(np.zeros(len(codes), np.int64), [what]),
            "name": named(codes, names),
            "value": value,
            "n": np.ones(len(codes), np.int32) if n is None else n.astype(np.int32),
            "timed": np.ones(len(codes), dtype=bool) if timed is None else timed,
        }
    )


def _members(index: FlowIndex, code: Small, n_codes: int) -> tuple[Ints, Ints]:
    """The codes in use, and how many flows hold each."""
    member = pd.unique(index.flow * n_codes + code) % n_codes
    found, n = np.unique(member, return_counts=True)
    return found, n


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Count the flows before and after that take each path, or hold each type or service."""
    by = ["what", "value", "name"]
    text = rows["name"].astype("str")
    known = rows["value"].map(text[text.notna()].groupby(rows["value"]).min())
    text = text.fillna(known).fillna("path " + rows["value"].astype("str"))
    rows = rows.astype({"what": "str"}).assign(name=text)
    sums = rows.assign(
        n_before=rows["n"].where(~rows["after"], 0), n_after=rows["n"].where(rows["after"], 0)
    )
    sums = sums.groupby(by, as_index=False)[["n_before", "n_after"]].sum()
    sums["total"] = sums["n_before"] + sums["n_after"]
    path = sums["what"] == "variant"
    ranked = sums[path].sort_values(["total", "name"], ascending=[False, True], ignore_index=True)
    rest = ranked.iloc[_PATHS_COMPARED:]
    pooled = pd.DataFrame(
        {"what": "variant", "name": f"({count(len(rest), 'rarer path')})"}
        | {n: [rest[n].sum()] for n in ("n_before", "n_after")}
    )
    tables = [ranked.iloc[:_PATHS_COMPARED], sums[~path], pooled.iloc[: len(rest)]]
    columns = ["what", "name", "n_before", "n_after"]
    return pd.concat([table[columns] for table in tables], ignore_index=True)


def _shares(counts: pd.DataFrame, flows: tuple[int, int], z: float) -> pd.DataFrame:
    before, after = (counts[name].to_numpy(np.int64) for name in ("n_before", "n_after"))
    measured = share_difference(before, flows[0], after, flows[1], z)
    table = _table(counts["what"], counts["name"], (before, after), measured)
    table["verdict"] = _verdicts(table, ("more", "fewer"), _SMALL_SHARE)
    return table.assign(before=before / flows[0], after=after / flows[1])


def _speeds(
    times: pd.DataFrame, code: Ints, kinds: Any, flows: tuple[int, int], z: float
) -> pd.DataFrame:
    is_after, in_flows = times["after"].to_numpy(), times["n"].to_numpy()
    # A kind of hop that only one log has is judged like a share: by how many flows it is in.
    holding = [
        np.bincount(code[side], in_flows[side], len(kinds)).astype(np.int64)
        for side in (~is_after, is_after)
    ]
    every = [np.bincount(code[side], minlength=len(kinds)) for side in (~is_after, is_after)]
    timed = times["timed"].to_numpy(dtype=bool)
    value, code, later = by_group(times["value"].to_numpy()[timed], code[timed], is_after[timed])
    sides = (~later, later)
    told = [np.bincount(code[side], minlength=len(kinds)) for side in sides]
    shares = share_difference(holding[0], flows[0], holding[1], flows[1], z)
    deltas = cliffs_delta(value, code, later, len(kinds), z)
    one_sided = (every[0] == 0) | (every[1] == 0)
    n = [np.where(one_sided, *both) for both in zip(every, told, strict=True)]
    untold = ~one_sided & ((told[0] == 0) | (told[1] == 0))
    measured = [
        np.where(untold, np.nan, np.where(one_sided, *both))
        for both in zip(shares, deltas, strict=True)
    ]
    what, name = np.divmod(kinds, len(times["name"].cat.categories))
    table = _table(
        times["what"].cat.categories[what], times["name"].cat.categories[name], n, measured
    )
    verdicts = _verdicts(table, ("slower", "faster"), _NEGLIGIBLE)
    table["verdict"] = np.where(untold, _UNTOLD, verdicts)
    before, after = (
        quantiles(value[side], code[side], len(kinds), [0.5])[0] / 1e6 for side in sides
    )
    return table.assign(before=before, after=after)


def _table(what: Any, name: Any, n: Sequence[Ints], measured: Sequence[Any]) -> pd.DataFrame:
    columns = ("what", "name", "n_before", "n_after", "effect", "low", "high")
    values = (*map(np.asarray, (what, name)), *n, *measured)
    return pd.DataFrame(dict(zip(columns, values, strict=True)))


def _verdicts(table: pd.DataFrame, words: tuple[str, str], small: float) -> NDArray[np.object_]:
    """Say what the intervals tell; ``words`` are those for an effect above and below 0."""
    change = np.where(table["effect"] > 0, *words).astype(object)
    slightly = np.where(table["effect"].abs() < small, "slightly ", "").astype(object)
    new, gone = table["n_before"] == 0, table["n_after"] == 0
    found = table["low"] * table["high"] > 0
    return np.select(
        [~found & (new | gone), ~found, new, gone],
        ["too few to tell", "no change", "new", "vanished"],
        slightly + change,
    )


def _sentence(table: pd.DataFrame, flows: tuple[int, int]) -> str:
    start = f"{count(flows[0], 'flow')} before, {flows[1]:,} after: "
    few = table["verdict"] == "too few to tell"
    untold = table["verdict"] == _UNTOLD
    changed = table[~few & ~untold & (table["verdict"] != "no change")]
    are = "is" if few.sum() == 1 else "are"
    rest = f" {few.sum():,} more {are} in one log only, too rarely to tell." if few.any() else ""
    neither = untold & (table["n_before"] == 0) & (table["n_after"] == 0)
    for which, whose in (
        (untold & ~neither, "one log tells no times"),
        (neither, "neither log tells times"),
    ):
        if which.any():
            rest += f" Of {count(int(which.sum()), 'comparison')} {whose}."
    if changed.empty:
        return f"{start}none of {count(len(table), 'comparison')} shows more than chance.{rest}"
    slight = changed["verdict"].str.startswith("slightly")
    plain = changed[~slight]
    tally = Counter(zip(plain["what"], plain["verdict"], strict=True))
    told = [
        count(n, f"{_adjective(verdict)} {_NOUN[what]}")
        for (what, verdict), n in sorted(tally.items())
    ]
    told += [count(int(slight.sum()), "slight change")] if slight.any() else []
    top = "; ".join(_told(row) for _, row in changed.head(_TOLD).iterrows())
    return (
        f"{start}{', '.join(told)}, of {count(len(table), 'comparison')}. The surest: {top}.{rest}"
    )


def _effects_first(before: int, after: int) -> str:
    """A sentence, after a blank, on effects before their causes in either log."""
    if not before + after:
        return ""
    return (
        f" Effects stand before their causes ({before:,} before, {after:,} after), so clocks differ: "
        "see log.skew() of each."
    )


def _told(row: pd.Series[Any]) -> str:
    """One change in words."""
    name = cut(row["name"], 100)
    if row["what"] in ("hop", "flow"):
        if row["verdict"] in ("new", "vanished"):
            n = row["n_before"] + row["n_after"]
            verb = "is new" if row["verdict"] == "new" else "has vanished"
            return f"the hop {name} {verb} ({count(n, 'time')})"
        name = "the duration of flows" if row["what"] == "flow" else name
        before, after = (length(row[log] / 1e3) for log in ("before", "after"))
        return (
            f"{name} is {row['verdict']}, {before} → {after} at the median (Cliff's delta "
            f"{row['effect']:.2f}, between {row['low']:.2f} and {row['high']:.2f})"
        )
    before, after = (percent(row[log]) for log in ("before", "after"))
    if row["verdict"] == "vanished":
        return f"the {_NOUN[row['what']]} {name} has vanished, {before} → {after} of flows"
    adjective = _adjective(row["verdict"])
    return f"the {_NOUN[row['what']]} {name} is {adjective}, {before} → {after} of flows"


def _adjective(verdict: str) -> str:
    return verdict.replace("more", "more frequent").replace("fewer", "less frequent")
