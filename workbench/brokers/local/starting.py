"""The steps of a start: jars, Java, a folder, a port, a format if it is new, a JVM, an answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workbench.errors import BrokerUnavailableError, LocalKafkaError, PortTakenError

from .archive import quick_start
from .claim import release
from .folder import claim_folder, configure, format_storage, prepare
from .jars import ensure_kafka_jars
from .java import find_java
from .launch import end, is_alive, jvm_environment, launch
from .log_tail import last_words, log_size
from .ports import free_port, is_free
from .readiness import wait_until_ready
from .record import Record, Running, mark
from .settings import HOST, LOG, PROPERTIES, jvm_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .saying import Progress, Say

_PORT_LOST = ("BindException", "Address already in use", "Failed to bind")
_PORT_TRIES = 3


class _PortLostError(Exception):
    """Another program was quicker at a port that had just been free."""


def start_broker(
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
    """Start a broker and wait until it answers; the parameters are those of `LocalKafka`.

    `usual_port` is taken when no `port` is asked for and nothing else has it; `extra` are options
    of the JVM in place of those that make a start quick.
    """
    jars = ensure_kafka_jars(progress=progress, say=say)
    runtime = find_java(java)
    folder, claimed = claim_folder(folder, say)
    try:
        prepare(folder)
        command = [
            *(str(runtime.command), *jvm_options(), mark(folder)),
            *(quick_start(runtime, jars) if extra is None else extra),
            *("-cp", os.pathsep.join(str(jar) for jar in jars)),
        ]
        tries = 1 if port else _PORT_TRIES
        while True:
            tries -= 1
            chosen = _choose_port(port, usual_port, say)
            try:
                return _try_at(chosen, command, folder, claimed, timeout=timeout, owned=owned)
            except _PortLostError as lost:
                if not tries:
                    raise _taken(chosen) from lost
    finally:
        release(claimed)  # ours alone: the JVM's copy holds on


def death(broker: Running, how: str) -> LocalKafkaError:
    """The error that says that a broker died, and its last words."""
    words = "\n".join(last_words(broker.folder, since=broker.log_start))
    return LocalKafkaError(f"Kafka in {broker.folder} {how}; the last lines of its log:\n{words}")


def _try_at(
    port: int, command: Sequence[str], folder: Path, claimed: int, *, timeout: float, owned: bool
) -> Running:
    """Start a JVM at `port`; whatever goes wrong, Ctrl-C too, leaves none behind."""
    configure(folder, port, controller_port=free_port())
    cluster_id = format_storage(folder, command, jvm_environment())
    log_start = log_size(folder)
    process = launch([*command, "kafka.Kafka", PROPERTIES], folder, claimed=claimed, owned=owned)
    record = Record(process.pid, port, cluster_id, owner=os.getpid() if owned else None)
    broker = Running(folder, record, process, log_start)
    try:
        record.write(folder)
        _wait(broker, timeout)
    except BaseException:
        end(process, folder)
        raise
    return broker


def _wait(broker: Running, timeout: float) -> None:
    """Wait until a broker that was just started answers, or say why it doesn't."""
    port = broker.record.port
    if wait_until_ready(
        port, broker.record.cluster_id, alive=lambda: is_alive(broker.process), seconds=timeout
    ):
        return
    if is_alive(broker.process):
        raise BrokerUnavailableError(
            f"Kafka did not answer at {HOST}:{port} within {timeout:g} s and was stopped; its log "
            f"is {broker.folder / LOG}."
        )
    error = death(broker, "died while starting")
    if any(sign in str(error) for sign in _PORT_LOST):
        raise _PortLostError from error
    raise error


def _choose_port(wanted: int | None, usual: int, say: Say) -> int:
    if wanted is not None:
        if not is_free(wanted):
            raise _taken(wanted)
        return wanted
    if is_free(usual):
        return usual
    port = free_port()
    say(f"Port {usual} is taken by another program: this Kafka listens at {HOST}:{port}.")
    return port


def _taken(port: int) -> PortTakenError:
    return PortTakenError(
        f"Port {port} on {HOST} is taken by another program: name another, or none to get a free one."
    )
