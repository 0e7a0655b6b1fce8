"""The pictures of critical paths: what takes the time of all flows, and of one."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import look
from workbench.analysis.plot_text import plain
from workbench.analysis.plots import dress, label_rows, time_text, unit_of
from workbench.analysis.wording import count, cut, percent

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20
_NAME = 44
"""Letters of the name of a cause or an effect: one line holds an arrow besides."""
_STEPS_SHOWN = 60


def plot_critical_path(table: pd.DataFrame) -> go.Figure | None:
    """Draw the share of all flow time that each kind of hop takes, and what half of it would save.

    Parameters
    ----------
    table
        As ``EventLog.critical_path()`` returns it.
    """
    hops = table[table["cause_type"].notna()]
    if hops.empty:
        return None
    shown = hops.head(_SHOWN)
    rows = [
        f"<b>{lines(f'{cut(cause, _NAME)} → {cut(effect, _NAME)}')}</b><br>{lines(service)}, n = {n:,}"
        for cause, effect, service, n in zip(
            *(shown[name] for name in ("cause_type", "effect_type", "service", "n")), strict=True
        )
    ]
    figure = go.Figure()
    for column, name, colour in (
        ("share", "takes", look.EVENT_FILL),
        ("saves_share", "would save, twice as fast", look.SERVICE_BORDER),
    ):
        figure.add_bar(
            x=100 * shown[column],
            y=list(range(len(rows))),
            orientation="h",
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            text=[f" {percent(share)}" for share in shown[column]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{name} %{{x:.3g}} %<extra></extra>",
        )
    notes = []
    if len(hops) > len(shown):
        notes.append(f"{len(shown)} of {len(hops):,} kinds, by what they would save")
    unknown = table.loc[table["cause_type"].isna(), "share"].sum()
    if unknown >= 0.0005:
        notes.append(f"{percent(unknown)} of the time lies before paths with no known cause")
    dress(
        figure,
        title=f"What to speed up: shares of all flow time, in % (n = {count(int(shown['n'].sum()), 'hop')})",
        subtitle="; ".join(notes),
        height=190 + 24 * sum(2 + row.count("<br>") for row in rows),
    )
    figure.update_layout(
        barmode="group",
        bargap=0.3,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom"},
        margin_r=90,
    )
    figure.update_xaxes(title="share of the time of all flows (%)", rangemode="tozero")
    low, high = 100 * shown["share"].min(), 100 * shown["share"].max()
    if low < 0:  # its text stands to the left of the bar
        high = max(high, 0)
        figure.update_xaxes(range=[low - 0.25 * (high - low), high + 0.02 * (high - low)])
    label_rows(figure, rows)
    return figure


def plot_one_path(table: pd.DataFrame, name: str) -> go.Figure | None:
    """Draw one flow's critical path as a waterfall: each hop from its cause to its effect.

    Parameters
    ----------
    table
        As ``EventLog.critical_path(correlation_id)`` returns it.
    name
        The flow.
    """
    if table["share"].isna().any():
        return None
    shown = table.nlargest(_STEPS_SHOWN, "latency_ms").sort_index()
    per, unit = unit_of(table["to_ms"].iloc[-1])
    rows = [
        f"<b>{lines(f'{step + 1}. {kind}')}</b><br>{lines(service)}"
        for step, kind, service in zip(
            shown.index, shown["event_type"], shown["service"], strict=True
        )
    ]
    colours = [
        look.QUIET if cause else look.EVENT_BORDER if took >= 0 else look.TROUBLE_BORDER
        for cause, took in zip(shown["cause_type"].isna(), shown["latency_ms"], strict=True)
    ]
    figure = go.Figure()
    figure.add_bar(
        x=shown["latency_ms"] / per,
        base=shown["from_ms"] / per,
        y=list(range(len(rows))),
        orientation="h",
        marker={"color": colours, "line": {"color": colours, "width": 2}},
        hovertemplate=f"%{{base:,.4g}} to %{{x:,.4g}} {unit}<extra></extra>",
        showlegend=False,
    )
    for place, (end, took, share, starts) in enumerate(
        zip(
            shown[["from_ms", "to_ms"]].max(axis=1) / per,
            shown["latency_ms"] / per,
            shown["share"],
            shown["cause_type"].isna() & (shown["latency_ms"] == 0),
            strict=True,
        )
    ):
        figure.add_annotation(
            x=end,
            y=place,
            text=" starts" if starts else f" {time_text(took, per, unit)}, {percent(share)}",
            showarrow=False,
            xanchor="left",
        )
    notes = ["grey: before the path began"] if table["latency_ms"].iloc[0] > 0 else []
    if (table["latency_ms"] < 0).any():
        notes.append(f"{look.TROUBLE_SIGN} red: ends before it starts, clocks differ")
    if len(table) > len(shown):
        notes.append(f"the {len(shown):,} longest of {len(table):,} steps")
    dress(
        figure,
        title=f"The critical path of {lines(name)}, in {unit} (n = {count(len(table) - 1, 'hop')})",
        subtitle="; ".join(notes),
        height=180 + 20 * sum(2 + row.count("<br>") for row in rows),
    )
    end = table["to_ms"].max() / per
    figure.update_xaxes(
        title=f"since the flow's first event ({unit})", range=[-0.02 * (end or 1), 1.3 * (end or 1)]
    )
    label_rows(figure, rows)
    return figure


def lines(text: str, width: int = 48) -> str:
    """Break a text from the log into two lines at most, without markup that plotly would read."""
    found = wrap(cut(text, 2 * width), width, break_on_hyphens=False, max_lines=2, placeholder=" …")
    return "<br>".join(plain(line) for line in found) or "(empty)"
