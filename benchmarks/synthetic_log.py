"""A captured log of any length: the same for the same length, and quickly made.

Some flows stop halfway, one row in a hundred comes twice, and two in a hundred belong to no flow.
Rows stand as partitions are read: block by block, in a block channel by channel. Orders take one of
seven courses, of 2 to 9 events: the effects of one cause follow each other in one fixed order, and no
two events of an order have the same time; so the sequence of types in time tells orders apart exactly
as the stages of their causes do. Sign-ups are answered side by side, by each service in its own time:
of 12 to 16 events, hardly two have them in the same sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.synthetic_courses import ORDERS, Course, Traffic

TWICE = 0.01
WITHOUT_FLOW = 0.02
_FLOWS_IN_A_BLOCK = 50_000
_FLOWS_A_SECOND = 500
_MEAN_DELAY = 20.0  # milliseconds
_FROM = pd.Timestamp("2026-11-23T09:00:00Z").value

SCHEMA = pa.schema(
    {
        "id": pa.large_string(),
        "type": pa.dictionary(pa.int32(), pa.string()),
        "source": pa.dictionary(pa.int32(), pa.string()),
        "time": pa.int64(),
        "correlation_id": pa.large_string(),
        "causation_id": pa.large_string(),
    }
)
"""The columns; ``time`` in whole nanoseconds since 1970."""


def write_synthetic_log(path: Path, events: int, traffic: Traffic = ORDERS) -> None:
    """Write a log of about so many rows as Parquet; the same rows for the same number.

    Flows take some of the courses, as often, one against the other, as their shares say.
    """
    random = np.random.default_rng(events)
    courses = traffic.all_courses
    mean = np.dot(_shares(courses), [len(course.steps) for course in courses])
    flows = max(1, round(events / (mean * (1 + TWICE + WITHOUT_FLOW))))
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for first in range(0, flows, _FLOWS_IN_A_BLOCK):
            count = min(_FLOWS_IN_A_BLOCK, flows - first)
            start = _FROM + first * 10**9 // _FLOWS_A_SECOND
            writer.write_table(_block(random, traffic, count, start))


def _shares(courses: Sequence[Course]) -> NDArray[np.float64]:
    shares = np.array([course.share for course in courses])
    return shares / shares.sum()


def _block(random: np.random.Generator, traffic: Traffic, flows: int, start: int) -> pa.Table:
    courses, names = traffic.all_courses, list(traffic.services)
    channels = sorted(set(traffic.services.values()))
    course = random.choice(len(courses), flows, p=_shares(courses))
    size = np.array([len(course.steps) for course in courses])[course]
    first = np.cumsum(size) - size
    flow = np.repeat(np.arange(flows), size)
    place = np.arange(len(flow)) - first[flow]

    types, causes = _tables(courses, names)
    kind, cause = types[course[flow], place], causes[course[flow], place]
    means = np.array([traffic.delays.get(name, _MEAN_DELAY) for name in names]) * 1e6
    delay = 1 + random.exponential(means[kind]).astype(np.int64)
    begun = start + random.integers(0, flows * 10**9 // _FLOWS_A_SECOND, flows)
    cause = np.where(cause >= 0, first[flow] + cause, -1)
    if traffic.side_by_side:
        time = begun[flow]
        for step in range(1, int(size.max())):
            at = np.flatnonzero(place == step)
            time[at] = time[cause[at]] + delay[at]
    else:
        passed = np.cumsum(delay)
        time = begun[flow] + passed - passed[first][flow]

    stray = round(len(flow) * WITHOUT_FLOW)
    rows = len(flow) + stray
    kind = np.append(kind, np.full(stray, names.index(traffic.without_flow)))
    time = np.append(time, random.integers(time.min(), time.max() + 1, stray))
    flow = np.append(flow, np.full(stray, -1))
    cause = np.append(cause, np.full(stray, -1))

    emitter = np.array([channels.index(source) for source in traffic.services.values()])[kind]
    again = random.choice(rows, round(rows * TWICE), replace=False)
    read = np.append(np.arange(rows), again)
    read = read[np.lexsort((time[read], emitter[read]))]
    ids, of_flows = _uuids(random, rows), _uuids(random, flows)
    return pa.table(
        [
            _texts(ids, read),
            pa.DictionaryArray.from_arrays(pa.array(kind[read], pa.int32()), names),
            pa.DictionaryArray.from_arrays(pa.array(emitter[read], pa.int32()), channels),
            pa.array(time[read]),
            _texts(of_flows, flow[read]),
            _texts(ids, cause[read]),
        ],
        schema=SCHEMA,
    )


def _tables(
    courses: Sequence[Course], names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Course and place → event type, and the place of its cause."""
    longest = max(len(course.steps) for course in courses)
    types = np.full((len(courses), longest), -1)
    causes = np.full((len(courses), longest), -1)
    for n, course in enumerate(courses):
        types[n, : len(course.steps)] = [names.index(name) for name, _ in course.steps]
        causes[n, : len(course.steps)] = [cause for _, cause in course.steps]
    return types, causes


def _uuids(random: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Random UUIDs (version 4) as ASCII, a row of 36 bytes each."""
    raw = random.integers(0, 256, (count, 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    at = np.setdiff1d(np.arange(36), (8, 13, 18, 23))
    text[:, at[::2]] = digits[raw >> 4]
    text[:, at[1::2]] = digits[raw & 15]
    return text


def _texts(ascii_rows: NDArray[np.uint8], take: NDArray[np.int64]) -> pa.Array:
    """Arrow text of some of the rows; null for -1."""
    known = take >= 0
    ends = np.cumsum(np.where(known, ascii_rows.shape[1], 0))
    return pa.LargeStringArray.from_buffers(
        len(take),
        pa.py_buffer(np.append(0, ends)),
        pa.py_buffer(ascii_rows[take[known]]),
        pa.py_buffer(np.packbits(known, bitorder="little")),
    )
