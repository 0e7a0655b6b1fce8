"""Containment of JSON Schemas, decided by the algebra of ``jsonschema-rs``.

The library brings schemas into a canonical form (Habib et al., "Finding Data Compatibility Bugs
with JSON Subschema Checks", ISSTA 2021, describe the idea) and tells whether one admits all that
another does. What would take it too long is kept from it: an answer is owed in the end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jsonschema_rs
from jsonschema_rs import CanonicalSchema, canonical

from workbench.events.compatibility.inlining import UndecidedError
from workbench.events.compatibility.schema import Schema

MOST_PARTS = 4_000
"""Keywords, names and values of a schema together."""

MOST_CASES = 300
"""Alternatives of a schema, multiplied out."""

MOST_LISTED = 100
"""Values of an ``enum`` that are given to the algebra, which takes long over many."""

_MOST_CHECKS = 2_000_000

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
    listed = writer.get("enum", ()) if isinstance(writer, dict) else ()
    if len(listed) > MOST_LISTED:  # each value by itself
        if isinstance(reader, dict) and reader.keys() == {"enum"}:
            return not missing(listed, reader["enum"])
        if _parts(reader) * len(listed) > _MOST_CHECKS:
            return False
        check = jsonschema_rs.Draft202012Validator(reader, validate_formats=True)
        return all(check.is_valid(value) for value in listed)
    try:
        return bool(_canonical(reader).covers(_canonical(writer)) == canonical.Containment.YES)
    except _FAILURES:
        return False


def difference(writer: Schema, reader: Schema) -> CanonicalSchema | None:
    """What the writer's schema allows and the reader's refuses; ``None`` if it can't be said."""
    try:
        found = _canonical(writer).subtract(_canonical(reader))
    except (*_FAILURES, UndecidedError):
        return None
    return None if found.satisfiability() == canonical.Satisfiability.NO else found


def canonical_of(schema: Schema) -> CanonicalSchema | None:
    """A schema in canonical form; ``None`` if it has none."""
    try:
        return _canonical(schema)
    except (*_FAILURES, UndecidedError):
        return None


def missing(values: Sequence[Any], allowed: Sequence[Any]) -> list[Any]:
    """The values that are not among those allowed, by JSON's equality: 1 is 1.0 and not true."""
    known = {_mark(value) for value in allowed}
    return [value for value in values if _mark(value) not in known]


def _mark(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


def _canonical(schema: Schema) -> CanonicalSchema:
    if _parts(schema) > MOST_PARTS:
        raise UndecidedError("it is too large")
    if _cases(schema) > MOST_CASES:
        raise UndecidedError("its alternatives are too many when multiplied out")
    return jsonschema_rs.canonicalize(schema, draft=20, validate_formats=True)


def _parts(schema: Schema) -> int:
    if isinstance(schema, dict):
        return sum(1 + _parts(part) for part in schema.values())
    if isinstance(schema, list):
        return sum(1 + _parts(part) for part in schema)
    return 0


def _cases(schema: Schema) -> int:
    """How many alternatives it has at one place, at the worst of its places."""
    if not isinstance(schema, dict):
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
        elif name == "dependentRequired":
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
