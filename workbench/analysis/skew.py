"""Do the clocks of the services agree?

An effect that stands before its cause shows that two clocks differ. Of the latencies of a pair of
services (an effect's time less its cause's) the least, ``m``, bounds the offset of their clocks: the
true latency is at least 0, so the effect's clock is ahead of the cause's by at most ``m``. Where
each reacts to the other, the offset lies between ``-m`` of the one direction and ``m`` of the other,
and its estimate is the middle of that, as in the Network Time Protocol (RFC 5905), with its least
round trip.

One shift per service puts all right if, for each pair, the effect's shift less the cause's is at
least ``-m``. These are difference constraints, which the Bellman-Ford algorithm solves or shows to
contradict each other in a ring; then hops are given up, the fewest that resolve it: those of one pair
that are the least. The shifts are the least that do it, and a clock may be off by more: by the least
latency that is left of the hops that a further shift would shorten. Where times
are rounded down to whole seconds, it may also be off by less: by up to one second.

A log may be divided by flow: what its parts give adds up. Inferred causes say nothing of clocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numba import njit

from workbench.analysis.answer import Answer
from workbench.analysis.arrays import Bools, Ints
from workbench.analysis.order import moments
from workbench.analysis.parts import named, together
from workbench.analysis.quantiles import quantiles
from workbench.analysis.wording import count, length
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from workbench.analysis.index import FlowIndex

_NAMED = 3
"""How many pairs, and shifts, the sentence names."""
_MANY = 10
"""A shift of so many of the steps in which times are told is not taken for rounding."""


def part(index: FlowIndex, frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """The hops of a part of a log: the services, and the latency in nanoseconds.

    ``attrs["made"]`` has the shifts that were made in its frame already, if that is given.
    """
    effect = np.flatnonzero((index.timed_cause >= 0) & ~index.inferred)
    cause = index.cause[effect]
    hops = pd.DataFrame(
        {
            "cause_service": named(index.source[cause], index.source_names),
            "effect_service": named(index.source[effect], index.source_names),
            "latency": index.time[effect] - index.time[cause],
        }
    )
    hops.attrs["made"] = {} if frame is None else shifts_made(frame)
    return hops


def shifts_made(frame: pd.DataFrame) -> dict[str, int]:
    """The shifts of clocks, in nanoseconds, that :func:`shifted` has made, but for those of none."""
    if "time_as_logged" not in frame:
        return {}
    made = frame["time"] - moments(frame["time_as_logged"])
    by = made.groupby(frame["source"], observed=True).first()
    return {str(name): shift.value for name, shift in by.dropna().items() if shift.value}


class Skew:
    """What the hops of a log say of its services' clocks."""

    def __init__(self, parts: Sequence[pd.DataFrame]) -> None:
        self.made = {name: by for piece in parts for name, by in piece.attrs["made"].items()}
        """The shifts that were made already."""
        hops = together(parts)
        for name in ("cause_service", "effect_service"):
            hops[name] = hops[name].cat.remove_unused_categories()
        names = sorted(
            {*hops["cause_service"].cat.categories, *hops["effect_service"].cat.categories}
        )
        cause = hops["cause_service"].cat.set_categories(names).cat.codes.to_numpy(np.int64)
        effect = hops["effect_service"].cat.set_categories(names).cat.codes.to_numpy(np.int64)
        self.services = np.array(names, dtype=object)
        self.pair, pairs = pd.factorize(cause * max(len(names), 1) + effect, sort=True)
        self.cause, self.effect = np.divmod(pairs, max(len(names), 1))
        self.latency = hops["latency"].to_numpy(np.int64)
        self.n = np.bincount(self.pair, minlength=len(pairs))
        start = np.cumsum(self.n) - self.n
        ranked = self.latency[np.lexsort((self.latency, self.pair))]
        self.least = ranked[start]
        self.shift = shifts(len(names), self.cause, self.effect, np.split(ranked, start[1:]))
        if self.negative(shifted=True).sum() >= self.negative().sum():
            self.shift = np.zeros(len(names), np.int64)

    def negative(self, *, shifted: bool = False) -> Ints:
        """How many effects of each pair stand before their cause, as it is or with the shifts."""
        return np.bincount(self.pair[self._early(shifted=shifted)], minlength=len(self.n))

    def _early(self, *, shifted: bool) -> Bools:
        """Whether each effect stands before its cause."""
        moved = (self.shift[self.effect] - self.shift[self.cause])[self.pair] if shifted else 0
        early: Bools = self.latency + moved < 0
        return early

    def by_pair(self) -> pd.DataFrame:
        """A row per pair; ``EventLog.skew`` documents the columns."""
        back = pd.Index(self.cause * len(self.services) + self.effect).get_indexer(
            pd.Index(self.effect * len(self.services) + self.cause)
        )
        both = (back >= 0) & (self.cause != self.effect)
        p50, p95 = quantiles(self.latency, self.pair, len(self.n), [0.5, 0.95]) / 1e6
        least, other = self.least / 1e6, self.least[back] / 1e6
        table = pd.DataFrame(
            {
                "cause_service": pd.array(self.services[self.cause], dtype="str"),
                "effect_service": pd.array(self.services[self.effect], dtype="str"),
                "n": self.n,
                "negative": self.negative(),
                "min_ms": least,
                "p50_ms": p50,
                "p95_ms": p95,
                "offset_ms": np.where(both, (least - other) / 2, np.nan),
                "within_ms": np.where(both, (least + other) / 2, np.nan),
                "remaining": self.negative(shifted=True),
            }
        )
        return table.sort_values(
            ["negative", "n"], ascending=False, kind="stable", ignore_index=True
        )

    def by_service(self) -> pd.DataFrame:
        """A row per service; ``EventLog.skew`` documents the columns."""
        n = len(self.services)
        before, after = self.negative(), self.negative(shifted=True)
        return pd.DataFrame(
            {
                "service": pd.array(self.services, dtype="str"),
                "shift_ns": self.shift,
                "negative": np.bincount(self.effect, before, n).astype(np.int64),
                "remaining": np.bincount(self.effect, after, n).astype(np.int64),
            }
        )

    def answer(self, *, per_service: bool) -> Answer:
        """The table with a sentence, and the picture of the pairs."""
        from workbench.analysis.plots_skew import plot_skew

        if per_service:
            return Answer(self.by_service(), self.sentence())
        return Answer(self.by_pair(), self.sentence(), plot_skew)

    def sentence(self) -> str:
        """What the clocks are like, in words."""
        hops, total = len(self.latency), int(self.negative().sum())
        if not hops:
            return "No event names a cause that its flow holds, so nothing is known of the services' clocks."
        if not total:
            return self._none_negative(hops)
        table = self.by_pair()
        wrong = table[table["negative"] > 0]
        columns = ["cause_service", "effect_service", "negative", "n", "min_ms"]
        top: list[Any] = wrong[columns].head(_NAMED).astype("object").to_numpy().tolist()
        first = "; ".join(
            f"{cause} → {effect} {negative:,} of {n:,}, by up to {length(-least / 1e3)}"
            for cause, effect, negative, n, least in top
        )
        others = len(wrong) - _NAMED
        more = f"; and {count(others, 'other pair')}" if others > 0 else ""
        said = (
            f"{total:,} of {count(hops, 'effect')} {'stands' if total == 1 else 'stand'} "
            f"before {'its' if total == 1 else 'their'} cause: {first}{more}."
        )
        early = self._early(shifted=True)
        remaining = int(early[self.latency < 0].sum())
        moved = np.flatnonzero(self.shift)
        if not len(moved):
            return f"{said} No shift of a whole clock puts that right."
        told = self._told(dict(zip(self.services[moved], self.shift[moved], strict=True)))
        left = f"all but {remaining:,} of these" if remaining else "all of these"
        new = int(early[self.latency >= 0].sum())
        whose = "its" if new == 1 else "their"
        left += f" right, and puts {count(new, 'other')} before {whose} cause" if new else " right"
        said += f" Shifting {told} puts {left}; log.without_skew() takes the least."
        return said + self._rounding()

    def _rounding(self) -> str:
        """How much of the shifts may be rounding, where times are told in coarse steps."""
        least = int(np.abs(self.shift[self.shift != 0]).min())
        for unit, name in ((10**9, "seconds"), (10**6, "milliseconds")):
            if least < _MANY * unit and not (self.latency % unit).any():
                return (
                    f" All latencies are whole {name}: of each shift up to "
                    f"{length(unit / 1e9)} may be rounding."
                )
        return ""

    def _none_negative(self, hops: int) -> str:
        """What is known of the clocks if no effect stands before its cause."""
        said = f"No effect stands before its cause among {count(hops, 'hop')}"
        if self.made:
            return f"{said}, with clocks shifted: {self._told(self.made)}."
        said += ", so no clock is shown to be off"
        table = self.by_pair()
        both = table[table["offset_ms"].notna()]
        if both.empty:
            return f"{said}; one that is off by less than hops take is not seen."
        bound = (both["offset_ms"].abs() + both["within_ms"]) / 1e3
        worst = both.iloc[int(bound.to_numpy().argmax())]
        return (
            f"{said}. Of services that react to each other clocks may differ by {length(bound.max())} "
            f"({worst['cause_service']} and {worst['effect_service']}) at most."
        )

    def _told(self, shifts: Mapping[str, int]) -> str:
        """Shifts in words, the largest first, each with how large it may be."""
        ranked = sorted(shifts.items(), key=lambda shift: -abs(shift[1]))
        told = ", ".join(self._told_one(name, int(by)) for name, by in ranked[:_NAMED])
        more = f" and {len(ranked) - _NAMED} more" if len(ranked) > _NAMED else ""
        return told + more

    def _told_one(self, service: str, by: int) -> str:
        way = "forward" if by > 0 else "back"
        least = length(abs(by) / 1e9)
        room = self._room(service, on=by > 0)
        if room is None:
            return f"{service} {way} by at least {least} (nothing tells how much it is at most)"
        most = length((abs(by) + room) / 1e9)
        if least == most:
            more = length(room / 1e9)
            return f"{service} {way} by at least {least} (up to {more} more is possible)"
        return f"{service} {way} by at least {least} (up to {most} is possible)"

    def _room(self, service: str, *, on: bool) -> int | None:
        """How much further a clock can be shifted, on or back, before that puts effects first.

        It is the least that is left, with the shifts, of the latencies that this shortens: on, those
        of the effects of the service; back, of its own events. None if there are none.
        """
        left = self.least + self.shift[self.effect] - self.shift[self.cause]
        shortened = self.services[self.cause if on else self.effect] == service
        bounds = left[shortened & (self.cause != self.effect) & (left >= 0)]
        return int(bounds.min()) if len(bounds) else None


