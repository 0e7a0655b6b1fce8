"""Whether everything has come to rest, and whether what the design promises then holds."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.choreography import Verdict


@dataclass(frozen=True)
class Convergence:
    """True if nothing is left to do and every invariant holds.

    Attributes
    ----------
    left
        Service → what it has still to do, in words; empty at rest.
    invariants
        Name → equation and :class:`Verdict`. Before everything has come to rest they may well be
        broken: services agree eventually, not always.
    dead_letters
        How many wait for someone's decision. They are named, but nothing waits for them.
    """

    left: Mapping[str, str]
    invariants: Mapping[str, tuple[str, Verdict]]
    dead_letters: int = 0

    def __bool__(self) -> bool:
        return not self.left and all(verdict.holds for _, verdict in self.invariants.values())

    def _lines(self) -> list[str]:
        if self.left:
            what = ", ".join(f"{name}: {text}" for name, text in sorted(self.left.items()))
            lines = [f"✗ not at rest; left to do: {what}"]
        else:
            lines = ["✓ at rest: nothing is left to do"]
        if self.dead_letters:
            letters = "dead letter waits" if self.dead_letters == 1 else "dead letters wait"
            lines.append(f"! {self.dead_letters:,} {letters} for you: wb.dead_letters()")
        for name, (equation, verdict) in self.invariants.items():
            mark = "✓" if verdict.holds else "✗"
            lines.append(f"{mark} {name}: {equation} ({verdict.seen})")
        return lines

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{html.escape(line)}</div>" for line in self._lines())
        return f"<div>{lines}</div>"
