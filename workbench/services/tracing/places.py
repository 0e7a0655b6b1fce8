"""Which files hold spans."""

from __future__ import annotations

from pathlib import Path

PUBLISHER = "workbench"
"""The service that events published by hand come from."""


def spans_path(folder: Path, label: str) -> Path:
    """The spans of an instance, by its label, in the services' folder."""
    return spans_folder(folder) / f"{label.replace('/', '.')}.jsonl"


def spans_folder(folder: Path) -> Path:
    """Where all spans are, in the services' folder: beside their logs, and apart from them."""
    return folder / "spans"