def shifts(services: int, cause: Ints, effect: Ints, latencies: Sequence[Ints]) -> Ints:
    """Whole nanoseconds by which to shift each service's clock; 0 where nothing calls for it.

    Of the shifts that move causes back and those that move effects on, the ones that move fewer
    services are taken; of equally many, those that move effects on.

    Parameters
    ----------
    services
        How many there are.
    cause, effect, latencies
        Of each pair: its services, and the latencies of its hops, the least first.
    """
    given_up = np.zeros(len(cause), np.int64)
    while True:
        at = np.flatnonzero((cause != effect) & (given_up < list(map(len, latencies))))
        least = np.array([latencies[pair][given_up[pair]] for pair in at.tolist()], np.int64)
        back, ring = _bellman_ford(services, effect[at], cause[at], least)
        if not len(ring):
            break
        enough = least[ring] - least[ring].sum()
        pairs = at[ring]
        upto = [
            np.searchsorted(latencies[pair], most)
            for pair, most in zip(pairs.tolist(), enough, strict=True)
        ]
        fewest = np.lexsort((pairs, upto - given_up[pairs]))[0]
        given_up[pairs[fewest]] = upto[fewest]
    on, _ = _bellman_ford(services, cause[at], effect[at], least)
    return -on if np.count_nonzero(on) <= np.count_nonzero(back) else back


