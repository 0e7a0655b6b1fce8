"""Pictures over time: how many events when."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from workbench import look
from workbench.analysis.dead_letters import CAUSE, cause_text
from workbench.analysis.order import nanoseconds, utc
from workbench.analysis.plot_text import plain
from workbench.analysis.plots import count_up, dress
from workbench.analysis.throughput import main_stretch
from workbench.analysis.wording import count, cut, length

_SERIES: Final = len(look.SERIES) - 1
_BARS: Final = 40
_THINNEST: Final = 1_000_000
"""Nanoseconds: a bar of less could not be seen, for a browser's dates are whole milliseconds."""
_NAME: Final = 90
"""Letters of a name in a legend."""


def plot_throughput(table: pd.DataFrame, by: str, step: int) -> go.Figure | None:
    """Draw how many events came when, the most frequent names in colours of their own.

    Parameters
    ----------
    table
        As ``EventLog.throughput`` returns it.
    by
        The column of the names.
    step
        Nanoseconds that the events are counted in.
    """
    if table.empty:
        return None
    at = nanoseconds(table["start"])
    n = table["events"].to_numpy()
    sums = table.groupby(by, observed=True)["events"].sum()
    ranked = sums.sort_index().sort_values(ascending=False, kind="stable")
    low, high = main_stretch(at, n)
    shown = (at >= low - step) & (at <= high + step)
    edges = int(at[shown].min()), int(at[shown].max())
    names = table[by].to_numpy()
    top = list(ranked.index[:_SERIES])
    others = shown & ~np.isin(names, top)

    figure = go.Figure()
    for rank, name in enumerate(top):
        chosen = shown & (names == name)
        _add_line(figure, at[chosen], n[chosen], edges, step, str(name), rank)
    if len(ranked) > len(top):
        label = count(len(ranked) - len(top), "other")
        there, code = np.unique(at[others], return_inverse=True)
        sums_there = np.bincount(code, n[others])
        _add_line(figure, there, sums_there, edges, step, label, _SERIES)
    stray = int(n[~shown].sum())
    every = length(step / 1e9)
    dress(
        figure,
        title=f"Events every {every}, by {by} (n = {count(n.sum(), 'event')})",
        subtitle=f"{stray:,} more lie far before or after what is shown" if stray else "",
        height=430 + 22 * len(figure.data),
    )
    figure.update_layout(
        showlegend=True,
        margin_b=70 + 22 * len(figure.data),
        legend={"y": 0, "yref": "container", "yanchor": "bottom", "traceorder": "normal"},
    )
    figure.update_xaxes(title="time (UTC)")
    count_up(figure.update_yaxes, f"events every {every}", max(max(line.y) for line in figure.data))
    return figure


def plot_dead_letters(table: pd.DataFrame, letters: pd.DataFrame) -> go.Figure | None:
    """Draw when services gave up on events, the most frequent causes in colours of their own.

    Parameters
    ----------
    table
        As ``EventLog.dead_letters`` returns it.
    letters
        One row for each letter: its cause, and ``when`` (nanoseconds).
    """
    if table.empty:
        return None
    when = letters["when"].to_numpy()
    edges = _edges(int(when.min()), int(when.max()))
    place = np.searchsorted(edges, when, side="right") - 1
    middle = utc((edges[:-1] + np.diff(edges) // 2).astype(np.int64)).tz_localize(None)
    numbers = table[CAUSE].astype("object").assign(rank=range(len(table)))
    keys = [letters[name].astype("object") for name in CAUSE]
    rank = pd.DataFrame(dict(zip(CAUSE, keys, strict=True))).merge(numbers, how="left", on=CAUSE)
    rank = np.minimum(rank["rank"].to_numpy(), _SERIES)
    figure = go.Figure()
    for n, cause in enumerate(table.head(_SERIES + 1).itertuples()):
        label = cut(cause_text(cause), _NAME)
        if n == _SERIES:
            label = count(len(table) - _SERIES, "other cause")
        figure.add_bar(
            x=middle,
            y=np.bincount(place[rank == n], minlength=len(middle)),
            width=np.diff(edges) / 1e6,  # milliseconds, on an axis of dates
            name=plain(label),
            marker={"color": look.SERIES[n], "line": {"width": 0}},
            hovertemplate="%{y:,}<extra></extra>",
        )
    dress(
        figure,
        title=f"Dead letters by cause (n = {len(letters):,})",
        subtitle="",
        height=400 + 22 * len(figure.data),
    )
    figure.update_layout(
        barmode="stack",
        showlegend=True,
        margin_b=70 + 22 * len(figure.data),
        legend={"y": 0, "yref": "container", "yanchor": "bottom", "traceorder": "normal"},
    )
    figure.update_xaxes(title="given up on at (UTC)", type="date")
    room = (_BARS * _THINNEST - int(edges[-1] - edges[0])) // 2
    if room > 0:
        ends = utc(np.array([edges[0] - room, edges[-1] + room])).tz_localize(None)
        figure.update_xaxes(range=list(ends.as_unit("us")))  # finer, Plotly warns of what it drops
    count_up(figure.update_yaxes, "dead letters", int(np.bincount(place).max()))
    return figure


def _edges(first: int, last: int) -> Any:
    """Where the bars begin and end that hold all moments: as many as are thick enough to be seen."""
    # In whole numbers: nanoseconds since 1970 are beyond what a float64 tells apart.
    span = max(last - first + 1, _THINNEST)
    start = first - (span - (last - first)) // 2
    n = min(_BARS, span // _THINNEST)
    width, rest = divmod(span, n)
    bars = np.arange(n + 1)
    return start + width * bars + rest * bars // n


def _add_line(
    figure: go.Figure, at: Any, n: Any, edges: tuple[int, int], step: int, name: str, rank: int
) -> None:
    """A line that is 0 wherever nothing came, without a point for every such step."""
    around = np.unique(np.concatenate([at - step, at, at + step, np.array(edges)]))
    around = around[(around >= edges[0]) & (around <= edges[1])]
    height = np.zeros(len(around))
    if len(at):
        height[np.searchsorted(around, at)] = n
    figure.add_scatter(
        x=utc(around.astype(np.int64)).tz_localize(None),
        y=height,
        name=plain(cut(name, _NAME)),
        mode="lines+markers" if len(around) < 3 else "lines",
        line={"color": look.SERIES[rank], "width": 2},
        hovertemplate="%{y:,}<extra>%{fullData.name}</extra>",
    )
