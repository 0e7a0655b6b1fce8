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
    """

    left: Mapping[str, str]
    invariants: Mapping[str, tuple[str, Verdict]]

    def __bool__(self) -> bool:
        return not self.left and all(verdict.holds for _, verdict in self.invariants.values())

    def _lines(self) -> list[tuple[bool, str]]:
        if self.left:
            what = ", ".join(f"{name}: {text}" for name, text in sorted(self.left.items()))
            lines = [(False, f"not at rest; left to do: {what}")]
        else:
            lines = [(True, "at rest: nothing is left to do")]
        for name, (equation, verdict) in self.invariants.items():
            lines.append((verdict.holds, f"{name}: {equation} ({verdict.seen})"))
        return lines

    def __repr__(self) -> str:
        return "\n".join(f"{'✓' if good else '✗'} {text}" for good, text in self._lines())

    def _repr_html_(self) -> str:
        lines = "".join(
            f"<div>{'✓' if good else '✗'} {html.escape(text)}</div>" for good, text in self._lines()
        )
        return f"<div>{lines}</div>"
