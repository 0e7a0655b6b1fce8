"""A dump read: a million events of JSON lines, about 500 bytes each, with nested payloads.

``EventLog.read`` beside ``polars.read_ndjson`` and, for the record, DuckDB's ``read_json``. Each run
is a process of its own, which reads a short dump first; the tools take turns. The workbench keeps a
payload as JSON text that it has checked, Polars makes columns of it, DuckDB keeps it as JSON.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from uuid import UUID

import orjson

from benchmarks.harness import Load, Row, in_a_process, ratio, row, temporary_folder
from benchmarks.reading_worker import Result

RUNS = 3
SLOWER = 1.5
MEMORY = 4.0
PEERS = {"polars": "polars.read_ndjson", "duckdb": "DuckDB, read_json"}
STEPS = {
    "OrderPlaced": "shop",
    "StockReserved": "inventory",
    "PaymentReceived": "billing",
    "OrderShipped": "shipping",
    "OrderCompleted": "shop",
}


def measure(load: Load) -> list[Row]:
    count = load.of(1_000_000, 100_000)
    runs: dict[str, list[Result]] = {who: [] for who in ("workbench", *PEERS)}
    with temporary_folder() as folder:
        load.say(f"writing {count:,} events")
        dump, short = folder / "dump.jsonl", folder / "short.jsonl"
        write_dump(dump, count)
        write_dump(short, 1_000)
        size = dump.stat().st_size / 1e6
        for run in range(RUNS):
            for who, results in runs.items():
                load.say(f"run {run + 1} of {RUNS}: {who}")
                found = in_a_process("benchmarks.reading_worker", who, dump, short)
                results.append(Result(**found))
                if (read := results[-1].events) != count:
                    raise RuntimeError(f"{who} has read {read:,} events of {count:,}")
    ours = [run.seconds for run in runs["workbench"]]
    memory = [run.memory / size for run in runs["workbench"]]
    bytes_each = size * 1e6 / count
    rows = [
        row(f"EventLog.read, {count:,} events of {bytes_each:.0f} bytes", ours, "s", digits=2),
        row("  memory at the peak, over the file", memory, "×", digits=1, at_most=MEMORY),
    ]
    for who, name in PEERS.items():
        taken = [run.seconds for run in runs[who]]
        needed = [run.memory / size for run in runs[who]]
        limit = SLOWER if who == "polars" else None
        rows += [
            row(name, taken, "s", digits=2, aside=True),
            row("  memory at the peak, over the file", needed, "×", digits=1, aside=True),
            ratio("  our time over its", ours, taken, at_most=limit, aside=limit is None),
        ]
    return rows


def write_dump(path: Path, count: int) -> None:
    """Write orders of five events each; the same for the same count."""
    random = Random(count)
    with path.open("wb") as file:
        for n in range(count):
            place = n % len(STEPS)
            if not place:
                flow, cause, at = _uuid(random), None, n * 1_000_000
            at += random.randrange(1_000_000, 9_000_000)
            second, fraction = divmod(at, 1_000_000_000)
            minute, second = divmod(second, 60)
            hour, minute = divmod(minute, 60)
            kind, source = list(STEPS.items())[place]
            event = {
                "id": _uuid(random),
                "type": kind,
                "source": source,
                "time": f"2026-11-23T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z",
                "correlation_id": flow,
                "causation_id": cause,
                "channel": source,
                "partition": n % 3,
                "offset": n // 3,
                "data": _payload(random, n // len(STEPS)),
            }
            file.write(orjson.dumps(event) + b"\n")
            cause = event["id"]


def _payload(random: Random, order: int) -> dict[str, object]:
    return {
        "order_id": f"o-{order}",
        "customer": {
            "id": random.randrange(10_000),
            "name": "Ada Lovelace",
            "address": {"street": "Main Street 1", "city": "Zürich"},
        },
        "lines": [
            {
                "sku": f"sku-{random.randrange(1_000)}",
                "quantity": random.randrange(1, 9),
                "price": round(random.uniform(1, 100), 2),
            }
            for _ in range(1 + order % 3)
        ],
        "total": round(random.uniform(1, 1_000), 2),
    }


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
