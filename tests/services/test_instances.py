"""Several processes of one service on a real Kafka: they come, go and are replaced at work."""

import itertools
import os
import sys
import threading
import time
from decimal import Decimal
from functools import partial
from uuid import uuid4

import cloudpickle
import psutil
import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.errors import BrokerError, ServiceError
from workbench.services import STEPS, service_spec

pytestmark = pytest.mark.kafka
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as if it were a notebook

PATIENCE = 40
QUICK = RetryPolicy(attempts=2, first_delay=0.01, later=())


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    total: Decimal


class PaymentReceived(Event, version=1, key="order_id"):
    order_id: str
    by: str


def charge(event: OrderPlaced, ctx) -> PaymentReceived:
    ctx.state["money"] = ctx.state.get("money", Decimal(0)) + event.total
    return PaymentReceived(order_id=event.order_id, by="one")


def charge_anew(event: OrderPlaced, ctx) -> PaymentReceived:
    ctx.state["money"] = ctx.state.get("money", Decimal(0)) + event.total
    return PaymentReceived(order_id=event.order_id, by="two")


def book(event: PaymentReceived, ctx) -> None:
    ctx.state["booked"] = ctx.state.get("booked", 0) + 1


def payments(handler=charge):
    design = Choreography()
    design.service("billing").on(name="charge")(handler)
    design.service("books").on(emits=())(book)
    return design


def some_orders(n, first=0):
    return [
        OrderPlaced(order_id=f"o-{i}", total=Decimal(100 + i) / 100)
        for i in range(first, first + n)
    ]


def money(orders):
    return sum(order.total for order in orders)


@pytest.fixture
def make(on_kafka):
    return lambda design=None, **settings: on_kafka(
        design or payments(), **{"retry": QUICK, **settings}
    )


class Shop:
    """Publishes orders without a pause, in a thread of its own."""

    def __init__(self, wb):
        self._wb, self.orders = wb, []
        self._open = True
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while self._open:
            orders = some_orders(10, first=len(self.orders))
            self._wb.publish_many(orders)
            self.orders += orders
            time.sleep(0.01)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._open = False
        self._thread.join()


def partitions(wb, service="billing"):
    found = wb.instances().query("service == @service and state == 'running'")
    return {
        row.instance: set(filter(None, row.partitions.split(", "))) for row in found.itertuples()
    }


def check(wb, orders):
    """Every order once: in the money, in the effects, in the books."""
    wb.wait_until_idle(timeout=PATIENCE)
    assert wb.state("billing") == {"money": money(orders)}
    assert wb.state("books") == {"booked": len(orders)}
    assert wb.counts("billing")["handled"] == len(orders)
    assert wb.dead_letters().empty


def test_instances_change_while_events_flow_and_nothing_is_lost_or_doubled(make, said):
    wb = make()
    wb.start("books")
    wb.start("billing", instances=3)
    with Shop(wb) as shop:
        shares = partitions(wb)
        assert list(shares) == ["billing", "billing/2", "billing/3"]
        time.sleep(0.5)
        wb.scale("billing", 1)
        assert list(partitions(wb)) == ["billing"]
        time.sleep(0.5)
        wb.scale("billing", 4)
        shares = partitions(wb)
        time.sleep(0.5)
    check(wb, shop.orders)
    assert len(shop.orders) > 100
    assert sorted(len(share) for share in shares.values()) == [0, 2, 2, 2]  # one has none to read
    assert set.union(*shares.values()) == {
        f"{channel}[{n}]"
        for channel in (f"{wb.namespace}.OrderPlaced", f"{wb.namespace}.billing.retries")
        for n in range(3)
    }
    assert any(
        line.startswith("billing has shared out its partitions:\n  billing: ") for line in said
    )
    assert len(wb.output("billing").splitlines()) >= 2  # a heading for each instance's


def test_an_instance_is_killed_alone_and_the_others_take_over_its_partitions(make):
    wb = make()
    wb.start("books")
    wb.start("billing", instances=2)
    orders = some_orders(60)
    wb.publish_many(orders[:30])
    wb.kill("billing/2")
    wb.publish_many(orders[30:])
    wb.scale("billing", 1)  # nobody waits for it to come back
    check(wb, orders)
    with pytest.raises(ServiceError, match=r"billing has no instance 'billing/7' \(it has: bill"):
        wb.kill("billing/7")


