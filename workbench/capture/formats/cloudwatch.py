"""What Amazon CloudWatch Logs answers to ``filter-log-events`` and ``get-log-events``.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilteredLogEvent.html: an
event's ``message`` is text. It is one of ours if it ends in a JSON object, before which Lambda writes
the time, its request's id and the level.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import objects_of_member, short_json, shown
from workbench.capture.formats.outline import outline
from workbench.capture.reading.foreign import Rejected, Source
from workbench.capture.reading.object_tails import row_of

_INSIDE: Final = 2
"""Brackets and braces around an event: ``{"events":[``."""


class CloudWatchJson:
    """CloudWatch's log events."""

    name = "CloudWatch"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so is such an answer."""
        return {
            f"events.[].{name}" for name in ("timestamp", "message", "ingestionTime")
        } <= outline(head)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each event: what its message says, and beside it what CloudWatch does."""
        for found in objects_of_member(source.document(), "events", _INSIDE, short_json):
            if isinstance(found, Rejected):
                yield found
                continue
            number, event = found
            message = event.get("message")
            said = row_of(message) if isinstance(message, str) else None
            if said is None:
                reason = f"the message of event {number} holds neither a JSON object nor names and values."
                yield Rejected(-1, reason, shown(event))
                continue
            stored = {"stored_at": event.get("timestamp"), "log_stream": event.get("logStreamName")}
            yield stored | said
