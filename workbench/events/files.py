"""Files of a design: read whole, if they are what they should be; written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from workbench.errors import DesignError

MAX_BYTES = 5_000_000
"""A design file larger than this is a mistake, not a design."""


def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    DesignError
        It is not there, not UTF-8, or larger than any design.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DesignError(
                f"{size:,} bytes is too large for a design file (at most {MAX_BYTES:,}).",
                file=str(path),
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DesignError(f"not UTF-8 text (at byte {error.start}).", file=str(path)) from error
    except OSError as error:
        raise DesignError(f"can't be read: {error.strerror}.", file=str(path)) from error


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises
    ------
    DesignError
        It is not JSON, or repeats a key.
    """
    text = read_text(path)
    try:
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise DesignError(f"not JSON: {error.msg}.", file=str(path), line=error.lineno) from error
    except RecursionError as error:
        raise DesignError("not JSON: nested too deeply.", file=str(path)) from error
    except ValueError as error:
        raise DesignError(f"not JSON: {str(error).split(';')[0]}.", file=str(path)) from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number there")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    DesignError
        It can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        raise DesignError(f"can't be written: {error.strerror}.", file=str(path)) from error
