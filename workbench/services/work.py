"""What one transaction is about to write, gathered in memory and written at its end.

A reaction works on a :class:`Share` of its own: merged when it succeeds, dropped when it fails,
so that a failing reaction is undone alone and costs the file nothing.
"""

from __future__ import annotations

from collections import Counter

from workbench.brokers import Outgoing
from workbench.services.inbox import Entry, Outcome
from workbench.services.outbox import Unsent
from workbench.services.state import Layer, State
from workbench.services.store import Counts, Store


class Work:
    """The share of all reactions that have succeeded so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._state = Layer(store.state, remember=True)
        self._outcomes: dict[Entry, Outcome] = {}
        self._outgoing: list[tuple[float, Outgoing]] = []
        self.counts: Counts = Counter()
        self.waiting = store.waiting
        self.timers = store.timers
        self.done_steps = store.done_steps
        """These three are written to directly: nothing of a reaction's own share is in them."""
        self.unsettled: dict[str, None] = {}
        """Flows in which something may have to be undone, as of what was learnt just now."""

    def outcome(self, entry: Entry) -> Outcome | None:
        """What became of an event at a reaction, in this transaction or before."""
        return self._outcomes.get(entry) or self._store.inbox.outcome(entry)

    def remember(self, entry: Entry, outcome: Outcome) -> None:
        """Note what became of an event at a reaction."""
        self._outcomes[entry] = outcome

    def put(self, due: float, outgoing: Outgoing) -> None:
        """Send something at a time, in seconds since 1970 UTC."""
        self._outgoing.append((due, outgoing))

    def share(self) -> Share:
        """A new reaction's share."""
        return Share(self)

    def write(self, now: float) -> list[Unsent]:
        """Write everything; gives what is to be sent at once."""
        self._store.inbox.remember(self._outcomes.items(), now)
        self._store.state.write(self._state.changes)
        unsent = self._store.outbox.put(self._outgoing) if self._outgoing else []
        self._store.count(self.counts)
        return [row for row in unsent if row.due <= now]


class Share:
    """What one reaction to one event is about to change."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._layer = Layer(work._state)  # noqa: SLF001 - the two are one concept
        self._outgoing: list[tuple[float, Outgoing]] = []

    @property
    def state(self) -> State:
        """The service's state, with this share's changes."""
        return State(self._layer)

    def put(self, due: float, outgoing: Outgoing) -> None:
        """Send an effect at a time, in seconds since 1970 UTC."""
        self._outgoing.append((due, outgoing))

    def keep(self) -> None:
        """The reaction has succeeded."""
        self._work._state.changes.update(self._layer.changes)  # noqa: SLF001
        self._work._outgoing.extend(self._outgoing)  # noqa: SLF001
