"""A rule of the reader that is not proven to be kept, and where it stands in an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.events.compatibility.schema import Schema

Wrap = Callable[[Schema], Schema]
"""Makes a rule for a part of an event one for the whole event."""


@dataclass(frozen=True)
class Gap:
    """A rule of the reader that the writer's events are not proven to keep.

    Attributes
    ----------
    pointer
        Where the rule stands in the reader's schema (RFC 6901), without the keyword.
    keyword
        The rule; ``properties`` for a property that the writer doesn't declare.
    name
        The property, for ``required`` and ``properties``.
    writer, reader
        What either says at that place.
    rule
        The rule alone, as a schema of the whole event with no reference in it; ``None`` where it
        can't be written so.
    """

    pointer: str
    keyword: str
    writer: Schema
    reader: Schema
    name: str = ""
    rule: Schema | None = field(default=None, compare=False)


def at_name(wrap: Wrap, keyword: str, name: str) -> Wrap:
    """For the properties of a name, or of names that match a pattern."""
    return lambda rule: wrap({keyword: {name: rule}})


def at_place(wrap: Wrap, place: int) -> Wrap:
    """For the element at a place."""
    return lambda rule: wrap({"prefixItems": [*[True] * place, rule]})


def at_rest(wrap: Wrap, others: Mapping[str, Any], keyword: str) -> Wrap:
    """For all that ``others`` don't name."""
    return lambda rule: wrap({**others, keyword: rule})
