"""A connection to RabbitMQ, kept by a thread of its own.

The thread answers heartbeats and takes what comes however long its user is busy; what the user asks
for is done in that thread, and waited for. pika's own blocking connection serves heartbeats only
while it is called, and waits for the confirmation of each message before it sends the next.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Self, TypeVar

from pika import SelectConnection
from pika import exceptions as pika_errors

from workbench.brokers.rabbitmq.endpoint import Endpoint
from workbench.errors import BrokerError, BrokerUnavailableError

HEARTBEAT = 10
"""Seconds; RabbitMQ gives a connection up that was silent for two of them."""
NOT_FOUND, LOCKED, OTHERWISE = 404, 405, 406
"""What RabbitMQ says of what isn't there, is another connection's, or is not what was declared."""
_NO_ACCESS = {403, 530}
_DOWN = "is down or inaccessible"
_NOT_LET_IN = (pika_errors.AuthenticationError, pika_errors.ProbableAuthenticationError)
_NO_VHOST = pika_errors.ProbableAccessDeniedError
Result = TypeVar("Result")

# pika tells of every connection that ends; the workbench says in its own words what matters.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class RefusedError(BrokerError):
    """RabbitMQ said no, and why: ``code`` is its own."""

    def __init__(self, message: str, code: int) -> None:
        self.code = code
        super().__init__(message)


class NotLetInError(BrokerUnavailableError):
    """RabbitMQ is there, and does not let this user in."""


class Line:
    """One connection. May be used from several threads.

    Raises
    ------
    BrokerUnavailableError
        It can't be had within ``timeout`` seconds.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.endpoint, self.timeout = endpoint, timeout
        self._lock = threading.Lock()
        self._waiting: set[Future[Any]] = set()
        self._when_lost: list[Callable[[], None]] = []
        self._lost = False
        opened: Future[Any] = self._promise()
        self._connection = SelectConnection(
            endpoint.parameters(timeout, HEARTBEAT),
            on_open_callback=lambda _: settle(opened, None),
            on_open_error_callback=lambda _, error: self._end(self._refusal(error)),
            on_close_callback=lambda _, error: self._end(self._gone(error)),
        )
        self._thread = threading.Thread(target=self._serve, name="rabbitmq", daemon=True)
        self._thread.start()
        try:
            self.wait(opened, timeout + 1)
        except BrokerError:
            self.close()
            raise

    @property
    def lost(self) -> bool:
        """Whether it has ended."""
        return self._lost

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Call back, in its thread, when it has ended."""
        self._when_lost.append(tell)

    def run(self, function: Callable[[], Result]) -> Result:
        """Do something in its thread."""
        answer: Future[Result] = self._promise()

        def work() -> None:
            try:
                settle(answer, function())
            except Exception as error:  # noqa: BLE001 - told to who asked
                settle(answer, error)

        self.soon(work)
        return self.wait(answer)

    def soon(self, work: Callable[[], None]) -> None:
        """Let its thread do something, and don't wait."""
        self._connection.ioloop.add_callback_threadsafe(work)

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Let its thread do something after a while; to be called there."""
        self._connection.ioloop.call_later(seconds, work)

    def wait(self, answer: Future[Result], timeout: float | None = None) -> Result:
        """What a promise comes to.

        Raises
        ------
        BrokerUnavailableError
            There was no answer in time, or the connection has ended.
        """
        try:
            return answer.result(self.timeout if timeout is None else timeout)
        except FutureTimeoutError:
            raise BrokerUnavailableError(
                f"RabbitMQ at {self.endpoint} has not answered within {self.timeout:g} s."
            ) from None
        except pika_errors.AMQPChannelError as error:
            raise self._said(error) from error
        except pika_errors.AMQPError as error:
            raise self._gone(error) from error
        finally:
            self._waiting.discard(answer)

    def session(self) -> Session:
        """A new session on it."""
        return Session(self)

    def close(self) -> None:
        """Give the connection back."""
        with contextlib.suppress(BrokerError):
            if not self._lost:
                self.run(self._hang_up)
        self._thread.join(self.timeout)

    def _hang_up(self) -> None:
        if self._connection.is_open:
            self._connection.close()
        elif not self._connection.is_closing:
            self._connection.ioloop.stop()

    def _promise(self) -> Future[Any]:
        promise: Future[Any] = Future()
        with self._lock:
            if self._lost:
                raise self._gone(None)
            self._waiting.add(promise)
        return promise

    def _serve(self) -> None:
        error = None
        try:
            self._connection.ioloop.start()
        except Exception as failure:  # noqa: BLE001 - told to all who wait
            error = failure
        self._end(self._gone(error))

    def _end(self, error: BrokerError) -> None:
        with self._lock:
            first, self._lost = not self._lost, True
            left = list(self._waiting)
        for promise in left:
            settle(promise, error)
        if first:
            for tell in self._when_lost:
                tell()
            self._connection.ioloop.stop()

    # --- in words -------------------------------------------------------------------------

    def _gone(self, error: BaseException | None) -> BrokerUnavailableError:
        why = f": {reason(error)}" if error is not None else ""
        return BrokerUnavailableError(
            f"the connection to RabbitMQ at {self.endpoint} is lost{why}."
        )

    def _said(self, error: pika_errors.AMQPChannelError) -> BrokerError:
        code = getattr(error, "reply_code", 0)
        if _DOWN in reason(error):  # a queue that is there, and is about to be again
            return BrokerUnavailableError(
                f"RabbitMQ at {self.endpoint} does not answer for a queue now: {reason(error)}."
            )
        text = f"RabbitMQ at {self.endpoint} did not do as asked: {reason(error)}."
        if code == OTHERWISE:
            text = (
                f"RabbitMQ at {self.endpoint} has something of this name with other settings "
                f"({reason(error)}): delete it there, or use another namespace."
            )
        return RefusedError(text, code)

    def _refusal(self, error: BaseException) -> BrokerUnavailableError:
        """Why there is no connection."""
        place, causes = self.endpoint, _chain(error)
        if any(isinstance(cause, _NOT_LET_IN) for cause in causes):
            return NotLetInError(
                f"RabbitMQ at {place} did not let the user in: check the user and the password in "
                "the address."
            )
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return NotLetInError(
                    f"the certificate of RabbitMQ at {place} is not trusted: "
                    f"{cause.verify_message}; ssl_cafile=... names a file with those that are."
                )
        codes = {getattr(cause, "reply_code", 0) for cause in causes}
        if codes & _NO_ACCESS or any(isinstance(cause, _NO_VHOST) for cause in causes):
            return NotLetInError(
                f"RabbitMQ at {place} has no vhost {place.vhost!r} for this user: check the vhost "
                "in the address, and what the user may do there."
            )
        with contextlib.suppress(OSError):
            socket.create_connection((place.host, place.port), timeout=1).close()
            return BrokerUnavailableError(
                f"something listens at {place}, but did not answer as a RabbitMQ within "
                f"{self.timeout:g} s: is it one, and does it want to be spoken to "
                f"{'without' if place.tls else 'with'} TLS?"
            )
        return BrokerUnavailableError(
            f"no RabbitMQ answered at {place} within {self.timeout:g} s; is it running, and is the "
            "address right? (workbench rabbitmq status)"
        )


class Session:
    """What AMQP calls a channel: a conversation on a connection, which ends at the first error."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.closed: BaseException | None = None
        self.when_closed: list[Callable[[], None]] = []
        self._waiting: set[Future[Any]] = set()
        opened = line._promise()  # noqa: SLF001 - its own line

        def open_() -> Any:
            raw = line._connection.channel(on_open_callback=lambda _: settle(opened, None))  # noqa: SLF001
            raw.add_on_close_callback(self._on_close)
            return raw

        self._waiting.add(opened)
        self.raw: Any = line.run(open_)
        line.wait(opened)
        self._waiting.discard(opened)

    def ask(self, method: str, **arguments: Any) -> Any:
        """Ask RabbitMQ for something by a method of pika's, and give its answer.

        Raises
        ------
        RefusedError
            It said no; the session is over.
        BrokerUnavailableError
            It did not answer.
        """
        answer = self.line._promise()  # noqa: SLF001 - its own line
        self._waiting.add(answer)

        def work() -> None:
            try:
                getattr(self.raw, method)(
                    **arguments, callback=lambda frame: settle(answer, frame.method)
                )
            except Exception as error:  # noqa: BLE001 - told to who asked
                settle(answer, self.closed or error)

        self.line.soon(work)
        try:
            return self.line.wait(answer)
        finally:
            self._waiting.discard(answer)

    def _on_close(self, _: Any, error: BaseException) -> None:
        self.closed = error
        for promise in list(self._waiting):
            settle(promise, error)
        for tell in self.when_closed:
            tell()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(BrokerError, pika_errors.AMQPError):
            self.line.run(lambda: self.raw.close() if self.raw.is_open else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def settle(promise: Future[Any], outcome: Any) -> None:
    """Keep a promise, unless it was kept already."""
    with contextlib.suppress(Exception):  # another thread was first
        if isinstance(outcome, BaseException):
            promise.set_exception(outcome)
        else:
            promise.set_result(outcome)


def reason(error: BaseException) -> str:
    """What an error says, in one line and not too long."""
    text = getattr(error, "reply_text", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:300].rstrip(".")


def _chain(error: BaseException) -> list[BaseException]:
    """An error, and what it holds: pika wraps what went wrong several times."""
    found: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        one = queue.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            queue += [*one.args, one.__cause__, getattr(one, "exception", None)]
            queue += list(getattr(one, "exceptions", ()))
        elif isinstance(one, (list, tuple)):
            queue += one
    return found
