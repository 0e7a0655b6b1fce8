"""Conditions on events, in Python's own words: ``type == 'OrderPlaced' and data.total > 100``.

A condition is read as a Python expression and then looked at piece by piece; nothing in it is ever
run. What it may say:

- columns by their names (``type``, ``source``, ``partition``; in backticks one with other letters,
  ```Gebühr (€)```), and what is inside a column that holds JSON, by a path
  (``data.customer.address.city``, ``data.lines[0].sku``, ``data['no identifier']``);
- by ``data.lines[:].sku`` that of any line: it holds if it holds for one of them;
- by a name, too, what has that name in a list of names and values, as headers often are, and in text
  that holds a JSON object (``headers.tenant``);
- text, numbers, ``True``, ``False``, ``None`` and lists of those;
- ``== != < <= > >=``, ``in``, ``not in``, ``is None``, ``is not None``, and chains of them;
- ``and``, ``or``, ``not``.

Two values of different kinds are not equal, and none is before the other: ``data.total > 100`` is
false where ``total`` is text or missing. A standard column always holds one kind, so that comparing
it with another is refused: ``id == '17'``, not ``id == 17``. Times are compared as times, those that
stand as ISO 8601 in a payload too: ``data.due < '2026-11-23 09:00'``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.comparing import among, compared, other_kind, pairs
from workbench.analysis.condition_mistakes import (
    hyphenated,
    no_column,
    no_text,
    unreadable,
    value_wanted,
)
from workbench.analysis.condition_words import (
    EACH,
    inside,
    not_there,
    restored,
    without_backticks,
)
from workbench.analysis.wording import cut
from workbench.capture.columns import COLUMNS
from workbench.errors import LogError
from workbench.moments import moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from workbench.analysis.arrays import Bools, Ints
    from workbench.analysis.condition_words import Path

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
_TWO_VALUES: Final = (
    "it compares two values. A column stands without quotes, one with odd letters in backticks: "
    "`Gebühr (€)` > 10"
)
_SAYS: Final = "compare columns or paths like data.total with values, joined by and, or, not"


Hints = dict[tuple[str, str], str | None]
"""What is said of a condition, by what it is about; ``None`` where rows show that it isn't so."""


def of_all(hints: Iterable[Hints]) -> Hints:
    """What holds for all rows, from what is said of some each."""
    found: Hints = {}
    for each in hints:
        for about, said in each.items():
            found[about] = said and found.get(about, said)
    return found


def rows_where(
    frame: pd.DataFrame,
    condition: str,
    hints: Hints | None = None,
    theirs: Mapping[str, str] | None = None,
) -> Bools:
    """Find the rows of a log for which a condition holds.

    Parameters
    ----------
    frame
        A log's.
    condition
        What is asked.
    hints
        Here it is said which path no row has that was looked at, and which may be meant. To ask
        whether there is something, by ``None``, is in order; a hint says then what is near only. And
        it is said what is of another kind, in all rows looked at, than all that it is compared with.
    theirs
        Names in the file that was read → our columns: for the hints of errors.

    Raises
    ------
    LogError
        The condition can't be read, says what a condition can't, or names a column that is not there.
    """
    if not isinstance(condition, str):
        raise LogError(no_text(condition))
    if len(condition) > _LONGEST:
        raise LogError(
            f"a condition of {len(condition):,} letters is too long: {_LONGEST:,} at most."
        )
    text, names = without_backticks(condition.strip())
    try:
        read = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        columns = [str(name) for name in frame.columns]
        raise LogError(unreadable(condition, error, text, names, columns)) from error
    asked = _Condition(frame, text, names, theirs or {})
    found = asked.holds(read, np.arange(len(frame)))
    if hints is not None:
        hints |= asked.hints
    return found


def rows_between(
    frame: pd.DataFrame, start: pd.Timestamp | str | None, end: pd.Timestamp | str | None
) -> Bools:
    """Find the rows of a log from one time up to, but not at, another; ``None`` leaves it open.

    Raises
    ------
    LogError
        What is given is no time, or the end is before the start.
    """
    first = None if start is None else moment_of(start)
    last = None if end is None else moment_of(end)
    if first is not None and last is not None and last < first:
        raise LogError(
            f"the end, {end}, is before the start, {start}: give them the other way round."
        )
    inside = np.ones(len(frame), dtype=bool)
    if first is not None:
        inside &= (frame["time"] >= first).to_numpy()
    if last is not None:
        inside &= (frame["time"] < last).to_numpy()
    return inside


