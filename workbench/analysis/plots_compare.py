"""The picture of a comparison: each change with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from workbench import look
from workbench.analysis.plots import dress, label_rows, unit_of
from workbench.analysis.plots_critical_path import lines
from workbench.analysis.wording import count, number, percent

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

_SHOWN = 24
_BESIDES = 6
"""How many are drawn that did not change."""
_KINDS = {
    "variant": ("paths", "circle"),
    "type": ("types", "square"),
    "service": ("services", "hexagon"),
    "hop": ("times of hops", "diamond"),
    "flow": ("duration of flows", "star"),
}


def plot_compare(table: pd.DataFrame) -> go.Figure | None:
    """Draw the effects with their intervals, the surest changes first.

    A hop that only one of the logs has stands at 1 or -1.

    Parameters
    ----------
    table
        As ``EventLog.compare`` returns it.
    """
    only_one = table["verdict"].map({"new": 1.0, "vanished": -1.0})
    measured = table.assign(effect=table["effect"].fillna(only_one)).dropna(subset="effect")
    if measured.empty:
        return None
    changed = int((~measured["verdict"].isin(["no change", "too few to tell"])).sum())
    shown = measured.head(min(changed + _BESIDES, _SHOWN))
    rows = [_label(row) for row in shown.itertuples()]
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": look.QUIET, "width": 1.5})
    for rank, (what, (name, symbol)) in enumerate(_KINDS.items()):
        chosen = (shown["what"] == what).to_numpy()
        some = shown[chosen]
        if some.empty:
            continue
        figure.add_scatter(
            x=some["effect"],
            y=np.flatnonzero(chosen),
            error_x={
                "array": some["high"] - some["effect"],
                "arrayminus": some["effect"] - some["low"],
                "thickness": 2,
                "width": 5,
            },
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 12, "color": look.SERIES[rank]},
            hovertemplate="%{x:.3f}<extra></extra>",
        )
    notes = ["shares of flows by their difference, times by Cliff's delta (-1: all faster)"]
    if shown["low"].isna().any():
        notes.append("hops that only one log has: at ±1")
    dress(
        figure,
        title=f"What changed, with intervals that hold together at 95 % "
        f"({len(shown)} of {len(measured):,})",
        subtitle="; ".join(notes),
        height=230 + sum(42 + 21 * row.count("<br>") for row in rows),
    )
    figure.update_layout(
        showlegend=True,
        margin={"b": 120, "t": 90},
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
    )
    reach = 1.08 * float(shown[["effect", "low", "high"]].abs().to_numpy().max())
    figure.update_xaxes(
        title="fewer or faster  ←  effect (no unit)  →  more or slower", range=[-reach, reach]
    )
    label_rows(figure, rows)
    return figure


def _label(row: Any) -> str:
    if row.what == "hop" and row.verdict in ("new", "vanished"):
        change = count(row.n_before + row.n_after, "time")
    elif row.what in ("hop", "flow"):
        per, unit = unit_of(max(abs(row.before), abs(row.after)))
        change = f"{number(row.before / per)} → {number(row.after / per)} {unit}"
    else:
        change = f"{percent(row.before)} → {percent(row.after)} of flows"
    name = "duration of flows" if row.what == "flow" else row.name
    return f"<b>{lines(name)}</b><br>{row.what}, {row.verdict}: {change}"
