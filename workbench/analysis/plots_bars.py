"""Pictures of what there is most of: bars, the longest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import plotly.graph_objects as go

from workbench import look
from workbench.analysis.index import NO_TYPE
from workbench.analysis.plots import dress, lines, row_height, unit_of
from workbench.analysis.wording import count, cut, length, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROWS: Final = 20
_LETTER: Final = 8
"""Pixels that a letter takes at most, on average."""
_OF_EACH: Final = 5
_NAME: Final = 80
"""Letters of a label."""


def plot_retries(table: pd.DataFrame) -> go.Figure | None:
    """Draw who tried what how often.

    Parameters
    ----------
    table
        As ``EventLog.retries`` returns it.
    """
    if table.empty:
        return None
    shown = table.head(_ROWS)
    return bars(
        [
            f"{who}: {kind}"
            for who, kind in zip(
                shown["service"].fillna("unknown service"),
                shown["type"].fillna(NO_TYPE),
                strict=True,
            )
        ],
        shown["attempts"],
        [
            f"{n:,} events, up to {most:,} each ({told_by})"
            if n > 1
            else f"1 event, {count(most, 'attempt')} ({told_by})"
            for n, most, told_by in zip(
                shown["events"], shown["most"], shown["told_by"], strict=True
            )
        ],
        title=f"Attempts at what was tried again (n = {table['attempts'].sum():,} attempts)",
        note=f"the {_ROWS} most of {len(table):,}" if len(table) > _ROWS else "",
        axis="attempts",
    )


def plot_orphans(table: pd.DataFrame) -> go.Figure | None:
    """Draw where the causes are that are not in their flow, by the type of the event.

    Parameters
    ----------
    table
        As ``EventLog.orphans`` returns it.
    """
    if table.empty:
        return None
    n = table.groupby(["type", "where"], observed=True, dropna=False).size().reset_index(name="n")
    n = n.sort_values(["n", "type", "where"], ascending=[False, True, True])
    shown = n.head(_ROWS)
    return bars(
        [str(name) for name in shown["type"].astype("object").fillna(NO_TYPE)],
        shown["n"],
        [f"{row.n:,}, cause {row.where}" for row in shown.itertuples()],
        title=f"Events without their cause (n = {count(len(table), 'event')})",
        note=f"the {_ROWS} most of {len(n):,}" if len(n) > _ROWS else "",
        axis="events",
    )


def plot_disorder(table: pd.DataFrame) -> go.Figure | None:
    """Draw the keys whose events lie furthest out of order.

    Parameters
    ----------
    table
        As ``EventLog.disorder`` returns it.
    """
    late = table[table["worst_ms"] > 0]
    if late.empty:
        return None
    shown = late.head(_ROWS)
    per, unit = unit_of(shown["worst_ms"].max())
    keys = len(late[["key", "channel"]].drop_duplicates())
    return bars(
        [
            f"{key} on {channel}" if isinstance(channel, str) else str(key)
            for key, channel in zip(shown["key"], shown["channel"], strict=True)
        ],
        shown["worst_ms"] / per,
        [f"{row.n:,} {row.kind}" for row in shown.itertuples()],
        title=f"How far out of order, in {unit} (n = {count(keys, 'key')})",
        note=f"the {_ROWS} worst" if len(late) > _ROWS else "",
        axis=f"happened before what stands ahead of it ({unit})",
    )


def plot_hot_keys(table: pd.DataFrame) -> go.Figure | None:
    """Draw how many times the mean the keys, flows and partitions with the most events have.

    Parameters
    ----------
    table
        As ``EventLog.hot_keys`` returns it.
    """
    if table.empty:
        return None
    shown, note = _hottest(table)
    return bars(
        [
            f"{row.what} {row.name_}" + (f" of {row.channel}" if row.what == "partition" else "")
            for row in shown.rename(columns={"name": "name_"}).itertuples()
        ],
        shown["times_mean"],
        [
            f"{count(n, 'event')}, {percent(share)}"
            for n, share in zip(shown["events"], shown["share"], strict=True)
        ],
        title="Events of the hottest, against the mean of their kind",
        note=note,
        axis="times the mean",
    )


def _hottest(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows to draw, of the most uneven channels if there are many, and what that leaves out."""
    groups = table.groupby(["what", "channel"], observed=True, dropna=False, sort=False)
    first = groups.head(_OF_EACH)
    notes = []
    if (groups.size().clip(upper=_OF_EACH) < groups["of"].first()).any():
        most = groups.size().clip(upper=_OF_EACH).max()
        notes.append(f"of each kind and channel the {most} with the most events")
    on_channel = (first["what"] == "partition").to_numpy()
    channels = first[on_channel].drop_duplicates("channel")  # their first rows: the hottest
    channels = channels.assign(several=channels["of"] > 1)
    channels = channels.sort_values(["several", "times_mean"], ascending=False, kind="stable")
    room = max((_ROWS - int((~on_channel).sum())) // _OF_EACH, 1)
    chosen = channels["channel"].head(room)
    if len(channels) > room:
        notes.append(f"partitions of the {room} most uneven of {len(channels):,} channels")
    uneven = first[on_channel].set_index("channel").loc[chosen].reset_index()
    return pd.concat([first[~on_channel], uneven], ignore_index=True), "; ".join(notes)


def plot_loops(table: pd.DataFrame) -> go.Figure | None:
    """Draw the longest loops and storms.

    Parameters
    ----------
    table
        As ``EventLog.loops`` returns it.
    """
    if table.empty:
        return None
    shown = table.head(_ROWS)
    return bars(
        [f"{row.kind}: {row.path}" for row in shown.itertuples()],
        shown["longest"],
        [
            f"{longest:,} in {length(took / 1e3)}, {count(flows, 'flow')}"
            for longest, took, flows in zip(
                shown["longest"], shown["took_ms"], shown["flows"], strict=True
            )
        ],
        title=f"Loops and storms, the longest of each (n = {len(table):,})",
        note=f"the {_ROWS} longest" if len(table) > _ROWS else "",
        axis="rounds of a loop, events of a storm",
    )


def bars(
    names: Sequence[str], values: Any, notes: Sequence[str], *, title: str, note: str, axis: str
) -> go.Figure:
    """Draw a bar for each name, with a note behind it; names and notes are escaped here."""
    figure = go.Figure()
    figure.add_bar(
        x=list(values),
        y=list(range(len(names))),
        orientation="h",
        marker={"color": look.SERIES[0], "line": {"width": 0}},
        text=[f" {lines(text, 200)}" for text in notes],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x:,}<extra></extra>",
    )
    rows = [lines(cut(name, _NAME), 40) for name in names]
    dress(figure, title=title, subtitle=note, height=170 + row_height(rows, 44) * len(rows))
    widest = max(len(text) for text in notes)
    figure.update_layout(margin={"b": 60, "r": 40 + _LETTER * widest}, bargap=0.35)
    figure.update_xaxes(title=axis, range=[0, max([*values, 1])], tickformat=",")
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=rows,
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
    )
    return figure
