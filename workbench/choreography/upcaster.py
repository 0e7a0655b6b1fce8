"""An upcaster: how an event of one version is read as the next one, as data.

A field of the next version is computed by CEL over ``data`` (the payload of the old version), or
is a constant, or a mapping of such fields. Fields of the same name that the next version still
has are carried over untouched; a path (``data.total``) copies a value as it stands, so that a
decimal keeps every digit wherever it moves to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workbench.choreography.declared import declared
from workbench.choreography.expression import Expression, cel_view, fit
from workbench.errors import DesignError, EventError, ExpressionError
from workbench.events import EventType, decode_payload, encode_payload

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Upcaster:
    """From one version of an event type to the next.

    Attributes
    ----------
    old, new
        The two versions.
    fields
        Field of the new version → :class:`Expression` over the old payload, constant, or a
        mapping of such.

    Raises
    ------
    DesignError
        It names a field that the new version has not, or reads one that the old one has not.
    """

    old: EventType
    new: EventType
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        _check_targets(self.fields, self.new, [self.new.schema])
        for expression in _expressions(self.fields):
            check_source(expression, self.old)

    @cached_property
    def _targets(self) -> Mapping[str, Any] | None:
        return _declared(self.new)

    @cached_property
    def _computes(self) -> bool:
        return any(not expression.is_path for expression in _expressions(self.fields))

    def upcast(self, data: Any) -> Any:
        """A payload of the old version as one of the new; the one given stays as it is.

        Raises
        ------
        EventError
            An expression fails, or what comes out does not satisfy the new version's schema; says
            the event type, both versions and the field.
        """
        if not isinstance(data, Mapping):
            raise EventError(f"{self._step}: its payload is not an object.")
        view = cel_view(data, self.old) if self._computes else None
        targets = self._targets
        made = {name: v for name, v in data.items() if targets is None or name in targets}
        for name, source in self.fields.items():
            schema = {} if targets is None else targets[name]
            try:
                value = self._value(source, data, view, schema)
            except (ExpressionError, EventError) as error:
                raise EventError(f"{self._step}: {name}: {_sentence(error)}.") from error
            optional = name not in self.new.schema.get("required", ())
            if value is None and source is not None and optional:
                made.pop(name, None)  # an absent optional field stays absent
            else:
                made[name] = value
        made = self.new.with_defaults(made)
        problem = self.new.problem(made)
        if problem:
            raise problem.error(f"{self._step}: what the upcaster gives is no ")
        return made

    @property
    def _step(self) -> str:
        return f"{self.old.name} v{self.old.version} can't be read as v{self.new.version}"

    def _value(self, source: Any, data: Any, view: Any, schema: Any) -> Any:
        if isinstance(source, Mapping):
            within = _branches(schema, self.new)
            return {
                name: self._value(inner, data, view, _property(within, name))
                for name, inner in source.items()
            }
        if not isinstance(source, Expression):
            return _fitted(source, schema, self.new)
        value = source.value(data, view)
        if source.is_path:
            return value
        if not isinstance(value, _PLAIN):
            value = decode_payload(encode_payload(value))  # what CEL knows and JSON doesn't: times
        return _fitted(value, schema, self.new)


def compiled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """An upcaster's fields as they are written in Python: texts are CEL."""
    return {
        name: Expression(value)
        if isinstance(value, str)
        else compiled(value)
        if isinstance(value, Mapping)
        else value
        for name, value in fields.items()
    }


def check_source(expression: Expression, old: EventType) -> None:
    """Raise a :class:`DesignError` if an expression reads a field that a version has not."""
    known = _declared(old)
    for path in expression.paths:
        name = path.split(".")[0]
        if known is not None and name not in known:
            missing = _no_field(old, name, known)
            raise DesignError(f"{expression.source!r} reads what is not there: {missing}")


def _expressions(fields: Mapping[str, Any]) -> Iterator[Expression]:
    for value in fields.values():
        if isinstance(value, Expression):
            yield value
        elif isinstance(value, Mapping):
            yield from _expressions(value)


def _no_field(event_type: EventType, name: str, known: Mapping[str, Any], within: str = "") -> str:
    has = f"{within.rstrip('.') or 'it'} has: {', '.join(known)}"
    return f"{event_type.name} v{event_type.version} has no field {name!r} ({has})."


def _sentence(error: Exception) -> str:
    return str(error).rstrip(".")


def _declared(event_type: EventType) -> Mapping[str, Any] | None:
    """The fields that a version names, each with its schema; ``None`` if any name will do."""
    found = declared(event_type, [event_type.schema])
    return None if found is None else {name: rules[0] for name, rules in found.items()}


def _check_targets(
    fields: Mapping[str, Any], event_type: EventType, schemas: Sequence[Any], path: str = ""
) -> None:
    """Raise a :class:`DesignError` for a field that a version has not, nested ones too."""
    known = declared(event_type, schemas)
    for name, source in fields.items():
        if known is None:
            return
        if name not in known:
            raise DesignError(_no_field(event_type, f"{path}{name}", known, path))
        if isinstance(source, Mapping):
            _check_targets(source, event_type, known[name], f"{path}{name}.")


def _branches(schema: Any, event_type: EventType) -> list[Mapping[str, Any]]:
    """A schema and its alternatives, as far as they say what a value looks like."""
    schema = event_type.resolve(schema)
    if not isinstance(schema, Mapping):
        return []
    others = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    resolved = (event_type.resolve(other) for other in others)
    return [schema, *(other for other in resolved if isinstance(other, Mapping))]


def _property(branches: list[Mapping[str, Any]], name: str) -> Any:
    for branch in branches:
        if name in branch.get("properties", {}):
            return branch["properties"][name]
    return {}


def _fitted(value: Any, schema: Any, event_type: EventType) -> Any:
    """A computed value in the form that its schema wants, all the way down."""
    branches = _branches(schema, event_type)
    if isinstance(value, dict):
        return {n: _fitted(v, _property(branches, n), event_type) for n, v in value.items()}
    if isinstance(value, list):
        items: Any = next((branch["items"] for branch in branches if "items" in branch), {})
        return [_fitted(item, items, event_type) for item in value]
    for branch in branches:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and branch.get("format") == "decimal":
            return str(value)
        fitted = fit(value, branch)
        if type(fitted) is not type(value):
            return fitted
    return value
