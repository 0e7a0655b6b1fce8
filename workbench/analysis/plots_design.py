"""Pictures of a log held against its design: deviations, and where flows are stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench import look
from workbench.analysis.deviations import KINDS, MISSING, Deviation, in_words
from workbench.analysis.plot_text import plain
from workbench.analysis.plots import count_up, dress, time_text, unit_of
from workbench.analysis.wording import count, cut

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

_SHOWN = 15
_LETTERS = 100
"""Of a label above a bar."""
_NAMES = 80
_NAME = 28
"""To so many letters each name is cut if together those of a label have more than the former."""
_THICK = 0.38
_SHAPES = dict(zip(KINDS, ("", "/", "x", ".", "\\"), strict=True))


def plot_conformance(table: pd.DataFrame) -> go.Figure | None:
    """Draw how often there is each kind of deviation.

    Parameters
    ----------
    table
        As ``EventLog.conformance`` returns it, per kind.
    """
    if table.empty:
        return None
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
    n = int(table["events"].sum())
    dress(
        figure,
        title=f"Where the log departs from the design (n = {count(n, 'deviation')})",
        subtitle=f"the {_SHOWN} most frequent of {len(table):,} kinds"
        if len(table) > _SHOWN
        else "",
        height=190 + 46 * len(shown),
    )
    label_above(
        figure,
        [
            in_words(Deviation(kind, *fitting(service, cause, effect)))
            for kind, service, cause, effect in zip(
                *(shown[name] for name in Deviation._fields), strict=True
            )
        ],
    )
    figure.update_layout(barmode="overlay")
    count_up(figure.update_xaxes, "events", shown["events"].max())
    return figure


def plot_stuck(table: pd.DataFrame) -> go.Figure | None:
    """Draw where flows are stuck: what they wait for, and from which service.

    Parameters
    ----------
    table
        As ``EventLog.stuck`` returns it.
    """
    if table.empty:
        return None
    table = table.assign(
        waiting_on=table["waiting_on"].fillna("an unknown service"),
        told=table["dead_letter"].notna(),
    )
    place = ["waiting_on", "event_type", "waiting_for"]
    counts = table.groupby(place)["told"].agg(["size", "sum"])
    counts = counts.sort_values("size", ascending=False, kind="stable")
    shown = counts.head(_SHOWN)
    letters = {True: shown["sum"], False: shown["size"] - shown["sum"]}
    per, unit = unit_of(table["waited_s"].max() * 1000)
    longest = table.groupby(place)["waited_s"].max() * 1000 / per
    figure = go.Figure()
    for told, name, fill, border in (
        (False, "no word", look.SERVICE_FILL, look.SERVICE_BORDER),
        (True, f"{look.TROUBLE_SIGN} dead letter", look.TROUBLE_FILL, look.TROUBLE_BORDER),
    ):
        if letters[told].any():
            figure.add_bar(
                orientation="h",
                x=letters[told].where(letters[told] > 0),
                y=list(range(len(shown))),
                width=_THICK,
                name=name,
                marker={
                    "color": fill,
                    "line": {"color": border, "width": 1},
                    "pattern": {"shape": "x" if told else "", "fgcolor": border},
                },
                hovertemplate=f"{name}: %{{x:,}}<extra></extra>",
            )
    labels = [
        "{} owes {} after {}".format(*fitting(who, what, kind)) for who, kind, what in shown.index
    ]
    figure.add_scatter(
        x=shown["size"],
        y=list(range(len(shown))),
        mode="text",
        text=[
            f" {n:,}, up to {time_text(longest[place], per, unit)}"
            for place, n in zip(shown.index, shown["size"], strict=True)
        ],
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )
    dress(
        figure,
        title=f"Where flows are stuck (n = {count(table['correlation_id'].nunique(), 'flow')})",
        subtitle=f"the {_SHOWN} most frequent of {len(counts):,} places"
        if len(counts) > _SHOWN
        else "",
        height=190 + 46 * len(shown),
    )
    label_above(figure, labels)
    figure.update_layout(barmode="stack", margin_r=150)
    count_up(figure.update_xaxes, "events that wait", shown["size"].max())
    return figure


def fitting(*names: Any) -> list[Any]:
    """Names that share a label, cut if it can't hold them; one that is missing is None."""
    known = [name if isinstance(name, str) else None for name in names]
    if sum(len(name) for name in known if name) <= _NAMES:
        return known
    return [name and cut(name, _NAME) for name in known]


def label_above(figure: go.Figure, labels: list[str]) -> None:
    """Write the label of each bar above it, since it is as long as a sentence."""
    for row, label in enumerate(labels):
        figure.add_annotation(
            x=0,
            xref="paper",
            y=row,
            yshift=19,
            text=plain(cut(label, _LETTERS)),
            showarrow=False,
            xanchor="left",
            font={"size": look.FONT_SIZE_PLOT - 1},
        )
    figure.update_layout(
        legend={"orientation": "h", "y": 1, "yanchor": "bottom"}, margin_r=80, showlegend=True
    )
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[len(labels) - 0.4, -0.8])
