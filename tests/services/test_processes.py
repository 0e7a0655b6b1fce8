"""The real thing: services in processes of their own, on a real Kafka, really killed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from decimal import Decimal
from uuid import uuid4

import cloudpickle
import pytest

from tests.processes import is_gone
from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.errors import EventError, HandlerError, ServiceError
from workbench.services import STEPS, service_spec

pytestmark = pytest.mark.kafka
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as if it were a notebook

PATIENCE = 30
QUICK = RetryPolicy(attempts=3, first_delay=0.01, factor=1.0, later=())


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    quantity: int
    total: Decimal


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    total: Decimal


class PaymentReceived(Event, version=1, key="order_id"):
    order_id: str
    amount: Decimal


class OrderShipped(Event, version=1, key="order_id"):
    order_id: str
    parcel: int


def reserve(event: OrderPlaced, ctx) -> StockReserved:
    if event.order_id == "bad":
        raise RuntimeError("no such shelf")
    print("reserving for", event.order_id)
    ctx.state["units"] = ctx.state.get("units", 0) + event.quantity
    return StockReserved(order_id=event.order_id, total=event.total)


def charge(event: StockReserved, ctx) -> PaymentReceived:
    ctx.state["money"] = ctx.state.get("money", Decimal(0)) + event.total
    return PaymentReceived(order_id=event.order_id, amount=event.total)


def ship(event: PaymentReceived, ctx) -> OrderShipped:
    ctx.state["parcels"] = ctx.state.get("parcels", 0) + 1
    return OrderShipped(order_id=event.order_id, parcel=ctx.state["parcels"])


SERVICES = ("inventory", "billing", "shipping")


def order_chain():
    design = Choreography()
    for name, handler in zip(SERVICES, (reserve, charge, ship), strict=True):
        design.service(name).on()(handler)
    return design


def some_orders(n, first=0):
    return [
        OrderPlaced(order_id=f"o-{i}", quantity=1 + i % 4, total=Decimal(100 + i) / 100)
        for i in range(first, first + n)
    ]


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)
    return found


@pytest.fixture
def make(on_kafka):
    return lambda design=None, **settings: on_kafka(
        design or order_chain(), **{"retry": QUICK, **settings}
    )


def start_armed(wb, kill_at):
    """``wb.start()``, but every service kills itself at a step."""
    wb.connection.ensure_channels()
    for name in wb.choreography.services:
        spec = service_spec(
            wb.choreography, name, namespace=wb.namespace, folder=wb.folder, retry=wb._running.retry
        )
        wb.runner.start(spec, kill_at=kill_at)


def kill_every_service(step, kafka, folder):
    """Every order is accounted for, though every service was killed at a step."""
    said, orders = [], some_orders(200)
    servers, namespace = kafka.bootstrap_servers, f"t{uuid4().hex[:10]}"
    with Workbench(
        order_chain(),
        bootstrap_servers=servers,
        namespace=namespace,
        folder=folder,
        retry=QUICK,
        say=said.append,
    ) as wb:
        wb.publish_many(orders[:100])
        start_armed(wb, (step, 1))
        wb.publish_many(orders[100:])
        until(lambda: all(life.crashes for life in wb.lives().values()), f"every kill at {step!r}")
        wb.wait_until_idle()
        assert wb.state("inventory") == {"units": sum(order.quantity for order in orders)}
        assert wb.state("billing") == {"money": sum(order.total for order in orders)}
        assert wb.state("shipping") == {"parcels": len(orders)}
        assert {life.crashes for life in wb.lives().values()} == {1}
        assert sorted(said) == [
            f"{name} crashed (by signal 9); it is restarted in 0.2 s." for name in sorted(SERVICES)
        ]
        assert wb.dead_letters().empty
        shipped = wb.capture(progress=False).frame.query("type == 'OrderShipped'")
        assert shipped["id"].nunique() == len(orders)


@pytest.fixture(scope="module")
def kills(ahead, kafka, tmp_path_factory):
    return ahead(
        lambda step: kill_every_service(step, kafka, tmp_path_factory.mktemp(step)), "step", 3
    )


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_lost_or_doubled_when_every_service_is_killed_at_a_step(kills, step):
    kills[step].result()


def test_the_sentence_of_a_crash_says_what_the_service_said_last(make, said):
    design = Choreography()

    @design.service("inventory").on()
    def reserve(event: OrderPlaced) -> StockReserved:
        if event.order_id == "o-1":
            print("the printer is\x1b[31m out of paper.\n", flush=True)
        os._exit(3)

    wb = make(design)
    wb.start()
    wb.publish(OrderPlaced(order_id="o-1", quantity=1, total=Decimal(1)))
    until(lambda: said, "the sentence of a crash")
    assert said[0] == (
        "inventory crashed (with exit code 3): the printer is [31m out of paper; "
        "it is restarted in 0.2 s."
    )


def test_a_service_that_is_still_starting_stops_when_asked_and_needs_no_kill(make, said):
    wb = make()
    wb.connection.ensure_channels()
    spec = service_spec(
        wb.choreography, "inventory", namespace=wb.namespace, folder=wb.folder, retry=QUICK
    )
    for _ in range(3):
        wb.runner.start(spec)
        wb.runner.stop("inventory")
    assert said == []  # nor "did not stop within 10 s and was killed"
    assert wb.lives()["inventory"].state == "stopped"
    wb.start()
    wb.publish_many(some_orders(5))
    wb.wait_until_idle()
    assert wb.state("shipping") == {"parcels": 5}


def test_a_service_killed_on_purpose_stays_down_until_it_is_restarted_and_loses_nothing(make, said):
    wb = make()
    wb.start()
    wb.publish_many(some_orders(20))
    wb.wait_until_idle()
    pid = wb.lives()["billing"].pid
    wb.kill("billing")
    assert is_gone(pid)
    wb.publish_many(some_orders(20, first=20))
    with pytest.raises(
        ServiceError,
        match=r'^not at rest and nobody at work on it; left to do: billing: 20 events. wb.start\("b',
    ):
        wb.wait_until_idle()
    assert (wb.lives()["billing"].state, wb.lives()["billing"].crashes) == ("killed", 0)
    status = wb.status().set_index("service")
    assert (status.state["billing"], status.lag["billing"]) == ("killed", 20)
    wb.restart("billing")
    wb.wait_until_idle()
    assert wb.lives()["billing"].pid != pid
    assert wb.state("shipping") == {"parcels": 40}
    assert said == []


def test_a_service_can_be_stopped_and_restarted_with_a_changed_handler(make, said):
    wb = make()
    wb.start()
    wb.publish_many(some_orders(5))
    wb.wait_until_idle()

    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        ctx.state["units"] = ctx.state.get("units", 0) + 1000
        return StockReserved(order_id=event.order_id, total=event.total)

    wb.service("inventory").on()(reserve)
    assert said == ["inventory has changed; wb.restart('inventory') puts the change to work."]
    before = wb.state("inventory")["units"]
    wb.restart("inventory")
    wb.publish_many(some_orders(1, first=5))
    wb.wait_until_idle()
    assert wb.state("inventory")["units"] == before + 1000
    wb.stop()
    assert {life.state for life in wb.lives().values()} == {"stopped"}
    assert {life.exit for life in wb.lives().values()} == {0}
    with pytest.raises(ServiceError, match="there is no service 'orders'"):
        wb.kill("orders")


def test_what_handlers_print_and_raise_is_seen_per_service(make):
    wb = make()
    wb.start()
    wb.publish_many([*some_orders(2), OrderPlaced(order_id="bad", quantity=1, total=Decimal(1))])
    wb.wait_until_idle()
    output = wb.output("inventory")
    assert "reserving for o-0" in output
    assert "RuntimeError: no such shelf" in output
    assert "(attempt 3)" in output
    assert wb.output("billing") == ""
    letters = wb.dead_letters()
    assert list(letters["error_message"]) == ["no such shelf"]
    assert letters["fingerprint"].iloc[0].startswith("RuntimeError in reserve: raise RuntimeError(")
    counts = wb.counts("inventory")
    assert (counts["handled"], counts["retries"], counts["dead_letters"]) == (2, 2, 1)


def test_when_the_fork_server_is_killed_the_services_end_and_are_started_anew(make, said):
    wb = make()
    wb.start()
    wb.publish_many(some_orders(10))
    wb.wait_until_idle()
    before = {name: life.pid for name, life in wb.lives().items()}
    os.kill(wb.runner._server.pid, signal.SIGKILL)
    for pid in before.values():
        until(lambda pid=pid: is_gone(pid), "the end of the services of a killed fork server")
    until(
        lambda: all(
            life.state == "running" and life.pid != before[name]
            for name, life in wb.lives().items()
        ),
        "services running again",
    )
    wb.publish_many(some_orders(10, first=10))
    wb.wait_until_idle()
    assert wb.state("shipping") == {"parcels": 20}
    assert len(said) == 3


def test_a_restart_that_the_fork_server_does_not_answer_is_tried_again(make, said):
    wb = make()
    wb.start()
    server = wb.runner._server
    wb.runner.crash("billing")
    until(lambda: not wb.lives()["billing"].up, "the crash")
    os.kill(server.pid, signal.SIGSTOP)
    until(lambda: wb.lives()["billing"].up, "the restart, which nobody answers")
    os.kill(server.pid, signal.SIGKILL)

    until(
        lambda: all(life.state == "running" and life.pid for life in wb.lives().values()),
        "services running again",
    )
    assert any(
        sentence.startswith(
            "billing could not be started: the fork server does not answer; it is tried again in "
        )
        for sentence in said
    )
    wb.publish_many(some_orders(5))
    wb.wait_until_idle()
    assert wb.state("shipping") == {"parcels": 5}


DESIGN = textwrap.dedent("""
    import json, sys, threading, time
    import psutil
    from workbench import Choreography, Event, Workbench

    class OrderPlaced(Event, version=1, key="order_id"):
        order_id: str

    design = Choreography()

    @design.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> None:
        pass

    @design.service("billing").on()
    def charge(event: OrderPlaced, ctx) -> None:
        pass

    wb = Workbench(design, bootstrap_servers=sys.argv[1], folder=sys.argv[2], namespace=sys.argv[3])
