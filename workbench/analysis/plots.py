"""The pictures: how long flows take, and how long each hop.

They stand on the notebook's own background, light or dark, and say their unit and how many they show.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from workbench import look
from workbench.analysis.plot_text import plain
from workbench.analysis.wording import UNITS, count, cut, length, number

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

_UNITS = [(seconds / 1e-3, unit) for seconds, unit in UNITS if unit != "d"]
"""Milliseconds: a picture of days counts hours."""
_VARIANTS_SHOWN = len(look.SERIES) - 1
_HOPS_SHOWN = 20
_BARS = 40
_FEW = 6
"""Up to so many each is marked on an axis, since plotly would mark halves too."""
_FAR_SMALLER = 0.01
LINE = 78
"""Characters to a line of a label or a title."""
_NAME = 60
"""Characters of a name of which a label is made."""
_LINE_HEIGHT = 20
"""Pixels, of a label."""
_TITLE_HEIGHT = 25
"""Pixels, of a line of a title."""
_GRID = "rgba(128, 128, 128, 0.15)"


def plot_flows(flows: pd.DataFrame, variants: pd.DataFrame) -> go.Figure | None:
    """Draw how many flows took how long, the most frequent variants in colours of their own.

    Parameters
    ----------
    flows, variants
        As ``EventLog.flows`` and ``EventLog.variants`` return them; a flow of which it is not
        known has no duration.
    """
    if flows.empty:
        return None
    timed = flows[flows["duration_ms"] > 0]
    alone = int((flows["events"] == 1).sum())
    unknown = int(((flows["events"] > 1) & flows["duration_ms"].isna()).sum())
    at_once = int(((flows["events"] > 1) & (flows["duration_ms"] == 0)).sum())
    if timed.empty:
        return empty(_why_none_takes_time(at_once, unknown))
    p50, p95 = timed["duration_ms"].quantile([0.5, 0.95])
    per, unit = unit_of(p95)
    took = timed["duration_ms"].to_numpy() / per
    edges = np.geomspace(took.min() * 0.999, took.max() * 1.001, _BARS + 1)
    place = timed["variant"].cat.codes.to_numpy()  # the rank of the variant, from 0

    figure = go.Figure()
    for rank, variant in enumerate(variants.head(_VARIANTS_SHOWN).itertuples()):
        _add_bars(figure, took[place == rank], edges, _variant_label(variant), rank)
    if len(variants) > _VARIANTS_SHOWN:
        others = count(len(variants) - _VARIANTS_SHOWN, "other variant")
        _add_bars(figure, took[place >= _VARIANTS_SHOWN], edges, others, _VARIANTS_SHOWN)
    for name, value, side in (("p50", p50 / per, "right"), ("p95", p95 / per, "left")):
        figure.add_vline(x=value, line={"color": look.QUIET, "width": 2, "dash": "dot"})
        figure.add_annotation(
            text=f"<b>{name} {time_text(value, per, unit)}</b>",
            x=np.log10(value),  # unlike everything else on a log axis
            y=1,
            yref="paper",
            xanchor=side,
            yanchor="bottom",
            showarrow=False,
        )
    legend_height = 22 * sum(1 + bars.name.count("<br>") for bars in figure.data) + 20
    dress(
        figure,
        title=f"How long flows take, in {unit} (n = {count(len(timed), 'flow')})",
        subtitle="; ".join(_left_out(alone, at_once, unknown)),
        height=470 + legend_height,
    )
    figure.update_layout(
        barmode="overlay",
        showlegend=True,
        margin_b=70 + legend_height,
        legend={"y": 0, "yref": "container", "yanchor": "bottom", "traceorder": "normal"},
    )
    log_axis(figure, edges[0], edges[-1], f"first to last event ({unit}, log scale)")
    count_up(figure.update_yaxes, "flows", max(np.sum([bars.y for bars in figure.data], axis=0)))
    return figure


def _why_none_takes_time(at_once: int, unknown: int) -> str:
    if unknown:
        rest = f", and of {at_once:,} no time passed" if at_once else ""
        return f"How long {count(unknown, 'flow')} took is not known{rest}."
    if not at_once:
        return "No flow here has two events."
    it_takes = "takes" if at_once == 1 else "take"
    return f"{count(at_once, 'flow')} of two or more events {it_takes} no time as far as the clock tells."


def _left_out(alone: int, at_once: int, unknown: int) -> list[str]:
    """How many flows have no place on a log axis of durations, and why."""
    notes = []
    if alone:
        notes.append(f"{alone:,} more have a single event, and so no duration")
    if at_once:
        notes.append(f"{at_once:,} more take no time as far as the clock tells")
    if unknown:
        notes.append(f"how long {unknown:,} more took is not known")
    return notes


def plot_hops(hops: pd.DataFrame) -> go.Figure | None:
    """Draw the median of each kind of hop, and how far p95 and the slowest lie from it.

    Parameters
    ----------
    hops
        As ``EventLog.hops`` returns it.
    """
    if hops.empty:
        return None
    shown = hops.head(_HOPS_SHOWN)
    rows = [
        f"<b>{lines(f'{cut(cause, _NAME)} → {cut(effect, _NAME)}', 40)}</b><br>"
        f"{lines(cut(service, _NAME), 40)}, n = {n:,}"
        for cause, effect, service, n in zip(
            *(shown[name] for name in ("cause_type", "effect_type", "service", "n")), strict=True
        )
    ]
    notes = []
    if len(hops) > len(shown):
        notes.append(f"the {len(shown)} most frequent of {len(hops):,} kinds")
    return time_ranges(
        rows,
        shown,
        title="How long each hop takes",
        n=f"{shown['n'].sum():,} hops",
        notes=notes,
        axis="cause to effect",
    )


def time_ranges(
    rows: list[str],
    table: pd.DataFrame,
    *,
    title: str,
    n: str,
    notes: list[str],
    axis: str,
) -> go.Figure:
    """Draw a row for each range of times: half, 95 %, and all are quicker.

    Parameters
    ----------
    rows
        What each is called, in plotly's markup.
    table
        A row for each, with ``p50_ms``, ``p95_ms`` and ``max_ms``.
    title, n
        What is measured, in plain text, and how many of what were.
    """
    per, unit = unit_of(table["p95_ms"].abs().median())
    times = table[["p50_ms", "p95_ms", "max_ms"]] / per
    figure = go.Figure()
    add_spans(figure, times["p50_ms"], times["max_ms"])
    for column, name, symbol, colour, position in (
        ("p50_ms", "p50: half are quicker", "circle", look.EVENT_BORDER, "top center"),
        ("p95_ms", "p95: 95 % are quicker", "diamond", look.SERVICE_BORDER, "bottom center"),
        ("max_ms", "slowest", "line-ns-open", look.QUIET, "middle right"),
    ):
        figure.add_scatter(
            x=times[column],
            y=list(range(len(rows))),
            name=name,
            mode="markers+text",
            marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 2}},
            text=[f" {time_text(value, per, unit)}" for value in times[column]],
            textposition=position,
            cliponaxis=False,
            hovertemplate=f"{name.split(':')[0]}: %{{x:,.4g}} {unit}<extra></extra>",
        )
    positive = bool((times > 0).all(axis=None))
    if (times < 0).any(axis=None):
        notes = [*notes, "below 0 the clocks of two services differ"]
    dress(
        figure,
        title=lines(f"{title}, in {unit} (n = {n})", LINE),
        subtitle="; ".join(notes),
        height=210 + row_height(rows, 78) * len(rows),
    )
    figure.update_layout(
        legend={"orientation": "h", "y": 1, "yanchor": "bottom"},
        margin={"t": figure.layout.margin.t + 20, "r": 110},
    )
    if positive:
        times_shown = times.to_numpy()
        log_axis(figure, times_shown.min(), times_shown.max(), f"{axis} ({unit}, log scale)")
    else:
        figure.update_xaxes(title=f"{axis} ({unit})", type="linear")
    label_rows(figure, rows, above=0.7)
    return figure


def add_spans(figure: go.Figure, low: pd.Series[Any], high: pd.Series[Any]) -> None:
    """Draw a line from low to high in each row."""
    for row, ends in enumerate(zip(low, high, strict=True)):
        figure.add_scatter(
            x=list(ends),
            y=[row, row],
            mode="lines",
            line={"color": look.EDGE, "width": 3},
            hoverinfo="skip",
            showlegend=False,
        )


def row_height(rows: list[str], least: int) -> int:
    """How many pixels each row takes, so that none's label runs into the next."""
    return max(least, *(_LINE_HEIGHT * (row.count("<br>") + 1) + 8 for row in rows))


