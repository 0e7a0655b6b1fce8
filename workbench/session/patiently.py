"""Asking what may take long, without waiting for it longer than one likes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Patiently(Generic[Answer]):
    """Asks something that may take long, in a thread of its own; for any thread."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: Future[Answer] | None = None

    def answer(self, seconds: float) -> Answer | None:
        """The answer; ``None`` if it does not come in that time, or is an error.

        A question that is still unanswered is not asked a second time.
        """
        with self._lock:
            asked = self._asked
            if asked is None or asked.done():
                asked = self._asked = Future()
                threading.Thread(
                    target=self._run, args=(asked,), name="metrics", daemon=True
                ).start()
        try:
            return asked.result(seconds)
        except Exception:  # noqa: BLE001 - a scrape outlives whatever the broker does
            return None

    def _run(self, asked: Future[Answer]) -> None:
        try:
            asked.set_result(self._ask())
        except Exception as error:  # noqa: BLE001 - see above
            asked.set_exception(error)
