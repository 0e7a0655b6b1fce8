"""One flow as a waterfall: when each reaction waited, when it worked, and what set off what.

A row for each event that was published and each reaction to an event, in causal order; time runs to
the right. What waits is hatched and what works is solid, trouble has its sign, and what is still to
come is open at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Final

import plotly.graph_objects as go

from workbench import look
from workbench.analysis import wording
from workbench.analysis.causal_tree import SIGNS, CausalTree, Event, Reacted
from workbench.analysis.plot_text import plain
from workbench.analysis.plots import dress, empty, unit_of

MOST: Final = 400
"""Rows that are drawn; more is a picture of nothing."""

_ROW: Final = 28
_ROW_TIGHT: Final = 19
_ROOMY: Final = 40
_A_LINE: Final = 4
"""Signs to a line of the legend."""
_THICK: Final = 0.66
"""Of a row."""
_AHEAD: Final = 0.06
"""Share of the time axis after the last thing known, into which reaches what is still to come."""

_EVENT, _TURNED_AWAY = "event", "not for it"
_WAITED, _WORKED, _EITHER = "waiting", "processing", "both of these"
_SENT = "done, to be sent"
_FAILED, _OPEN = f"{look.TROUBLE_SIGN} failed", "… still to come"
_BARS: Final[Mapping[str, Mapping[str, Any]]] = {
    _WAITED: {
        "color": look.SERVICE_FILL,
        "pattern": {"shape": "/", "fgcolor": look.SERVICE_BORDER},
    },
    _WORKED: {"color": look.SERVICE_BORDER},
    _EITHER: {
        "color": look.SERVICE_FILL,
        "pattern": {"shape": "x", "fgcolor": look.SERVICE_BORDER},
    },
    _FAILED: {"color": look.TROUBLE_BORDER},
    _OPEN: {"color": "rgba(128, 128, 128, 0.1)", "pattern": {"shape": "/", "fgcolor": look.QUIET}},
}
_LEGEND: Final[Mapping[str, tuple[str, str]]] = {
    _EVENT: ("◆", look.EVENT_BORDER),
    _WAITED: ("▨", look.SERVICE_BORDER),
    _WORKED: ("■", look.SERVICE_BORDER),
    _EITHER: ("▩", look.SERVICE_BORDER),
    _SENT: ("┄┄", look.SERVICE_BORDER),
    _FAILED: ("■", look.TROUBLE_BORDER),
    _OPEN: ("▨", look.QUIET),
    _TURNED_AWAY: ("○", look.QUIET),
}
"""The sign and the colour of each kind. As text, since plotly's own legend takes more room in a
narrow notebook than there is above the picture."""
_WAITS: Final = frozenset({"retrying", "parked"})
"""Reasons of trouble after which something is still to come."""
_EDGES: Final[Mapping[str, str]] = {_FAILED: look.TROUBLE_BORDER, _OPEN: look.QUIET}


@dataclass(frozen=True)
class _Row:
    """One row: an event that no reaction here has emitted, or a reaction to an event.

    ``above`` is the row from which the event came, ``None`` if from none here; ``emitted`` what is
    marked on this one.
    """

    y: int
    event: Event
    reacted: Reacted | None
    above: int | None
    emitted: Sequence[Event]

    @property
    def label(self) -> str:
        if self.reacted is None:
            return _text(f"{self.event.source}: {self.event.type}", 46)
        return _text(f"{SIGNS[self.reacted.tone]} {self.reacted.who} ← {self.event.type}", 56)

    @property
    def x(self) -> float:
        """When its event could be had."""
        if self.event.appended is not None:
            return self.event.appended
        return (self.reacted.arrived or self.reacted.began or 0.0) if self.reacted else 0.0


def waterfall(tree: CausalTree, flow: str, now: float) -> go.Figure:
    """Draw a flow.

    Parameters
    ----------
    flow
        Its name.
    now
        Until when what is still to come has waited, in seconds since 1970 UTC.
    """
    rows = _rows(tree)
    shown = rows[:MOST]
    if not shown:
        return empty("No event of this flow says when the broker got it.")
    began = min(row.x for row in shown)
    end = max(max(_times(row)) for row in shown)
    milliseconds, unit = unit_of(max((end - began) * 1000, 1.0))
    per = milliseconds / 1000
    limit = max(end - began, 0.001) * (1 + _AHEAD) / per
    figure = go.Figure()
    picture = _Picture(figure, began, per, limit, unit)
    picture.lines(shown)
    picture.bars(shown)
    picture.events(shown)
    notes = [f"from {wording.moment(began)}"]
    if len(rows) > len(shown):
        notes.append(f"the first {len(shown):,} of {len(rows):,} rows")
    if any(row.reacted and row.reacted.tone == "pending" for row in shown):
        notes.append(f"what is still to come was waited for until {wording.moment(now)}")
    height = _ROW if len(shown) <= _ROOMY else _ROW_TIGHT
    dress(
        figure,
        title=f"Flow {_text(wording.short(flow, 20), 24)}, in {unit} (n = {wording.count(sum(1 for _ in tree), 'event')})",
        subtitle="<br>".join(["; ".join(notes), *_legend(figure)]),
        height=210 + height * len(shown),
    )
    figure.update_layout(
        barmode="overlay",
        margin={"t": 135, "r": 30},
        showlegend=False,
        hoverlabel={"align": "left"},
    )
    title = f"since the broker got the first event ({unit})"
    figure.update_xaxes(title=title, range=[-0.015 * limit, limit])
    figure.update_yaxes(
        tickvals=[row.y for row in shown],
        ticktext=[row.label for row in shown],
        tickfont={"size": 13 if height == _ROW else 11},
        range=[len(shown) - 0.4, -0.6],
        showgrid=False,
    )
    return figure


def _legend(figure: go.Figure) -> list[str]:
    """What the signs of a figure mean, in lines."""
    used = {trace.name for trace in figure.data if len(trace.x)}
    entries = [
        f'<span style="color:{colour}">{sign}</span> {kind}'
        for kind, (sign, colour) in _LEGEND.items()
        if kind in used
    ]
    lines = [entries[n : n + _A_LINE] for n in range(0, len(entries), _A_LINE)]
    return ["    ".join(line) for line in lines]


def _rows(tree: CausalTree) -> list[_Row]:
    """The rows, each before those of what came of it."""
    rows: list[_Row] = []
    ahead: list[tuple[Event, Reacted | None, list[Event], int | None]] = []

    def put(events: Sequence[Event], above: int | None, *, own_row: bool) -> None:
        for event in reversed(events):
            if own_row:
                ahead.append((event, None, [], above))
                continue
            ahead.extend(
                (event, reacted, effects, above) for reacted, effects in reversed(event.reactions)
            )
            put(event.effects, above, own_row=True)

    put(tree.roots, None, own_row=True)
    while ahead:
        event, reacted, effects, above = ahead.pop()
        y = len(rows)
        rows.append(_Row(y, event, reacted, above, effects if reacted else [event]))
        if reacted is not None:
            put(effects, y, own_row=False)
        else:
            ahead.extend((event, made, below, y) for made, below in reversed(event.reactions))
            put(event.effects, y, own_row=True)
    return [row for row in rows if row.x]


def _times(row: _Row) -> list[float]:
    """All the times of a row that are known."""
    reacted = row.reacted
    found: list[float | None] = [row.x, *(event.appended for event in row.emitted)]
    if reacted is not None:
        found += [reacted.began, reacted.ended, *(ended for _, ended, _ in reacted.tries)]
    return [time for time in found if time is not None]


@dataclass(frozen=True)
class _Picture:
    """A figure being drawn; ``per`` seconds are one unit of its axis, which ends at ``limit``."""

    figure: go.Figure
    began: float
    per: float
    limit: float
    unit: str

    def at(self, seconds: float) -> float:
        """Where a time stands on the axis."""
        return (seconds - self.began) / self.per

    def lines(self, rows: Sequence[_Row]) -> None:
        """A line from where an event was emitted down to whoever heard it."""
        x: list[float | None] = []
        y: list[float | None] = []
        for row in rows:
            if row.above is not None:
                x += [self.at(row.x), self.at(row.x), None]
                y += [row.above, row.y, None]
        self._line(x, y, {"color": look.EDGE, "width": 1.2})
        x, y = [], []
        for row in rows:
            ended = row.reacted.ended if row.reacted else None
            sent = [event.appended for event in row.emitted if event.appended is not None]
            if ended is not None and sent:
                x += [self.at(ended), self.at(max(sent)), None]
                y += [row.y, row.y, None]
        line = {"color": look.SERVICE_BORDER, "width": 2, "dash": "dot"}
        self._line(x, y, line, name=_SENT if any(x) else "")

    def _line(
        self,
        x: Sequence[float | None],
        y: Sequence[float | None],
        line: Mapping[str, Any],
        name: str = "",
    ) -> None:
        self.figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", name=name)

    def bars(self, rows: Sequence[_Row]) -> None:
        """How long each reaction waited and worked, kind by kind."""
        parts = [(row, *part) for row in rows for part in _parts(row)]
        for kind, marker in _BARS.items():
            own = [(row, start, end) for row, name, start, end in parts if name == kind]
            if not own:
                continue
            starts = [self.at(start) for _, start, _ in own]
            ends = [self.limit if end is None else self.at(end) for _, _, end in own]
            self.figure.add_bar(
                orientation="h",
                base=starts,
                x=[max(end - start, 0.0) for start, end in zip(starts, ends, strict=True)],
                y=[row.y for row, _, _ in own],
                width=_THICK,
                name=kind,
                marker={
                    **marker,
                    "line": {"color": _EDGES.get(kind, look.SERVICE_BORDER), "width": 1},
                },
                hovertext=[_hover(row) for row, _, _ in own],
                hovertemplate="%{hovertext}<extra></extra>",
            )

    def events(self, rows: Sequence[_Row]) -> None:
        """A mark for each event on the row from which it came, and for what a guard turned away."""
        marks = [
            (self.at(event.appended), row.y, _event_hover(event))
            for row in rows
            for event in row.emitted
            if event.appended is not None
        ]
        self._marks(marks, _EVENT, "diamond", look.EVENT_FILL, look.EVENT_BORDER)
        quiet = [
            (self.at(max(_times(row))), row.y, _hover(row))
            for row in rows
            if row.reacted is not None and row.reacted.tone == "quiet"
        ]
        self._marks(quiet, _TURNED_AWAY, "circle-open", look.QUIET, look.QUIET)
        trouble = [
            (self.at(max(_times(row))), row.y, look.TROUBLE_SIGN)
            for row in rows
            if row.reacted is not None and row.reacted.tone == "trouble"
        ]
        self.figure.add_scatter(
            x=[x for x, _, _ in trouble],
            y=[y for _, y, _ in trouble],
            text=[f"<b>{sign}</b>" for _, _, sign in trouble],
            mode="text",
            textposition="middle right",
            textfont={"color": look.TROUBLE_BORDER, "size": look.FONT_SIZE_PLOT + 2},
            hoverinfo="skip",
            cliponaxis=False,
        )

    def _marks(
        self,
        marks: Sequence[tuple[float, float, str]],
        name: str,
        symbol: str,
        fill: str,
        border: str,
    ) -> None:
        if not marks:
            return
        self.figure.add_scatter(
            x=[x for x, _, _ in marks],
            y=[y for _, y, _ in marks],
            name=name,
            mode="markers",
            marker={
                "symbol": symbol, "size": 11, "color": fill, "line": {"color": border, "width": 1.5}
            },
            hovertext=[text for _, _, text in marks],
            hovertemplate="%{hovertext}<extra></extra>",
            cliponaxis=False,
        )  # fmt: skip


def _parts(row: _Row) -> list[tuple[str, float, float | None]]:
    """The bars of a row: of which kind, from when to when; without end if that is to come."""
    made = row.reacted
    if made is None or made.tone == "quiet":
        return []
    parts: list[tuple[str, float, float | None]] = []
    at = row.x
    for began, ended, failed in made.tries or _guessed(made):
        if began > at:
            parts.append((_WAITED, at, began))
        parts.append((_FAILED if failed else _WORKED, began, ended))
        at = max(at, ended)
    if made.tone == "pending" or made.reason in _WAITS:
        parts.append((_OPEN, at, None))
    elif not parts:
        parts.append((_FAILED if made.tone == "trouble" else _EITHER, at, made.ended))
    return parts


def _guessed(made: Reacted) -> list[tuple[float, float, bool]]:
    """When it worked, where nothing is logged about that."""
    if made.began is None or made.ended is None or made.tone != "done":
        return []
    return [(made.began, max(made.began, made.ended), False)]


def _hover(row: _Row) -> str:
    reacted = row.reacted
    if reacted is None:
        return _event_hover(row.event)
    lines = [f"<b>{_text(reacted.who, 80)}</b> ← {_text(row.event.type, 80)}"]
    lines += [_text(line, 90) for line in wrap(reacted.text, 80)[:4]]
    return "<br>".join([*lines, _text(row.event.id, 60)])


def _event_hover(event: Event) -> str:
    lines = [f"<b>{_text(event.type, 80)}</b>", _text(" · ".join(event.facts()), 100)]
    return "<br>".join([*lines, _text(event.id, 60)])


def _text(text: str, letters: int) -> str:
    """A text from the log, in which plotly finds no markup."""
    return plain(wording.cut(text, letters))
