"""Who reads whom, by the mode: the directions in which schemas are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from workbench.events.compatibility.result import NEW_READERS, OLD_READERS

MODES = (
    "NONE", "BACKWARD", "FORWARD", "FULL",
    "BACKWARD_TRANSITIVE", "FORWARD_TRANSITIVE", "FULL_TRANSITIVE",
)  # fmt: skip
"""As schema registries call them."""

Schema = TypeVar("Schema")


@dataclass(frozen=True)
class Side(Generic[Schema]):
    """One writer and one reader.

    Attributes
    ----------
    writer, reader
        Their schemas.
    whom
        Who reads: ``"new readers"`` or ``"old readers"``.
    version
        Which of the old schemas is concerned, from 1.
    counts
        Whether the mode asks for it.
    """

    writer: Schema
    reader: Schema
    whom: str
    version: int
    counts: bool


def sides_of(before: Sequence[Schema], after: Schema, mode: str) -> Iterator[Side[Schema]]:
    """The last of the old schemas always both ways, the old readers last; others as asked for."""
    transitive, last = mode.endswith("_TRANSITIVE"), len(before)
    for version, one in enumerate(before, 1):
        asked = transitive or version == last
        backward = asked and mode.startswith(("BACKWARD", "FULL"))
        forward = asked and mode.startswith(("FORWARD", "FULL"))
        if backward or version == last:
            yield Side(one, after, NEW_READERS, version, backward)
        if forward or version == last:
            yield Side(after, one, OLD_READERS, version, forward)
