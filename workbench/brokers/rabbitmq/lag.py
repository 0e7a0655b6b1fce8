"""How far groups are behind: what waits in their queues, and what their members hold.

In this order: what a member was given left its queue before it was counted there, and is known to
the member before it is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from workbench.brokers.rabbitmq import holders
from workbench.brokers.rabbitmq.groups import ready
from workbench.brokers.rabbitmq.line import Line
from workbench.brokers.rabbitmq.streams import begins, ends


def lags(line: Line, groups: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Group → events on its channels that it has not committed yet."""
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
