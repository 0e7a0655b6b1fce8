"""What a handler logs with structlog or ``logging`` goes to its service's log.

The handler's author does nothing for it, and what others log in this process goes where it always
does: a line is taken only while a handler is at work in the same context, or, in a process that a
service has to itself, always.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from workbench.services.logs import Logs, current_log
from workbench.services.low_lines import LEVEL, UNSHOWN, level_of, lowered

HANDLER = "handler"
"""The ``logger`` of lines by structlog, whose loggers have no name."""
_LEVELS = {"exception": "error", "warn": "warning", "fatal": "critical"}
_KNOWN = ("debug", "info", "warning", "error", "critical")
_CLIENTS = ("kafka", "pika", "boto3", "botocore", "urllib3")
"""Libraries of the workbench's own: what they log is about connections, and not for a handler's log."""
_STANDARD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", LEVEL})

_alone: list[Logs] = []
"""The log of the service that has this process to itself."""


def take_all(logs: Logs) -> None:
    """Let a service that has this process to itself have all lines, threads' of its own too."""
    _alone[:] = [logs]
    root = logging.getLogger()
    if _records not in root.handlers:
        root.addHandler(_records)
    if root.level == logging.WARNING:  # as Python sets it
        root.setLevel(logs.least)
    for name in _CLIENTS:
        client = logging.getLogger(name)
        if client.level == logging.NOTSET:
            client.setLevel(logging.WARNING)
    divert_structlog()


@contextmanager
def taking_lines(least: int) -> Iterator[None]:
    """Take the lines of handlers that are called meanwhile, beside whatever else goes on here.

    ``least`` is the level from which on ``logging`` makes them, unless a notebook has set the
    root's level itself: that holds then.
    """
    divert_structlog()
    with lowered(least, _records):
        yield


def divert_structlog() -> None:
    """Stand before structlog's processors, if nothing stands there yet.

    In the list itself, as ``structlog.testing`` does, so that loggers that were made before know.
    """
    import structlog

    processors = structlog.get_config()["processors"]
    if _take in processors:
        return
    if isinstance(processors, list):
        processors.insert(0, _take)
    else:
        structlog.configure(processors=[_take, *processors])


def _take(
    logger: Any,  # noqa: ARG001
    method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    import structlog

    log = _current()
    if log is None:
        return event
    fields = {**structlog.contextvars.get_contextvars(), **event}
    level = _LEVELS.get(method, method)
    log.own(
        level if level in _KNOWN else "info",
        fields.pop("event", ""),
        fields,
        logger=HANDLER,
        error=_error(fields.pop("exc_info", None)),
    )
    raise structlog.DropEvent


class _Records(logging.Handler):
    """Takes the records of ``logging``."""

    def emit(self, record: logging.LogRecord) -> None:
        log = _current()
        if log is None or record.name.partition(".")[0] in _CLIENTS:
            _as_if_not_here(record)
            return
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - its arguments may not fit
            text = f"{record.msg} {record.args}"
        fields = {name: v for name, v in vars(record).items() if name not in _STANDARD}
        log.own(
            _level(level_of(record)),
            text,
            fields,
            logger=record.name,
            error=_error(record.exc_info),
        )


_records = _Records(UNSHOWN)


def _as_if_not_here(record: logging.LogRecord) -> None:
    """Print what nobody else takes, as ``logging`` does where it has not been set up."""
    last = logging.lastResort
    alone = logging.getLogger().handlers == [_records]
    if alone and last is not None and record.levelno >= last.level:
        last.handle(record)


def _current() -> Logs | None:
    return current_log() or (_alone[0] if _alone else None)


def _level(number: int) -> str:
    reached = [name for name in _KNOWN if number >= logging.getLevelName(name.upper())]
    return reached[-1] if reached else _KNOWN[0]


def _error(told: Any) -> BaseException | None:
    """The error of an ``exc_info``, in any of its forms."""
    if isinstance(told, BaseException):
        return told
    if isinstance(told, tuple) and len(told) == 3:
        return told[1] if isinstance(told[1], BaseException) else None
    return sys.exception() if told else None
