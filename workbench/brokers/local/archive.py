"""Kafka's classes read ahead of time: with their archive a start takes half as long.

A JVM can write down the classes it has loaded, parsed and linked, and map that file when it starts
again ("class data sharing"; from Java 25 on the "AOT cache"). `warm_up` makes one. It fits one
Java and one class path; a JVM checks that itself, and does without when it doesn't. It is a help
and never needed: where there is none, Kafka starts in two seconds instead of one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .jars import jar_cache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .java import Java

_FIRST_WITH_AOT = 25  # the first Java whose AOT cache is made in one step


def archive_path(java: Java, jars: Sequence[Path]) -> Path:
    """Where the archive for `java` and `jars` stands, if there is one."""
    made_of = [str(java.command), java.build]
    made_of += [f"{jar} {jar.stat().st_mtime_ns}" for jar in jars]
    key = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    return jar_cache() / "classes" / f"java-{java.version}-{key}.archive"


def quick_start(java: Java, jars: Sequence[Path]) -> list[str]:
    """The JVM's options to start from the archive; none if there is no archive."""
    archive = archive_path(java, jars)
    option = "AOTCache" if java.version >= _FIRST_WITH_AOT else "SharedArchiveFile"
    return [f"-XX:{option}={archive}"] if archive.exists() else []


def write_archive(java: Java, file: Path) -> list[str]:
    """The JVM's options to write an archive to `file` when it ends."""
    option = "AOTCacheOutput" if java.version >= _FIRST_WITH_AOT else "ArchiveClassesAtExit"
    return [f"-XX:{option}={file}"]
