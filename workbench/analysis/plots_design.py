"""Pictures of a log held against its design: deviations, and where flows are stuck."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import look
from workbench.analysis.conformance import KINDS, MISSING, in_words
from workbench.analysis.plots import dress, empty
from workbench.analysis.wording import cut

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 15
_LETTERS = 90
_THICK = 0.38
_SHAPES = dict(zip(KINDS, ("", "/", "x", ".", "\\"), strict=True))


def plot_conformance(table: pd.DataFrame) -> go.Figure:
    """Draw how often there is each kind of deviation.

    Parameters
    ----------
    table
        As ``EventLog.conformance`` returns it, per kind.
    """
    if table.empty:
        return empty("There is no deviation: the log does what the design says.")
    shown = table.head(_SHOWN)
    figure = go.Figure()
    for kind in KINDS:
        own = shown[shown["kind"] == kind]
        if own.empty:
            continue
        figure.add_bar(
            orientation="h",
            x=own["events"],
            y=own.index,
            width=_THICK,
            name=kind,
            marker={
                "color": look.TROUBLE_FILL if kind == MISSING else look.EVENT_FILL,
                "line": {
                    "color": look.TROUBLE_BORDER if kind == MISSING else look.EVENT_BORDER,
                    "width": 1,
                },
                "pattern": {"shape": _SHAPES[kind], "fgcolor": look.QUIET},
            },
            text=[f"{n:,}" for n in own["events"]],
            textposition="outside",
            cliponaxis=False,
            customdata=own["flows"],
            hovertemplate="%{x:,} times in %{customdata:,} flows<extra></extra>",
        )
    labels = [escape(cut(words, _LETTERS), quote=False) for words in in_words(shown)]
    n = int(table["events"].sum())
    dress(
        figure,
        title=f"Where the log departs from the design (n = {n:,} deviations)",
        subtitle=f"the {_SHOWN} most frequent of {len(table):,} kinds"
        if len(table) > _SHOWN
        else "",
        height=190 + 46 * len(shown),
    )
    for row, label in zip(shown.index, labels, strict=True):
        figure.add_annotation(
            x=0,
            xref="paper",
            y=row,
            yshift=19,
            text=label,
            showarrow=False,
            xanchor="left",
            font={"size": look.FONT_SIZE_PLOT - 1},
        )
    figure.update_layout(
        barmode="overlay", legend={"orientation": "h", "y": 1, "yanchor": "bottom"}
    )
    figure.update_layout(margin_r=80, showlegend=True)
    figure.update_xaxes(title="events", rangemode="tozero", tickformat=",d")
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[len(shown) - 0.4, -0.8])
    return figure