def label_rows(figure: go.Figure, rows: list[str], *, above: float = 0.6) -> None:
    """Write what each row is called; rows are told by number, since two may be called the same.

    ``above``: the room above the middle of the first one, in rows.
    """
    figure.update_yaxes(
        range=[len(rows) - 0.4, -above], tickvals=list(range(len(rows))), ticktext=rows
    )


def log_axis(figure: go.Figure, low: float, high: float, title: str) -> None:
    """Count the x axis in powers of ten, with room beside the lowest and highest value."""
    first, last = np.log10([low, high])
    room = max(0.07 * (last - first), 0.1)
    span = last - first
    steps = (1, 1.5, 2, 3, 4, 5, 7) if span < 1 else (1, 2, 5) if span < 3 else (1,)
    powers = range(int(np.floor(first - room)), int(np.ceil(last + room)))
    ticks = [step * 10.0**power for power in powers for step in steps]
    figure.update_xaxes(
        title=title,
        type="log",
        range=[first - room, last + room],
        tickvals=ticks,
        ticktext=[number(tick) for tick in ticks],
    )


def _add_bars(figure: go.Figure, took: Any, edges: Any, label: str, rank: int) -> None:
    """Add bars on top of those before: plotly's own stacks confuse the finest bars of a log axis."""
    n = np.histogram(took, edges)[0]
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        width=np.diff(edges),
        y=n,
        base=sum((np.asarray(bars.y) for bars in figure.data), start=np.zeros(len(n))),
        customdata=n,
        name=label,
        marker={"color": look.SERIES[rank], "line": {"width": 0}},
        hovertemplate="%{customdata:,} flows<extra></extra>",
    )


