"""Where a rule stands: from the path on which a value reaches it to a place in the text."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from workbench.events.json_pointer import at, below, names_of

_MOST_REFERENCES = 100


def written_pointer(schema: Any, path: str) -> str:
    """The JSON pointer (RFC 6901) of a place, in the words of the schema's own draft.

    Parameters
    ----------
    schema
        As it was given.
    path
        A pointer in the words of 2020-12, that goes through references as if what they lead to
        stood in their place.

    Returns
    -------
    The pointer to the same place in the text; the path itself as far as there is none.
    """
    pointer, here = "", schema
    parts = names_of(path)
    for place, part in enumerate(parts):
        for _ in range(_MOST_REFERENCES):
            if not isinstance(here, dict) or part in here or _old_word(part, here) in here:
                break
            reference = str(here.get("$ref", ""))
            local = reference == "#" or reference.startswith("#/")
            target = at(schema, unquote(reference[1:])) if local else None
            if target is None:
                break
            pointer, here = reference[1:], target
        if isinstance(here, dict):
            part = _old_word(part, here)
        inner = at(here, below("", part))
        if inner is None:
            return below(pointer, *parts[place:])
        pointer, here = below(pointer, part), inner
    return pointer


def _old_word(part: str, here: dict[str, Any]) -> str:
    """A keyword in the words of the draft that a schema seems to be of."""
    if part == "prefixItems" and part not in here and isinstance(here.get("items"), list):
        return "items"
    if part == "items" and isinstance(here.get("items"), list):
        return "additionalItems"
    if part in ("dependentSchemas", "dependentRequired") and part not in here:
        return "dependencies"
    return part