def test_an_instance_that_was_paused_comes_back_late_and_changes_nothing(make):
    wb = make()
    wb.start("books")
    wb.start("billing", instances=2)
    orders = some_orders(200)
    wb.faults.pause("billing/2", "13s")  # the group waits for 10
    wb.publish_many(orders)
    deadline = time.monotonic() + PATIENCE
    while wb.state("books").get("booked") != len(orders):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert wb.instances().query("instance == 'billing/2'")["state"].item() == "running"
    time.sleep(2)  # it comes back
    check(wb, orders)


def test_a_new_version_runs_beside_the_old_one_then_replaces_it_one_by_one(make):
    wb = make()
    wb.start("books")
    wb.start("billing", instances=2)
    with Shop(wb) as shop:
        wb.service("billing").on(name="charge")(charge_anew)
        wb.scale("billing", 3)
        assert list(wb.instances().query("service == 'billing'")["design"]) == [
            "older",
            "older",
            "current",
        ]
        wb.restart("billing", rolling=True)
        wb.publish_many(last := some_orders(20, first=100_000))
    check(wb, [*shop.orders, *last])
    assert set(wb.instances()["design"]) == {"current"}
    log = wb.capture(progress=False).frame.query("type == 'PaymentReceived'")
    by = {data["order_id"]: data["by"] for data in log["data"]}
    assert {by[order.order_id] for order in last} == {"two"}
    assert set(wb.instances().query("service == 'billing'")["crashes"]) == {0}, wb.output("billing")


