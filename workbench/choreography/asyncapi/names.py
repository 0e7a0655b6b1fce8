"""The names that the parts of a document have, and how they are pointed to."""

from __future__ import annotations

import re
from collections.abc import Container

from workbench.events import EventType
from workbench.events.json_pointer import below

EXTENSION = "x-choreography"
"""What AsyncAPI can't say of a design, in the words of ``choreography.yaml``."""

_VERSIONED = re.compile(r"(.+)\.v([1-9]\d{0,8})")


def message_name(event_type: EventType) -> str:
    """What the message of one version is called: ``OrderPlaced.v1``."""
    return f"{event_type.name}.v{event_type.version}"


def split_message_name(name: str) -> tuple[str, int]:
    """The event type and the version that a message's name says, version 1 if it says none."""
    match = _VERSIONED.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, 1)


def plain_name(text: str, taken: Container[str] = (), *, instead: str = "_") -> str:
    """A text as a name of letters, digits, ``_``, ``.`` and ``-``, unlike those that are taken."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", instead, text).strip(f"._-{instead}")[:90] or "unnamed"
    name, n = plain, 2
    while name in taken:
        name, n = f"{plain}{instead}{n}", n + 1
    return name


def reference(*path: str) -> dict[str, str]:
    """A reference to a place in the same document."""
    return {"$ref": below("#", *path)}
