"""The reasons why a service reacted to an event or did not, and what they mean."""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "handled": "the reaction is done",
    "duplicate": "the reaction is done; the event came again, and that was skipped",
    "unsent": "the reaction is done, and an effect is still to be sent",
    "refused": "the reaction is done, and the broker will never take an effect",
    "silenced": "handled again on request, with no effects sent",
    "guard false": "the guard has turned the event away",
    "spared": "what the reaction waited for has come, so that it need not react",
    "waiting for absence": "the reaction waits until its time is over, unless something comes",
    "retrying": "the reaction has failed and is to be tried again",
    "parked": "the event waits behind an earlier one of its key that failed",
    "dead": "the reaction has given the event up: a dead letter",
    "redriven": "the dead letter was handed back, and the service has not dealt with it yet",
    "edited": "the dead letter was handed back with other data, as another event",
    "discarded": "the dead letter was closed for good",
    "id reused": "the id was handled before with other data",
    "not received": "the event is on the broker, and the service has not read it yet",
    "passed over": "the service has read past the event and has nothing on record about it",
    "no reaction": "the service has no reaction to events of this type",
    "elsewhere": "the event stands on a channel that the service does not read",
    "nothing to undo": "the failure concerns no step that the service has done in this flow",
    "not undone yet": "the step is undone once later steps are",
    "noted": "the event tells something that other reactions wait for",
}
"""What a reason means, by its word."""

TROUBLE: Final = frozenset(
    {"dead", "retrying", "parked", "refused", "id reused", "elsewhere", "passed over"}
)
"""The reasons that somebody should look at."""
PENDING: Final = frozenset(
    {"not received", "unsent", "waiting for absence", "redriven", "not undone yet"}
)
"""The reasons after which something is still to come."""
DONE_WELL: Final = frozenset({"handled", "duplicate", "silenced"})
"""The reasons that say that the reaction was done."""
