"""The files that a path, a pattern, a folder or several name."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from workbench.errors import LogError

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

_LONGEST: Final = 255
"""Letters of a file's name, at most, on any system that is in use."""
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def files_of(paths: Paths) -> list[Path]:
    """Find the files that a path, a pattern (``*``, ``**``, ``?``), a folder or several name.

    A folder names every file in it and in its folders, whatever the names end in: one that is no
    log is told when it is read, and not left out.

    Raises
    ------
    LogError
        There is no such file, or a folder holds none.
    """
    several = _each(paths)
    if not several:
        raise LogError(
            "no file was named: give a path, a pattern such as 'logs/*.jsonl', or a list."
        )
    found: dict[Path, None] = {}
    for each in several:
        if _ADDRESS.match(str(each)):
            raise LogError(
                f"{each} can't be read: an event log is read from files, and no network connection "
                "is opened; download it first."
            )
        path = path_of(each)
        if path.is_dir():
            held = files_in(path)
            if not held:
                raise LogError(
                    f"{each} can't be read: the folder holds no file (hidden ones, and those whose "
                    "names begin with _, don't count)."
                )
            found |= dict.fromkeys(held)
        elif path.exists() or not glob.has_magic(str(path)):
            found[path] = None
        else:
            # pathlib's own glob takes no absolute pattern
            matching = [Path(n) for n in glob.glob(str(path), recursive=True)]  # noqa: PTH207
            files = sorted(match for match in matching if match.is_file())
            if not files:
                raise LogError(f"{each} can't be read: no file matches this pattern.")
            found |= dict.fromkeys(files)
    return list(found)


def path_of(given: str | os.PathLike[str]) -> Path:
    """The path that is given.

    Raises
    ------
    LogError
        No file can have it.
    """
    no_path = LogError(f"{str(given)!r:.60} can't be read: it is no path of a file.")
    try:
        path = Path(given).expanduser()
        written = os.fsencode(path)
    except (ValueError, RuntimeError) as error:  # half a letter; no such user
        raise no_path from error
    if not str(given) or b"\0" in written:
        raise no_path
    if len(path.name) > _LONGEST:
        raise LogError(f"{path.name[:60]!r}… can't be read: no file has so long a name.")
    return path


def _each(paths: Any) -> list[Any]:
    if isinstance(paths, str | os.PathLike):
        return [paths]
    if isinstance(paths, pd.DataFrame):
        raise LogError("a DataFrame is no file: EventLog(frame) takes it for a log.")
    several = (
        list(paths) if isinstance(paths, Iterable) and not isinstance(paths, bytes) else [paths]
    )
    for each in several:
        if not isinstance(each, str | os.PathLike):
            raise LogError(
                f"{each!r:.60} is no file: give a path, a pattern such as 'logs/*.jsonl', or a list."
            )
    return several


def files_in(folder: Path) -> list[Path]:
    """Every file in a folder but hidden ones, as which count ``_SUCCESS`` and the like, too."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )
