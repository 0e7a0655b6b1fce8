"""Kafka's jars: fetched once into a per-user cache, and used only when they are what the lock says.

``kafka.lock.json`` beside this file names each jar by its Maven coordinate, its size and its
SHA-256. Every start of a broker hashes all of them (45 MB, 0.05 s): what has been cut short,
changed or swapped on the disk is noticed there, said, and fetched again. With all of them in
place no network is touched, and neither is ``jgo`` imported.

A jar is downloaded into ``incoming/``, verified there, and moved into the cache in one step, so
the cache itself never holds half a file, and what stands in ``incoming/`` at the start of a fetch
was left there by one that did not finish.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from workbench.errors import LocalBrokerError

from .claim import claim, release
from .saying import log_it

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .saying import Progress, Say

LOCK_FILE = Path(__file__).with_name("kafka.lock.json")
HOME_VARIABLE = "WORKBENCH_KAFKA_HOME"

_FETCH_WAIT = 600.0  # seconds that one process waits for another one's download
_SERVER_JAR = re.compile(r"kafka_2\.\d+-(\d+)\.[\d.]+\.jar")
_OLDEST_KAFKA = 4  # the first that knows no ZooKeeper and formats as we ask


@dataclass(frozen=True)
class Jar:
    """One locked jar: ``group:artifact:version``, its size in bytes and its SHA-256 in hex."""

    coordinate: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, which is also its place in the cache."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def fault(self, path: Path) -> str | None:
        """What is wrong with the file at `path`, as half a sentence; ``None`` if it is this jar."""
        if not path.is_file():
            return "is missing"
        size = path.stat().st_size
        if size < self.size:
            return f"is half-finished ({size:,} of {self.size:,} bytes)"
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return None if sha256 == self.sha256 else "is not the file that the lock names"


@dataclass(frozen=True)
class JarLock:
    """The committed list of jars that make one version of Kafka."""

    kafka: str
    jars: tuple[Jar, ...]

    @classmethod
    def read(cls, file: Path = LOCK_FILE) -> JarLock:
        """Read the lock that `python -m workbench.brokers.local.lock` writes."""
        content = json.loads(file.read_text(encoding="utf-8"))
        return cls(
            kafka=content["kafka"],
            jars=tuple(
                Jar(jar["coordinate"], jar["size"], jar["sha256"]) for jar in content["jars"]
            ),
        )


def jar_cache() -> Path:
    """The per-user folder that holds the jars, one folder for each version of Kafka."""
    return Path(platformdirs.user_cache_dir("choreography-workbench")) / "kafka"


def ensure_kafka_jars(
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    say: Say = log_it,
) -> list[Path]:
    """Kafka's jars, every one verified; what is missing or damaged is fetched first.

    Parameters
    ----------
    cache
        The folder to keep them in; `jar_cache` unless given.
    progress
        Called as ``progress(done, total, sentence)``, both in bytes, while something is fetched.
    say
        Told, a sentence each, of what was found damaged or half-finished.

    Returns
    -------
    list of Path
        The class path, in the order of the lock. Where ``WORKBENCH_KAFKA_HOME`` is set these are
        the jars found there, which nobody verifies: who sets it vouches for them.

    Raises
    ------
    LocalBrokerError
        When a jar can't be fetched or kept, or ``WORKBENCH_KAFKA_HOME`` holds no Kafka.
    """
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return jars_at_home(Path(home).expanduser())
    lock = JarLock.read()
    folder = (cache or jar_cache()) / lock.kafka
    if any(jar.fault(folder / jar.name) for jar in lock.jars):
        _mend(lock, folder, progress, say)
    return [folder / jar.name for jar in lock.jars]


def jars_at_home(home: Path) -> list[Path]:
    """The jars of an unpacked Kafka (in its ``libs``) or of a plain folder of jars.

    Raises
    ------
    LocalBrokerError
        When there is no Kafka server among them, or one older than 4.0.
    """
    libs = home / "libs" if (home / "libs").is_dir() else home
    jars = sorted(libs.glob("*.jar"))
    servers = [found for jar in jars if (found := _SERVER_JAR.fullmatch(jar.name))]
    if not servers:
        raise LocalBrokerError(
            f"{HOME_VARIABLE} is set to {home}, but no Kafka server (kafka_2.13-….jar) is there: "
            "point it to an unpacked Kafka 4 or to a folder of its jars, or unset it."
        )
    if int(servers[0][1]) < _OLDEST_KAFKA:
        raise LocalBrokerError(
            f"{HOME_VARIABLE} holds {servers[0][0]}, but the workbench needs Kafka 4.0 or newer."
        )
    return jars


def _mend(lock: JarLock, folder: Path, progress: Progress | None, say: Say) -> None:
    """Fetch what is missing or damaged, while no other process does the same."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claimed = claim(folder, wait=_FETCH_WAIT)
        if claimed is None:
            raise LocalBrokerError(
                f"Another process has been fetching Kafka into {folder} for "
                f"{_FETCH_WAIT / 60:.0f} minutes: end it, then try again."
            )
        try:
            missing = _missing(lock.jars, folder, say)
            incoming = folder / "incoming"
            if incoming.exists():
                say("The last download of Kafka did not finish: what it left is thrown away.")
                shutil.rmtree(incoming)
            if missing:
                from .download import download

                download(missing, into=folder, incoming=incoming, progress=progress, say=say)
                shutil.rmtree(incoming)
        finally:
            release(claimed)
    except OSError as error:
        raise LocalBrokerError(
            f"Kafka's jars can't be kept in {folder} ({error.strerror or error}): make room or "
            f"make it writable, or point {HOME_VARIABLE} to a Kafka that is already unpacked."
        ) from error


def _missing(jars: Iterable[Jar], folder: Path, say: Say) -> list[Jar]:
    """The jars to fetch; a damaged one is said and removed."""
    missing = []
    for jar in jars:
        fault = jar.fault(folder / jar.name)
        if fault is None:
            continue
        missing.append(jar)
        if (folder / jar.name).exists():
            say(f"{jar.name} {fault}: it is fetched again.")
            (folder / jar.name).unlink()
    return missing
