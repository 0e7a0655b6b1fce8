"""Containment of JSON Schemas, decided by the algebra of ``jsonschema-rs``.

The library brings schemas into a canonical form (Habib et al., "Finding Data Compatibility Bugs
with JSON Subschema Checks", ISSTA 2021, describe the idea) and tells whether one admits all that
another does. What would take it too long is kept from it: an answer is owed in the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from jsonschema_rs import CanonicalSchema, canonical

from workbench.events.compatibility.dialect import Schema
from workbench.events.compatibility.inlining import UndecidedError

MOST_PARTS = 4_000
"""Keywords, names and values of a schema together."""

MOST_CASES = 300
"""Alternatives of a schema, multiplied out."""

_FAILURES = (
    canonical.CanonicalizationError,
    canonical.IncompatibleOperands,
    canonical.UnsupportedOperand,
    canonical.UnsupportedResult,
    ValueError,
)


def covers(reader: Schema, writer: Schema) -> bool:
    """Whether it is proven that the reader's schema takes all that the writer's does.

    Both are of 2020-12, with no reference in them.

    Raises
    ------
    UndecidedError
        They are too large, or have too many alternatives.
    """
    if reader is True or writer is False or reader == writer:
        return True
    try:
        return bool(
            _canonical(reader).covers(_canonical(writer)) == canonical.Containment.YES
        )
    except _FAILURES:
        return False


def difference(writer: Schema, reader: Schema) -> CanonicalSchema | None:
    """What the writer's schema allows and the reader's refuses; ``None`` if it can't be said."""
    try:
        found = _canonical(writer).subtract(_canonical(reader))
    except (*_FAILURES, UndecidedError):
        return None
    return None if found.satisfiability() == canonical.Satisfiability.NO else found


def _canonical(schema: Schema) -> CanonicalSchema:
    if _parts(schema) > MOST_PARTS:
        raise UndecidedError("it is too large")
    if _cases(schema) > MOST_CASES:
        raise UndecidedError("its alternatives are too many when multiplied out")
    return jsonschema_rs.canonicalize(schema, draft=20, validate_formats=True)


def _parts(schema: Schema) -> int:
    if isinstance(schema, Mapping):
        return sum(1 + _parts(part) for part in schema.values())
    if isinstance(schema, list):
        return sum(1 + _parts(part) for part in schema)
    return 0


def _cases(schema: Schema) -> int:
    """How many alternatives it has at one place, at the worst of its places."""
    if not isinstance(schema, Mapping):
        return 1
    here = worst = 1
    for name, value in schema.items():
        if name in ("anyOf", "oneOf"):
            here *= sum(_cases(part) for part in value) * (len(value) if name == "oneOf" else 1)
        elif name == "allOf":
            for part in value:
                here *= _cases(part)
        elif name == "if":
            here *= 2 * _cases(value)
        elif name in ("then", "else", "not"):
            here *= _cases(value)
        elif name == "dependentSchemas":
            for part in value.values():
                here *= 1 + _cases(part)
        elif name in ("dependentRequired",):
            here *= 2 ** len(value)
        elif name in ("properties", "patternProperties"):
            worst = max([worst, *(_cases(part) for part in value.values())])
        elif name == "prefixItems":
            worst = max([worst, *(_cases(part) for part in value)])
        elif name in ("items", "contains", "additionalProperties", "propertyNames"):
            worst = max(worst, _cases(value))
        if here > MOST_CASES:
            return here
    return max(here, worst)


def kind_of(value: Any) -> str:
    """The JSON Schema type of a value: ``integer`` where it is a whole number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
