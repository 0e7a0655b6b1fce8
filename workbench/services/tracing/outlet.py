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
_LAST_SECONDS = 3.0
"""At the end, how long a collector may take for what is left; the rest is dropped."""
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
            logging.getLogger(name).addFilter(_seldom)
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
        last.start()
        last.join(_LAST_SECONDS)
        if last.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _finish(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]


class _Seldom(logging.Filter):
    """Lets one complaint a minute through: a collector may be down for days."""

    def __init__(self) -> None:
        super().__init__()
        self._said = -_SAY_EVERY

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        now = time.monotonic()
        if now - self._said < _SAY_EVERY:
            return False
        self._said = now
        return True


_seldom = _Seldom()


def outlet(service: str, instance: str, path: Path, environ: Mapping[str, str]) -> Outlet:
    """Where the spans of an instance go."""
    if otlp_endpoint(environ):
        return _OtlpOutlet(service, instance)
    return _FileOutlet(service, instance, path)
