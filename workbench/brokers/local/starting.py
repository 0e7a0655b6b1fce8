"""The steps of a start, whatever the broker: a folder, a port, a process, an answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import BrokerUnavailableError, LocalBrokerError, PortTakenError

from .claim import release
from .folder import claim_folder, prepare
from .launch import end, is_alive, launch
from .log_tail import LOG, OUTPUT, last_words, log_size, tail
from .ports import HOST, free_port, is_free
from .readiness import wait_until_ready
from .record import Record, Running

if TYPE_CHECKING:
    from pathlib import Path

    from .product import Product
    from .saying import Say

_PORT_LOST = ("BindException", "Address already in use", "Failed to bind", "eaddrinuse")
_PORT_TRIES = 3
_ENOUGH = 1_000  # lines of a log


@dataclass(frozen=True)
class Ready:
    """A folder made ready for a start: what to run in it, and how to tell that it answers.

    `answers` is asked again and again, once something listens at the port.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    cluster_id: str
    answers: Callable[[], bool]


class _PortLostError(Exception):
    """Another program was quicker at a port that had just been free."""


def start_broker(
    product: Product,
    folder: Path | None,
    port: int | None,
    *,
    usual_port: int,
    timeout: float,
    owned: bool,
    say: Say,
    make_ready: Callable[[Path, int], Ready],
) -> Running:
    """Start a broker and wait until it answers; the parameters are those of `LocalBroker`.

    `usual_port` is taken when no `port` is asked for and nothing else has it; `make_ready` is
    called with a folder that is claimed and a port that is free.
    """
    folder, claimed = claim_folder(product, folder, say)
    try:
        prepare(product, folder)
        tries = 1 if port else _PORT_TRIES
        while True:
            tries -= 1
            chosen = _choose_port(product, port, usual_port, say)
            ready = make_ready(folder, chosen)
            try:
                return _try_at(
                    product, chosen, ready, folder, claimed, timeout=timeout, owned=owned
                )
            except _PortLostError as lost:
                if not tries:
                    raise _taken(chosen) from lost
    finally:
        release(claimed)  # ours alone: the broker's copy holds on


def death(product: Product, broker: Running, how: str) -> LocalBrokerError:
    """The error that says that a broker died, and its last words."""
    words = "\n".join(last_words(broker.folder, since=broker.log_start))
    return LocalBrokerError(
        f"{product.name} in {broker.folder} {how}; the last lines of its log:\n{words}"
    )


def _try_at(
    product: Product,
    port: int,
    ready: Ready,
    folder: Path,
    claimed: int,
    *,
    timeout: float,
    owned: bool,
) -> Running:
    """Start a process at `port`; whatever goes wrong, Ctrl-C too, leaves none behind."""
    log_start = log_size(folder)
    process = launch(
        ready.command, folder, claimed=claimed, owned=owned, environment=ready.environment
    )
    record = Record(process.pid, port, ready.cluster_id, owner=os.getpid() if owned else None)
    broker = Running(folder, record, process, log_start)
    try:
        record.write(folder)
        _wait(product, broker, ready, timeout)
    except BaseException:
        end(process, folder)
        raise
    return broker


def _wait(product: Product, broker: Running, ready: Ready, timeout: float) -> None:
    """Wait until a broker that was just started answers, or say why it doesn't."""
    port = broker.record.port
    if wait_until_ready(
        port, ready.answers, alive=lambda: is_alive(broker.process), seconds=timeout
    ):
        return
    if is_alive(broker.process):
        raise BrokerUnavailableError(
            f"{product.name} did not answer at {HOST}:{port} within {timeout:g} s and was stopped; "
            f"its log is {broker.folder / LOG}."
        )
    error = death(product, broker, "died while starting")
    if _lost_port(broker):
        raise _PortLostError from error
    raise error


def _lost_port(broker: Running) -> bool:
    said = [
        *tail(broker.folder / LOG, _ENOUGH, since=broker.log_start),
        *tail(broker.folder / OUTPUT, _ENOUGH),
    ]
    return any(sign in line for sign in _PORT_LOST for line in said)


def _choose_port(product: Product, wanted: int | None, usual: int, say: Say) -> int:
    if wanted is not None:
        if not is_free(wanted):
            raise _taken(wanted)
        return wanted
    if is_free(usual):
        return usual
    port = free_port()
    say(f"Port {usual} is taken by another program: this {product.name} listens at {HOST}:{port}.")
    return port


def _taken(port: int) -> PortTakenError:
    return PortTakenError(
        f"Port {port} on {HOST} is taken by another program: name another, or none to get a free one."
    )
