"""Pictures of how something spreads: times as a histogram, counts as a range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import plotly.graph_objects as go

from workbench import look
from workbench.analysis.plot_text import plain
from workbench.analysis.plots import (
    LINE,
    add_spans,
    count_up,
    dress,
    label_rows,
    lines,
    log_axis,
    row_height,
    time_ranges,
    time_text,
    unit_of,
)
from workbench.analysis.wording import count, cut

if TYPE_CHECKING:
    import pandas as pd

_BARS: Final = 41
"""An odd number, so that what all took stands in the middle of a bar."""
_ROWS: Final = 20
_NAME: Final = 60
"""Letters of a name in a title or a label."""
_GROUP: Final = 105
"""Letters of the path of a variant."""


def plot_latency(
    table: pd.DataFrame, nanoseconds: Any, between: tuple[str, str], by: str | None = None
) -> go.Figure | None:
    """Draw how many flows took how long from one event to another; if grouped, how long in each group.

    Parameters
    ----------
    table
        As ``EventLog.latency`` returns it.
    nanoseconds
        What each flow took that came from the one to the other.
    between
        The types of the two.
    by
        How flows are grouped, if they are: ``"variant"`` or ``"hour"``.
    """
    start, end = (cut(name, _NAME) for name in between)
    if not len(nanoseconds):
        return None
    groups = table.iloc[1:]
    groups = groups[groups["arrived"] > 0]
    if by == "hour":
        return _by_hour(groups, f"From {start} to {end}")
    if by is not None:
        return _by_group(groups, f"From {start} to {end}")
    never = int(table["never"].iloc[0])
    return times_histogram(
        nanoseconds,
        title=f"From {start} to {end}",
        things="flows",
        axis=f"{start} to {end}" if len(start + end) < _NAME else "from the one to the other",
        note=f"{never:,} more never came to {end}" if never else "",
    )


def _by_group(groups: pd.DataFrame, what: str) -> go.Figure:
    shown = groups.head(_ROWS)
    rows = [
        f"{lines(cut(name, _GROUP), 38)}<br>n = {n:,}"
        for name, n in zip(shown["group"], shown["arrived"], strict=True)
    ]
    notes = [f"the {len(shown)} most frequent of {len(groups):,}"] * (len(groups) > len(shown))
    return time_ranges(
        rows,
        shown,
        title=f"{what} by variant",
        n=f"{shown['arrived'].sum():,} flows",
        notes=notes,
        axis="from the one to the other",
    )


def _by_hour(groups: pd.DataFrame, what: str) -> go.Figure:
    per, unit = unit_of(groups["p95_ms"].median())
    figure = go.Figure()
    for column, name, symbol, colour in (
        ("p95_ms", "p95: 95 % are quicker", "diamond", look.SERVICE_BORDER),
        ("p50_ms", "p50: half are quicker", "circle", look.EVENT_BORDER),
    ):
        figure.add_scatter(
            x=groups["group"],
            y=groups[column] / per,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": symbol, "size": 9},
            customdata=groups["arrived"],
            hovertemplate=(
                f"{name.split(':')[0]}: %{{y:,.4g}} {unit}, n = %{{customdata:,}}<extra></extra>"
            ),
        )
    dress(
        figure,
        title=lines(
            f"{what} by hour, in {unit} (n = {count(int(groups['arrived'].sum()), 'flow')})", LINE
        ),
        subtitle="by the hour in which the flow had the first of the two (UTC)",
        height=430,
    )
    figure.update_layout(legend={"orientation": "h", "y": 1, "yanchor": "bottom"}, margin_b=70)
    figure.update_xaxes(type="category")
    figure.update_yaxes(title=unit, rangemode="tozero")
    return figure


def plot_duplicates(table: pd.DataFrame, nanoseconds: Any) -> go.Figure | None:
    """Draw how long after the first what came again came.

    Parameters
    ----------
    table
        As ``EventLog.duplicates`` returns it.
    nanoseconds
        Of each row: how long it came after the first.
    """
    if table.empty:
        return None
    took = np.abs(np.asarray(nanoseconds))
    later = took[took > 0]
    if not len(later):
        return None
    at_once = len(took) - len(later)
    return times_histogram(
        later,
        title="How long after the first they came again",
        things="repetitions",
        axis="first to repetition",
        note=f"{at_once:,} more have the very time of the first" if at_once else "",
    )


def times_histogram(
    nanoseconds: Any, *, title: str, things: str, axis: str, note: str
) -> go.Figure:
    """Draw lengths of time as a histogram with p50 and p95; the texts are escaped here."""
    milliseconds = np.asarray(nanoseconds) / 1e6
    p50, p95 = np.quantile(milliseconds, [0.5, 0.95])
    per, unit = unit_of(p95)
    took = milliseconds / per
    low, high = took.min(), took.max()
    on_log = low > 0 and high / low > 20
    if on_log:
        edges = np.geomspace(low * 0.999, high * 1.001, _BARS + 1)
    else:
        room = max((high - low) / (2 * _BARS), abs(high) * 1e-3) or 0.5
        edges = np.linspace(low - room, high + room, _BARS + 1)
    figure = go.Figure()
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        width=np.diff(edges),
        y=np.histogram(took, edges)[0],
        marker={"color": look.SERIES[0], "line": {"width": 0}},
        hovertemplate=f"%{{y:,}} {things} around %{{x:,.3g}} {unit}<extra></extra>",
        showlegend=False,
    )
    for name, value, side in (("p50", p50 / per, "right"), ("p95", p95 / per, "left")):
        figure.add_vline(x=value, line={"color": look.QUIET, "width": 2, "dash": "dot"})
        figure.add_annotation(
            text=f"<b>{name} {time_text(value, per, unit)}</b>",
            x=np.log10(value) if on_log else value,  # unlike everything else on a log axis
            y=1,
            yref="paper",
            xanchor=side,
            yanchor="bottom",
            showarrow=False,
        )
    dress(
        figure,
        title=lines(f"{title}, in {unit} (n = {len(took):,} {things})", LINE),
        subtitle=plain(note),
        height=430,
    )
    figure.update_layout(margin_b=70)
    axis = plain(axis)
    if on_log:
        log_axis(figure, edges[0], edges[-1], f"{axis} ({unit}, log scale)")
    else:
        figure.update_xaxes(title=f"{axis} ({unit})")
    count_up(figure.update_yaxes, things, max(figure.data[0].y))
    return figure


def plot_fan_out(table: pd.DataFrame) -> go.Figure | None:
    """Draw how many effects an event of each type has: from least to most, the half and 95 %.

    Parameters
    ----------
    table
        As ``EventLog.fan_out`` returns it.
    """
    having = table[table["max"] > 0]
    if having.empty:
        return None
    shown = having.head(_ROWS)
    rows = [
        f"<b>{lines(cut(kind, _NAME), 40)}</b><br>n = {n:,}"
        for kind, n in zip(shown["type"], shown["events"], strict=True)
    ]
    figure = go.Figure()
    add_spans(figure, shown["min"], shown["max"])
    for column, name, symbol, colour in (
        ("min", "fewest", "line-ns-open", look.QUIET),
        ("p50", "p50: half have no more", "circle", look.EVENT_BORDER),
        ("p95", "p95: 95 % have no more", "diamond-open", look.SERVICE_BORDER),
        ("max", "most", "line-ns-open", look.QUIET),
    ):
        is_most = column == "max"
        figure.add_scatter(
            x=shown[column],
            y=list(range(len(rows))),
            name=name,
            mode="markers+text" if is_most else "markers",
            marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 2}},
            text=[f"  {value:,.0f}" for value in shown[column]] if is_most else None,
            textposition="middle right",
            cliponaxis=False,
            hovertemplate=f"{name}: %{{x:,.3g}} effects<extra></extra>",
        )
    notes = []
    if len(having) > len(shown):
        notes.append(f"the {len(shown)} types with the most of {len(having):,}")
    if len(table) > len(having):
        never = len(table) - len(having)
        notes.append(f"{count(never, 'type')} never {'has' if never == 1 else 'have'} one")
    dress(
        figure,
        title=f"Effects of an event (n = {count(int(shown['events'].sum()), 'event')})",
        subtitle="; ".join(notes),
        height=220 + row_height(rows, 52) * len(rows),
    )
    figure.update_layout(
        legend={"orientation": "h", "y": 1, "yanchor": "bottom"}, margin={"r": 80, "b": 60}
    )
    most = shown["max"].max()
    figure.update_xaxes(
        title="effects of one event",
        range=[-0.03 * most, 1.05 * most],
        dtick=1 if most <= _ROWS else None,
    )
    label_rows(figure, rows, above=0.7)
    return figure
