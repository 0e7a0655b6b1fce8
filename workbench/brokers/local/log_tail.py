"""The last lines of a broker's log, and those of them that say why it died."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LOG = "log/broker.log"  # in the folder of each broker
OUTPUT = "log/console.out"  # what its process itself prints

_BLOCK = 64 * 1024  # bytes read from the end of a file
_WIDTH = 300  # characters of a line that are shown
_ENTRY = re.compile(r"\d{4}-\d\d-\d\d [\d:.+]+ \[?(?P<level>\w+)\]? (?P<process><[\d.]+> )?")


def tail(file: Path, lines: int, *, since: int = 0) -> list[str]:
    """The last `lines` lines of `file` (of its last 64 kB), all written after its byte `since`.

    Fewer if it is short, none if it isn't there. A file that is shorter than `since` was begun anew.
    """
    try:
        with file.open("rb") as content:
            size = os.fstat(content.fileno()).st_size
            content.seek(max(since if since <= size else 0, size - _BLOCK))
            text = content.read().decode(errors="replace")
    except OSError:
        return []
    return text.splitlines()[-lines:] if lines > 0 else []


def log_size(folder: Path) -> int:
    """How far the log of `folder` is written, in bytes."""
    log = folder / LOG
    return log.stat().st_size if log.exists() else 0


def last_words(folder: Path, *, since: int, lines: int = 5) -> list[str]:
    """What a broker that died said last: its errors if it logged any, else its last lines.

    `since` is the size of the log when it started. Stack traces are left to the log itself.
    """
    logged = tail(folder / LOG, 1_000, since=since)
    said = _errors(logged) or logged or tail(folder / OUTPUT, 1_000)
    return [line[:_WIDTH] for line in said[-lines:]]


def _errors(logged: list[str]) -> list[str]:
    """The errors of a log: their first lines, and what kinds of exceptions caused them.

    RabbitMQ begins each line of an entry with the whole head again: those become one line.
    """
    found: list[str] = []
    in_error, head = False, ""
    for line in logged:
        entry = _ENTRY.match(line)
        if entry:
            in_error = entry["level"].upper() in {"ERROR", "FATAL", "CRITICAL"}
        if not in_error or line[:1].isspace():  # a stack frame
            continue
        if entry and entry["process"] and entry[0] == head:
            found[-1] = " ".join([found[-1].rstrip(), *line[len(head) :].split()])
        else:
            found.append(line)
        head = entry[0] if entry else ""
    return found
