"""The captured logs that are analysed, as Parquet files that every tool reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.synthetic_log import SCHEMA

SPANS = Path(__file__).parents[3] / "shared" / "data" / "trainticket_spans.parquet"
"""Real traces: about 508,000 spans; no part of the project, so it may be absent."""

_BLOCK = 10_000
"""Rows that stay together when a log is shuffled."""


def write_spans(path: Path, times: int) -> None:
    """Write the spans as events, so many times with fresh ids, shuffled by blocks.

    A trace is a flow, a span an event, its parent the cause, its operation the type and its pod the
    source.
    """
    spans = pq.read_table(SPANS)
    parent = spans["ParentID"]
    cause = pc.if_else(pc.equal(parent, "root"), pa.scalar(None, parent.type), parent)
    copies = []
    for n in range(times):
        suffix = f"{n:03d}" if times > 1 else ""
        columns = [
            _fresh(spans["SpanID"], suffix),
            spans["OperationName"].cast(pa.string()).dictionary_encode(),
            spans["PodName"].cast(pa.string()).dictionary_encode(),
            spans["StartTimeUnixNano"],
            _fresh(spans["TraceID"], suffix),
            _fresh(cause, suffix),
        ]
        copies.append(pa.table(columns, names=SCHEMA.names).cast(SCHEMA))
    whole = pa.concat_tables(copies)
    if times > 1:
        starts = np.random.default_rng(times).permutation(np.arange(0, len(whole), _BLOCK))
        whole = pa.concat_tables([whole.slice(start, _BLOCK) for start in starts.tolist()])
    pq.write_table(whole, path)


def _fresh(ids: pa.ChunkedArray, suffix: str) -> pa.ChunkedArray:
    texts = ids.cast(pa.large_string())
    return pc.binary_join_element_wise(
        texts, pa.scalar(suffix, pa.large_string()), pa.scalar("", pa.large_string())
    )


def write_few(log: Path, path: Path, rows: int) -> None:
    """Write the first rows of a log as another."""
    pq.write_table(pq.read_table(log).slice(0, rows), path)
