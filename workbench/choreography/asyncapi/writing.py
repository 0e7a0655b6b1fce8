"""A document as a file: YAML, or JSON where its name ends in ``.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.choreography.documents import yaml_text
from workbench.events.files import write_text


def asyncapi_text(document: Mapping[str, Any], *, as_json: bool = False) -> str:
    """A document as YAML, or as JSON."""
    return (
        json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        if as_json
        else yaml_text(document)
    )


def write_asyncapi(document: Mapping[str, Any], path: str | Path) -> None:
    """Write a document, whole or not at all.

    Raises
    ------
    DesignError
        The file can't be written.
    """
    path = Path(path)
    write_text(path, asyncapi_text(document, as_json=path.suffix.lower() == ".json"))