def _variant_label(variant: Any) -> str:
    stages = variant.path.split(" → ")
    path = variant.path
    if len(path) > 2 * LINE:
        ends = cut(stages[0], _NAME), cut(stages[-1], _NAME)
        path = f"{' → … → '.join(ends)} ({count(variant.events, 'event')})"
    flows = "1 flow" if variant.flows == 1 else f"{variant.flows:,} flows"
    return lines(f"{variant.variant}, {flows}: {path}", LINE)


def lines(text: str, width: int) -> str:
    """Break a text from the log into lines, and keep plotly from reading markup in it."""
    found = wrap(text, width, break_on_hyphens=False)
    return "<br>".join(plain(line) for line in found)


def time_text(value: float, per: float, unit: str) -> str:
    """A time given in the unit of a picture: in that unit, or if it is far smaller in its own."""
    if value and abs(value) < _FAR_SMALLER:
        return length(value * per / 1e3)
    return f"{number(value)} {unit}"


def count_up(axis: Callable[..., Any], title: str, most: int) -> None:
    """Count an axis in whole numbers; ``axis``: what updates it."""
    axis(title=title, rangemode="tozero", tickformat=",d")
    if most <= _FEW:
        axis(dtick=1)


def unit_of(milliseconds: float) -> tuple[float, str]:
    """Choose the largest unit in which a time, before or after 0, is 1 or more."""
    much = abs(milliseconds)
    return next((unit for unit in _UNITS if much >= unit[0]), (1.0, "ms"))


def dress(figure: go.Figure, *, title: str, subtitle: str, height: int) -> None:
    """Give a figure the house's look, on the notebook's own background; the height is in pixels."""
    more = _TITLE_HEIGHT * title.count("<br>")
    figure.update_layout(
        template="none",
        title={
            "text": f"<b>{title}</b>",
            "subtitle": {"text": subtitle, "font": {"size": look.FONT_SIZE_PLOT}},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 16 + (13 if more else 0), "l": 20},  # plotly lifts several lines
            "font": {"size": look.FONT_SIZE_PLOT + 4},
        },
        font={"family": look.FONT, "size": look.FONT_SIZE_PLOT, "color": look.QUIET},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=height + more,
        margin={"t": 110 + more, "l": 20, "r": 40, "b": 20},
        legend={"x": 0, "yanchor": "top", "bgcolor": "rgba(0,0,0,0)"},
    )
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(gridcolor=_GRID, linecolor=look.QUIET, zeroline=False, automargin=True)
        axes(exponentformat="none", separatethousands=True)  # no 1µ ms, no 20k ms


def empty(sentence: str) -> go.Figure:
    """A sentence, in plain text, instead of a picture of nothing."""
    figure = go.Figure()
    text = lines(sentence, LINE)
    dress(figure, title="", subtitle="", height=200 + _LINE_HEIGHT * text.count("<br>"))
    figure.add_annotation(text=text, showarrow=False, font={"size": look.FONT_SIZE_PLOT + 1})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure
