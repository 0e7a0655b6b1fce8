"""A captured log of orders, of any length: the same for the same length, and quickly made.

Orders take one of seven courses, of 2 to 9 events. Some stop halfway, one row in a hundred comes
twice, and two in a hundred belong to no flow. Rows stand as partitions are read: block by
block, in a block channel by channel. Inside a flow the effects of one cause follow each other in
one fixed order, and no two events have the same time; so the sequence of types in time tells flows
apart exactly as the stages of their causes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

SERVICES = {
    "OrderPlaced": "shop",
    "StockReserved": "inventory",
    "OutOfStock": "inventory",
    "PaymentReceived": "billing",
    "PaymentDeclined": "billing",
    "PaymentRetried": "billing",
    "InvoiceSent": "documents",
    "OrderShipped": "shipping",
    "OrderDelivered": "shipping",
    "OrderReturned": "shipping",
    "PaymentRefunded": "billing",
    "StockReleased": "inventory",
    "OrderCompleted": "shop",
    "OrderCancelled": "shop",
    "PriceChanged": "catalogue",
}
"""Event type → who emits it."""

TYPES = list(SERVICES)
CHANNELS = sorted(set(SERVICES.values()))


@dataclass(frozen=True)
class Course:
    """What may happen to an order."""

    share: float
    """Of all orders."""
    steps: tuple[tuple[str, int], ...]
    """Event type and the place of its cause among these, in order of time; -1: it has none."""


_PAID = (("OrderPlaced", -1), ("StockReserved", 0), ("PaymentReceived", 1), ("InvoiceSent", 2))
_DECLINED = (("OrderPlaced", -1), ("StockReserved", 0), ("PaymentDeclined", 1))
_DELIVERED = (*_PAID, ("OrderShipped", 2), ("OrderDelivered", 4))
ENDING_WELL = (
    Course(0.72, (*_DELIVERED, ("OrderCompleted", 5))),
    Course(0.08, (("OrderPlaced", -1), ("OutOfStock", 0), ("OrderCancelled", 1))),
    Course(0.08, (*_DECLINED, ("StockReleased", 2), ("OrderCancelled", 2))),
    Course(
        0.05,
        (*_DELIVERED, ("OrderReturned", 5), ("PaymentRefunded", 6), ("StockReleased", 6)),
    ),
    Course(
        0.04,
        (
            *_DECLINED,
            ("PaymentRetried", 2),
            ("PaymentReceived", 3),
            ("InvoiceSent", 4),
            ("OrderShipped", 4),
            ("OrderDelivered", 6),
            ("OrderCompleted", 7),
        ),
    ),
)
STUCK = (
    Course(0.02, _DECLINED[:2]),  # no payment, and no refusal of one
    Course(0.01, _PAID),  # never shipped
)
COURSES = ENDING_WELL + STUCK

TWICE = 0.01
WITHOUT_FLOW = 0.02
_ORDERS_IN_A_BLOCK = 50_000
_ORDERS_A_SECOND = 500
_MEAN_DELAY = 20e6  # nanoseconds
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


def write_synthetic_log(path: Path, events: int, courses: Sequence[Course] = COURSES) -> None:
    """Write a log of about so many rows as Parquet; the same rows for the same number.

    Orders take some of the courses, as often, one against the other, as their shares say.
    """
    random = np.random.default_rng(events)
    mean = np.dot(_shares(courses), [len(course.steps) for course in courses])
    orders = max(1, round(events / (mean * (1 + TWICE + WITHOUT_FLOW))))
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for first in range(0, orders, _ORDERS_IN_A_BLOCK):
            count = min(_ORDERS_IN_A_BLOCK, orders - first)
            start = _FROM + first * 10**9 // _ORDERS_A_SECOND
            writer.write_table(_block(random, courses, count, start))


def _shares(courses: Sequence[Course]) -> NDArray[np.float64]:
    shares = np.array([course.share for course in courses])
    return shares / shares.sum()


def _block(
    random: np.random.Generator, courses: Sequence[Course], orders: int, start: int
) -> pa.Table:
    course = random.choice(len(courses), orders, p=_shares(courses))
    size = np.array([len(course.steps) for course in courses])[course]
    first = np.cumsum(size) - size
    order = np.repeat(np.arange(orders), size)
    place = np.arange(len(order)) - first[order]

    types, causes = _tables(courses)
    kind, cause = types[course[order], place], causes[course[order], place]
    delay = 1 + random.exponential(_MEAN_DELAY, len(order)).astype(np.int64)
    passed = np.cumsum(delay)
    placed = start + random.integers(0, orders * 10**9 // _ORDERS_A_SECOND, orders)
    time = placed[order] + passed - passed[first][order]

    stray = round(len(order) * WITHOUT_FLOW)
    rows = len(order) + stray
    kind = np.append(kind, np.full(stray, TYPES.index("PriceChanged")))
    time = np.append(time, random.integers(time.min(), time.max() + 1, stray))
    order = np.append(order, np.full(stray, -1))
    cause = np.append(
        np.where(cause >= 0, first[order[: len(cause)]] + cause, -1), np.full(stray, -1)
    )

    emitter = np.array([CHANNELS.index(source) for source in SERVICES.values()])[kind]
    again = random.choice(rows, round(rows * TWICE), replace=False)
    read = np.append(np.arange(rows), again)
    read = read[np.lexsort((time[read], emitter[read]))]
    ids, flows = _uuids(random, rows), _uuids(random, orders)
    return pa.table(
        [
            _texts(ids, read),
            pa.DictionaryArray.from_arrays(pa.array(kind[read], pa.int32()), TYPES),
            pa.DictionaryArray.from_arrays(pa.array(emitter[read], pa.int32()), CHANNELS),
            pa.array(time[read]),
            _texts(flows, order[read]),
            _texts(ids, cause[read]),
        ],
        schema=SCHEMA,
    )


def _tables(courses: Sequence[Course]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Course and place → event type, and the place of its cause."""
    longest = max(len(course.steps) for course in courses)
    types = np.full((len(courses), longest), -1)
    causes = np.full((len(courses), longest), -1)
    for n, course in enumerate(courses):
        types[n, : len(course.steps)] = [TYPES.index(name) for name, _ in course.steps]
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
