"""Fetch locked jars from Maven Central with `jgo`, several at a time, each one verified.

``jgo`` finds and downloads; the lock alone says what is right. ``jgo`` resolves no versions here
(that happens once, when the lock is made), writes into a folder of our own instead of ``~/.m2``,
and its own check of a SHA-1, which only warns, is not relied upon. Repositories named in the
user's ``jgo`` settings are asked first: that is where a company's mirror goes.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext, PythonResolver

from workbench.errors import LocalBrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .jars import Jar
    from .saying import Progress, Say

_AT_A_TIME = 6
_TRIES = 3
_TIMEOUT = 30  # seconds without a byte


def download(
    jars: Sequence[Jar], *, into: Path, incoming: Path, progress: Progress | None, say: Say
) -> None:
    """Fetch `jars` through the folder `incoming` and move each, once verified, to `into`.

    Raises
    ------
    LocalBrokerError
        When a jar can't be had, or what is had three times is not what the lock names.
    """
    counter = _Counter(jars, progress)
    context = maven(incoming, PythonResolver(progress_callback=counter.watch))

    def fetch(jar: Jar) -> None:
        _fetch(jar, context, into, counter, say)

    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="fetch-kafka") as pool:
        try:
            for _ in pool.map(fetch, jars):
                pass
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def maven(folder: Path, resolver: PythonResolver | None = None) -> MavenContext:
    """Maven as `jgo` knows it, keeping what it downloads in `folder`."""
    repositories = dict(GlobalSettings.load().repositories)
    repositories.setdefault("central", MAVEN_CENTRAL_URL)
    return MavenContext(
        resolver=resolver,
        repo_cache=folder,
        local_repos=[],
        remote_repos=repositories,
        timeout=_TIMEOUT,
    )


def _fetch(jar: Jar, context: MavenContext, into: Path, counter: _Counter, say: Say) -> None:
    trouble = ""
    for _ in range(_TRIES):
        artifact = context.create_dependency(jar.coordinate).artifact
        place = artifact.cached_path
        assert place is not None
        place.unlink(missing_ok=True)
        counter.restart(jar)
        try:
            artifact.resolve()
        except OSError as error:  # all of requests' errors are OSErrors
            trouble = f"the download broke off with {type(error).__name__}"
            continue
        except RuntimeError:  # jgo's answer when no repository has it
            trouble = "no repository has it"
            break
        fault = jar.fault(place)
        if fault is None:
            place.replace(into / jar.name)
            counter.finish(jar)
            return
        trouble = f"what came {fault}"
        say(f"The downloaded {jar.name} {fault}: it is fetched again.")
    raise LocalBrokerError(
        f"{jar.name} could not be fetched from Maven Central ({trouble}): check the network and "
        "try again, or point WORKBENCH_KAFKA_HOME to an unpacked Kafka."
    )


class _Counter:
    """Bytes fetched, over all threads, told as they come."""

    def __init__(self, jars: Sequence[Jar], progress: Progress | None) -> None:
        self._fetched = {jar.name: 0 for jar in jars}
        self._total = sum(jar.size for jar in jars)
        self._progress = progress
        self._turn = threading.Lock()

    @contextmanager
    def watch(self, name: str, _size: int) -> Iterator[Callable[[int], None]]:
        """What `jgo` calls for each file: gives it a function to report bytes to."""

        def more(count: int) -> None:
            self._set(name, self._fetched[name] + count)

        yield more

    def restart(self, jar: Jar) -> None:
        self._set(jar.name, 0)

    def finish(self, jar: Jar) -> None:
        self._set(jar.name, jar.size)

    def _set(self, name: str, count: int) -> None:
        with self._turn:
            self._fetched[name] = count
            if self._progress:
                self._progress(sum(self._fetched.values()), self._total, f"Fetching {name}")
