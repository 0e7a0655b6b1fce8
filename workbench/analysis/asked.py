"""What a question is put to: a log in memory, or one that is dealt to buckets.

A question makes a part of its answer of each share of the log, and puts the parts together. A log in
memory is one share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from workbench.analysis.answer import Answer
    from workbench.analysis.index import FlowIndex
    from workbench.analysis.inference import HabitCounts
    from workbench.analysis.log import EventLog

P = TypeVar("P")


class Asked(ABC):
    """A log that can be asked."""

    is_part = False
    """Whether it was taken of another log."""

    @property
    def mapped(self) -> frozenset[str]:
        """Where standard columns were read of, as conditions name it: what is said there is said twice."""
        return frozenset()

    @property
    def unread(self) -> int:
        """Rows of its files that could not be read: what is missing may be in one of them."""
        return 0

    @abstractmethod
    def parts(
        self,
        part: Callable[[FlowIndex, pd.DataFrame], P],
        *,
        causal: bool = False,
        by: str = "correlation_id",
    ) -> list[P]:
        """Put a question to each share of the log.

        Parameters
        ----------
        part
            Makes its part of the answer of a share's index and frame.
        causal
            Whether causes are inferred if the log tells none at all.
        by
            The column whose values are not divided between two shares.
        """

    @property
    @abstractmethod
    def tells_causes(self) -> bool:
        """Whether any event of a flow names its cause."""

    @property
    @abstractmethod
    def habits(self) -> HabitCounts:
        """How often which kind of event comes of which, as the log tells."""

    @abstractmethod
    def flows(self) -> Answer:
        """Describe each flow, in the order in which they started."""

    @abstractmethod
    def flow(self, correlation_id: str) -> EventLog:
        """Take one flow, into memory.

        Raises
        ------
        LogError
            The log holds no event of that flow.
        """
