"""The trail: what a flow's causal path has done that may have to be undone.

It travels as a CloudEvents extension. A service pushes each of its steps that has a compensation,
every service hands the trail on, and so whoever hears of a failure knows what was done before it
and in which order, with nobody in the middle to ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from workbench.errors import EventError, HandlerError
from workbench.events.envelope import Envelope
from workbench.events.identity import effect_id

EXTENSION = "compensations"
"""The name of the extension; its value is JSON."""

LONGEST_TRAIL = 16_000
"""Bytes, about 150 steps: what is longer is neither written nor read."""


class Done(NamedTuple):
    """One step as it was done: ``occurrence`` tells it from the same step done again."""

    service: str
    step: str
    occurrence: str


def occurrence_of(source: str, cause_id: str, service: str, step: str) -> str:
    """Which occurrence of a step it is, by the event that the step reacted to."""
    return effect_id(source, cause_id, service, step, -1)


@dataclass(frozen=True, slots=True)
class Trail:
    """What an event's causal path has done.

    Attributes
    ----------
    done
        The steps that have a compensation, the first one first.
    failed
        The failures on the path, by source and id: what was done after one is not undone for it.
    undone
        Of the (first) effect of a compensation: the occurrence that it has undone.
    """

    done: tuple[Done, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    undone: str | None = None

    @classmethod
    def of(cls, envelope: Envelope) -> Trail:
        """The trail that an event carries, empty if it has none.

        Raises
        ------
        EventError
            The extension is not one that a service writes.
        """
        text = envelope.extensions.get(EXTENSION)
        if text is None:
            return NO_TRAIL
        try:
            if len(text) > LONGEST_TRAIL:
                raise ValueError(f"it is longer than {LONGEST_TRAIL:,} bytes")
            return cls._read(orjson.loads(text))
        except ValueError as error:
            raise EventError(f"the extension {EXTENSION!r} can't be read: {error}.") from error

    @classmethod
    def _read(cls, found: Any) -> Trail:
        if not isinstance(found, dict) or not found.keys() <= {"done", "failed", "undone"}:
            raise ValueError("it is not an object of 'done', 'failed' and 'undone'")
        undone = found.get("undone")
        if undone is not None and not isinstance(undone, str):
            raise ValueError("'undone' is not a text")
        done = [Done(*texts) for texts in _rows(found, "done", 3)]
        failed = [(source, id_) for source, id_ in _rows(found, "failed", 2)]
        return cls(tuple(done), tuple(failed), undone)

    def written(self) -> dict[str, str]:
        """As an envelope's extensions; none if there is nothing to say.

        Raises
        ------
        HandlerError
            It is longer than any service reads.
        """
        found: dict[str, Any] = {}
        if self.done:
            found["done"] = [[*done] for done in self.done]
        if self.failed:
            found["failed"] = self.failed
        if self.undone:
            found["undone"] = self.undone
        if not found:
            return {}
        text = orjson.dumps(found).decode()
        if len(text) > LONGEST_TRAIL:
            raise HandlerError(
                f"this flow has done {len(self.done)} steps that have a compensation, one after "
                f"another: more than an event can carry ({LONGEST_TRAIL:,} bytes); does it loop?"
            )
        return {EXTENSION: text}


NO_TRAIL = Trail()


def _rows(found: dict[str, Any], name: str, width: int) -> list[list[str]]:
    rows = found.get(name, [])
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == width and all(isinstance(x, str) for x in row)
        for row in rows
    ):
        raise ValueError(f"{name!r} is not a list of {width} texts each")
    return rows
