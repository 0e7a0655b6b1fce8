"""Which files hold spans."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".spans.jsonl"
PUBLISHER = "workbench"
"""The service that events published by hand come from."""


def spans_path(folder: Path, label: str) -> Path:
    """The spans of an instance, by its label, in the services' folder."""
    return folder / f"{label.replace('/', '.')}{SUFFIX}"
