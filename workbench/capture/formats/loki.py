"""What Grafana Loki answers to a query for log lines: streams of lines, each with the stream's labels.

https://grafana.com/docs/loki/latest/reference/loki-http-api/: of ``query_range`` and ``query``, where
``resultType`` is ``streams``. A line is an event if it ends in a JSON object, or holds names and values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import objects_of_member, short_json, shown
from workbench.capture.formats.outline import outline
from workbench.capture.formats.spans import objects
from workbench.capture.reading.foreign import Rejected, Source
from workbench.capture.reading.object_tails import row_of

_INSIDE: Final = 5
"""Brackets and braces around a line: ``{"data":{"result":[{"values":[[``, but for its own."""


class LokiJson:
    """Loki's streams of lines."""

    name = "Loki"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so is such an answer."""
        return {"data.result.[].stream", "data.result.[].values"} <= outline(head)

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each line: what it says, its ``stream``, and when it was ``stored_at``."""
        for found in objects_of_member(source.document(), "data", _INSIDE, short_json):
            if isinstance(found, Rejected):
                yield found
                continue
            for number, stream in enumerate(objects(found[1].get("result")), start=1):
                entries = stream.get("values")
                for entry in entries if isinstance(entries, list) else []:
                    yield _row(entry, stream.get("stream"), number)


def _row(entry: Any, labels: Any, stream: int) -> dict[str, Any] | Rejected:
    if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
        return Rejected(-1, f"an entry of stream {stream} is no time with a line.", shown(entry))
    time, line = entry[:2]
    said = row_of(line)
    if said is None:
        return Rejected(
            -1, f"a line of stream {stream} holds neither a JSON object nor names and values.", line
        )
    return {"stored_at": time, "stream": labels} | said
