"""How often, and how soon, a failing reaction is tried again before its event is given up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.choreography.duration import parse_duration
from workbench.errors import DesignError


@dataclass(frozen=True)
class RetryPolicy:
    """First at once, a few times; then later, without holding up other events; then never again.

    Parameters
    ----------
    attempts
        How often the reaction is tried at once, the first time included. Other events of its
        partition wait meanwhile.
    first_delay, factor, longest_delay
        The wait after the first failure, in seconds; each one after is ``factor`` times longer,
        and none is longer than ``longest_delay``.
    later
        The waits before the tries that follow, such as ``("1s", "10s", "1min")`` or seconds. The
        event goes through the service's retry channel; neither its partition nor its key waits.
    give_up_on
        Errors not worth retrying, by class or by name; subclasses count.

    Every wait is a quarter longer or shorter, at random, so that services don't retry in step.
    """

    attempts: int = 3
    first_delay: float = 0.05
    factor: float = 4.0
    longest_delay: float = 2.0
    later: tuple[float, ...] = (1.0, 5.0)
    give_up_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not self.attempts >= 1:
            raise DesignError(f"a reaction is tried at least once, not {self.attempts!r} times.")
        object.__setattr__(self, "later", tuple(parse_duration(wait) for wait in self.later))
        named: Iterable[str | type] = self.give_up_on
        names = (error if isinstance(error, str) else error.__name__ for error in named)
        object.__setattr__(self, "give_up_on", tuple(names))

    def delay(self, attempt: int, chance: float) -> float:
        """Seconds to wait at once after a failed attempt (from 1); ``chance`` is from 0 to 1."""
        wait = min(self.first_delay * self.factor ** (attempt - 1), self.longest_delay)
        return _jittered(wait, chance)

    def later_delay(self, round_: int, chance: float) -> float | None:
        """Seconds until later try number ``round_`` (from 1); ``None`` if there is no such try."""
        return _jittered(self.later[round_ - 1], chance) if round_ <= len(self.later) else None

    def is_hopeless(self, error: BaseException) -> bool:
        """Whether this is an error that the policy does not retry."""
        return any(kind.__name__ in self.give_up_on for kind in type(error).__mro__)


def _jittered(seconds: float, chance: float) -> float:
    return seconds * (0.75 + chance / 2)
