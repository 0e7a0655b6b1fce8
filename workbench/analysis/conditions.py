"""Conditions on events, in Python's own words: ``type == 'OrderPlaced' and data.total > 100``.

A condition is read as a Python expression and then looked at piece by piece; nothing in it is ever
run. What it may say:

- columns by their names (``type``, ``source``, ``partition``), and what is inside a column that
  holds JSON, by a path (``data.customer.address.city``, ``data.lines[0].sku``,
  ``data['no identifier']``);
- text, numbers, ``True``, ``False``, ``None`` and lists of those;
- ``== != < <= > >=``, ``in``, ``not in``, ``is None``, ``is not None``, and chains of them;
- ``and``, ``or``, ``not``.

Two values of different kinds are not equal, and none is before the other: ``data.total > 100`` is
false where ``total`` is text or missing. A standard column always holds one kind, so that comparing
it with another is refused: ``id == '17'``, not ``id == 17``. Times are compared as times:
``time >= '2026-11-23 09:00'``.
"""

from __future__ import annotations

import ast
import operator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.wording import cut
from workbench.capture.columns import COLUMNS
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.analysis.arrays import Bools, Ints

_COMPARED: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
_MIRRORED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}
_LONGEST: Final = 10_000
"""Letters of a condition: Python's reader needs memory for what is nested."""
_SAYS: Final = "compare columns or paths like data.total with values, joined by and, or, not"


