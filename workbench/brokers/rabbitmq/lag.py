"""How far groups are behind: what waits in their queues, and what their members hold.

In this order: what a member was given left its queue before it was counted there, and is known to
the member before it is asked. What waits for its time, to be tried again, counts too.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from workbench.brokers.rabbitmq import delays, holders, registry
from workbench.brokers.rabbitmq.groups import ready
from workbench.brokers.rabbitmq.line import Line
from workbench.brokers.rabbitmq.streams import begins, ends

_ON_ITS_WAY = 0.05  # seconds


def lags(line: Line, groups: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Group → events on its channels that it has not committed yet."""
    queues = {
        group: [(name, n) for name, waits in known.items() if name in channels for n in waits]
        for known in [registry.read(line).delays]
        for group, channels in groups.items()
    }
    later = {group: delays.waiting(line, found) for group, found in queues.items() if found}
    if later:
        # What a delay lets go is in no queue for a moment.
        time.sleep(_ON_ITS_WAY)
    now = _now(line, groups)
    return {group: n + later.get(group, 0) for group, n in now.items()}


def _now(line: Line, groups: Mapping[str, Collection[str]]) -> dict[str, int]:
    waiting = {group: ready(line, group) for group in groups}
    there = [group for group, n in waiting.items() if n is not None]
    held = holders.held(line, there)
    return {
        group: _unread(line, groups[group]) if n is None else n + held[group]
        for group, n in waiting.items()
    }


def _unread(line: Line, channels: Collection[str]) -> int:
    """All that stands on channels: what a group that is not made yet will read."""
    first = begins(line, channels)
    return sum(max(0, end - first.get(place, 0)) for place, end in ends(line, channels).items())