def test_a_new_service_begins_at_the_start_or_now_or_at_a_time(make):
    design = payments()
    for name in ("audit", "audit_now", "audit_since"):
        design.service(name).on(name="book", emits=())(book)
    wb = make(design)
    wb.start("billing")
    wb.publish_many(some_orders(20))
    deadline = time.monotonic() + PATIENCE
    while wb.counts("billing").get("handled") != 20 or wb.lag()["billing"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    log = wb.capture(progress=False).frame.query("type == 'PaymentReceived'")
    since = log["broker_time"].max().to_pydatetime()
    late = int((log["broker_time"] >= since).sum())
    wb.start("audit")
    wb.start("audit_now", begin="now")
    wb.start("audit_since", begin=since)
    wb.start("books")
    wb.publish_many(some_orders(5, first=20))
    wb.wait_until_idle(timeout=PATIENCE)
    assert wb.state("audit") == {"booked": 25}
    assert wb.state("audit_now") == {"booked": 5}
    assert wb.state("audit_since") == {"booked": 5 + late}
    wb.stop("audit")
    with pytest.raises(ServiceError, match=r"audit has read before .* wb\.reprocess\('audit'"):
        wb.start("audit", begin="now")
    with pytest.raises(ServiceError, match=r"begins at 'start', 'now' or a time, not 'later'"):
        wb.start("audit", begin="later")


def kill_in_transactions(step, kafka, folder):
    """No reader of what is committed sees an effect twice, though every service was killed."""
    orders, servers = some_orders(120), kafka.bootstrap_servers
    with Workbench(
        payments(), bootstrap_servers=servers, namespace=f"t{uuid4().hex[:10]}", folder=folder,
        retry=QUICK, delivery="transactions", say=lambda text: None,
    ) as wb:  # fmt: skip
        wb.publish_many(orders[:60])
        wb.connection.ensure_channels()
        for name in ("billing", "books"):
            spec = service_spec(
                wb.choreography,
                name,
                namespace=wb.namespace,
                folder=wb.folder,
                retry=wb._running.retry,
                delivery="transactions",
            )
            armed = name == "billing" or step not in (
                "flushed",
                "sent",
                "cleared",
            )  # it sends nothing
            wb.runner.start(spec, kill_at=(step, 1) if armed else None)
        wb.publish_many(orders[60:])
        deadline = time.monotonic() + PATIENCE
        while not wb.lives()["billing"].crashes:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        check(wb, orders)
        assert wb.lives()["billing"].crashes == 1
        sent = wb.capture(progress=False).frame.query("type == 'PaymentReceived'")
        assert len(sent) == sent["id"].nunique() == len(orders)
        if not armed:  # else its own crash lets it read again what nobody sent twice
            assert wb.counts("books").get("duplicates", 0) == 0


@pytest.fixture(scope="module")
def kills(ahead, kafka, tmp_path_factory):
    return ahead(
        lambda step: kill_in_transactions(step, kafka, tmp_path_factory.mktemp(step)), "step", 3
    )


@pytest.mark.parametrize("step", ["flushed", *(step for step in STEPS if step != "committed")])
def test_with_transactions_no_reader_of_what_is_committed_sees_an_effect_twice(kills, step):
    kills[step].result()


def test_with_transactions_nothing_comes_twice_while_instances_are_killed_and_change(make):
    wb = make(delivery="transactions")
    wb.start("books")
    wb.start("billing", instances=2)
    with Shop(wb) as shop:
        for n in (3, 1, 2):
            wb.faults.kill("billing")
            time.sleep(0.3)
            wb.scale("billing", n)
    check(wb, shop.orders)
    sent = wb.capture(progress=False).frame.query("type == 'PaymentReceived'")
    assert len(sent) == sent["id"].nunique() == len(shop.orders)


def test_what_is_not_a_number_of_instances_or_a_delivery_is_refused(make):
    wb = make()
    with pytest.raises(ServiceError, match=r"billing is not running: wb\.start\('billing', inst"):
        wb.scale("billing", 2)
    wb.start("books")
    for bad in (0, -1, True, 1000, 2.0, "three", float("nan")):
        for grow in (
            partial(wb.start, "billing", instances=bad),
            partial(wb.scale, "books", bad),
        ):
            with pytest.raises(ServiceError, match="a service has from 1 to 32 instances, not"):
                grow()
    wb.restart("books")
    with pytest.raises(
        ServiceError, match="the delivery is 'at-least-once' or 'transactions', not"
    ):
        make(delivery="exactly-once")
    assert issubclass(ServiceError, Exception)
    assert not issubclass(ServiceError, BrokerError)


def note(event: OrderPlaced, ctx) -> PaymentReceived:
    begun = time.time()
    time.sleep(0.05)
    ctx.state[event.order_id] = [os.getpid(), begun, time.time()]
    return PaymentReceived(order_id=event.order_id, by="one")


def test_slow_handlers_of_several_instances_are_at_work_at_the_same_time(make):
    wb = make(payments(note))
    wb.start("books")
    wb.start("billing", instances=3)
    orders = some_orders(60)
    wb.publish_many(orders)
    wb.wait_until_idle(timeout=PATIENCE)
    spans = sorted(wb.state("billing").values(), key=lambda span: span[1])
    assert len(spans) == len(orders)
    together = [
        (one, other)
        for one, other in itertools.combinations(spans, 2)
        if one[0] != other[0] and other[1] < one[2]
    ]
    assert len(together) > 5


def slow(event: OrderPlaced, ctx) -> PaymentReceived:
    time.sleep(0.2)
    return charge(event, ctx)


def test_a_slow_service_that_is_stopped_finishes_what_it_is_at_and_gives_back_the_rest(make, said):
    wb = make(payments(slow))
    wb.start()
    orders = some_orders(12)
    wb.publish_many(orders)
    deadline = time.monotonic() + PATIENCE
    while not wb.counts("billing").get("handled"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    wb.stop("billing", timeout=5)
    assert wb.lives()["billing"].exit == 0  # it was not killed
    handled = wb.counts("billing")["handled"]
    assert 0 < handled < len(orders)
    assert said == []
    wb.start("billing")
    check(wb, orders)


def big(event: OrderPlaced, ctx) -> None:
    time.sleep(0.005)
    ctx.state["n"] = ctx.state.get("n", 0) + 1


class Picture(Event, version=1, key="id"):
    id: int
    pixels: str


def look(event: Picture, ctx) -> None:
    time.sleep(0.01)
    ctx.state["seen"] = ctx.state.get("seen", 0) + 1


def test_a_slow_consumer_of_a_large_backlog_holds_little_of_it_in_memory(make):
    design = Choreography()
    design.service("gallery").on(emits=())(look)
    wb = make(design)
    pixels = "x" * 100_000
    for first in range(0, 1_000, 50):  # 100 MB in all
        wb.publish_many([Picture(id=n, pixels=pixels) for n in range(first, first + 50)])
    wb.start()
    life = psutil.Process(wb.lives()["gallery"].pid)
    most = 0
    while wb.state("gallery").get("seen", 0) < 300:
        most = max(most, life.memory_full_info().uss)
        time.sleep(0.05)
    assert most < 60e6
    wb.kill("gallery")