class _Condition:
    """One condition on one frame; every method answers for the rows that it is given."""

    def __init__(
        self, frame: pd.DataFrame, text: str, names: Mapping[str, str], theirs: Mapping[str, str]
    ) -> None:
        self._frame = frame
        self._columns = {str(name): name for name in frame.columns}
        self._text = text
        self._theirs = theirs
        self._names = names
        """What identifiers stand for that were names in backticks."""
        self.hints: Hints = {}

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
        if isinstance(node, ast.Name) and COLUMNS.get(node.id, "json") != "json":
            raise self._unable(node, _SAYS)
        return self._any(
            node, rows, lambda values: np.array([value is True for value in values], dtype=bool)
        )

    def _compare(self, left: ast.expr, how: ast.cmpop, right: ast.expr, rows: Ints) -> Bools:
        if isinstance(how, ast.In | ast.NotIn):
            listed = self._constant(right) if _is_constant(right) else None
            if not isinstance(listed, list):
                raise self._unable(right, "`in` wants a list of values, like ['DE', 'FR']")
            for value in listed:
                self._comparable(left, value)
            found = self._any(left, rows, lambda values: among(values, listed), listed)
            return ~found if isinstance(how, ast.NotIn) else found
        if _is_constant(left) and _is_constant(right):
            raise self._unable(ast.Compare(left, [how], [right]), _TWO_VALUES)
        if _is_constant(left) and type(how) in _MIRRORED:
            left, right, how = right, left, _MIRRORED[type(how)]()
        if _is_constant(right):
            constant = self._constant(right)
            self._comparable(left, constant)
            return self._any(
                left,
                rows,
                lambda values: compared(values, type(how), constant),
                [constant],
            )
        one, place = self._values(left, rows)
        other, other_place = self._values(right, rows, is_value=True)
        if place is not None or other_place is not None:
            raise self._unable(left, "what [:] finds is compared with a value")
        return pairs(list(one), type(how), list(other))

    def _any(
        self,
        node: ast.expr,
        rows: Ints,
        test: Callable[[pd.Series[Any]], Bools],
        constants: Sequence[Any] = (True,),
    ) -> Bools:
        """Whether a test with constants holds for what is found in each row; of several, for any."""
        values, place = self._values(node, rows, may_lack=None in constants)
        holds = test(values)
        said = other_kind(values, constants)
        words = self._words(node)
        if values.notna().any():
            self._hint((words, repr(constants)), said and f"{words} is {said}")
        return holds if place is None else np.bincount(place[holds], minlength=len(rows)) > 0

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

    def _values(
        self, node: ast.expr, rows: Ints, *, is_value: bool = False, may_lack: bool = False
    ) -> tuple[pd.Series[Any], Ints | None]:
        """The values of a column, or of what a path finds in one; None for nothing.

        With them, if it may find several in a row: of each, the place of its row among these.

        Parameters
        ----------
        is_value
            Whether it stands where a text may be meant.
        may_lack
            Whether it is asked whether there is anything.
        """
        name, path = self._path(node, is_value=is_value)
        if name not in self._columns:
            raise LogError(no_column(name, path, self._columns, self._theirs, is_value=is_value))
        column = self._frame[self._columns[name]].iloc[rows]
        if not path:
            return column, None
        found = [list(inside(value, path)) for value in column]
        several = any(isinstance(step, slice) for step in path)
        sizes = np.fromiter(map(len, found), np.int64, len(found))
        if sizes.any():
            self._hint(("path", self._words(node)), None)
        elif len(rows) and (said := not_there(column, name, path, near_only=may_lack)):
            self._hint(("path", self._words(node)), said)
        if several:
            flat = [value for values in found for value in values]
            return pd.Series(flat, dtype="object"), np.repeat(np.arange(len(rows)), sizes)
        one = [values[0] if values else None for values in found]
        return pd.Series(one, index=column.index, dtype="object"), None

    def _path(self, node: ast.expr, *, is_value: bool = False) -> tuple[str, Path]:
        whole = node
        steps: Path = []
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute):
                steps.append(self._names.get(node.attr, node.attr))
            elif isinstance(node, ast.Subscript):
                steps.append(self._step(node))
            else:
                text = ast.get_source_segment(self._text, whole)
                advice = hyphenated(text, self._columns, is_value=is_value)
                raise self._unable(whole if advice else node, advice or _SAYS)
            node = node.value
        return self._names.get(node.id, node.id), steps[::-1]

    def _step(self, node: ast.Subscript) -> str | int | slice:
        """What stands in brackets: a key, a place, or ``:`` for any place."""
        step = node.slice
        if isinstance(step, ast.Slice) and not (step.lower or step.upper or step.step):
            return EACH
        try:
            found = ast.literal_eval(step)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            found = None
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise self._unable(node, _SAYS)
        return found

    def _constant(self, node: ast.expr) -> Any:
        try:
            found = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
            raise self._unable(node, value_wanted(node) or _SAYS) from error
        return list(found) if isinstance(found, tuple | set) else found

    def _hint(self, about: tuple[str, str], said: str | None) -> None:
        """Say something, unless it is seen not to be so (``None``) somewhere else."""
        self.hints = of_all([self.hints, {about: said}])

    def _words(self, node: ast.AST) -> str:
        """A piece of the condition, as it was written."""
        text = ast.get_source_segment(self._text, node) or ast.unparse(node)
        return restored(text, self._names)

    def _unable(self, node: ast.AST, what: str) -> LogError:
        return LogError(f"a condition can't say {self._words(node)!r}: {what}.")


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    return isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set)
