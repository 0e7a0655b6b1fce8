"""Ports of the loopback address."""

from __future__ import annotations

import random
import socket

from workbench.errors import LocalBrokerError

HOST = "127.0.0.1"

# Below the ranges that Linux (32768 and up) and macOS (49152 and up) take the ports of outgoing
# connections from: one of those could be gone again before a broker binds it, and a client that
# knocks on one too early can even connect to itself.
_FREE_RANGE = range(20_000, 32_000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as brokers do
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody listens on, chosen at random so that two starters seldom meet."""
    for _ in range(_TRIES):
        port = random.choice(_FREE_RANGE)
        if is_free(port):
            return port
    raise LocalBrokerError(
        f"No free port was found on {HOST} between {_FREE_RANGE.start} and {_FREE_RANGE.stop}: "
        "close some programs, or name a port that is free."
    )
