"""Ready means ready for clients: the broker answers an admin request, and is the one we started."""

from __future__ import annotations

import logging
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .settings import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEP = 0.03  # seconds between two knocks
_ANSWER_MS = 2_000


def wait_until_ready(
    port: int, cluster_id: str, *, alive: Callable[[], bool], seconds: float
) -> bool:
    """Wait until the broker at `port` answers for `cluster_id`.

    Returns ``False`` when `alive` says that it has died, or after `seconds`. Another broker that
    took the port first answers for another cluster, and is not taken for ours.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and alive():
        if listens(port) and _answers(port, cluster_id):
            return True
        time.sleep(_STEP)
    return False


def listens(port: int) -> bool:
    """Whether anyone listens at `port` of the loopback address."""
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _answers(port: int, cluster_id: str) -> bool:
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        with _quiet():
            admin = KafkaAdminClient(
                bootstrap_servers=f"{HOST}:{port}",
                bootstrap_timeout_ms=_ANSWER_MS,
                request_timeout_ms=_ANSWER_MS,
            )
            try:
                return bool(admin.describe_cluster()["cluster_id"] == cluster_id)
            finally:
                admin.close()
    except (KafkaError, OSError):
        return False


@contextmanager
def _quiet() -> Iterator[None]:
    """No log lines of kafka-python about a broker that isn't up yet: that is what we ask."""
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
