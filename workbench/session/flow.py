"""One flow, followed: ``wb.flow(correlation_id)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.analysis import EventLog, wording
from workbench.analysis.causal_tree import CausalTree, causal_tree
from workbench.capture import find_flow, row
from workbench.errors import LogError
from workbench.events import Envelope
from workbench.session.evidence import Evidence, Sources
from workbench.session.publishing import Published
from workbench.session.reacted import reacted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.mermaid import Mermaid

Progress = Callable[[int, int], None]


class Flow:
    """One flow as it is now: a tree of causes where it is shown, a waterfall, payloads.

    Attributes
    ----------
    correlation_id
        Its name.
    """

    def __init__(self, evidence: Evidence, note: str = "") -> None:
        self.correlation_id = evidence.flow
        self._evidence = evidence
        self._note = note

    @cached_property
    def events(self) -> EventLog:
        """Its events and dead letters, as an event log."""
        return EventLog([row(record) for record in self._evidence.records])

    @cached_property
    def _tree(self) -> CausalTree:
        log = self.events
        return causal_tree(log.index, log.frame, reacted(self._evidence))

    def payload(self, event_id: str) -> Any:
        """The payload of one of its events.

        Raises
        ------
        LogError
            There is no such event in it.
        """
        for event in self._tree:
            if event.id == event_id:
                return event.data
        raise LogError(f"there is no event {event_id!r} in the flow {self.correlation_id}.")

    def plot(self) -> go.Figure:
        """Draw it as a waterfall: who waited, and who worked, when."""
        from workbench.analysis.waterfall import waterfall

        return waterfall(self._tree, self.correlation_id, self._evidence.sources.now().timestamp())

    def mermaid(self) -> Mermaid:
        """Draw it as a sequence diagram in text; see :meth:`EventLog.mermaid`."""
        return self.events.mermaid()

    def __repr__(self) -> str:
        return "\n".join([*self._head(), str(self._tree)])

    def _head(self) -> list[str]:
        tree = self._tree
        facts = [wording.count(len(self._evidence.events), "event")]
        head = f"flow {self.correlation_id}: {', '.join(facts)}, since {wording.moment(tree.began)}"
        notes = [self._note] if self._note else []
        return [head, *(f"  note: {note}" for note in [*notes, *tree.notes])]

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


def follow(
    sources: Sources,
    named: str | Envelope | Published,
    channels: Iterable[str],
    progress: Progress = lambda done, total: None,
) -> Flow:
    """Follow a flow; see :meth:`Workbench.flow`.

    Raises
    ------
    LogError
        There is no such flow on these channels.
    """
    name, note = _name(named), ""
    names = sorted(set(channels))
    found = find_flow(sources.broker, names, name, progress=progress)
    if not found.records and found.flows:
        event, name = name, found.flows[0]
        note = f"{event} is the id of an event; this is its flow"
        if len(found.flows) > 1:
            note += f", one of {len(found.flows)}: {', '.join(found.flows)}"
        found = find_flow(sources.broker, names, name, progress=progress)
    if not found.records:
        near = f" Did you mean {' or '.join(map(repr, found.near))}?" if found.near else ""
        raise LogError(
            f"there is no flow {name!r} on {', '.join(names)} (looked at "
            f"{wording.count(found.looked_at, 'event')}).{near}"
        )
    return Flow(Evidence.of(sources, name, found.records), note)


def _name(named: str | Envelope | Published) -> str:
    if isinstance(named, Envelope):
        return named.correlationid or named.id
    if isinstance(named, Published):
        return named.correlation_id or named.id
    return str(named)
