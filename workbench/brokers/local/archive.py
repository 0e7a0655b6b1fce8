"""Kafka's classes read ahead of time: with their archive a start takes half as long.

A JVM can write down the classes it has loaded, parsed and linked, and map that file when it starts
again ("class data sharing"; from Java 25 on the "AOT cache"). `warm_up` makes one. It fits one
Java and one class path; a JVM checks that itself, and does without when it doesn't. A damaged one
could crash it, so an archive's SHA-256 is in its name and is checked, as that of a jar is. It is a
help and never needed: where there is none, Kafka starts in two seconds instead of one.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

from .jars import jar_cache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .java import Java

_FIRST_WITH_AOT = 25  # the first Java whose AOT cache is made in one step


def find_archive(java: Java, jars: Sequence[Path]) -> Path | None:
    """The archive for `java` and `jars`, if there is one and it is whole."""
    for archive in archive_folder().glob(f"{_stem(java, jars)}-*"):
        if archive.name.endswith(f"-{_sha256(archive)}"):
            return archive
    return None


def quick_start(java: Java, jars: Sequence[Path]) -> list[str]:
    """The JVM's options to start from the archive; none if there is no archive."""
    archive = find_archive(java, jars)
    option = "AOTCache" if java.version >= _FIRST_WITH_AOT else "SharedArchiveFile"
    return [f"-XX:{option}={archive}"] if archive else []


def write_archive(java: Java, file: Path) -> list[str]:
    """The JVM's options to write an archive to `file` when it ends."""
    option = "AOTCacheOutput" if java.version >= _FIRST_WITH_AOT else "ArchiveClassesAtExit"
    return [f"-XX:{option}={file}"]


def keep_archive(draft: Path, java: Java, jars: Sequence[Path]) -> None:
    """Put `draft` into the cache in one step, in the place of older ones for the same Java."""
    archive_folder().mkdir(parents=True, exist_ok=True)
    for older in archive_folder().glob(f"java-{java.version}-*"):
        older.unlink()
    near = archive_folder() / "new"
    shutil.copyfile(draft, near)
    near.replace(archive_folder() / f"{_stem(java, jars)}-{_sha256(near)}")


def archive_folder() -> Path:
    """The per-user folder that holds the archives, one for each major version of Java."""
    return jar_cache() / "classes"


def _stem(java: Java, jars: Sequence[Path]) -> str:
    made_of = [str(java.command), java.build]
    made_of += [f"{jar} {jar.stat().st_mtime_ns}" for jar in jars]
    key = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    return f"java-{java.version}-{key}"


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
