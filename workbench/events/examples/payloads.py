"""Plausible payloads of an event type, as many as are asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import jsonschema_rs

from workbench.errors import EventError
from workbench.events.event_type import EventType
from workbench.events.model import Event

Described = EventType | type[Event] | Mapping[str, Any] | bool
"""An event type, its class, or a JSON Schema."""

A_DAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""What examples take for now, so that they are the same tomorrow."""


class Examples(Iterator[Any]):
    """Payloads without end, each of them checked; no two have the same made-up ids.

    Parameters
    ----------
    event_type_or_schema
        An event type, its class, or a JSON Schema.
    seed
        The same seed gives the same payloads, in every process.
    now
        Times lie around it.
    """

    def __init__(
        self,
        event_type_or_schema: Described,
        seed: int = 0,
        now: datetime = A_DAY,
    ) -> None:
        from workbench.events.examples.document import Document
        from workbench.events.examples.plausible import Plausible
        from workbench.events.examples.structure import Maker

        self._type = _event_type(event_type_or_schema)
        self._type.problem_with(None)  # which says what is no schema
        try:
            document = Document(self._type.schema)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise EventError(f"{self._label}: not a JSON Schema: {error}.") from error
        self._plausible = Plausible(seed, now, self._type.name)
        self._maker = Maker(document, self._plausible, random.Random(seed))
        self._full = True

    @property
    def _label(self) -> str:
        return f"{self._type.name} v{self._type.version}"

    def __next__(self) -> Any:
        """The next payload; the first one has all optional fields.

        Raises
        ------
        EventError
            No payload was found; says which field it failed at.
        """
        from workbench.events.examples.people import with_own_emails
        from workbench.events.examples.structure import NoValueError

        try:
            payload = self._maker.payload(full=self._full)
        except NoValueError as error:
            place = ".".join(error.place) or "the payload"
            raise EventError(
                f"{self._label}: no example was found, for {place} can't be made: {error}."
            ) from None
        except RecursionError:
            raise EventError(
                f"{self._label}: no example was found, for its schema is nested too deeply."
            ) from None
        problem = self._type.problem_with(payload)
        if problem:
            raise EventError(f"{self._label}: no example was found ({problem}).")
        self._full = False
        personal = with_own_emails(payload, self._plausible)
        return personal if self._type.accepts(personal) else payload


def examples(
    event_type_or_schema: Described,
    n: int = 1,
    seed: int = 0,
) -> list[Any]:
    """Plausible payloads that keep every rule of a schema.

    Parameters
    ----------
    event_type_or_schema
        An event type, its class, or a JSON Schema.
    n
        How many, 0 or more.
    seed
        The same seed gives the same payloads, in every process.

    Raises
    ------
    EventError
        No payload was found; says which field it failed at. Or it is no JSON Schema, or ``n`` is
        no such number.

    Examples
    --------
    >>> schema = {"properties": {"total": {"type": "string", "format": "decimal"}}}
    >>> examples(schema)
    [{'total': '...'}]
    """
    number: Any = n
    if not isinstance(number, int) or number < 0:
        raise EventError(f"n is how many examples are made, 0 or more, and {n!r} is not.")
    return list(islice(Examples(event_type_or_schema, seed), number))


def _event_type(found: Any) -> EventType:
    if isinstance(found, EventType):
        return found
    named = getattr(found, "event_type", None)  # which Event itself has not
    if isinstance(named, EventType):
        return named
    if not isinstance(found, (Mapping, bool)):
        what = found.__name__ if isinstance(found, type) else type(found).__name__
        raise EventError(f"an event type or a JSON Schema is wanted, and {what} is neither.")
    schema: Any = found if isinstance(found, Mapping) else ({} if found else {"not": {}})
    title = schema.get("title")
    try:
        return EventType(str(title or "Schema"), schema)
    except EventError:
        return EventType("Schema", schema)
