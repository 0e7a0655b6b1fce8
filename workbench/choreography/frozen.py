"""What is released never changes: the sums that tell when a schema's file was edited all the same.

Beside the schemas of an event type stands ``released.lock``, with a line for each released
version: ``1 sha256:…``, the SHA-256 sum of the schema's canonical JSON (sorted, no spaces), so
that a file may be formatted anew. It belongs into version control with the schemas.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import DesignError

LOCK = "released.lock"
_LINE = re.compile(r"(\d{1,9}) (sha256:[0-9a-f]{64})")


def schema_sum(schema: Mapping[str, Any]) -> str:
    """The sum of a schema, however it is formatted."""
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def read_lock(text: str, file: str) -> dict[int, str]:
    """Version → sum.

    Raises
    ------
    DesignError
        It can't be read; says the line.
    """
    sums: dict[int, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or int(match[1]) in sums:
            raise DesignError(
                f"{line[:40]!r} is not a released version and its sum, once each, such as "
                "'1 sha256:…'; restore this file from version control.",
                file=file,
                line=number,
            )
        sums[int(match[1])] = match[2]
    return sums


def lock_text(sums: Mapping[int, str]) -> str:
    """The file's text, by version."""
    return "".join(f"{version} {sums[version]}\n" for version in sorted(sums))


def changed(name: str, version: int, *, file: str) -> DesignError:
    """The error of a released version that is not what was released."""
    return DesignError(
        f"{name} v{version} is released and never changes, but this file is not what was "
        f"released: restore it (from version control), and make the change in draft.json.",
        file=file,
    )
