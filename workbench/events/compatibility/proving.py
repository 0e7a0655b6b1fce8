"""Payloads that prove a gap: written by one side, refused by the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator

from workbench.events.compatibility.algebra import (
    MOST_LISTED,
    canonical_of,
    difference,
    missing,
)
from workbench.events.compatibility.document import Document
from workbench.events.compatibility.gaps import Gap
from workbench.events.compatibility.inlining import UndecidedError, filling_of, inlined
from workbench.events.compatibility.lenience import without_undeclared
from workbench.events.compatibility.scalars import PLAIN_VALUES
from workbench.events.compatibility.schema import Schema
from workbench.events.compatibility.witness import values
from workbench.events.defaults import filler

LONGEST = 1.0
"""Seconds for all the payloads of one writer and one reader."""


class Proof:
    """Finds payloads for the gaps between one writer and one reader."""

    def __init__(self, writer: Document, reader: Document, *, lenient: bool) -> None:
        self._writer, self._reader = writer, reader
        self._fill = filler(reader.raw)
        self._until = time.monotonic() + LONGEST
        self._written: Schema = False
        self._taken: Schema = True
        try:
            # Of a recursive schema what has two levels is looked at, and nothing below them.
            self._taken = inlined(
                reader, reader.root, filling=filling_of(reader), bottom=True, rough=True
            )
            self._written = inlined(writer, writer.root, bottom=False, rough=True)
            if lenient:
                self._written = without_undeclared(self._written, self._taken)
        except UndecidedError:
            pass

    def witness(self, gap: Gap) -> tuple[Any, bool]:
        """A payload that falls into the gap, and whether there is one: it may be ``None``."""
        if time.monotonic() > self._until:
            return None, False
        found: list[Any] = []
        breaks = _breaking(gap.rule)
        for value in self._candidates(gap):
            if self.holds(value):
                if value is not None and breaks(value):
                    return value, True
                found.append(value)  # refused too, but for another rule; or null, which tells less
        return next((value for value in found if value is not None), None), bool(found)

    def holds(self, value: Any) -> bool:
        """Whether the writer allows a payload that the reader, its defaults filled in, refuses."""
        if not self._writer.allows(value):
            return False
        return not self._reader.allows(self._fill.fill(value) if self._fill else value)

    def _candidates(self, gap: Gap) -> Iterator[Any]:
        written = _shorter(
            self._written, gap.reader.get("enum", ()) if gap.keyword == "enum" else ()
        )
        for rule in (gap.rule, self._taken):
            found = None if rule is None else difference(written, rule)
            if found is not None:
                yield from values(found)
        # What the algebra can't subtract may still be met by chance.
        known = canonical_of(written)
        if known is not None:
            yield from values(known)
        yield from PLAIN_VALUES


def _breaking(rule: Schema | None) -> Callable[[Any], bool]:
    """Whether a payload breaks the very rule of a gap."""
    try:
        check = Draft202012Validator(True if rule is None else rule, validate_formats=True)
    except ValueError:
        return lambda _: True
    return lambda value: rule is None or not check.is_valid(value)


def _shorter(schema: Schema, allowed: Sequence[Any]) -> Schema:
    """A schema that allows no more, its long lists of values cut; what is not allowed first."""
    if isinstance(schema, list):
        return [_shorter(part, allowed) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for name, part in schema.items():
        if name == "enum" and isinstance(part, list) and len(part) > MOST_LISTED:
            odd = missing(part, list(allowed))[:MOST_LISTED] if allowed else []
            found[name] = odd or part[:MOST_LISTED]
        else:
            listed = isinstance(part, list) and name in ("enum", "required")
            found[name] = part if listed else _shorter(part, allowed)
    return found
