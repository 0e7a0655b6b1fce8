"""What must hold once everything has come to rest: an equation over the services' states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from math import isclose
from typing import Any, ClassVar, NamedTuple

from workbench.choreography.expression import Expression
from workbench.errors import ExpressionError

_EQUATION = re.compile(r"(?<![=!<>])==(?!=)")
_CLOSE = 1e-9


class Verdict(NamedTuple):
    """Whether an invariant holds, and the values that say so; ``seen`` may say why it fails."""

    holds: bool
    seen: str


class Invariant(Expression):
    """An equation in CEL over ``state``: service → key → value.

    ``state.inventory.units_reserved == state.orders.units - state.inventory.units_released``.
    Numbers and decimals are doubles (equal means equal to nine digits), and a key that no handler
    has set yet is 0. Any other condition that gives true or false will do too.
    """

    variable: ClassVar[str] = "state"

    @cached_property
    def _sides(self) -> tuple[_Side, _Side] | None:
        sides = _EQUATION.split(self.source)
        if len(sides) != 2:
            return None
        try:
            return _Side(sides[0].strip()), _Side(sides[1].strip())
        except ExpressionError:
            return None  # an equation within a larger condition

    def check(self, states: Mapping[str, Mapping[str, Any]]) -> Verdict:
        """Whether it holds of states; a failure to compute it is no success."""
        view: dict[str, Any] = {name: _view(dict(state)) for name, state in states.items()}
        for path in self.paths:
            *above, last = path.split(".")
            place: Any = view
            for name in above:
                place = place.setdefault(name, {}) if isinstance(place, dict) else {}
            if isinstance(place, dict):
                place.setdefault(last, 0.0)
        try:
            if self._sides is None:
                holds = self.result(view)
                return Verdict(holds is True, str(holds))
            left, right = (side.result(view) for side in self._sides)
        except ExpressionError as error:
            return Verdict(holds=False, seen=str(error))
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        holds = isclose(left, right, rel_tol=_CLOSE, abs_tol=_CLOSE) if numbers else left == right
        return Verdict(holds, f"{_text(left)} {'=' if holds else '≠'} {_text(right)}")


class _Side(Invariant):
    """One side of an equation."""


def _view(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return float(value)
    if isinstance(value, dict):
        return {str(name): _view(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_view(item) for item in value]
    return str(value)


def _text(value: Any) -> str:
    return f"{value:,.12g}" if isinstance(value, float) else str(value)
