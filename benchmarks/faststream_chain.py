"""The order chain as FastStream's authors would write it, on aiokafka or on confluent-kafka.

At least once, as its manual says: ``AckPolicy.ACK`` commits after the handler, which waits until
its effect, keyed by the order, is acknowledged. Messages are pydantic models. With aiokafka a
subscriber has a worker for each partition (``max_workers``); the confluent one refuses that where
it is to acknowledge afterwards. Logging is off, as in FastStream's own benchmarks, and uvloop is
used where it is installed, as ``faststream run`` does. No inbox, no outbox, no state: a crash
between two steps doubles events.

Each step is a process. All four steps in one process were tried too: on two cores neither is
faster by more than runs differ (aiokafka 94 to 139 against 96 to 149 flows a second, confluent 114
to 150 against 88 to 149), and only processes can use more cores.

Two ways to write a handler: for each message, as all of its manual's first examples are, and for
``batch`` (``batch=True``), where the handler is given a list and publishes all of it at once. The
second is as quick as it gets; a failing message there takes its whole batch with it.

``python -m benchmarks.faststream_chain CLIENT WAY SERVERS PARTITIONS SOURCE TARGET`` is one such
process. It prints ``ready`` when it listens, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, suppress
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psutil
from pydantic import BaseModel

from benchmarks.bare_chain import BATCH
from benchmarks.processes import end_with_input, listening, say_ready

SHORT_WAIT = 0.02
"""Seconds that the confluent subscriber waits for a batch to fill; its default is 0.1."""


class Order(BaseModel):
    order_id: str
    customer: str
    product: str
    quantity: int
    total: Decimal
    steps: int


def running(
    client: str, way: str, servers: str, topics: Sequence[str], partitions: int
) -> AbstractContextManager[list[psutil.Process]]:
    """A process between each two of the topics, all of them listening."""
    known = [client, way, servers, str(partitions)]
    return listening("benchmarks.faststream_chain", [[*known, *step] for step in pairwise(topics)])


async def serve(
    client: str, way: str, servers: str, partitions: str, source: str, target: str
) -> None:
    from faststream import AckPolicy

    broker = new_broker(client, servers)
    publisher = broker.publisher(target)
    subscriber = broker.subscriber(
        source,
        group_id=f"{target}-group",
        ack_policy=AckPolicy.ACK,
        auto_offset_reset="earliest",
        **options(client, way, int(partitions)),
    )

    async def pass_on(order: Order) -> None:
        moved = order.model_copy(update={"steps": order.steps + 1})
        await publisher.publish(moved, key=order.order_id.encode())

    async def pass_all_on(orders: list[Order]) -> None:
        await asyncio.gather(*map(pass_on, orders))

    subscriber(pass_on if way == "each" else pass_all_on)
    async with broker:
        await broker.start()
        say_ready()
        await asyncio.Event().wait()


def new_broker(client: str, servers: str) -> Any:
    if client == "aiokafka":
        from faststream.kafka import KafkaBroker as AiokafkaBroker

        return AiokafkaBroker(servers, acks="all", logger=None)
    from faststream.confluent import KafkaBroker as ConfluentBroker

    return ConfluentBroker(servers, acks="all", logger=None)


def options(client: str, way: str, partitions: int) -> dict[str, Any]:
    """What suits this client, asked for in this way."""
    if way == "batch":
        waiting = {"polling_interval": SHORT_WAIT} if client == "confluent" else {}
        return {"batch": True, "max_records": BATCH, **waiting}
    return {"max_workers": partitions} if client == "aiokafka" else {}


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    with suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main)


if __name__ == "__main__":
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every reconnection
    end_with_input()
    run(serve(*sys.argv[1:]))
