"""Metrics for Prometheus, over HTTP and on this machine alone."""

from __future__ import annotations

import threading
from typing import Self

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from workbench.errors import MetricsError

_LOOPBACK = "127.0.0.1"
_LAST_PORT = 65_535


class MetricsServer:
    """Answers each request with what is measured just then, until :meth:`close`.

    Parameters
    ----------
    collector
        What is measured; nothing else is told, of this process neither.
    port
        Where it listens, on 127.0.0.1 alone; 0: at any port that is free.

    Attributes
    ----------
    port
        Where it listens.

    Raises
    ------
    MetricsError
        It can't listen at that port.
    """

    def __init__(self, collector: Collector, port: int = 0) -> None:
        _check_port(port)
        registry = CollectorRegistry()
        registry.register(collector)
        try:
            self._server, self._thread = start_http_server(port, _LOOPBACK, registry)
        except OSError as error:
            raise MetricsError(
                f"metrics can't be served at {_LOOPBACK}:{port} ({error.strerror or error}); "
                "without a port, a free one is found."
            ) from error
        self.port = self._server.server_port
        self._lock = threading.Lock()
        self._closed = False

    @property
    def url(self) -> str:
        """What Prometheus is to scrape."""
        return f"http://{_LOOPBACK}:{self.port}/metrics"

    def close(self) -> None:
        """Answer no more, and free the port; a second time it does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MetricsServer({self.url!r}{', closed' if self._closed else ''})"


def _check_port(port: object) -> None:
    whole = isinstance(port, int) and not isinstance(port, bool)
    if not whole or port not in range(_LAST_PORT + 1):
        raise MetricsError(
            f"a port is a number from 1 to {_LAST_PORT}, or 0 for any that is free, not {port!r}."
        )
