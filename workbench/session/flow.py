"""One flow, followed: ``wb.flow(correlation_id)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workbench import look
from workbench.analysis import EventLog, wording
from workbench.analysis.causal_tree import CausalTree, causal_tree
from workbench.capture import find_flow, row, standard_frame
from workbench.errors import LogError
from workbench.events import Envelope
from workbench.events.masking import without
from workbench.session.evidence import Evidence, Sources
from workbench.session.publishing import Published
from workbench.session.reacted import reacted

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from workbench.mermaid import Mermaid

Progress = Callable[[int, int], None]
_MOST_LINES = 500
"""Of the tree where it is shown."""


class Flow:
    """One flow as it is now: a tree of causes where it is shown, a waterfall, payloads, logs.

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
        """Its events and dead letters, as an event log: payloads as they are, personal data too.

        An event without a correlation id begins the flow that is named after it.
        """
        rows = [row(record) for record in self._evidence.records]
        unnamed = {"correlation_id": self.correlation_id}
        named = [one if one["correlation_id"] else one | unnamed for one in rows]
        return EventLog(standard_frame(named, otherwise=self._evidence.sources.now()))

    @cached_property
    def tree(self) -> CausalTree:
        """It as a tree of causes; ``print(flow.tree)`` prints all of it, however long."""
        log = self.events
        return causal_tree(log.index, log.frame, reacted(self._evidence), self._shown)

    def _shown(self, type_: str, key: str | None, data: Any) -> tuple[str | None, Any]:
        masked = self._evidence.masked(type_, data)
        return (None if key is None else masked.text(key)), masked.payload

    @property
    def payloads(self) -> dict[str, Any]:
        """The payloads by the events' ids, in causal order, with personal data hidden."""
        return {event.id: event.data for event in self.tree}

    def payload(self, event_id: str) -> Any:
        """The payload of one of its events.

        Raises
        ------
        LogError
            There is no such event in it.
        """
        found = self.payloads
        if event_id not in found:
            raise LogError(f"there is no event {event_id!r} in the flow {self.correlation_id}.")
        return found[event_id]

    @property
    def logs(self) -> pd.DataFrame:
        """What its services have logged about it; see :meth:`Workbench.logs` for the columns."""
        return self._evidence.logs

    @property
    def spans(self) -> pd.DataFrame:
        """What was traced of it; see :meth:`Workbench.spans` for the columns."""
        from workbench.session.spans import spans

        folder = self._evidence.sources.folder
        return spans(folder, correlation_id=self.correlation_id, trace_id=None)

    def plot(self) -> go.Figure:
        """Draw it as a waterfall: who waited, and who worked, when."""
        from workbench.analysis.waterfall import waterfall

        return waterfall(self.tree, self.correlation_id, self._evidence.sources.now().timestamp())

    def mermaid(self) -> Mermaid:
        """Draw it as a sequence diagram in text; see :meth:`EventLog.mermaid`.

        Personal data is hidden in why services gave up.
        """
        from workbench.analysis.mermaid_sequence import mermaid_sequence

        hidden = frozenset(
            value
            for event in self._evidence.events
            for value in self._evidence.hidden(event).hidden
        )
        return mermaid_sequence(self.events.index, lambda reason: without(hidden, reason))

    def __repr__(self) -> str:
        notes = [f"  {look.TROUBLE_SIGN} {note}" for note in self._notes]
        head = f"flow {self.correlation_id}: {self._facts()}"
        return "\n".join([*map(wording.visible, [head, *notes]), self.tree.text(_MOST_LINES)])

    def _repr_html_(self) -> str:
        from workbench.analysis.flow_page import flow_html

        lines = self.tree.lines(_MOST_LINES)
        head = f"Flow {self.correlation_id}"
        return flow_html(self.tree, lines, head, self._facts(), self._notes)

    @property
    def _notes(self) -> list[str]:
        return [*([self._note] if self._note else []), *self.tree.notes]

    def _facts(self) -> str:
        tree = self.tree
        tones = Counter(made.tone for event in tree for made, _ in event.reactions)
        spans = [made.ended for event in tree for made, _ in event.reactions if made.ended]
        spans += [event.appended for event in tree if event.appended is not None]
        began = tree.began.timestamp()
        facts = [
            wording.count(len(self._evidence.events), "event"),
            f"in {wording.length(max(0.0, max(spans, default=began) - began))}",
            *([f"{look.TROUBLE_SIGN} {tones['trouble']} in trouble"] if tones["trouble"] else []),
            *([f"{tones['pending']} still to come"] if tones["pending"] else []),
            f"from {wording.moment(tree.began)}",
        ]
        return ", ".join(facts)


def follow(
    sources: Sources,
    named: str | Envelope | Published,
    channels: Iterable[str],
    progress: Progress = lambda done, total: None,
    *,
    personal: bool = False,
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
    evidence = Evidence.of(sources, name, found.records, personal=personal)
    types = {told.envelope.type for told in evidence.events if told.envelope is not None}
    services = {who for type_ in types for who in sources.choreography.consumers(type_)}
    return Flow(evidence.followed_up(sorted(services), names, found.ends), note)


def _name(named: str | Envelope | Published) -> str:
    if isinstance(named, Envelope):
        return named.correlationid or named.id
    if isinstance(named, Published):
        return named.correlation_id or named.id
    return str(named)
