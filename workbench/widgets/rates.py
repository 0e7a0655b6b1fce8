"""How many a second, over the last second: what makes an edge of the graph light up."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 1.0
_SLOT_SECONDS = 0.1


class Rate:
    """Counts over a sliding window, in slots, so that a burst of thousands costs nothing."""

    def __init__(self) -> None:
        self._slots: deque[tuple[int, int]] = deque()

    def add(self, n: int, now: float) -> None:
        """Count ``n`` more at a monotonic time."""
        slot = int(now / _SLOT_SECONDS)
        if self._slots and self._slots[-1][0] == slot:
            n += self._slots.pop()[1]
        self._slots.append((slot, n))

    def per_second(self, now: float) -> float:
        """Events a second over the window that ends now; 0 once the last one has left it."""
        first = int((now - WINDOW_SECONDS) / _SLOT_SECONDS)
        while self._slots and self._slots[0][0] <= first:
            self._slots.popleft()
        return sum(n for _, n in self._slots) / WINDOW_SECONDS
