"""The picture of what is unusual: how far out, against how long the flow took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import look
from workbench.analysis.plot_text import plain
from workbench.analysis.plots import dress, unit_of
from workbench.analysis.wording import count, cut

if TYPE_CHECKING:
    import pandas as pd

_KINDS = {
    "hop": ("a hop's time", "diamond"),
    "duration": ("duration", "circle"),
    "repeats": ("repeats", "square"),
    "variant": ("rare path", "triangle-up"),
    "burst": ("start of a burst", "star"),
}


def plot_anomalies(table: pd.DataFrame, n: int) -> go.Figure | None:
    """Draw each finding by the duration of its flow and by its score.

    Parameters
    ----------
    table
        As ``EventLog.anomalies`` returns it.
    n
        How many flows were judged.
    """
    if table.empty:
        return None
    per, unit = unit_of(table["duration_ms"].median())
    positive = table["duration_ms"][table["duration_ms"] > 0]
    wide = not positive.empty and positive.max() > 100 * positive.min()
    # A log axis has no 0: what takes no time stands at its left end, so that nothing is hidden.
    least = positive.min() if wide else 0.0
    figure = go.Figure()
    for rank, (what, (name, symbol)) in enumerate(_KINDS.items()):
        some = table[table["what"] == what]
        if some.empty:
            continue
        figure.add_scatter(
            x=some["duration_ms"].clip(lower=least) / per,
            y=some["score"],
            mode="markers",
            name=f"{name} ({len(some):,})",
            marker={
                "symbol": symbol,
                "size": 11,
                "color": look.SERIES[rank],
                "opacity": 0.8,
                "line": {"width": 0},
            },
            text=[
                f"{plain(cut(flow, 60))}<br>{plain(cut(words, 100))}"
                for flow, words in zip(some["correlation_id"], some["evidence"], strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    scale = ", log scale" if wide else ""
    if wide and len(positive) < len(table):
        scale += "; none at all: at the left end"
    dress(
        figure,
        title=f"Flows unlike the rest ({count(len(table), 'finding')}, n = {count(n, 'flow')})",
        subtitle="score: how far out, in standard deviations; below 0: unusually short",
        height=520,
    )
    figure.update_layout(
        showlegend=True,
        margin={"b": 120, "t": 90},
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
    )
    figure.update_xaxes(
        title=f"the flow's duration ({unit}{scale})", type="log" if wide else "linear"
    )
    figure.update_yaxes(title="score (standard deviations)")
    return figure