def rows_where(frame: pd.DataFrame, condition: str) -> Bools:
    """Find the rows of a log for which a condition holds.

    Raises
    ------
    LogError
        The condition can't be read, says what a condition can't, or names a column that is not there.
    """
    if len(condition) > _LONGEST:
        raise LogError(
            f"a condition of {len(condition):,} letters is too long: {_LONGEST:,} at most."
        )
    try:
        read = ast.parse(condition.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise LogError(f"the condition {condition!r} can't be read: {_why(error)}.") from error
    return _Condition(frame, condition).holds(read, np.arange(len(frame)))


def _why(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__


def rows_between(
    frame: pd.DataFrame, start: pd.Timestamp | str | None, end: pd.Timestamp | str | None
) -> Bools:
    """Find the rows of a log from one time up to, but not at, another; ``None`` leaves it open."""
    inside = np.ones(len(frame), dtype=bool)
    if start is not None:
        inside &= (frame["time"] >= _utc(start)).to_numpy()
    if end is not None:
        inside &= (frame["time"] < _utc(end)).to_numpy()
    return inside


def _utc(time: Any) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(time)
    except (ValueError, TypeError) as error:
        raise LogError(f"{time!r} is not a time: write one like '2026-11-23 09:00'.") from error
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")


class _Condition:
    """One condition on one frame; every method answers for the rows that it is given."""

    def __init__(self, frame: pd.DataFrame, text: str) -> None:
        self._frame = frame
        self._text = text

    def holds(self, node: ast.expr, rows: Ints) -> Bools:
        if isinstance(node, ast.BoolOp):
            # What is decided already is not asked again: payloads are decoded only where they count.
            decides = isinstance(node.op, ast.Or)
            found = np.full(len(rows), not decides)
            for part in node.values:  # noqa: PD011 - Python's own syntax tree
                open_ = np.flatnonzero(found != decides)
                found[open_] = self.holds(part, rows[open_])
            return found
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.holds(node.operand, rows)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            found = np.ones(len(rows), dtype=bool)
            for left, how, right in zip(sides, node.ops, sides[1:], strict=False):
                found &= self._compare(left, how, right, rows)
            return found
        values = self._values(node, rows)
        return np.array([value is True for value in values], dtype=bool)

    def _compare(self, left: ast.expr, how: ast.cmpop, right: ast.expr, rows: Ints) -> Bools:
        if isinstance(how, ast.In | ast.NotIn):
            among = self._constant(right)
            if not isinstance(among, list):
                raise self._unable(right, "`in` wants a list of values, like ['DE', 'FR']")
            found = np.zeros(len(rows), dtype=bool)
            for value in among:
                self._comparable(left, value)
                found |= _compared(self._values(left, rows), ast.Eq, value)
            return ~found if isinstance(how, ast.NotIn) else found
        if _is_constant(left) and type(how) in _MIRRORED:
            left, right, how = right, left, _MIRRORED[type(how)]()
        if _is_constant(right):
            constant = self._constant(right)
            self._comparable(left, constant)
            return _compared(self._values(left, rows), type(how), constant)
        return _pairs(list(self._values(left, rows)), type(how), list(self._values(right, rows)))

    def _comparable(self, node: ast.expr, constant: Any) -> None:
        """Refuse what would never hold: a standard column of text beside a number, or the reverse."""
        if not isinstance(node, ast.Name):
            return
        held = COLUMNS.get(node.id)
        if isinstance(constant, int | float) and held in ("str", "category"):
            raise LogError(
                f"{node.id} is text and never equal to the number {constant}: write "
                f"{str(constant)!r}, in quotes."
            )
        if isinstance(constant, str) and held in ("int32", "int64"):
            raise LogError(
                f"{node.id} is a whole number and never equal to the text {cut(constant, 60)!r}: "
                "write a number, without quotes."
            )

    def _values(self, node: ast.expr, rows: Ints) -> pd.Series[Any]:
        """The values of a column, or of what a path finds in one; None for nothing."""
        name, path = self._path(node)
        if name not in self._frame:
            near = get_close_matches(name, map(str, self._frame.columns), n=1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else "it has " + ", ".join(map(str, self._frame))
            )
            raise LogError(f"there is no column {name!r} in this log: {hint}")
        column = self._frame[name].iloc[rows]
        if not path:
            return column
        found = [_inside(value, path) for value in column]
        return pd.Series(found, index=column.index, dtype="object")

    def _path(self, node: ast.expr) -> tuple[str, list[str | int]]:
        steps: list[str | int] = []
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute):
                steps.append(node.attr)
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                if not isinstance(node.slice.value, str | int):
                    raise self._unable(node, _SAYS)
                steps.append(node.slice.value)
            else:
                raise self._unable(node, _SAYS)
            node = node.value
        return node.id, steps[::-1]

    def _constant(self, node: ast.expr) -> Any:
        try:
            found = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
            raise self._unable(node, _SAYS) from error
        return list(found) if isinstance(found, tuple | set) else found

    def _unable(self, node: ast.AST, what: str) -> LogError:
        return LogError(f"a condition can't say {ast.unparse(node)!r}: {what}.")


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return isinstance(node, ast.Constant | ast.List | ast.Tuple)


def _compared(values: pd.Series[Any], how: type[ast.cmpop], constant: Any) -> Bools:
    """Compare a column with one value."""
    if constant is None:
        missing = values.isna().to_numpy()
        return missing if how in (ast.Eq, ast.Is) else ~missing
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        moment = _utc(constant)
        return np.asarray(_COMPARED[how](values, moment), dtype=bool)
    if isinstance(values.dtype, pd.CategoricalDtype):
        names = values.cat.categories
        holds = _pairs(list(names), how, [constant] * len(names))
        return np.append(holds, how in (ast.NotEq, ast.IsNot))[values.cat.codes.to_numpy()]
    plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf"
    if plain and isinstance(constant, int | float) and not isinstance(constant, bool):
        return np.asarray(_COMPARED[how](values.to_numpy(), constant), dtype=bool)
    return _pairs(values.tolist(), how, [constant] * len(values))


def _pairs(left: list[Any], how: type[ast.cmpop], right: list[Any]) -> Bools:
    compared, unequal = _COMPARED[how], how in (ast.NotEq, ast.IsNot)

    def holds(one: Any, other: Any) -> bool:
        if _kind(one) != _kind(other):
            return unequal
        try:
            return bool(compared(one, other))
        except TypeError:  # neither of two objects is before the other
            return False

    return np.fromiter(map(holds, left, right), bool, len(left))


def _kind(value: Any) -> object:
    if isinstance(value, bool):
        return bool
    if isinstance(value, int | float) and value == value:  # noqa: PLR0124 - NaN is no value
        return float
    return type(value)


def _inside(value: Any, path: list[str | int]) -> Any:
    for step in path:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value
