"""The lines that a service has logged about one flow, read from its files, the older ones too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from workbench.services.log_file import log_path, rotated


def flow_lines(folder: Path, service: str, flow: str) -> list[dict[str, Any]]:
    """The lines that name a flow, of all instances, in the order of time; none if it logs nothing.

    What a crash has torn is passed over.
    """
    wanted = orjson.dumps(flow)
    found = [
        line
        for path in _files(folder, service)
        for text in _lines(path)
        if wanted in text and (line := _read(text)).get("correlation_id") == flow
    ]
    return sorted(found, key=lambda line: str(line.get("time")))


def _files(folder: Path, service: str) -> list[Path]:
    first = log_path(folder, service)
    files = [first, *sorted(folder.glob(f"{service}.[0-9]*{first.suffix}"))]
    return [file for path in files for file in (rotated(path), path)]


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return


def _read(text: bytes) -> dict[str, Any]:
    try:
        line = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return line if isinstance(line, dict) else {}
