"""Small questions about schemas, in the one dialect that they are compared in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from workbench.errors import EventError

Schema = Any
"""``True``, ``False`` or a dict of keywords of 2020-12; ``$ref`` is a key of ``Document.targets``."""


class IncomparableError(EventError):
    """A schema is nested too deeply, is too large, or refers to itself without end."""


def takes_anything(schema: Schema) -> bool:
    """Whether a schema, by the look of it, refuses nothing."""
    return schema is True or (isinstance(schema, dict) and schema.keys() <= {"default"})


@lru_cache(maxsize=1_000)
def matches_all(pattern: str) -> bool:
    """Whether a regular expression, by the look of it, is found in every text.

    It is if it is found in the empty text and says nothing about what comes after: ``a*``.
    """
    import re._parser as parser  # type: ignore[import-not-found]

    try:
        found = parser.parse(pattern)
        codes = re.findall(r"ASSERT|AT_(?!BEGINNING\b)\w+|GROUPREF", repr(found))
        return not codes and re.match(pattern, "") is not None
    except (re.error, RecursionError, OverflowError, ValueError):
        return False


def conjuncts(
    schema: Schema, targets: Mapping[str, Schema], above: tuple[str, ...] = ()
) -> Iterator[dict[str, Any]]:
    """The schemas that all hold where one stands: itself, its ``allOf``, its ``$ref``."""
    if isinstance(schema, bool):
        return
    yield schema
    for part in schema.get("allOf", ()):
        yield from conjuncts(part, targets, above)
    key = schema.get("$ref")
    if key is not None and key not in above:
        yield from conjuncts(targets[key], targets, (*above, key))
