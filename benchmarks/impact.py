"""The impact of a change on a captured log: how long it takes to say what would be refused.

A million orders of about 300 bytes, as JSON text, of which one in a hundred is refused. The peers
do no more than read the text and validate it with the new schema; ours also reads each as the
version that it names, fills in defaults, orders the log and groups what is refused.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import fastjsonschema
import jsonschema
import orjson
import pandas as pd

from benchmarks.harness import Load, Row, ratio, row
from workbench.analysis import EventLog
from workbench.choreography import Choreography
from workbench.events import EventType, examples

RUNS = 3
LIMIT = 20.0  # seconds for a million
REFUSED_EVERY = 100
SLOW_SHARE = 0.01  # of the payloads: jsonschema is asked for no more than these

TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 1}
LINE = {
    "type": "object",
    "properties": {"sku": TEXT, "quantity": COUNT, "price": {**TEXT, "format": "decimal"}},
    "required": ["sku", "quantity"],
}
OLD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "order_id": TEXT,
        "customer": {
            "type": "object",
            "properties": {"name": TEXT, "email": TEXT, "city": TEXT},
            "required": ["name", "email"],
        },
        "lines": {"type": "array", "items": LINE, "minItems": 2, "maxItems": 3},
        "total": {"type": "number"},
        "placed_at": {**TEXT, "format": "date-time"},
    },
    "required": ["order_id", "customer", "lines", "total"],
}
NEW: dict[str, Any] = {
    **OLD,
    "properties": {
        **OLD["properties"],
        "total": {"type": "number", "minimum": 0},
        "currency": {**TEXT, "default": "EUR"},
    },
}


def measure(load: Load) -> list[Row]:
    count = load.of(1_000_000, 50_000)
    load.say(f"making a log of {count:,} orders")
    design = Choreography()
    design.event(EventType("OrderPlaced", OLD, key="order_id"))
    texts = payloads(count)
    log = log_of(texts)
    ours: list[float] = []
    fast: list[float] = []
    slow: list[float] = []
    for run in range(RUNS):
        load.say(f"impact, run {run + 1} of {RUNS}")
        began = time.perf_counter()
        found = design.impact("OrderPlaced", NEW, log)
        ours.append(time.perf_counter() - began)
        refused = 0 if found.payloads is None else found.payloads.refused
        if refused != count // REFUSED_EVERY:
            raise RuntimeError(f"{refused:,} are refused, and {count // REFUSED_EVERY:,} should be")
        load.say(f"fastjsonschema, run {run + 1} of {RUNS}")
        fast.append(_validate_all(texts, fastjsonschema.compile(NEW)))
        load.say(f"jsonschema, run {run + 1} of {RUNS}")
        few = texts[: max(1_000, int(count * SLOW_SHARE))]
        slow.append(_validate_all(few, _jsonschema()) * count / len(few))
    size = sum(map(len, texts)) / count
    limit = LIMIT if count == 1_000_000 else None
    return [
        row(
            f"impact() on {count:,} payloads of {size:.0f} bytes",
            ours,
            "s",
            digits=2,
            at_most=limit,
        ),
        row("  fastjsonschema: read and validate, no more", fast, "s", digits=2, aside=True),
        ratio("  ratio", ours, fast),
        row("  jsonschema: the same, from a hundredth of them", slow, "s", digits=0, aside=True),
        ratio("  ratio", ours, slow),
    ]


def payloads(count: int) -> list[str]:
    """Orders as JSON text, of which one in a hundred has a total below 0."""
    some = examples(EventType("OrderPlaced", OLD, key="order_id"), 1_000)
    texts = []
    for n in range(count):
        total = -1 if n % REFUSED_EVERY == 0 else n
        order = {**some[n % len(some)], "order_id": f"o-{n}", "total": total}
        texts.append(orjson.dumps(order).decode())
    return texts


def log_of(texts: list[str]) -> EventLog:
    count = len(texts)
    start = pd.Timestamp("2026-11-23T12:00:00Z")
    return EventLog(
        pd.DataFrame(
            {
                "id": [f"e-{n}" for n in range(count)],
                "type": "OrderPlaced",
                "source": "shop",
                "time": start + pd.to_timedelta(range(count), unit="ms"),
                "channel": "shop",
                "partition": [n % 3 for n in range(count)],
                "offset": range(count),
                "dataschema": "urn:event:OrderPlaced:1",
                "data": texts,
            }
        )
    )


def _validate_all(texts: list[str], validate: Callable[[Any], Any]) -> float:
    began = time.perf_counter()
    for text in texts:
        with contextlib.suppress(
            fastjsonschema.JsonSchemaValueException, jsonschema.ValidationError
        ):
            validate(orjson.loads(text))
    return time.perf_counter() - began


def _jsonschema() -> Callable[[Any], Any]:
    return jsonschema.Draft202012Validator(NEW).validate