@njit(cache=True, nogil=True)
def _bellman_ford(nodes: int, start: Ints, end: Ints, weight: Ints) -> tuple[Ints, Ints]:
    """The least distances, from 0 at every node; or the edges of a ring that is below 0."""
    distance, by = np.zeros(nodes, np.int64), np.full(nodes, -1, np.int64)
    changed = -1
    for _ in range(nodes + 1):
        changed = -1
        for edge in range(len(start)):
            near = distance[start[edge]] + weight[edge]
            if near < distance[end[edge]]:
                distance[end[edge]], by[end[edge]] = near, edge
                changed = end[edge]
        if changed < 0:
            break
    if changed < 0:
        return distance, np.zeros(0, np.int64)
    node = changed
    for _ in range(nodes):  # back onto the ring
        node = start[by[node]]
    ring, at = [by[node]], start[by[node]]
    while at != node:
        ring.append(by[at])
        at = start[by[at]]
    return distance, np.array(ring)


def shifted(frame: pd.DataFrame, skew: Skew) -> pd.DataFrame:
    """A log's frame with the times of each service shifted, and ``time_as_logged`` beside them.

    Raises
    ------
    LogError
        A time would lie beyond 2262, where nanoseconds since 1970 end.
    """
    from workbench.analysis.index import NO_SOURCE

    by = pd.Series(skew.shift, index=pd.Index(skew.services, dtype="object"))
    source = frame["source"].astype("object")
    shift = source.where(source.notna(), NO_SOURCE).map(by).fillna(0).astype("int64")
    logged = frame["time_as_logged"] if "time_as_logged" in frame else frame["time"]
    try:
        time = frame["time"] + pd.to_timedelta(shift, unit="ns")
    except OverflowError as error:
        raise LogError(
            "without_skew: the shifts lead beyond the year 2262, where times end: an effect stands far "
            "before its cause, see log.skew(); leave out such times by log.between(...) first."
        ) from error
    return frame.assign(time=time, time_as_logged=logged)
