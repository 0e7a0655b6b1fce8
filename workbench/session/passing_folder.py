"""A folder for files that are of no use once this process has ended."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path


@functools.cache
def passing_folder() -> Path:
    """One folder of this process, made at the first call; it goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="choreography-workbench-"))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # not at the end of a fork
        shutil.rmtree(folder, ignore_errors=True)