""")
"""The beginning of a program of its own: told a Kafka, a folder and a namespace, it has a ``wb``."""

CLOSING = """
    def held():
        # Counted at rest: for half a second nothing has begun or ended.
        same, process = 0, psutil.Process()
        count = lambda: [threading.active_count(), process.num_fds(), len(process.children())]
        found = count()
        while same < 25:
            time.sleep(0.02)
            found, last = count(), found
            same = same + 1 if found == last else 0
        return found

    before = held()
    wb.start()
    wb.publish_many([OrderPlaced(order_id=str(n)) for n in range(3)])
    wb.wait_until_idle(60)
    at_work = held()
    wb.close()
    print(json.dumps([before, at_work, held()]), flush=True)
"""


def test_closing_leaves_no_process_thread_or_open_file_behind(kafka, tmp_path):
    """In a process of its own, where clients of other tests neither come nor go."""
    program = DESIGN + textwrap.dedent(CLOSING)
    command = [sys.executable, "-c", program, kafka.bootstrap_servers, str(tmp_path)]
    run = subprocess.run(
        [*command, f"closing-{os.getpid()}"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    before, at_work, after = json.loads(run.stdout)
    assert all(more > few for few, more in zip(before, at_work, strict=True))
    assert after == before  # threads, open files, processes


OWNER = """
    wb.start()
    pids = [life.pid for life in wb.lives().values()]
    print(json.dumps([*pids, wb.runner._server.pid]), flush=True)
    time.sleep(600)
