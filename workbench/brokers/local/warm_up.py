"""Run Kafka once in a throw-away folder, to make the archive that later starts are quick with."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .archive import find_archive, keep_archive, write_archive
from .launch import end
from .ports import free_port
from .start_kafka import start_kafka

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .java import Java
    from .saying import Say

_START_WITHIN = 60.0  # seconds
_WRITE_WITHIN = 120.0  # seconds; five to ten on a laptop


def make_archive(java: Java, jars: Sequence[Path], *, say: Say) -> None:
    """Make the archive for `java` and `jars`, unless it is there; takes about 10 seconds.

    Raises
    ------
    LocalBrokerError
        When Kafka doesn't run on this machine. That no archive could be written is no error.
    """
    if find_archive(java, jars):
        return
    say("Running Kafka once, so that it starts quickly from now on.")
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "classes"
        broker = start_kafka(
            Path(folder) / "kafka",
            free_port(),
            usual_port=0,
            java=java.command,
            timeout=_START_WITHIN,
            owned=True,
            say=say,
            progress=None,
            extra=write_archive(java, draft),
        )
        if end(broker.process, broker.folder, grace=_WRITE_WITHIN) and draft.exists():
            with suppress(OSError):  # a cache that can't be written: starts stay as they are
                keep_archive(draft, java, jars)
