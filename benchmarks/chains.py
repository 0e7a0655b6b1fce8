"""The order chain in several makes, all of them up at once on one Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import orjson
import psutil
from kafka import KafkaProducer

from benchmarks import bare_chain, faststream_chain
from benchmarks.harness import make_topics, temporary_folder
from workbench import Workbench
from workbench.choreography import Choreography
from workbench.examples.orders import (
    OrderPlaced,
    charge,
    complete,
    order_choreography,
    reserve,
    ship,
)
from workbench.services import channel_name

BATCH = 500  # how many events are published before their acknowledgements are awaited


class Chain(Protocol):
    """A chain of four services. `topics` are its five, from the first event to the last."""

    topics: Sequence[str]
    services: Sequence[psutil.Process]

    def publish(self, orders: Sequence[OrderPlaced]) -> None: ...

    def settle(self) -> None: ...


class OrderChain:
    """The workbench's own."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        names = ("OrderPlaced", "inventory", "billing", "shipping", "orders")
        self.topics = [channel_name(workbench.namespace, name) for name in names]
        self.services = [psutil.Process(life.pid) for life in workbench.lives().values()]

    def publish(self, orders: Sequence[OrderPlaced]) -> None:
        # One call for all would check every one before it sends the first.
        for first in range(0, len(orders), BATCH):
            published = self.workbench.publish_many(orders[first : first + BATCH])
            refused = [one for one in published if one.error]
            if refused:
                raise RuntimeError(f"refused: {refused[0].error}")

    def settle(self) -> None:
        self.workbench.wait_until_idle()


class PeerChain:
    """A peer's, published to with bare kafka-python."""

    def __init__(
        self, topics: Sequence[str], producer: KafkaProducer, services: Sequence[psutil.Process]
    ) -> None:
        self.topics = topics
        self.services = services
        self._producer = producer

    def publish(self, orders: Sequence[OrderPlaced]) -> None:
        for first in range(0, len(orders), BATCH):
            for order in orders[first : first + BATCH]:
                value = orjson.dumps({**order.model_dump(mode="json"), "steps": 0})
                self._producer.send(self.topics[0], key=order.order_id.encode(), value=value)
            self._producer.flush()

    def settle(self) -> None:
        time.sleep(0.5)  # the last commit


@contextmanager
def started(
    design: Choreography, broker: Any, *, partitions: int = 3, namespace: str = "", **settings: Any
) -> Iterator[Workbench]:
    """A design's services, all of them running, their files in a folder that goes afterwards."""
    with (
        temporary_folder() as folder,
        Workbench(
            design,
            broker=broker,
            namespace=namespace,
            folder=folder,
            partitions=partitions,
            say=lambda sentence: None,
            **settings,
        ) as workbench,
    ):
        workbench.start()
        yield workbench


def four_steps() -> Choreography:
    """The order example without its cancellations: a chain, as the peers' are.

    In the whole example two services read three channels more, for the few orders that are
    cancelled, and skip what else they find there.
    """
    design = Choreography()
    steps = {"inventory": reserve, "billing": charge, "shipping": ship, "orders": complete}
    for service, handler in steps.items():
        design.service(service).on()(handler)
    return design


@contextmanager
def order_chain(
    servers: str,
    partitions: int = 3,
    *,
    design: Choreography | None = None,
    namespace: str = "",
    **settings: Any,
) -> Iterator[OrderChain]:
    """The workbench's order chain, by default the whole example, listening."""
    chosen = design or order_choreography()
    with started(
        chosen, f"kafka://{servers}", partitions=partitions, namespace=namespace, **settings
    ) as workbench:
        yield OrderChain(workbench)


@contextmanager
def peer_chain(name: str, servers: str, partitions: int) -> Iterator[PeerChain]:
    """A peer's order chain, listening: ``bare``, or FastStream's client and way."""
    topics = [f"{name}-{place}" for place in range(5)]
    make_topics(servers, topics, partitions)
    with ExitStack() as stack:
        if name == "bare":
            running = bare_chain.running(servers, topics)
        else:
            running = faststream_chain.running(*name.split("-"), servers, topics, partitions)
        services = stack.enter_context(running)
        producer = KafkaProducer(bootstrap_servers=servers, **bare_chain.PRODUCER)
        stack.callback(producer.close, timeout=5)
        yield PeerChain(topics, producer, services)
