"""The running file: how another process finds a broker that this one started.

It is a hint and never a proof. A broker runs when its folder is claimed (`claim`) *and* the process
named here was started with this folder in its command line. A claim with no running file means
that a broker is just starting or about to end.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from .claim import is_claimed
from .log_tail import log_size

RECORD_FILE = "running.json"


def mark(folder: Path) -> str:
    """The argument that marks the process of the broker in `folder`.

    Java takes it for a property and Erlang for a flag, and neither minds.
    """
    return f"-Dworkbench.folder={folder}"


@dataclass(frozen=True)
class Record:
    """A running broker: its process, its port, its cluster, and the process that owns it."""

    pid: int
    port: int
    cluster_id: str
    owner: int | None

    def write(self, folder: Path) -> None:
        """Leave the record in `folder`, whole or not at all."""
        draft = folder / f"{RECORD_FILE}.new"
        draft.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        draft.replace(folder / RECORD_FILE)

    def process(self, folder: Path) -> psutil.Process | None:
        """The broker, if the process with its id lives and is really this folder's."""
        try:
            process = psutil.Process(self.pid)
            return process if mark(folder) in process.cmdline() else None
        except psutil.Error:
            return None


def read_record(folder: Path) -> Record | None:
    """The record in `folder`, unless there is none that makes sense."""
    try:
        return Record(**json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@dataclass(frozen=True)
class Running:
    """A broker that was seen running: its folder, its record and its process.

    `log_start` is the size in bytes of its log when it was started (or found).
    """

    folder: Path
    record: Record
    process: psutil.Process
    log_start: int


def running(folder: Path) -> Running | None:
    """The broker that runs in `folder` now."""
    record = read_record(folder)
    if record is None or not is_claimed(folder):
        return None
    process = record.process(folder)
    return Running(folder, record, process, log_size(folder)) if process else None
