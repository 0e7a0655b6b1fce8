"""Payloads that prove a gap: written by one side, refused by the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.events.compatibility.algebra import difference
from workbench.events.compatibility.comparing import Gap
from workbench.events.compatibility.dialect import Document, Schema
from workbench.events.compatibility.inlining import Filling, UndecidedError, inlined
from workbench.events.compatibility.lenience import without_undeclared
from workbench.events.compatibility.witness import values
from workbench.events.defaults import filler


class Proof:
    """Finds payloads for the gaps between one writer and one reader."""

    def __init__(self, writer: Document, reader: Document, *, lenient: bool) -> None:
        self._writer, self._reader = writer, reader
        self._fill = filler(reader.raw)
        self._written: Schema = False
        self._taken: Schema = True
        try:
            # Of a recursive schema what has two levels is looked at, and nothing below them.
            self._taken = inlined(reader, reader.root, filling=Filling.FILL, bottom=True)
            self._written = inlined(writer, writer.root, bottom=False)
            if lenient:
                self._written = without_undeclared(self._written, self._taken)
        except UndecidedError:
            pass

    def witness(self, gap: Gap) -> Any:
        """A payload that falls into the gap; ``None`` if none was found."""
        for value in self._candidates(gap):
            if value is not None and self.holds(value):
                return value
        return None

    def holds(self, value: Any) -> bool:
        """Whether the writer allows a payload that the reader, its defaults filled in, refuses."""
        if not self._writer.allows(value):
            return False
        return not self._reader.allows(self._fill.fill(value) if self._fill else value)

    def _candidates(self, gap: Gap) -> Iterator[Any]:
        for rule in (gap.rule, self._taken):
            if rule is None:
                continue
            found = difference(self._written, rule)
            if found is not None:
                yield from values(found)
        if gap.keyword == "enum" and isinstance(gap.writer, dict):
            yield from gap.writer.get("enum", ())[:1]
