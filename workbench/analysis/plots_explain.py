"""The picture of what sets some flows apart: how many have it, and how many of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import look
from workbench.analysis.plots import dress, label_rows, row_height
from workbench.analysis.plots_critical_path import lines
from workbench.analysis.wording import percent

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 12
_CHANCE = 0.05


def plot_explain(table: pd.DataFrame, inside: int, outside: int) -> go.Figure | None:
    """Draw a pair of bars for each condition.

    Parameters
    ----------
    table
        As ``EventLog.explain`` returns it.
    inside, outside
        How many flows were looked at on each side.
    """
    if table.empty:
        return None
    shown = table.head(_SHOWN)
    rows = []
    for attribute, condition, event_type, by_chance in zip(
        *(shown[name] for name in ("attribute", "condition", "event_type", "by_chance")),
        strict=True,
    ):
        on = f"on {event_type}" if isinstance(event_type, str) else ""
        chance = "" if by_chance <= _CHANCE else "may be chance"
        rest = ", ".join(filter(None, (on, chance)))
        name = lines(f"{attribute} {condition}")
        rows.append(f"<b>{name}</b>" + (f"<br>{lines(rest)}" if rest else ""))
    figure = go.Figure()
    for column, name, colour in (
        ("inside_share", f"the {inside:,} asked about", look.EVENT_BORDER),
        ("outside_share", f"the {outside:,} others", look.EDGE),
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
            hovertemplate="%{x:.3g} %<extra></extra>",
        )
    notes = f"the {len(shown)} that tell most of {len(table):,}" if len(table) > len(shown) else ""
    dress(
        figure,
        title=f"What sets these flows apart, in % of flows (n = {inside + outside:,})",
        subtitle=notes,
        height=230 + row_height(rows, 60) * len(rows),
    )
    figure.update_layout(
        barmode="group",
        bargap=0.35,
        margin={"b": 110, "t": 90, "r": 90},
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
    )
    figure.update_xaxes(title="flows that have it (%)", range=[0, 104])
    label_rows(figure, rows)
    return figure
