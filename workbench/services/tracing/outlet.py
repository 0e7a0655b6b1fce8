"""Where spans go: to the OTLP endpoint that the environment names, else to a local file."""

from __future__ import annotations

import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from workbench.errors import ServiceError
from workbench.services.tracing.span_file import SpanFile

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_LAST_SECONDS = 2.0
"""At the end, how long a collector may take for what is left; the rest is dropped."""
_NO_PATIENCE_SECONDS = 0.1
"""As long, where it has just not answered another instance of this process."""
_GRUDGE_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_LOGGERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
)
"""Who says, at every try, that a collector does not answer."""
_SAY_EVERY = 60.0


def otlp_endpoint(environ: Mapping[str, str]) -> str:
    """Where the environment wants spans to be sent; empty: nowhere."""
    if environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
        return ""
    return next((environ[name] for name in _ENDPOINTS if environ.get(name)), "")


class Outlet(ABC):
    """Takes the spans of one service in this process, or of the publisher; for any thread."""

    def __init__(self, service: str, instance: str) -> None:
        self.resource = Resource.create(
            {"service.name": service, "service.instance.id": f"{instance}-{os.getpid()}"}
        )

    @property
    @abstractmethod
    def processor(self) -> SpanProcessor:
        """What is given each span as it ends."""

    def give(self, span: ReadableSpan) -> None:
        """Take a span."""
        self.processor.on_end(span)

    @abstractmethod
    def flush(self) -> None:
        """Write what was given so far, if that can be done at once."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left, within seconds, and take no more."""


class _FileOutlet(Outlet):
    """Spans in a local file, written as the service goes along."""

    def __init__(self, service: str, instance: str, path: Path) -> None:
        super().__init__(service, instance)
        self._file = SpanFile(path, self.resource)

    @property
    def processor(self) -> SpanProcessor:
        return self._file

    def flush(self) -> None:
        self._file.force_flush()

    def close(self) -> None:
        self._file.shutdown()


class _OtlpOutlet(Outlet):
    """Spans sent to a collector over HTTP, in the background.

    Raises
    ------
    ServiceError
        The variables contradict each other, say.
    """

    def __init__(self, service: str, instance: str) -> None:
        super().__init__(service, instance)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_complaints)
        try:
            self._exporter = OTLPSpanExporter()
            self._batches = BatchSpanProcessor(self._exporter)
        except (OSError, ValueError) as error:
            raise ServiceError(
                f"spans can't be sent as the OTEL_* variables say: {error}. Mend or unset them."
            ) from error
        self._closed = False

    @property
    def processor(self) -> SpanProcessor:
        return self._batches

    def flush(self) -> None:
        pass  # it does so by itself, in the background

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        last = threading.Thread(target=self._finish, daemon=True)
        began, heard = time.monotonic(), _complaints.heard
        last.start()
        patience = began + _complaints.patience(began)
        while last.is_alive() and _complaints.heard == heard and time.monotonic() < patience:
            last.join(_LOOK_SECONDS)
        if last.is_alive():
            _complaints.unanswered_at = time.monotonic()
            self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _finish(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]


class _Complaints(logging.Filter):
    """Says in one line, at most once a minute, that a collector takes no spans: it may be for days.

    OpenTelemetry says so at every try, and at length.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said = -_SAY_EVERY
        self.heard = 0
        self.unanswered_at = float("-inf")

    def patience(self, now: float) -> float:
        """For how many seconds the collector is waited for at an end."""
        resents = now - self.unanswered_at < _GRUDGE_SECONDS
        return _NO_PATIENCE_SECONDS if resents else _LAST_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        self.heard += 1
        now = time.monotonic()
        if now - self._said < _SAY_EVERY:
            return False
        self._said = now
        record.msg, record.args = "spans are dropped: the collector of OTEL_* takes none now", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_complaints = _Complaints()


def outlet(service: str, instance: str, path: Path, environ: Mapping[str, str]) -> Outlet:
    """Where the spans of an instance go."""
    if otlp_endpoint(environ):
        return _OtlpOutlet(service, instance)
    return _FileOutlet(service, instance, path)
