"""What every way to analyse a log has to find, so that a wrong answer can't be a fast one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Hop = tuple[str, str, str]
"""Type of the cause, type of the effect, who emitted the effect."""


@dataclass(frozen=True)
class Facts:
    """A digest of the answers. What a tool does not tell, or tells otherwise, is None."""

    flows: int
    events: int
    """In flows, each counted once."""
    duplicates: int | None
    """Rows of flows that repeat an event."""
    duration_ms: float
    """Of all flows together."""
    variants: list[int]
    """How many flows take each, the most frequent first."""
    hops: list[tuple[str, str, str, int, float | None, float]] | None
    """Of each kind of hop its names, how many, and the mean and 95th percentile in milliseconds."""

    @classmethod
    def read(cls, found: dict[str, Any]) -> Facts:
        """Take them from JSON, which has no tuples."""
        hops = found["hops"]
        return cls(**{**found, "hops": None if hops is None else [tuple(hop) for hop in hops]})

    def differences(self, other: Facts, *, variants: bool) -> list[str]:
        """Say where another digest differs, in what both tell; variants only if they compare."""
        differ = [
            f"{name} {mine:,} and {yours:,}"
            for name in ("flows", "events", "duplicates")
            if (mine := getattr(self, name)) is not None
            and (yours := getattr(other, name)) is not None
            and mine != yours
        ]
        if not _near(self.duration_ms, other.duration_ms):
            differ.append(f"durations {self.duration_ms} and {other.duration_ms} ms")
        if variants and self.variants != other.variants:
            differ.append(f"variants {self.variants[:5]} … and {other.variants[:5]} …")
        if self.hops is not None and other.hops is not None:
            differ += _hops_differ(self.hops, other.hops)
        return differ


def _hops_differ(mine: Iterable[Any], yours: Iterable[Any]) -> list[str]:
    left, right = ({hop[:3]: hop[3:] for hop in hops} for hops in (mine, yours))
    if left.keys() != right.keys():
        return [f"hops {len(left)} and {len(right)} kinds"]
    return [
        f"hop {' → '.join(kind)}: {values} and {right[kind]}"
        for kind, values in left.items()
        if not all(
            a is None or b is None or _near(a, b) for a, b in zip(values, right[kind], strict=True)
        )
    ][:3]


def _near(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6)
