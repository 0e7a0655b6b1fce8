"""The picture of clocks that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import look
from workbench.analysis.plots import dress, time_text, unit_of
from workbench.analysis.plots_design import fitting, label_above
from workbench.analysis.wording import count

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 15
_THICK = 0.38


def plot_skew(table: pd.DataFrame) -> go.Figure | None:
    """Draw how far effects stand before their causes, by pair of services.

    Parameters
    ----------
    table
        As ``EventLog.skew`` returns it, per pair.
    """
    wrong = table[table["negative"] > 0].reset_index(drop=True)
    if wrong.empty:
        return None
    shown = wrong.head(_SHOWN)
    per, unit = unit_of(-shown["min_ms"].min())
    before = -shown["min_ms"] / per
    figure = go.Figure()
    figure.add_bar(
        orientation="h",
        x=before,
        y=shown.index,
        width=_THICK,
        name=f"{look.TROUBLE_SIGN} before its cause",
        marker={
            "color": look.TROUBLE_FILL,
            "line": {"color": look.TROUBLE_BORDER, "width": 1},
        },
        text=[f"{time_text(value, per, unit)}" for value in before],
        textposition="outside",
        cliponaxis=False,
        hovertemplate=f"at most %{{x:,.4g}} {unit}<extra></extra>",
    )
    labels = [
        f"{' → '.join(fitting(cause, effect))}: {negative:,} of {n:,} effects"
        for cause, effect, negative, n in zip(
            *(shown[name] for name in ("cause_service", "effect_service", "negative", "n")),
            strict=True,
        )
    ]
    n = int(table["negative"].sum())
    dress(
        figure,
        title=f"{look.TROUBLE_SIGN} Effects before their causes, in {unit} (n = {n:,} of {count(int(table['n'].sum()), 'hop')})",
        subtitle=f"the {_SHOWN} most frequent of {len(wrong):,} pairs of services"
        if len(wrong) > _SHOWN
        else "",
        height=190 + 46 * len(shown),
    )
    label_above(figure, labels)
    figure.update_layout(showlegend=False, margin_r=110)
    figure.update_xaxes(title=f"how long before its cause, at most ({unit})", rangemode="tozero")
    return figure
