"""CEL, the Common Expression Language (https://cel.dev): guards and payload mappings as data.

An expression sees one variable, ``data``: the payload, coerced by its schema first, since CEL
itself never mixes integers and doubles. Numbers are doubles, decimal strings are doubles (for
comparing), everything else is as JSON has it, and an absent optional field is ``null``.
Comparing with ``null`` is false.

A mapping that is nothing but a path (``data.total``) copies the value as it stands, so that a
decimal passes through with every digit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.errors import ExpressionError
from workbench.events import EventType

if TYPE_CHECKING:
    import cel

_PATH = re.compile(r"data((?:\.[A-Za-z_]\w*)+)")
_BOUND = re.compile(r"\.(?:all|exists|exists_one|filter|map)\(\s*([A-Za-z_]\w*)\s*,")
_FAILURES = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_MAX_DEPTH = 60
_MAX_LENGTH = 10_000


class Expression:
    """One compiled CEL expression over ``data``.

    Raises
    ------
    ExpressionError
        It does not compile, or names something other than ``data``.
    """

    variable: ClassVar[str] = "data"
    """What an expression sees."""

    def __init__(self, source: str) -> None:
        given: Any = source
        if not isinstance(given, str) or not given.strip():
            raise ExpressionError("an expression must be a text in CEL, such as data.quantity > 0.")
        if len(source) > _MAX_LENGTH or _nesting(source) > _MAX_DEPTH:
            raise ExpressionError(
                f"the expression is too long or too deeply nested (at most {_MAX_LENGTH} "
                f"characters and {_MAX_DEPTH} levels)."
            )
        self.source = source
        try:
            program = self._program
        except ValueError as error:
            reason = str(error).splitlines()[0].split("ERROR: ")[-1].split(" expecting ")[0]
            raise ExpressionError(f"{source!r} is not CEL: {reason}.") from error
        unknown = set(program.variables()) - {self.variable} - set(_BOUND.findall(source))
        if unknown:
            raise ExpressionError(
                f"{source!r} names {min(unknown)!r}, but an expression sees only {self.variable!r} "
                "(write a text in quotes: 'like this')."
            )

    @cached_property
    def _program(self) -> cel.Program:
        import cel  # it brings a command line with it, and many a design has no expression

        return cel.compile(self.source)

    @property
    def paths(self) -> list[str]:
        """The fields it reads, as dotted paths without ``data.``; those it calls a function of, too."""
        found = re.findall(rf"\b{self.variable}((?:\.[A-Za-z_]\w*\b)+)(\s*\()?", self.source)
        fields = [path[1:].rpartition(".")[0] if call else path[1:] for path, call in found]
        return [path for path in fields if path]

    def holds(self, view: Mapping[str, Any]) -> bool:
        """Whether a guard is true of a payload's view (see :func:`cel_view`)."""
        try:
            result = self._program.execute({"data": view})
        except _FAILURES as error:
            if isinstance(error, TypeError) and any(at(view, path) is None for path in self.paths):
                return False
            raise self._failed(error, view) from error
        if not isinstance(result, bool):
            raise ExpressionError(f"the guard {self.source!r} gives {result!r}, not true or false.")
        return result

    @property
    def is_path(self) -> bool:
        """Whether it is nothing but a path, which copies a value as it stands."""
        return self._path is not None

    @cached_property
    def _path(self) -> str | None:
        path = _PATH.fullmatch(self.source.strip())
        return path[1][1:] if path else None

    def value(self, data: Any, view: Mapping[str, Any]) -> Any:
        """What it makes of a payload: its value untouched for a path, else CEL's result."""
        return at(data, self._path) if self._path else self.result(view)

    def result(self, view: Any) -> Any:
        """What CEL makes of what the expression sees."""
        try:
            return self._program.execute({self.variable: view})
        except _FAILURES as error:
            raise self._failed(error, view) from error

    def _failed(self, error: Exception, view: Any) -> ExpressionError:
        reason = str(error).split(". ")[0].rstrip(".")
        if isinstance(error, KeyError):
            reason = f"there is no field {error.args[0]!r}"
        elif "CEL does not coerce" in str(error) or "No such overload" in str(error):
            reason += " (numbers from a payload are doubles: write 2.0 rather than 2)"
        else:
            tried = [part for path in self.paths for part in (path.rpartition(".")[0], path)]
            null = [path for path in tried if path and at(view, path) is None]
            reason += f" ({self.variable}.{null[0]} is null)" if null else ""
        what = "event" if self.variable == "data" else self.variable
        return ExpressionError(f"{self.source!r} fails on this {what}: {reason}.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    def __reduce__(self) -> Any:
        return type(self), (self.source,)


def at(data: Any, path: str) -> Any:
    """The value at a dotted path; ``None`` where there is none."""
    for part in path.split("."):
        if not isinstance(data, Mapping):
            return None
        data = data.get(part)
    return data


def cel_view(data: Any, event_type: EventType) -> Any:
    """A payload as CEL sees it: coerced by the event type's schema."""
    return _view(data, event_type.schema, event_type, 0)


def _view(value: Any, schema: Any, event_type: EventType, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return value
    schema = event_type.resolve(schema) if isinstance(schema, Mapping) else {}
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        return _number(value) if _is_decimal(schema, event_type) else value
    if isinstance(value, list):
        items = schema.get("items", {})
        return [_view(item, items, event_type, depth + 1) for item in value]
    known = schema.get("properties", {})
    view = dict.fromkeys(known)
    for name, item in value.items():
        view[name] = _view(item, known.get(name, {}), event_type, depth + 1)
    return view


def _is_decimal(schema: Mapping[str, Any], event_type: EventType) -> bool:
    if schema.get("format") == "decimal":
        return True
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return any(event_type.resolve(branch).get("format") == "decimal" for branch in branches)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def fit(value: Any, schema: Any) -> Any:
    """CEL's result in the form that a field's schema wants: ``3.0`` as the integer ``3``."""
    if not isinstance(schema, Mapping):  # true: it takes anything
        return value
    types = schema.get("type")
    wanted = {types} if isinstance(types, str) else set(types or ())
    if isinstance(value, float):
        if "integer" in wanted and value.is_integer():
            return int(value)
        if schema.get("format") == "decimal":
            return f"{Decimal(repr(value)):f}"
    return value


def _nesting(source: str) -> int:
    depth = deepest = 0
    for letter in source:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest
