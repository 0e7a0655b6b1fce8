"""Every error the workbench raises on purpose, in one hierarchy.

A message is one sentence a person can act on: what is wrong, where, and what to do.
``except WorkbenchError`` catches all of them and nothing else.
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """The root: something the workbench can explain in a sentence."""


class EventError(WorkbenchError):
    """An event type, a payload or an envelope is not what it must be.

    Attributes
    ----------
    without_values
        The message without what a payload holds: as logs and spans show it.
    """

    def __init__(self, message: str = "", *, without_values: str | None = None) -> None:
        self.without_values = message if without_values is None else without_values
        super().__init__(message)


class DesignError(WorkbenchError):
    """A design can't be used as it stands; says the file, line and field where it can.

    Attributes
    ----------
    file, line, field
        Where the mistake is; each ``None`` where it is not known. Lines count from 1.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        self.file, self.line, self.field = file, line, field
        place = ":".join(str(part) for part in (file, line) if part is not None)
        where = ", ".join(part for part in (place, f"field {field}" if field else "") if part)
        super().__init__(f"{where}: {message}" if where else message)


class ExpressionError(DesignError):
    """A CEL guard or mapping does not compile, or fails on an event."""


class IncompatibleError(DesignError):
    """A draft can't become the next version: it breaks what its event type promises.

    Attributes
    ----------
    result
        The verdict, with all that changes: what ``check_compatibility`` gave.
    """

    def __init__(self, message: str, *, result: object = None) -> None:
        self.result = result
        super().__init__(message)


class HandlerError(WorkbenchError):
    """A Python handler is missing, badly annotated, or can't travel to another process."""


class BrokerError(WorkbenchError):
    """The broker did not do what was asked of it."""


class BrokerUnavailableError(BrokerError):
    """No broker answered at the address within the time given."""


class EventRefusedError(BrokerError):
    """The broker will not take this event (too large, say), now or later."""


class LocalBrokerError(BrokerError):
    """A broker of this machine can't be had, started or kept running."""


class PortTakenError(LocalBrokerError):
    """Another program listens at the port that a broker of this machine is to have."""


class ServiceError(WorkbenchError):
    """A service can't be started, stopped or found."""


class DeadLetterError(WorkbenchError):
    """Dead letters can't be selected, redriven, discarded or edited as asked."""


class FaultError(WorkbenchError):
    """A fault can't be inflicted as asked."""


class MetricsError(WorkbenchError):
    """Metrics can't be served as asked."""


class LogError(WorkbenchError):
    """An event log can't be captured, read, written or analysed."""


class UndecodedError(LogError):
    """A value in a log can't be decoded: the message is the reason, the same for all alike."""
