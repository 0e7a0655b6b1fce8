"""Make ``sample_data/faulty_orders.jsonl.gz`` and its answer sheet again: a shop with many faults.

``python sample_data/make_faulty_log.py`` runs the order choreography on a local Kafka, each service a
process, in about a minute. ``faulty_orders_answers.yaml`` says what is in the log: which fault, how
it was made, in which flows, how often, and which question finds it. The sheet is this script's own
book-keeping, written from what it did; no analysis has a part in it.

Two hands made the faults. The *services* have bugs and slow partners in their handlers, are struck by
``wb.faults`` and killed. What services of the workbench can't be made to do (an id that is not
derived, a key on a partition of its own choice, a clock that is ahead, no correlation id) comes from
a *foreign producer*: a plain Kafka client that writes to the shop's channel.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from faulty_log_sheet import CLOCK_AHEAD, FLOWLESS, LATE_BY, LOOP_ROUNDS, POISON, answer_sheet
from faulty_shop import (
    NEW_SHIPPING_TAKES,
    NO_CUSTOMS,
    OrderPlaced,
    an_order,
    faulty_shop,
    ship_but_forget,
)
from kafka import KafkaProducer
from ruamel.yaml import YAML

from workbench import Event, EventLog, Workbench
from workbench.brokers import Position
from workbench.events import Envelope, to_kafka

HERE = Path(__file__).parent
LOG, SHEET = HERE / "faulty_orders.jsonl.gz", HERE / "faulty_orders_answers.yaml"


class Shop:
    """The running shop, a foreign producer beside it, and the book of who was published when."""

    def __init__(self, wb: Workbench) -> None:
        self.wb, self.chance = wb, random.Random(7)
        self.flows: dict[str, list[str]] = defaultdict(list)
        self.ids: dict[str, list[str]] = defaultdict(list)
        self._foreign = KafkaProducer(bootstrap_servers=wb.broker.address)

    def publish(self, **groups: list[OrderPlaced]) -> None:
        """Publish groups of orders, mixed, a few at a time; note the flows of each group."""
        named = [(name, order) for name, orders in groups.items() for order in orders]
        self.chance.shuffle(named)
        for first in range(0, len(named), 3):
            few = named[first : first + 3]
            done = self.wb.publish_many([order for _, order in few])
            for (name, _), published in zip(few, done, strict=True):
                self.flows[name].append(published.correlation_id)
                self.ids[name].append(published.id)
            time.sleep(0.15)

    def foreign(
        self,
        group: str | None,
        event: Event | None,
        *,
        partition: int | None = None,
        **envelope: Any,
    ) -> None:
        """Send an event as a client would that is not of the workbench; note its flow."""
        attributes: dict[str, Any] = {
            "id": str(uuid4()),
            "source": "till",
            "time": datetime.now(UTC),
            "correlationid": str(uuid4()),
        }
        if event is not None:
            kind = event.event_type
            value, data = kind.encode(event)
            attributes |= {"type": kind.name, "data": value, "subject": kind.key_of(data)}
        sent = Envelope(**attributes | envelope)
        key, headers, value = to_kafka(sent)
        channel = f"{self.wb.namespace}.shop"
        self._foreign.send(channel, value, key, headers=headers, partition=partition).get(10)
        if group is not None and sent.correlationid is not None:
            self.flows[group].append(sent.correlationid)

    def ends(self, *channels: str) -> dict[Position, int]:
        """Where channels end now; all of them by default."""
        names = [f"{self.wb.namespace}.{name}" for name in channels]
        return self.wb.broker.end_offsets(names or sorted(self.wb.connection.all_channels()))

    def wait_for(self, channel: str, more: int, since: dict[Position, int]) -> None:
        """Wait until a channel has got some more records."""
        while sum(self.ends(channel).values()) < sum(since.values()) + more:
            time.sleep(0.05)


def half(shop: Shop, portugal: str) -> None:
    """What is ordered before the deployment, and again after it."""
    shop.publish(
        ordinary=[an_order() for _ in range(150)],
        norway=[an_order("NO") for _ in range(18)],
        **{portugal: [an_order("PT") for _ in range(24)]},
        italy=[an_order("IT") for _ in range(5)],
        iceland=[an_order("IS") for _ in range(3)],
        cyprus=[an_order("CY") for _ in range(3)],
        declined=[an_order(customer="declined") for _ in range(8)],
        closed=[an_order(customer="closed") for _ in range(2)],
        twice=[an_order(customer="twice") for _ in range(2)],
        sold_out=[an_order(product="sold-out") for _ in range(6)],
        hot=[an_order(order_id="o-till-4") for _ in range(40)],
    )
    for _ in range(15):
        ahead = datetime.now(UTC) + CLOCK_AHEAD
        shop.foreign("kiosk", an_order(), source="kiosk", time=ahead)
        time.sleep(0.05)
    shop.wb.wait_until_idle()
    time.sleep(1)  # so that the kiosk's clock doesn't reach over to what comes next


def run(shop: Shop) -> tuple[dict[str, datetime], dict[Position, int]]:
    """Let everything happen; returns when what happened, and where the log is to begin."""
    wb = shop.wb
    wb.start()
    shop.publish(warm_up=[an_order() for _ in range(12)])
    wb.wait_until_idle()
    begin = shop.ends()
    shop.publish(orphans=[an_order() for _ in range(5)])
    wb.wait_until_idle()
    begin |= shop.ends("shop")  # as if it had kept its oldest events for a shorter time

    half(shop, portugal="portugal_served")
    shipping = wb.service("shipping")
    few = shipping.reactions["ship"].retry
    shipping.on(name="ship", guard=NO_CUSTOMS, after=NEW_SHIPPING_TAKES, retry=few)(ship_but_forget)
    wb.restart("shipping")
    times = {"deployed": datetime.now(UTC)}
    half(shop, portugal="portugal")
    times["deployment_judged_until"] = datetime.now(UTC)

    for _ in range(6):
        order = an_order()
        shop.publish(sent_twice=[order])
        wb.publish(order, id=shop.ids["sent_twice"][-1])
    for _ in range(2):
        shop.publish(id_reused=[an_order()])
        wb.publish(an_order(), id=shop.ids["id_reused"][-1])
    wb.wait_until_idle()
    fault = wb.faults.duplicate("billing", share=1.0, seconds="60s")
    shop.publish(billed_twice=[an_order() for _ in range(8)])
    wb.wait_until_idle()
    wb.faults.end(fault)
    shop.publish(customs=[an_order("GB") for _ in range(3)])
    shop.publish(storm=[an_order("CH")])
    shop.publish(loop=[an_order(product="boomerang", quantity=LOOP_ROUNDS)])
    wb.faults.poison("OrderPlaced", POISON)
    from_elsewhere(shop)
    wb.wait_until_idle()

    shipped = shop.ends("shipping")
    wb.kill("orders")
    times["orders_killed"] = datetime.now(UTC)
    shop.publish(killed=[an_order() for _ in range(15)])
    shop.wait_for("shipping", 15, shipped)
    return times, begin


def from_elsewhere(shop: Shop) -> None:
    """What only a foreign producer can do."""
    for i in range(5):  # the later of two orders is sent first
        key = f"o-late-{i}"
        now = datetime.now(UTC)
        shop.foreign("late", an_order(order_id=key), partition=0, time=now)
        shop.foreign("late", an_order(order_id=key), partition=0, time=now - LATE_BY)
    for i in range(4):
        for partition in (0, 1):
            shop.foreign("two_partitions", an_order(order_id=f"o-two-{i}"), partition=partition)
    seen = {"type": "OrderViewed", "source": "web-shop", "data": b'{"page": "/orders"}'}
    for _ in range(6):
        shop.publish(viewed=[an_order()])
        flow, cause = shop.flows["viewed"][-1], shop.ids["viewed"][-1]
        shop.foreign(None, None, **seen, correlationid=flow, causationid=cause)
    for i in range(FLOWLESS):
        price = b'{"product": "product-%d", "price": "9.90"}' % i
        priced = {"type": "PriceChanged", "source": "catalogue", "correlationid": None}
        shop.foreign(None, None, data=price, **priced)


def main() -> None:
    """Run it, capture it, write the sheet."""
    with Workbench(faulty_shop(), namespace="faulty") as wb:
        wb.reset()
        shop = Shop(wb)
        times, begin = run(shop)
        log = captured(wb, begin)
        del shop.flows["warm_up"]
    log.save(LOG)
    yaml = YAML()
    yaml.width = 100
    with SHEET.open("w", encoding="utf-8") as file:
        file.write(
            f"# What is in {LOG.name}, by the book of {Path(__file__).name}, which made it.\n"
        )
        yaml.dump(answer_sheet(shop.flows, times), file)
    print(log)


def captured(wb: Workbench, begin: dict[Position, int]) -> EventLog:
    """All channels of the shop, retries and dead letters too; not the notes on ``wb.faults``."""
    channels = wb.connection.all_channels()
    frame = wb.capture(channels=channels, start=begin, progress=False).frame
    plain = frame["channel"].astype("str").str.removeprefix(f"{wb.namespace}.")
    return EventLog(frame.assign(channel=plain))


if __name__ == "__main__":
    main()
