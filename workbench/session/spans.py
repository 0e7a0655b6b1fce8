"""The spans of a workbench's services and of its publisher, read from their files."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.services.tracing import spans_folder
from workbench.services.tracing.conventions import CONVERSATION
from workbench.services.tracing.span_file import read_spans

_COLUMNS = [
    "trace_id", "span_id", "parent_span_id", "name", "kind", "service", "start", "end",
    "duration_ms", "status", "message", "attributes", "events", "links",
]  # fmt: skip
_MILLISECOND = 1e6

Row = dict[str, Any]


def spans(folder: Path, *, correlation_id: str | None, trace_id: str | None) -> pd.DataFrame:
    """See :meth:`Workbench.spans`."""
    files = sorted(spans_folder(folder).glob("*.jsonl"))
    # A span that is made again is the same one: what was told last is kept.
    known = {(row["trace_id"], row["span_id"]): row for row in read_spans(files)}
    rows = list(known.values())
    if correlation_id is not None:
        rows = _about(rows, _traces_of(rows, correlation_id))
    if trace_id is not None:
        rows = _about(rows, {trace_id})
    for row in rows:
        row["duration_ms"] = (row["end"] - row["start"]) / _MILLISECOND
    frame = pd.DataFrame(_in_causal_order(rows), columns=_COLUMNS)
    for column in ("start", "end"):
        frame[column] = pd.to_datetime(frame[column].astype("int64"), unit="ns", utc=True)
    return frame.astype({"duration_ms": "float64"})


def _traces_of(rows: Iterable[Row], flow: str) -> set[str]:
    return {row["trace_id"] for row in rows if row["attributes"].get(CONVERSATION) == flow}


def _about(rows: Iterable[Row], traces: set[str]) -> list[Row]:
    """The spans of traces, and those of others that are linked to them: sent or received batches."""
    return [
        row
        for row in rows
        if row["trace_id"] in traces or any(link["trace_id"] in traces for link in row["links"])
    ]


def _in_causal_order(rows: Sequence[Row]) -> list[Row]:
    """By when they began, but none before the span it stands below, nor before one it links to."""
    places = {(row["trace_id"], row["span_id"]): n for n, row in enumerate(rows)}
    causes = [_causes(row, places) - {n} for n, row in enumerate(rows)]
    effects: dict[int, list[int]] = {}
    for n, before in enumerate(causes):
        for cause in before:
            effects.setdefault(cause, []).append(n)
    ready = [(row["start"], n) for n, row in enumerate(rows) if not causes[n]]
    heapq.heapify(ready)
    ordered, left = [], [len(before) for before in causes]
    while ready:
        _, n = heapq.heappop(ready)
        ordered.append(n)
        for effect in effects.get(n, ()):
            left[effect] -= 1
            if not left[effect]:
                heapq.heappush(ready, (rows[effect]["start"], effect))
    done = set(ordered)
    rest = sorted((row["start"], n) for n, row in enumerate(rows) if n not in done)
    return [rows[n] for n in (*ordered, *(n for _, n in rest))]


def _causes(row: Row, places: dict[tuple[str, str], int]) -> set[int]:
    before = [(row["trace_id"], row["parent_span_id"])]
    before += [(link["trace_id"], link["span_id"]) for link in row["links"]]
    return {places[span] for span in before if span in places}