"""


def test_no_service_is_left_when_the_process_that_owns_them_is_killed(kafka, tmp_path):
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            DESIGN + textwrap.dedent(OWNER),
            kafka.bootstrap_servers,
            str(tmp_path),
            f"t{uuid4().hex[:10]}",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        pids = json.loads(owner.stdout.readline())
        assert len(pids) == 3
        assert not any(is_gone(pid) for pid in pids)
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
    for pid in pids:
        until(lambda pid=pid: is_gone(pid), f"the end of process {pid}")


def test_reset_gives_a_clean_slate_and_leaves_other_namespaces_alone(make):
    ours, theirs = make(), make()
    for wb in (ours, theirs):
        wb.start()
        wb.publish_many(some_orders(10))
    for wb in (ours, theirs):
        wb.wait_until_idle()
    ours.reset()
    assert ours.state("inventory") == {}
    assert ours.lag() == dict.fromkeys(SERVICES, 0)
    assert not set(ours.channels()) & ours.broker.channels()
    ours.start()
    assert len(ours.capture(progress=False).frame) == 0
    ours.publish_many(some_orders(3))
    ours.wait_until_idle()
    assert ours.state("shipping") == {"parcels": 3}
    assert len(ours.capture(progress=False).frame) == 12
    assert theirs.state("shipping") == {"parcels": 10}
    assert len(theirs.capture(progress=False).frame) == 40
    assert {life.state for life in theirs.lives().values()} == {"running"}


def test_what_can_not_be_published_is_said(make):
    wb = make()
    with pytest.raises(EventError, match=r"^OrderPlaced v1: quantity: \"many\" is not of type"):
        wb.publish("OrderPlaced", {"order_id": "o", "quantity": "many", "total": "1"})
    huge = {"order_id": "o" * 1_000_001, "quantity": 1, "total": "1"}
    published = wb.publish_many([("OrderPlaced", huge), *some_orders(1)])
    assert published[0].offset is None
    assert "OrderPlaced is too large: " in published[0].error
    assert (published[1].error, published[1].offset) == (None, 0)


def test_delayed_effects_outlive_a_kill_and_wait_until_idle_waits_for_them(make):
    design = Choreography()
    design.event(StockReserved)
    design.event(OrderPlaced)
    design.service("inventory").whenever(
        "OrderPlaced",
        emit={"StockReserved": {"order_id": "data.order_id", "total": "data.total"}},
        after="1500ms",
    )
    design.service("billing").on()(charge)
    wb = make(design)
    wb.start()
    wb.publish_many(some_orders(10))
    until(lambda: wb.lag()["inventory"] == 0, "the orders handled")
    wb.kill("inventory")
    with pytest.raises(ServiceError, match=r'inventory: 10 effects. wb.start\("inventory"\) l'):
        wb.wait_until_idle(timeout=0)
    wb.restart("inventory")
    wb.wait_until_idle()
    assert wb.state("billing") == {"money": sum(order.total for order in some_orders(10))}


def test_a_service_that_can_not_come_up_says_its_last_words(make):
    wb = make(partitions=1)
    wb.connection.ensure_channels()
    (wb.folder / "billing.sqlite").parent.mkdir(parents=True)
    (wb.folder / "billing.sqlite").write_text(
        "this is no database, and long enough to be read as one"
    )
    wb.runner.output_path("billing").write_text("of an earlier life\n")
    with pytest.raises(
        ServiceError, match=r"billing does not come up; its last words: .*billing.sqlite"
    ) as raised:
        wb.start()
    assert "of an earlier life" not in str(raised.value)


def test_a_handler_that_can_not_travel_is_named_before_anything_starts(make):
    design = order_chain()
    lock = threading.Lock()

    @design.service("inventory").on(name="reserve")
    def reserve(event: OrderPlaced, ctx) -> None:
        lock.acquire()

    wb = make(design)
    with pytest.raises(HandlerError, match=r"inventory/reserve uses 'lock' \(lock\)"):
        wb.start()
    assert not any(life.up for life in wb.lives().values())
