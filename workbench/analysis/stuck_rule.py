"""What says what is due, for ``stuck``: a design, pairs of types, or what is usual in a log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.analysis.arguments import check_pairs, is_number
from workbench.analysis.usually_due import Often, Owed
from workbench.analysis.wording import shown
from workbench.choreography import Choreography
from workbench.errors import LogError

if TYPE_CHECKING:
    from workbench.analysis.usually_due import WayCounts

Expected = Choreography | Mapping[str, Collection[str]] | None


@dataclass(frozen=True)
class Rule:
    """What says what is due: a design, pairs of types, or what is usual in a log."""

    expected: Expected
    owed: tuple[Owed, ...] = ()
    """By pairs and by what is usual: what is due."""
    by_order: bool = False
    """No event of the log names its cause."""
    often: tuple[Often, ...] = ()
    """By what is usual: what comes often, and is not due."""

    @classmethod
    def of(cls, expected: Choreography | Mapping[str, Collection[str]]) -> Rule:
        """By a design, or by pairs: after an event of a type one of some types.

        Raises
        ------
        LogError
            The pairs say nothing of what is due.
        """
        if isinstance(expected, Choreography):
            return cls(expected)
        check_pairs(expected)
        pairs = {
            kind: sorted({effects} if isinstance(effects, str) else set(effects))
            for kind, effects in expected.items()
        }
        owed = (Owed(kind, None, tuple(effects)) for kind, effects in pairs.items())
        return cls(pairs, tuple(owed))

    @classmethod
    def usual(cls, counts: WayCounts, usually: float) -> Rule:
        """By what is usual."""
        owed, often = counts.owed(usually)
        return cls(None, tuple(owed), counts.by_order, tuple(often))

    @property
    def design(self) -> Choreography | None:
        """The design, if that says it."""
        return self.expected if isinstance(self.expected, Choreography) else None

    @property
    def by_habit(self) -> bool:
        """Whether it is what is usual, which depends on what an event came of."""
        return self.expected is None


def check_share(usually: Any) -> None:
    """Check that ``usually`` is a share.

    Raises
    ------
    LogError
        It is not.
    """
    if not ((usually is True or is_number(usually)) and 0 <= float(usually) <= 1):
        raise LogError(
            f"usually={shown(usually)} is no share of the flows: give a number from 0 to 1, such as 0.5."
        )
