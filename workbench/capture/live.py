"""Recording what comes, until it is stopped."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from workbench.brokers import Broker
from workbench.brokers.record_batch import RecordBatch
from workbench.capture.decoding import decoded
from workbench.capture.fetching import Lost, Places, follow_batches
from workbench.capture.wire_format import Decoder
from workbench.errors import LogError, WorkbenchError

Result = TypeVar("Result")

_LOOKED_BACK: Final = 5.0
"""Seconds that the rate is the mean of."""


class LiveCapture(Generic[Result]):
    """A capture that goes on in the background; what :meth:`stop` returns holds all of it.

    Parameters
    ----------
    first
        Where to begin on each partition. Channels and partitions that are made later are not read.
    collect
        Makes the result of batches, each with its rows; called in the background.
    decoder
        Of values in Confluent's wire format.
    told
        Told, in the background, how many events there are by now.
    lost
        Told, likewise, what the broker deletes before it is read.
    """

    def __init__(
        self,
        broker: Broker,
        first: Places,
        collect: Callable[[Iterator[Any]], Result],
        *,
        decoder: Decoder | None = None,
        told: Callable[[int], None] = lambda count: None,
        lost: Lost | None = None,
    ) -> None:
        self._broker, self._first, self._told = broker, dict(first), told
        self._decoder, self._lost = decoder, lost
        self._stopping = threading.Event()
        self._last: Places | None = None
        self._count = 0
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._error: BaseException | None = None
        self._result: list[Result] = []
        self._thread = threading.Thread(
            target=self._run, args=(collect,), name="live capture", daemon=True
        )
        self._thread.start()

    @property
    def count(self) -> int:
        """How many events have come."""
        return self._count

    @property
    def rate(self) -> float:
        """How many events came a second, of late."""
        now, (then, before) = time.monotonic(), self._marks[0]
        return (self._count - before) / max(now - then, 1e-3)

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive() and not self._stopping.is_set()

    @property
    def result(self) -> Result:
        """What has been captured, once it has ended.

        Raises
        ------
        LogError
            It goes on, or nothing could be made of what has come; says why.
        """
        if self._thread.is_alive():
            raise LogError("the live capture goes on: .stop() ends it.")
        if not self._result:
            raise LogError(f"the live capture failed: {self._error}") from self._error
        return self._result[0]

    def stop(self) -> Result:
        """End it, with all that was on its channels at this moment, and return what it has captured.

        Raises
        ------
        LogError
            It ended before, or can't be ended well, because the broker failed; ``.result`` holds what
            came until then.
        """
        self._stopping.set()
        self._thread.join()
        if self._error is not None and self._result:
            raise LogError(
                f"the live capture ended early, after {self._count:,} events: {self._error} "
                "What came before is its .result."
            ) from self._error
        return self.result

    def _run(self, collect: Callable[[Iterator[Any]], Result]) -> None:
        try:
            self._result.append(collect(decoded(self._batches(), self._decoder)))
        except BaseException as error:  # noqa: BLE001 - nobody hears of it here: stop() says it
            self._error = error

    def _batches(self) -> Iterator[RecordBatch]:
        try:
            for batch in follow_batches(self._broker, self._first, self._ends, self._lost):
                self._count += len(batch)
                self._mark()
                yield batch
        except WorkbenchError as error:
            self._error = error

    def _ends(self) -> Places | None:
        if self._last is None and self._stopping.is_set():
            ends = self._broker.end_offsets({position.channel for position in self._first})
            # A partition of a channel that was deleted meanwhile has no end any more.
            self._last = {p: ends.get(p, begin) for p, begin in self._first.items()}
        self._mark()
        return self._last

    def _mark(self) -> None:
        now = time.monotonic()
        self._marks.append((now, self._count))
        while self._marks[0][0] < now - _LOOKED_BACK and len(self._marks) > 1:
            self._marks.popleft()
        self._told(self._count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def __repr__(self) -> str:
        how = f"goes on, {self.rate:,.0f} a second" if self.running else "ended"
        return f"<live capture: {self._count:,} events, {how}>"
