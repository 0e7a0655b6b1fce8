"""What a comparison of schemas found, in words and with proofs."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

NEW_READERS = "new readers"
OLD_READERS = "old readers"


@dataclass(frozen=True)
class Change:
    """One difference between two schemas.

    Attributes
    ----------
    pointer
        A JSON pointer (RFC 6901) into the reader's schema: the new one where new readers are
        concerned, the old one where old readers are. Of a property that the reader hasn't: where
        it would be.
    kind
        Such as ``property-added``, ``required-added``, ``type-changed``, ``enum-narrowed``.
    breaks
        Whether it makes the new schema incompatible, under the mode and the policy asked for.
    whom
        ``"new readers"``, which refuse old events, ``"old readers"``, which refuse new ones, or
        empty: it hurts nobody.
    sentence
        What changed, and what follows.
    witness
        A payload that the writing side allows and the reading side refuses, checked by a
        validator of the schemas' own draft; ``None`` if none was found.
    proved
        Whether there is one: a witness may be JSON's null, which is ``None`` too.
    version
        Which of several old schemas it was compared with, from 1.
    """

    pointer: str
    kind: str
    breaks: bool
    whom: str
    sentence: str
    witness: Any = None
    proved: bool = False
    version: int = 1

    @property
    def told(self) -> str:
        """The sentence, and the payload that proves it."""
        return (
            f"{self.sentence} For example {shown(self.witness)}." if self.proved else self.sentence
        )

    def __str__(self) -> str:
        mark = "✗" if self.breaks else "·"
        text = f"{mark} {self.pointer or '/'}  {self.kind}: {self.sentence}"
        if self.proved:
            text += f"\n    for example {shown(self.witness)}"
        return text


@dataclass(frozen=True, repr=False)
class Compatibility:
    """The verdict on a new schema.

    Attributes
    ----------
    compatible
        Whether it is proven that those who must read can read.
    mode, policy, format
        As asked for.
    undecided
        Why it could not be told, where that is so; such a schema counts as not compatible.
    """

    compatible: bool
    mode: str
    policy: str
    format: str
    undecided: str = ""
    _explain: Callable[[], list[Change]] = field(default=list, repr=False, compare=False)

    @cached_property
    def changes(self) -> list[Change]:
        """All differences, those that break first."""
        return sorted(self._explain(), key=lambda change: not change.breaks)

    @property
    def breaking(self) -> list[Change]:
        """The changes for which it is refused."""
        return [change for change in self.changes if change.breaks]

    def __bool__(self) -> bool:
        return self.compatible

    def __str__(self) -> str:
        several = len({change.version for change in self.changes}) > 1
        lines = [f"{c} (old schema {c.version})" if several else str(c) for c in self.changes]
        return "\n".join([self._headline(), *lines])

    __repr__ = __str__

    def _headline(self) -> str:
        verdict = "compatible" if self.compatible else "NOT compatible"
        head = f"{verdict} ({self.mode}, {self.policy})"
        return f"{head}: could not decide, for {self.undecided}" if self.undecided else head

    def _repr_html_(self) -> str:
        left = "style='text-align:left;vertical-align:top'"
        sign = "✓" if self.compatible else "✗"
        head = "".join(f"<th {left}>{name}</th>" for name in _COLUMNS)
        rows = "".join(
            "<tr>" + "".join(f"<td {left}>{html.escape(text)}</td>" for text in cells) + "</tr>"
            for cells in map(_cells, self.changes)
        )
        table = f"<table><tr>{head}</tr>{rows}</table>" if rows else ""
        return f"<div><b>{sign} {html.escape(self._headline())}</b>{table}</div>"


_COLUMNS = ("", "where", "what changed", "a payload that proves it")


def _cells(change: Change) -> tuple[str, str, str, str]:
    proof = shown(change.witness) if change.proved else ""
    return "✗" if change.breaks else "·", change.pointer or "/", change.sentence, proof


def shown(value: Any, most: int = 200) -> str:
    """A payload in a line."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= most else text[: most - 1] + "…"
