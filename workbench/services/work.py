"""What one transaction is about to write, gathered in memory and written at its end.

A reaction works on a :class:`Share` of its own: merged when it succeeds, dropped when it fails,
so that a failing reaction is undone alone and costs the file nothing.

Only one instance of a service writes at a time. So that the others need not wait for its handlers,
the work may be done *ahead* of the transaction, which then asks whether all that was read still
stands, and does the work again if not.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from workbench.brokers import Outgoing, Position
from workbench.events import Envelope
from workbench.services.arrival import Arrival
from workbench.services.done_steps import DoneSteps
from workbench.services.happening import COUNTED, Round
from workbench.services.inbox import Entry, Outcome
from workbench.services.outbox import Unsent
from workbench.services.processing import Durations
from workbench.services.state import Layer, State, Texts
from workbench.services.store import Counts, Store
from workbench.services.timers import Timers
from workbench.services.touched import Touches
from workbench.services.waiting import Waiting


class NotAheadError(BaseException):
    """What is asked for can only be told inside the transaction; no handler may catch this."""


class Work:
    """The share of all reactions that have succeeded so far.

    What happens is counted, and noted in the round, if there is one.

    Raises
    ------
    NotAheadError
        ``ahead``, it is asked for the keys of the state, or for what waits.
    """

    def __init__(self, store: Store, round_: Round | None = None, *, ahead: bool = False) -> None:
        self._store, self._round = store, round_
        self._ahead = ahead
        self._state = Layer(_Keyless(store.state) if ahead else store.state, remember=True)
        self._seen: dict[Entry, Outcome | None] = {}
        self._outcomes: dict[Entry, Outcome] = {}
        self._outgoing: list[tuple[float, Position, Outgoing]] = []
        self.source = Position("", 0)
        """The partition of the record that is being handled: what comes of it is its owner's."""
        self.counts: Counts = Counter()
        self.durations = Durations()
        self.touched: Touches = Counter()
        """Fields that handlers were seen to touch."""
        self.unsettled: dict[str, None] = {}
        """Flows in which something may have to be undone, as of what was learnt just now."""

    @property
    def waiting(self) -> Waiting:
        """Written to directly: nothing of a reaction's own share is in it."""
        if self._ahead:
            raise NotAheadError
        return self._store.waiting

    @property
    def timers(self) -> Timers:
        """Written to directly, too."""
        if self._ahead:
            raise NotAheadError
        return self._store.timers

    @property
    def done_steps(self) -> DoneSteps:
        """Written to directly, too."""
        if self._ahead:
            raise NotAheadError
        return self._store.done_steps

    def outcome(self, entry: Entry) -> Outcome | None:
        """What became of an event at a reaction, in this transaction or before."""
        found = self._outcomes.get(entry)
        if found is None:
            found = self._store.inbox.outcome(entry)
            if self._ahead:
                self._seen.setdefault(entry, found)
        return found

    def stands(self) -> bool:
        """Whether all that was read is still so; to be asked inside the transaction."""
        inbox, state = self._store.inbox, self._store.state
        return all(inbox.outcome(entry) == found for entry, found in self._seen.items()) and all(
            state.get(key) == text for key, text in self._state.read.items()
        )

    def remember(self, entry: Entry, outcome: Outcome) -> None:
        """Note what became of an event at a reaction."""
        self._outcomes[entry] = outcome

    def put(self, due: float, outgoing: Outgoing) -> None:
        """Send something at a time, in seconds since 1970 UTC."""
        self._outgoing.append((due, self.source, outgoing))

    def tell(
        self,
        what: str,
        event_type: str,
        reaction: str,
        arrival: Arrival,
        envelope: Envelope | None,
        cause: Envelope | None = None,
        attempt: int = 0,
        started: datetime | None = None,
        due: float | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Count what has happened, and let it be noted; see :class:`Happening`."""
        count = COUNTED.get(what)
        if count is not None:
            self.counts[count, event_type] += 1
        if self._round is not None and what in self._round.wanted:
            facts = (reaction, arrival, envelope, cause, attempt, started, due, error)
            self._round.note(what, event_type, *facts)

    def told(self) -> None:
        """Tell the observers what has happened: it is written."""
        if self._round is not None:
            self._round.told()

    def share(self) -> Share:
        """A new reaction's share."""
        return Share(self)

    def write(self, now: float) -> list[Unsent]:
        """Write everything; gives what is to be sent at once."""
        self._store.inbox.remember(self._outcomes.items(), now)
        self._store.state.write(self._state.changes)
        unsent = self._store.outbox.put(self._outgoing) if self._outgoing else []
        self._store.count(self.counts)
        self._store.time(self.durations)
        if self.touched:
            self._store.touch(self.touched)
        return [row for row in unsent if row.due <= now]


class _Keyless(Texts):
    """A state whose keys are not to be counted, for others may add to them meanwhile."""

    def __init__(self, state: Texts) -> None:
        self._state = state

    def get(self, key: str) -> str | None:
        return self._state.get(key)

    def keys(self) -> set[str]:
        raise NotAheadError


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
        for due, outgoing in self._outgoing:
            self._work.put(due, outgoing)
