"""One flow as a tree of causes: each event, who heard it and what they made of it, and what came of that.

Nothing is left out: an event whose cause is not here is a root, one that came again says so, and what
looks odd (several roots, clocks that differ) is said in words above the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import pandas as pd

from workbench import look
from workbench.analysis import wording

if TYPE_CHECKING:
    from workbench.analysis.index import FlowIndex

Identity = tuple[str, str]
"""An event's source and id."""
Shown = Callable[[str, str | None, Any], tuple[str | None, Any]]
Tone = Literal["done", "quiet", "pending", "trouble"]

SIGNS: Final[Mapping[Tone, str]] = {
    "done": "✓",
    "quiet": "○",
    "pending": "…",
    "trouble": look.TROUBLE_SIGN,
}
"""Stands before what a reaction made of an event: never by colour alone."""


@dataclass(frozen=True)
class Reacted:
    """What one reaction of a service made of an event.

    Attributes
    ----------
    service, reaction
        Whose it was; ``reaction`` is empty if the service as a whole is meant.
    tone
        ``"done"``, ``"quiet"`` (it was not for it), ``"pending"`` or ``"trouble"``.
    reason
        One word.
    text
        What it made of it, to be read after its name.
    arrived, began, ended
        When the event could be had from the broker, and when the reaction began and was done, in
        seconds since 1970 UTC; ``None`` where that is not known.
    effects
        What it emitted.
    hint
        What to ask or do next; empty if nothing.
    tries
        From when to when each attempt went, and whether it failed, where that is known.
    logged
        What the handler has logged, line by line.
    """

    service: str
    reaction: str
    tone: Tone
    reason: str
    text: str
    arrived: float | None
    began: float | None = None
    ended: float | None = None
    effects: tuple[Identity, ...] = ()
    hint: str = ""
    tries: tuple[tuple[float, float, bool], ...] = ()
    logged: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """The reaction, by its service and name."""
        return f"{self.service}/{self.reaction}" if self.reaction else self.service


@dataclass
class Event:
    """One event of the tree, what was made of it, and the effects that no reaction accounts for."""

    id: str
    source: str
    type: str
    key: str | None
    since: float
    appended: float | None
    data: Any
    copies: int
    reactions: list[tuple[Reacted, list[Event]]] = field(default_factory=list)
    effects: list[Event] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        """Its source and id."""
        return self.source, self.id

    def facts(self) -> list[str]:
        """What its line says, its type left out."""
        again = [f"came {self.copies} times"] if self.copies > 1 else []
        key = [f"key {wording.cut(self.key, 40)}"] if self.key is not None else []
        since = f"{'+' if self.since >= 0 else '-'}{wording.length(abs(self.since))}"
        return [since, self.source, *key, wording.short(self.id), *again]


@dataclass(frozen=True)
class CausalTree:
    """A flow as a tree; ``began`` is its first event's time, ``notes`` what is odd about it."""

    roots: Sequence[Event]
    began: pd.Timestamp
    notes: Sequence[str]

    def __iter__(self) -> Iterator[Event]:
        """Its events, each before what came of it."""
        ahead = [*reversed(self.roots)]
        while ahead:
            event = ahead.pop()
            yield event
            below = [effect for _, effects in event.reactions for effect in effects]
            ahead += reversed([*below, *event.effects])

    def lines(self, most: int | None = None) -> list[Line]:
        """It line by line, at most so many; events are followed by what was made of them."""
        found: list[Line] = []
        nodes: list[tuple[Event | Reacted, Sequence[Any], str]] = [
            (root, _below(root), "") for root in reversed(self.roots)
        ]
        while nodes and (most is None or len(found) < most):
            node, below, guides = nodes.pop()
            found.append(Line(guides, node))
            trunk = guides.translate(_TRUNKS)
            last = len(below) - 1
            for n in range(last, -1, -1):
                child = below[n]
                what, under = child if isinstance(child, tuple) else (child, _below(child))
                nodes.append((what, under, trunk + ("e" if n == last else "t")))
        return found

    @property
    def lines_in_all(self) -> int:
        """How many lines it has."""
        return sum(1 + len(event.reactions) for event in self)

    def left_out(self, lines: int) -> str:
        """What is said where so many lines are left out."""
        return f"… {wording.count(lines, 'more line')}: .events has all of it, print(flow.tree) too"

    def text(self, most: int | None = None) -> str:
        """It as text, at most so many lines."""
        lines = self.lines(most)
        left = self.lines_in_all - len(lines)
        shown = [f"{line.branch}{wording.visible(_words(line.node))}" for line in lines]
        return "\n".join([*shown, *([self.left_out(left)] if left else [])])

    def __str__(self) -> str:
        return self.text()


