"""Conditions on the attributes of flows, and how well each tells two sides apart."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.analysis.arrays import mixed
from workbench.analysis.condition_words import NOTHING, limit_between, value_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.analysis.arrays import Bools, Ints

    Floats = NDArray[np.float64]

IS_THERE = "is not None"
"""The condition that an event has an attribute, whatever its value."""
_SUPPORT = 3
"""Flows that must share a value, so that an id explains nothing."""
_GROUPED = 5
"""Values that one condition names at most."""
_WORTH = 1.05
"""How many times better than its best value a group must be."""
_FORMS = 3
"""A value or being there, a few values, a threshold."""
_MADE = ["kind", "condition", "inside", "outside", "tried", "form", "same"]


def conditions(rows: pd.DataFrame, inside: int, outside: int) -> pd.DataFrame:
    """Try every condition: a value, a few values of an attribute, a threshold, being there at all.

    Parameters
    ----------
    rows
        As :func:`workbench.analysis.attributes.attributes` gives them, those with an attribute.
    inside, outside
        How many flows there are on each side.

    Returns
    -------
    pandas.DataFrame
        The documented columns of ``EventLog.explain``, and ``same``: equal for conditions that split
        the flows in the same way.
    """
    flow, flows = pd.factorize(rows["flow"], sort=True)
    side = np.zeros(len(flows), dtype=bool)
    side[flow] = rows["asked"].to_numpy()
    types = rows["event_type"].cat
    name = rows["attribute"].cat
    n_types = len(types.categories) + 1
    attribute, kinds = pd.factorize(
        name.codes.to_numpy(np.int64) * n_types + types.codes + 1, sort=True
    )
    weight = mixed(flows.astype(np.int64).view(np.uint64))
    order: Any = np.argsort(attribute, kind="stable")
    start = np.searchsorted(attribute[order], np.arange(len(kinds) + 1))
    code: Any = rows["value"].cat.codes.to_numpy(np.int64)
    value_names = rows["value"].cat.categories.to_numpy(dtype=object)
    number = rows["number"].to_numpy()
    made: list[tuple[int, str, int, int, int, int, int]] = []
    for kind in range(len(kinds)):
        at = order[start[kind] : start[kind + 1]]
        one = _Attribute(flow[at], code[at], number[at], side, value_names)
        made += [(kind, *condition) for condition in one.conditions(weight)]
    table = pd.DataFrame(made, columns=_MADE)
    attribute_of, type_of = np.divmod(
        np.asarray(kinds, np.int64)[table["kind"].to_numpy(np.int64)], n_types
    )
    p, q = table["inside"] / max(inside, 1), table["outside"] / max(outside, 1)
    # Each form of condition on each attribute may err equally often, however many it has of them:
    # else the millions of groups of customers would hide what a country alone tells.
    table["tried"] = table["tried"].astype("float64")
    tried = table.groupby(["kind", "form"])["tried"].transform("sum") * (_FORMS * len(kinds))
    # Conditions that split the flows alike are one: it may err as often as all of them together.
    tried = 1 / (1 / tried).groupby(table["same"]).transform("sum")
    chance = _chance(
        table["inside"].to_numpy(np.int64), table["outside"].to_numpy(np.int64), inside, outside
    )
    on = np.where(type_of > 0, type_of - 1, -1)
    held_in, held_out = _holders(rows, flow, side, inside, outside)
    held_p, held_q = held_in[on] / max(inside, 1), held_out[on] / max(outside, 1)
    score = information(p.to_numpy(np.float64), q.to_numpy(np.float64))
    own = beyond(p.to_numpy(np.float64), q.to_numpy(np.float64), held_p, held_q)
    among = _chance(
        table["inside"].to_numpy(np.int64),
        table["outside"].to_numpy(np.int64),
        held_in[on],
        held_out[on],
    )
    return pd.DataFrame(
        {
            "attribute": pd.array(name.categories.to_numpy(object)[attribute_of], dtype="str"),
            "event_type": pd.array(
                np.append([None], types.categories.to_numpy(object))[type_of], dtype="str"
            ),
            "condition": pd.array(table["condition"].to_numpy(object), dtype="str"),
            "inside": table["inside"].astype("int64"),
            "inside_share": p,
            "outside": table["outside"].astype("int64"),
            "outside_share": q,
            "lift": np.divide(p, q, out=np.full(len(p), np.inf), where=(q > 0).to_numpy()),
            # That flows lack an event says nothing of what it would have held.
            "score": np.where(held_p < held_q, np.minimum(score, own), score),
            "by_chance": np.minimum(np.maximum(chance, among) * tried, 1.0),
            "same": table["same"],
        }
    )


def information(inside: Floats, outside: Floats) -> Floats:
    """How many bits a condition tells about the side that a flow is on, were both sides as large.

    The Jensen-Shannon divergence of the two shares, which is the information gain of a split of two
    sides of equal size: 0 if the shares are equal, 1 if the condition holds on one side only, and
    for all of it. How many flows happen to be on each side, or were drawn, makes no difference.
    """
    return _entropy((inside + outside) / 2) - (_entropy(inside) + _entropy(outside)) / 2


def beyond(inside: Floats, outside: Floats, held_inside: Floats, held_outside: Floats) -> Floats:
    """How many bits a condition on an event adds to whether a flow has such an event.

    The conditional mutual information (Cover and Thomas, Elements of Information Theory, 2.5) of
    side and condition, given the event's presence; ``held_…``: the shares of flows that have it.
    """

    def bits(share: Floats, held: Floats) -> Floats:
        return held * _entropy(np.divide(share, held, out=np.zeros(len(held)), where=held > 0))

    sides = bits(inside, held_inside) + bits(outside, held_outside)
    both = bits((inside + outside) / 2, (held_inside + held_outside) / 2)
    return np.maximum(both - sides / 2, 0.0)


def _holders(
    rows: pd.DataFrame, flow: Ints, side: Bools, inside: int, outside: int
) -> tuple[Ints, Ints]:
    """Of each event type, how many flows on each side have it; last, how many flows there are."""
    types, values = rows["event_type"].cat, rows["value"].cat
    code = types.codes.to_numpy(np.int64)
    said = pd.Index([value_text(name) for name in types.categories]).get_indexer(values.categories)
    tells = (rows["attribute"] == "type").to_numpy()  # also of events that have no attribute
    code = np.where(tells, np.append(said, -1)[values.codes.to_numpy()], code)
    n_types = len(types.categories)
    pairs = pd.unique((flow * n_types + code)[code >= 0])
    holder, kind = np.divmod(pairs, max(n_types, 1))
    found = [
        np.append(np.bincount(kind[side[holder] == asked], minlength=n_types), flows)
        for asked, flows in ((True, inside), (False, outside))
    ]
    return found[0], found[1]


def _entropy(share: Floats) -> Floats:
    bits = np.zeros(len(share))
    for part in (share, 1 - share):
        bits -= part * np.log2(part, out=np.zeros(len(part)), where=part > 0)
    return bits


class _Attribute:
    """One attribute of one event type: the flows that have it, and its values."""

    def __init__(
        self, flow: Any, code: Ints, number: Floats, side: Bools, names: NDArray[np.object_]
    ) -> None:
        pairs = np.unique(code * len(side) + flow)
        self.code, self.flow = np.divmod(pairs, len(side))
        self.values, self.place = np.unique(self.code, return_inverse=True)
        self.holders = np.unique(self.flow)
        null = names[self.code] == NOTHING
        self.told = np.unique(self.flow[~null])
        self.side, self.names = side, names
        known = ~np.isnan(number)
        self.number, self.number_flow = number[known], flow[known]
        self.inside, self.outside = int(side.sum()), int((~side).sum())

    def conditions(self, weight: NDArray[np.uint64]) -> list[tuple[str, int, int, int, int, int]]:
        """Each condition's words, flows inside and outside, how many it was chosen from, form, split."""
        made: list[tuple[str, Ints, int]] = [(IS_THERE, self.told, 1)]
        n = np.bincount(self.place, minlength=len(self.values))
        hits = np.bincount(self.place[self.side[self.flow]], minlength=len(self.values))
        shared = np.flatnonzero(n >= _SUPPORT)
        starts = np.searchsorted(self.place, np.arange(len(self.values) + 1))
        for value in shared:
            flows = self.flow[starts[value] : starts[value + 1]]
            name = self.names[self.values[value]]
            made.append((f"is {NOTHING}" if name == NOTHING else f"== {name}", flows, 1))
        forms = [made, [], self._thresholds()]
        if len(shared) > 2 and len(self.flow) == len(self.holders):
            forms[1] = self._group(shared, hits[shared], n[shared], starts)
        results = []
        for form, (words, flows, tried) in (
            (at, one) for at, some in enumerate(forms) for one in some
        ):
            inside = int(self.side[flows].sum())
            these = int(weight[flows].sum(dtype=np.uint64))
            others = (int(weight.sum(dtype=np.uint64)) - these) % 2**64
            same = min(these, others) >> 1  # a condition and its contrary are the same split
            results.append((words, inside, len(flows) - inside, tried, form, same))
        return results

    def _group(
        self, values: Ints, hits: Ints, n: Ints, starts: Ints
    ) -> list[tuple[str, Ints, int]]:
        """The few values that together tell the sides apart better than one does."""
        share_in, share_out = hits / max(self.inside, 1), (n - hits) / max(self.outside, 1)
        ranked = np.lexsort((self.values[values], -(share_in / (share_in + share_out))))
        ranked = ranked[: min(_GROUPED, len(values) - 1)]
        scores = information(np.cumsum(share_in[ranked]), np.cumsum(share_out[ranked]))
        best = int(np.argmax(scores))
        if best == 0 or scores[best] < _WORTH * information(share_in, share_out).max():
            return []
        chosen = np.sort(values[ranked[: best + 1]])
        names = sorted(str(self.names[self.values[value]]) for value in chosen)
        flows = np.concatenate([self.flow[starts[v] : starts[v + 1]] for v in chosen])
        return [(f"in ({', '.join(names)})", flows, comb(len(values), best + 1))]

    def _thresholds(self) -> list[tuple[str, Ints, int]]:
        """The numbers above and below which the sides differ most."""
        made = []
        for sign, words in ((1.0, ">"), (-1.0, "<")):
            top = pd.Series(sign * self.number).groupby(self.number_flow).max()
            order = np.argsort(-top.to_numpy(), kind="stable")
            numbers, flows = top.to_numpy()[order], top.index.to_numpy()[order]
            ends = np.flatnonzero(np.diff(numbers))  # a threshold lies behind each
            ends = ends[(ends + 1 >= _SUPPORT) & (len(numbers) - ends - 1 >= _SUPPORT)]
            if not len(ends):
                continue
            hits = np.cumsum(self.side[flows])[ends]
            scores = information(
                hits / max(self.inside, 1), (ends + 1 - hits) / max(self.outside, 1)
            )
            best = ends[int(np.argmax(scores))]
            limit = limit_between(numbers[best + 1], numbers[best])
            told = value_text(limit if sign > 0 else -limit)
            made.append((f"{words} {told}", np.sort(flows[: best + 1]), len(ends)))
        return made


def _chance(inside: Ints, outside: Ints, n_inside: Ints | int, n_outside: Ints | int) -> Floats:
    """How likely so uneven a split is if the sides are drawn at random, at most.

    The hypergeometric tail (Fisher's exact test, both sides), bounded from above by a geometric
    series: beyond its mode each term is smaller than the one before by a growing factor.
    """
    total = n_inside + n_outside
    holding = inside + outside
    many = inside * np.maximum(total, 1) > holding * n_inside
    x = np.where(many, inside, n_inside - inside)
    k = np.where(many, holding, total - holding)
    log_factorial = np.append(0.0, np.cumsum(np.log(np.arange(1, np.max(total, initial=0) + 2))))

    def ways(n: Any, m: Any) -> Any:
        return log_factorial[n] - log_factorial[m] - log_factorial[n - m]

    term = np.exp(ways(k, x) + ways(total - k, n_inside - x) - ways(total, n_inside))
    ratio = (k - x) * (n_inside - x) / ((x + 1) * np.maximum(total - k - n_inside + x + 1, 1))
    bound: Floats = np.minimum(2 * term / np.maximum(1 - ratio, 1e-9), 1.0)
    return bound
