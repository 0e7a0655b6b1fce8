"""Whether everything has come to rest, and whether what the design promises then holds."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.choreography import Verdict


@dataclass(frozen=True)
class Convergence:
    """True if nothing is left to do, nothing was lost on the way, and every invariant holds.

    Attributes
    ----------
    left
        Service → what it has still to do, in words; empty at rest.
    invariants
        Name → equation and :class:`Verdict`. Before everything has come to rest they may well be
        broken: services agree eventually, not always.
    dead_letters
        How many wait for someone's decision. They are named, but nothing waits for them.
    refused
        Service → why the broker will never take effects or dead letters of its: they stay in its
        file, and nobody hears of them.
    """

    left: Mapping[str, str]
    invariants: Mapping[str, tuple[str, Verdict]]
    dead_letters: int = 0
    refused: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        holds = all(verdict.holds for _, verdict in self.invariants.values())
        return not self.left and not self.refused and holds

    def _lines(self) -> list[str]:
        if self.left:
            what = ", ".join(f"{name}: {text}" for name, text in sorted(self.left.items()))
            lines = [f"✗ not at rest; left to do: {what}"]
        else:
            lines = ["✓ at rest: nothing is left to do"]
        if self.dead_letters:
            letters = "dead letter waits" if self.dead_letters == 1 else "dead letters wait"
            lines.append(f"! {self.dead_letters:,} {letters} for you: wb.dead_letters()")
        for name, reasons in sorted(self.refused.items()):
            lines.append(
                f"✗ {name}: {len(reasons):,} never sent, refused by the broker: {reasons[-1]}"
            )
        for name, (equation, verdict) in self.invariants.items():
            mark = "✓" if verdict.holds else "✗"
            lines.append(f"{mark} {name}: {equation} ({verdict.seen})")
        return lines

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        lines = "".join(f"<div>{html.escape(line)}</div>" for line in self._lines())
        return f"<div>{lines}</div>"