class Line(NamedTuple):
    """One line of a tree.

    ``guides`` has a letter for each level: ``v`` (a line goes by), ``" "`` (none does), and last
    ``t`` (it branches off, and others follow) or ``e`` (it is the last to).
    """

    guides: str
    node: Event | Reacted

    @property
    def branch(self) -> str:
        """What stands before it, as text."""
        return "".join(_BRANCHES[guide] for guide in self.guides)


_TRUNKS: Final = str.maketrans({"t": "v", "e": " "})
_BRANCHES: Final = {"v": "│  ", " ": "   ", "t": "├─ ", "e": "└─ "}


def causal_tree(
    index: FlowIndex,
    frame: pd.DataFrame,
    reactions: Mapping[Identity, Sequence[Reacted]],
    shown: Shown = lambda _, key, data: (key, data),
) -> CausalTree:
    """The tree of a flow, which is the only one of its index.

    Parameters
    ----------
    frame
        The one that was indexed.
    reactions
        What was made of each event, by source and id.
    shown
        Given a type, a key and a payload: key and payload as they may be shown.
    """
    copies = _copies(index)
    began = int(index.time.min())
    rows = frame.iloc[index.row].to_dict("records")
    events = [
        _event(row, int(at) - began, copies[n], shown)
        for n, (row, at) in enumerate(zip(rows, index.time, strict=True))
    ]
    of = {event.identity: event for event in reversed(events)}
    placed: set[int] = set()
    for event in events:
        for reacted in reactions.get(event.identity, ()):
            effects = [of[name] for name in reacted.effects if name in of]
            fresh = [
                effect for effect in effects if id(effect) not in placed and effect is not event
            ]
            placed.update(map(id, fresh))
            event.reactions.append((reacted, fresh))
    roots: list[Event] = []
    for position, event in enumerate(events):
        if id(event) in placed:
            continue
        cause = int(index.cause[position])
        (events[cause].effects if cause >= 0 else roots).append(event)
    return CausalTree(roots, pd.Timestamp(began, tz="UTC"), _notes(index, frame, roots))


def _event(row: Mapping[Any, Any], since: int, copies: int, shown: Shown) -> Event:
    type_, appended, key = str(row["type"]), row["broker_time"], row.get("key")
    key, data = shown(type_, key if isinstance(key, str) else None, row["data"])
    return Event(
        id=str(row["id"]),
        source=str(row["source"]),
        type=type_,
        key=key,
        since=since / 1e9,
        appended=None if pd.isna(appended) else appended.timestamp(),
        data=data,
        copies=copies,
    )


def _copies(index: FlowIndex) -> list[int]:
    """How often each event came, its dead letters left out."""
    found = [1] * len(index.row)
    for event in index.copy_event[index.duplicate].tolist():
        if event >= 0:
            found[event] += 1
    return found


def _notes(index: FlowIndex, frame: pd.DataFrame, roots: Sequence[Event]) -> list[str]:
    notes = []
    named = frame["causation_id"].iloc[index.row].notna().to_numpy()
    missing = int((named & (index.cause < 0)).sum())
    if missing:
        notes.append(
            f"{wording.count(missing, 'event')} here {_name(missing)} a cause that is not in this flow: it is "
            "of another, or older than what the broker keeps"
        )
    first = int((~named).sum())
    if first > 1:
        notes.append(f"{first:,} events name no cause, so that the flow has several beginnings")
    early = int(((index.cause >= 0) & (index.time < index.time[index.cause])).sum())
    if early:
        notes.append(
            f"{wording.count(early, 'event')} {'is' if early == 1 else 'are'} earlier than the cause: the clocks "
            "of the services differ"
        )
    again = int(index.duplicate.sum())
    if again:
        notes.append(f"{wording.count(again, 'event')} came again (the same source and id)")
    if not roots:
        notes.append("every event here names another as its cause")
    return notes


def _name(n: int) -> str:
    return "names" if n == 1 else "name"


# --- as text ---------------------------------------------------------------------------------


def _below(event: Event) -> list[Any]:
    return [*event.reactions, *event.effects]


def _words(node: Event | Reacted) -> str:
    if isinstance(node, Event):
        return " · ".join([wording.cut(node.type, 80), *node.facts()])
    hint = f" {node.hint}" if node.hint else ""
    return f"{SIGNS[node.tone]} {node.who} {node.text}{hint}"
