"""How many events come over time, when most of them, and when none?

Adds up over any split of the log, by flow or otherwise. A part counts its events in cells of time
as fine as some thousands allow; steps divide each other, so that cells of parts can be brought to a
common, coarser step.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.index import NO_SOURCE, NO_TYPE, is_undated
from workbench.analysis.order import nanoseconds, utc
from workbench.analysis.parts import named
from workbench.analysis.traffic_parts import codes_of, events_once, stacked, total
from workbench.analysis.wording import count, length, moment, number, shown
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex

By = Literal["type", "source"]
_S: Final = 1_000_000_000
_STEPS: Final = tuple(
    int(seconds * _S)
    for seconds in (
        *(0.001, 0.01, 0.1, 1, 5, 15, 60, 300, 900),
        *(n * 3600 for n in (1, 6, 24, 7 * 24, 28 * 24, 364 * 24)),
    )
)
"""Steps of time in nanoseconds, from a millisecond to 52 weeks; each divides the next."""
_CELLS: Final = 5_000
"""Cells of time in which a part has events, at most."""
_SHOWN: Final = 200
"""Steps that the time in which nearly all events came is divided into, at most."""
_STRAY: Final = 0.001
"""Share of the events, at either end, that the step is not chosen for: a time may be a mistake."""
_NULL: Final = {"type": NO_TYPE, "source": NO_SOURCE}


def check(by: object) -> None:
    """Raise a LogError unless ``by`` names a column to count by."""
    if not isinstance(by, str) or by not in _NULL:
        raise LogError(f"by={shown(by)}: throughput is counted by 'type' or by 'source'.")


def part(index: FlowIndex, frame: pd.DataFrame, by: By, every: int | None) -> pd.DataFrame:
    """Count a part's events: ``at`` (int64, nanoseconds: where the cell begins), ``name``, ``n``."""
    rows = events_once(index)
    codes, categories = codes_of(frame[by])[rows], frame[by].cat.categories
    cells = pd.DataFrame(
        {
            "at": nanoseconds(frame["time"])[rows],
            "name": named(np.where(codes >= 0, codes, len(categories)), [*categories, _NULL[by]]),
            "n": np.ones(len(rows), dtype=np.int64),
        }
    )
    cells.attrs["step"] = every or 1
    cells = _as_fine_as_fits(cells, every)
    cells.attrs["undated"] = int(is_undated(frame)[rows].sum())
    return cells


def whole(parts: Sequence[pd.DataFrame], by: By, every: int | None) -> Answer:
    """Put parts together; ``EventLog.throughput`` documents the columns."""
    cells = stacked(parts)
    cells.attrs["step"] = max(part.attrs["step"] for part in parts)
    cells = _as_fine_as_fits(cells, every)
    step = every or max(cells.attrs["step"], _readable(cells))
    cells = _in_steps(cells, step)
    table = pd.DataFrame(
        {
            "start": utc(cells["at"].to_numpy()),
            by: cells["name"],
            "events": cells["n"],
            "per_s": cells["n"] / (step / _S),
        }
    )
    from workbench.analysis.plots_traffic import plot_throughput

    sentence = _sentence(cells, step)
    if undated := total(parts, "undated"):
        says = (
            "says no time of its own and counts"
            if undated == 1
            else "say no time of their own and count"
        )
        sentence += f" {count(undated, 'event')} {says} at that of the events around."
    return Answer(table, sentence, partial(plot_throughput, by=by, step=step))


def main_stretch(at: Ints, n: Ints) -> tuple[int, int]:
    """Where nearly all events are: the cells between which all but a stray few of them lie."""
    upto = np.cumsum(n)
    low = np.searchsorted(upto, _STRAY * upto[-1], side="right")
    high = np.searchsorted(upto, (1 - _STRAY) * upto[-1])
    return int(at[min(low, len(at) - 1)]), int(at[min(high, len(at) - 1)])


def _readable(cells: pd.DataFrame) -> int:
    """The finest step that divides the time of nearly all events into a readable number."""
    if cells.empty:
        return _STEPS[0]
    low, high = main_stretch(cells["at"].to_numpy(), cells["n"].to_numpy())
    return next((step for step in _STEPS if (high - low) // step < _SHOWN), _STEPS[-1])


def _as_fine_as_fits(cells: pd.DataFrame, every: int | None) -> pd.DataFrame:
    """Bring cells to the finest step that leaves no more than some thousands."""
    if every is not None:
        return _in_steps(cells, every)
    at, step = np.sort(cells["at"].to_numpy()), _STEPS[0]
    for step in _STEPS:
        if step >= cells.attrs["step"]:
            at = at // step * step
            at = at[np.diff(at, prepend=at[:1] - 1) != 0]
            if len(at) <= _CELLS:
                break
    return _in_steps(cells, step)


def _in_steps(cells: pd.DataFrame, step: int) -> pd.DataFrame:
    """Bring cells to a step; in order of time, then of name."""
    at, names = cells["at"].to_numpy() // step, list(cells["name"].cat.categories)
    width = len(names) + 1
    cell, times = pd.factorize(at, sort=True)
    code, keys = pd.factorize(cell * width + codes_of(cells["name"]))
    n = np.bincount(code, cells["n"], len(keys)).astype(np.int64)
    rank = np.argsort(keys)
    cell, name = np.divmod(keys[rank], width)
    joined = pd.DataFrame(
        {
            "at": times[cell] * step,
            "name": named(name, names),
            "n": n[rank],
        }
    )
    joined.attrs["step"] = step
    return joined


def _sentence(cells: pd.DataFrame, step: int) -> str:
    if cells.empty:
        return "There are no events, so there is no throughput."
    sums = cells.groupby("at")["n"].sum()
    at, n = sums.index.to_numpy(), sums.to_numpy()
    took, events = int(at[-1] - at[0]) + step, int(n.sum())
    if len(at) == 1:
        return f"{count(events, 'event')}, all in {length(step / _S)} from {_moment(at[0])}."
    top = int(n.argmax())
    there = cells[cells["at"] == at[top]]
    leading = there.iloc[int(there["n"].to_numpy().argmax())]
    said = (
        f"{count(events, 'event')} in {length(took / _S)}, counted every {length(step / _S)}: "
        f"{number(events / (took / step))} each on average, at most {n[top]:,} "
        f"(from {_moment(at[top])}; {leading['n']:,} of them {leading['name']})."
    )
    gap = np.diff(at) - step
    gaps = int((gap > 0).sum())
    if not gaps:
        return f"{said} There is no gap."
    longest = int(gap.argmax())
    start, end = _moment(at[longest] + step), _moment(at[longest + 1])
    where = f"{length(gap[longest] / _S)} without an event, from {start} to {end}"
    return (
        f"{said} {'The one gap is' if gaps == 1 else f'The longest of {gaps:,} gaps is'} {where}."
    )


def _moment(nanoseconds: int) -> str:
    return moment(pd.Timestamp(int(nanoseconds), tz="UTC"))
