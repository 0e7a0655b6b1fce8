"""JSON pointers (RFC 6901): the names on the way to a part of a document, as one text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def names_of(pointer: str) -> list[str]:
    """The names, and places in lists, that a pointer goes through; none for the whole."""
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]


def below(pointer: str, *names: str | int) -> str:
    """The pointer to what stands under some names in the part that another leads to."""
    escaped = (str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return "/".join((pointer, *escaped))


def at(document: Any, pointer: str, missing: Any = None) -> Any:
    """The part that a pointer leads to; ``missing`` if there is none."""
    for name in names_of(pointer):
        if isinstance(document, Mapping) and name in document:
            document = document[name]
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return missing
    return document
