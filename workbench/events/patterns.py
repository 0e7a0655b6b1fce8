"""Regular expressions of schemas, as the validators take them: ECMA-262's, and never for long."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs


@lru_cache(maxsize=1_000)
def compiled(pattern: str) -> Any | None:
    """A validator of one text, with ``is_valid``; ``None`` if it is no regular expression."""
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except ValueError:
        return None


def matches(pattern: str, text: str) -> bool:
    """Whether a regular expression is found in a text."""
    found = compiled(pattern)
    return found is not None and bool(found.is_valid(text))
