"""Making a draft the next version, if it gets along with those before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.errors import DesignError, IncompatibleError
from workbench.events.compatibility import Compatibility
from workbench.events.compatibility.result import shown

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.evolution import Evolution
    from workbench.events import EventType

_SHOWN = 3
"""How many of the changes that break a refusal tells."""


def release(choreography: Choreography, name: str, *, force: bool, reason: str | None) -> EventType:
    """See :meth:`Choreography.release`."""
    draft = choreography.event_types[name]
    released = choreography.released.get(name, {})
    if draft.version in released:
        raise DesignError(
            f"{name} v{draft.version} is released already, and there is no draft of "
            f"v{draft.version + 1}: change the event type first."
        )
    reason = (reason or "").strip()
    if force and not reason:
        raise DesignError(
            f"{name} v{draft.version}: a forced release needs a reason, which is kept with the design."
        )
    if reason and not force:
        raise DesignError(f"{name} v{draft.version}: a reason goes with force=True.")
    evolution = choreography.evolution_of(name)
    result = _verdict(draft, released, evolution)
    if result is not None and not result.compatible:
        if not force:
            upcast = max(released) in choreography.upcasters.get(name, {})
            raise _refusal(draft, released, evolution, result, upcast=upcast)
        forced = {**evolution.forced, draft.version: reason}
        choreography.evolution[name] = replace(evolution, forced=forced)
    choreography.released.setdefault(name, {})[draft.version] = draft
    return draft


def _verdict(
    draft: EventType, released: dict[int, EventType], evolution: Evolution
) -> Compatibility | None:
    """What the check says; ``None`` where there is nothing to check."""
    if not released or evolution.mode == "NONE":
        return None
    return evolution.verdict(released, draft)


def _refusal(
    draft: EventType,
    released: dict[int, EventType],
    evolution: Evolution,
    result: Compatibility,
    *,
    upcast: bool,
) -> IncompatibleError:
    against = [max(released)] if not evolution.is_transitive else sorted(released)
    others = ", ".join(f"v{version}" for version in against)
    breaking = [change for change in result.changes if change.breaks]
    sentences = list(dict.fromkeys(change.sentence.rstrip(".") for change in breaking))
    told = "; ".join(sentences[:_SHOWN]) or result.undecided.rstrip(".") or str(result)
    if len(sentences) > _SHOWN:
        told += f"; and {len(sentences) - _SHOWN} more"
    witness = next((c.witness for c in breaking if c.witness is not None), None)
    if witness is not None:
        told += f"; such a payload is {shown(witness)}"
    way = "Mend the draft; or give new readers an upcaster and release it with force=True and a reason."
    if upcast:
        way = "Mend the draft; or, as its upcaster bridges it, use force=True and a reason."
    return IncompatibleError(
        f"{draft.name} v{draft.version} is not released, for it is not {evolution.mode} compatible "
        f"with {others} (policy {evolution.policy}): {told}. {way}",
        result=result,
    )
