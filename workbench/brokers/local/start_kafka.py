"""What a start of Kafka needs: jars, Java, its settings, and a storage that is formatted once."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from .archive import quick_start
from .jars import ensure_kafka_jars
from .java import find_java
from .kafka_answer import answers
from .kafka_storage import configure, format_storage
from .ports import free_port
from .record import mark
from .settings import KAFKA, PROPERTIES, jvm_environment, jvm_options
from .starting import Ready, start_broker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .record import Running
    from .saying import Progress, Say


def start_kafka(
    folder: Path | None,
    port: int | None,
    *,
    usual_port: int,
    java: str | Path | None,
    timeout: float,
    owned: bool,
    say: Say,
    progress: Progress | None,
    extra: Sequence[str] | None = None,
) -> Running:
    """Start a Kafka and wait until it answers; the parameters are those of `LocalKafka`.

    `extra` are options of the JVM in place of those that make a start quick.
    """
    jars = ensure_kafka_jars(progress=progress, say=say)
    runtime = find_java(java)

    def make_ready(folder: Path, port: int) -> Ready:
        command = [
            *(str(runtime.command), *jvm_options(), mark(folder)),
            *(quick_start(runtime, jars) if extra is None else extra),
            *("-cp", os.pathsep.join(str(jar) for jar in jars)),
        ]
        environment = jvm_environment()
        configure(folder, port, controller_port=free_port())
        cluster_id = format_storage(folder, command, environment)
        return Ready(
            [*command, "kafka.Kafka", PROPERTIES],
            environment,
            cluster_id,
            partial(answers, port, cluster_id),
        )

    return start_broker(
        KAFKA,
        folder,
        port,
        usual_port=usual_port,
        timeout=timeout,
        owned=owned,
        say=say,
        make_ready=make_ready,
    )
