"""The log file of one instance of a service: JSON lines, bounded in size."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import BinaryIO

LIMIT = 16 << 20
"""Bytes after which a file is put aside, as ``billing.jsonl.1``, in place of the one before: an
instance's logs take twice this at most, which are about a hundred thousand lines."""


class LogFile:
    """Appends lines; for any thread. Made when the first is written.

    A line is never torn by another's: each is written with the round that it belongs to, in one
    call. What a crash has torn ends where the next begins.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path, self._limit = path, limit
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        self._torn = False

    def write(self, lines: bytes) -> None:
        """Append lines, each with its end.

        Raises
        ------
        OSError
            The disk is full, say; what was written of them stays.
        """
        with self._lock:
            file = self._opened()
            if self._size and self._size + len(lines) > self._limit:
                self.path.replace(rotated(self.path))
                self._close()
                file = self._opened()
            if self._torn:
                lines = b"\n" + lines
            self._torn = True
            while lines:
                n = os.write(file, lines)
                self._size += n
                lines = lines[n:]
            self._torn = False

    def close(self) -> None:
        """Give the file back; a line that comes late opens it again."""
        with self._lock:
            self._close()

    def _opened(self) -> int:
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = os.fstat(self._file).st_size
            self._torn = bool(self._size) and os.pread(self._file, 1, self._size - 1) != b"\n"
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def log_path(folder: Path, label: str) -> Path:
    """The log of an instance, by its label, in the services' folder."""
    return folder / f"{label.replace('/', '.')}.jsonl"


def read_log(path: Path) -> list[bytes]:
    """All lines of a log, older ones first, without a last one that is still being written."""
    while True:
        with contextlib.ExitStack() as stack:
            # Opened together, so that none is missed or read twice if it is put aside meanwhile.
            files = [_opened(stack, path), _opened(stack, rotated(path))]
            newer, older = (os.fstat(f.fileno()).st_ino if f is not None else None for f in files)
            if newer is not None and newer == older:
                continue
            texts = [file.read() for file in reversed(files) if file is not None]
            return [line for text in texts for line in text[: text.rfind(b"\n") + 1].splitlines()]


def _opened(stack: contextlib.ExitStack, path: Path) -> BinaryIO | None:
    try:
        return stack.enter_context(path.open("rb"))
    except FileNotFoundError:
        return None


def rotated(path: Path) -> Path:
    """The older lines of a log, once there were too many."""
    return path.with_name(f"{path.name}.1")
