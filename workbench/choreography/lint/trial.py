"""Plausible events on which rules try what is data, and how long they may take."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from workbench.choreography.expression import Expression
from workbench.errors import EventError
from workbench.events import EventType, encode_payload
from workbench.events.examples import Examples

PLAUSIBLE = 20
"""On so many events of a version a reaction or an upcaster is tried."""

_FEWEST = 5
_MOST = 3_000
"""Events that are made for a design; in a larger one there are fewer of each version."""
_SECONDS = 10.0
"""After that a rule tries no more."""
_SECONDS_EACH = 1.0
"""After that no more events of a version are made."""
_MOST_STEPS = 10_000_000


class Trial:
    """One rule's trial of a whole design: what is tried, as long as there is time."""

    def __init__(self, event_types: int) -> None:
        self._each = max(_FEWEST, min(PLAUSIBLE, _MOST // max(1, event_types)))
        self._end = time.monotonic() + _SECONDS

    def payloads(self, kind: EventType, expressions: Iterable[Expression]) -> Iterator[Any]:
        """Plausible payloads of a version, as far as the expressions can be evaluated on them."""
        sources = [expression.source for expression in expressions]
        for payload, size in self.examples(kind):
            if time.monotonic() > self._end:
                return
            if all(_steps(source, size) <= _MOST_STEPS for source in sources):
                yield payload

    def examples(self, kind: EventType) -> tuple[tuple[Any, int], ...]:
        """Plausible payloads of a version, each with its size; none if none is found."""
        if time.monotonic() > self._end:
            return ()
        try:
            text = json.dumps(kind.schema, sort_keys=True)
        except (TypeError, ValueError, RecursionError):
            return ()
        return _examples(text, self._each)


@lru_cache(maxsize=2_000)
def _examples(schema: str, most: int) -> tuple[tuple[Any, int], ...]:
    """Kept, since a design is checked again and again while it is drawn."""
    found: list[Any] = []
    end = time.monotonic() + _SECONDS_EACH
    try:
        kind = EventType("Tried", json.loads(schema))
        made = Examples(kind)
        while len(found) < most and time.monotonic() < end:
            found.append(next(made))
            if len(found) == 1:  # the first has all optional fields
                found += _without_optional(found[0], kind)
    except EventError:
        pass  # nothing, or nothing more, is found
    return tuple((payload, len(encode_payload(payload))) for payload in found)


def _without_optional(payload: Any, kind: EventType) -> list[Any]:
    """The same without its optional fields, if that is an event too."""
    if not isinstance(payload, dict):
        return []
    required = kind.schema.get("required", ())
    sparse = {name: value for name, value in payload.items() if name in required}
    return [sparse] if sparse != payload and kind.accepts(sparse) else []


def _steps(source: str, size: int) -> float:
    """About how many steps an expression takes at most: each comprehension may go through all."""
    comprehensions = len(_COMPREHENSION.findall(source))
    return float(((len(source) + size) / 4) ** min(comprehensions, 20))


_COMPREHENSION = re.compile(r"\b(?:all|exists|exists_one|filter|map)\b")


def expressions_in(fields: Mapping[str, Any]) -> Iterator[Expression]:
    """The expressions of an upcaster, nested ones too."""
    for value in fields.values():
        if isinstance(value, Expression):
            yield value
        elif isinstance(value, Mapping):
            yield from expressions_in(value)
