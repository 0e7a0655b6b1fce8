"""Make ``foreign_dump.gz`` again: what a log platform might export of ``faulty_orders.jsonl.gz``.

``python sample_data/make_foreign_dump.py`` takes a second. No such platform exists: this script
invents its names, so that a notebook can read a file that was not made for it. The events are those
of the log, with these differences:

- other names, ids in nested ``headers``, times in milliseconds since 1970 (``headers.t``), so that
  what happened within a millisecond is tied;
- ``@timestamp`` is when the platform stored the record, which it does every five seconds;
- lines as the platform stored them, a heading between its pages, two lines cut off.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas as pd

from workbench import EventLog

HERE = Path(__file__).parent
LOG, DUMP = HERE / "faulty_orders.jsonl.gz", HERE / "foreign_dump.gz"
STORED_EVERY, PAGE = "5s", 1_000
CUT_OFF = (700, 2_100)
"""The first OrderPlaced from each of these on breaks off in the middle."""


def main() -> None:
    """Read the log, write it in another shape."""
    frame = EventLog.read(LOG, progress=False).frame
    frame["stored"] = frame["broker_time"].dt.ceil(STORED_EVERY)
    frame = frame.sort_values(["stored", "channel", "partition", "offset"])
    frame = frame.astype(object).where(frame.notna(), None)
    lines, to_cut = [], list(CUT_OFF)
    for number, row in enumerate(frame.itertuples()):
        if number % PAGE == 0:
            lines.append(f"--- page {number // PAGE + 1} ---")
        line = json.dumps(record(row), separators=(",", ":"))
        if to_cut and number >= to_cut[0] and row.type == "OrderPlaced":
            line = line[: len(line) // 2]
            del to_cut[0]
        lines.append(line)
    with gzip.GzipFile(DUMP, "wb", mtime=0) as file:
        file.write("\n".join([*lines, ""]).encode())


def record(row: object) -> dict[str, object]:
    """One record as the platform has it."""
    return {
        "@timestamp": f"{row.stored:%Y-%m-%dT%H:%M:%S}Z",
        "svc": row.source,
        "headers": {
            "uid": row.id,
            "x-request-id": row.correlation_id,
            "because-of": row.causation_id,
            "t": milliseconds(row.time),
        },
        "key": row.key,
        "record": {
            "topic": row.channel,
            "partition": row.partition,
            "offset": row.offset,
            "timestamp": milliseconds(row.broker_time),
        },
        "kind": row.type,
        "content": row.data,
        "failure": row.dead_letter,
    }


def milliseconds(time: pd.Timestamp) -> int:
    """Since 1970."""
    return time.value // 1_000_000


if __name__ == "__main__":
    main()
