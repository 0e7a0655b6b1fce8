"""The Workbench on the in-memory broker: everything that a notebook asks of it."""

import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import MemoryBroker, Outgoing, Position
from workbench.errors import (
    BrokerError,
    DesignError,
    EventError,
    EventRefusedError,
    HandlerError,
    ServiceError,
)
from workbench.session import observing

pytestmark = pytest.mark.memory


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    quantity: int = 1
    total: Decimal = Decimal("9.90")


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    quantity: int


class PaymentReceived(Event, version=1, key="order_id"):
    order_id: str


QUICK = RetryPolicy(attempts=2, first_delay=0.001, later=())


def order_design():
    design = Choreography()

    @design.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        if event.order_id == "bad":
            raise RuntimeError("no shelf")
        print("reserving", event.order_id)
        ctx.state["units"] = ctx.state.get("units", 0) + event.quantity
        return StockReserved(order_id=event.order_id, quantity=event.quantity)

    design.event(PaymentReceived)
    design.service("billing").whenever(
        "StockReserved", emit={"PaymentReceived": {"order_id": "data.order_id"}}
    )
    return design


@pytest.fixture
def said():
    return []


@pytest.fixture
def make(tmp_path, said):
    made = []

    def make(design=None, **settings):
        settings = {"broker": MemoryBroker(), "retry": QUICK, "say": said.append} | settings
        made.append(Workbench(design, folder=tmp_path / "services", **settings))
        return made[-1]

    yield make
    for wb in made:
        wb.close()


@pytest.fixture
def wb(make):
    return make(order_design())


def test_what_is_published_flows_through_and_is_captured(wb):
    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1", quantity=3))
    assert (published.type, published.channel, published.offset) == (
        "OrderPlaced",
        "OrderPlaced",
        0,
    )
    assert published.correlation_id == published.id
    wb.wait_until_idle()
    log = wb.capture(progress=False)
    frame = log.frame.sort_values("time", ignore_index=True)
    assert list(frame["type"]) == ["OrderPlaced", "StockReserved", "PaymentReceived"]
    assert list(frame["source"]) == ["workbench", "inventory", "billing"]
    assert list(frame["causation_id"].fillna("")) == ["", *frame["id"][:2]]
    assert len(log.flows()) == 1
    assert wb.state("inventory") == {"units": 3}
    assert "reserving o-1" in wb.output("inventory")
    assert wb.output("billing") == ""


def test_events_are_published_by_name_too_and_in_a_flow_of_ones_own(wb):
    published = wb.publish("OrderPlaced", {"order_id": "o-1"}, correlation_id="flow-9")
    assert published.correlation_id == "flow-9"


def test_what_a_payload_lacks_is_said_and_nothing_is_sent(wb):
    with pytest.raises(EventError, match=r'^OrderPlaced v1: the payload: "order_id" is a required'):
        wb.publish("OrderPlaced", {})
    with pytest.raises(EventError, match="OrderPlaced v1: quantity: "):
        wb.publish_many(
            [OrderPlaced(order_id="a"), ("OrderPlaced", {"order_id": "b", "quantity": "x"})]
        )
    assert wb.broker.end_offsets(wb.channels()) == {}
    with pytest.raises(DesignError, match="there is no event type 'Nope' in this design"):
        wb.publish("Nope", {})
    with pytest.raises(
        EventError, match="7 can't be published: give an event, or its type's name and"
    ):
        wb.publish_many([7])


def test_one_event_too_large_is_refused_and_the_others_go_on(wb):
    huge = OrderPlaced(order_id="x" * 400_000)
    first, refused, last = wb.publish_many(
        [OrderPlaced(order_id="a"), huge, OrderPlaced(order_id="b")]
    )
    assert (first.error, last.error) == (None, None)
    assert refused.offset is None
    assert refused.error.startswith("OrderPlaced is too large: 1,2")
    assert sum(wb.broker.end_offsets(["OrderPlaced"]).values()) == 2
    with pytest.raises(EventRefusedError, match="OrderPlaced is too large"):
        wb.publish(huge)


def test_an_event_of_which_nobody_knows_is_not_called_refused(wb, monkeypatch):
    def unknown(self, batch):
        return [BrokerError("it may be there or not") for _ in batch]

    monkeypatch.setattr(type(wb.broker.producer()), "send", unknown)
    with pytest.raises(BrokerError, match="it may be there or not") as raised:
        wb.publish(OrderPlaced(order_id="a"))
    assert type(raised.value) is BrokerError


def test_many_events_keep_their_order(wb):
    published = wb.publish_many(
        [OrderPlaced(order_id="same", quantity=n) for n in range(1200)], batch=100
    )
    assert [one.offset for one in published] == list(range(1200))
    assert len({one.partition for one in published}) == 1


def test_the_status_has_one_row_a_service_with_what_it_did_and_has_left(wb):
    wb.publish_many([OrderPlaced(order_id="a"), OrderPlaced(order_id="bad")])
    wb.start("inventory")
    deadline = time.monotonic() + 20
    while wb.lag()["inventory"] and time.monotonic() < deadline:
        time.sleep(0.01)
    status = wb.status().set_index("service")
    assert list(status.columns) == [
        "state", "instances", "pid", "handled", "emitted", "duplicates", "retries", "dead_letters", "in_flight",
        "waiting", "refused", "lag", "crashes",
    ]  # fmt: skip
    assert list(status.index) == ["inventory", "billing"]
    assert status.loc["inventory", ["state", "handled", "emitted", "retries", "dead_letters", "lag"]].to_list() == [
        "running", 1, 1, 1, 1, 0
    ]  # fmt: skip
    assert status.loc["billing", ["state", "handled", "lag"]].to_list() == ["stopped", 0, 1]


def test_the_status_says_what_waits_whether_its_service_is_up_or_not(make):
    wb = make()
    wb.choreography.event(OrderPlaced)
    wb.choreography.event(PaymentReceived)
    paid = {"PaymentReceived": {"order_id": "data.order_id"}}
    wb.service("billing").whenever("OrderPlaced", emit=paid, after="1h")
    wb.start()
    wb.publish(OrderPlaced(order_id="a"))
    deadline = time.monotonic() + 20
    while wb.lag()["billing"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert wb.status()["waiting"].to_list() == [1]
    wb.stop()
    assert wb.status()[["state", "waiting"]].to_numpy().tolist() == [["stopped", 1]]


def test_the_status_of_an_empty_design_is_empty(make):
    assert make().status().empty


def test_capture_takes_a_range_of_times_or_offsets(wb):
    wb.publish_many([OrderPlaced(order_id="same", quantity=n) for n in range(1, 6)])
    place = next(p for p, end in wb.broker.end_offsets(["OrderPlaced"]).items() if end)
    log = wb.capture(start={place: 1}, stop={place: 4}, progress=False)
    assert list(log.frame["offset"]) == [1, 2, 3]
    assert len(wb.capture(since=datetime.now(UTC) + timedelta(hours=1), progress=False).frame) == 0
    assert len(wb.capture(until=datetime.now(UTC) - timedelta(hours=1), progress=False).frame) == 0
    assert len(wb.capture(progress=False).frame) == 5


def test_capture_keeps_what_is_no_event(wb):
    wb.connection.ensure_channels()
    wb.broker.producer().send([Outgoing("OrderPlaced", b"k", [], b"\xffjunk")])
    (row,) = wb.capture(progress=False).frame.to_dict("records")
    assert row["undecoded"].startswith("the record has no CloudEvents headers")
    assert (row["data"], row["key"]) == ("\\xffjunk", "k")


def test_waiting_says_what_is_left_to_do(wb):
    wb.publish_many([OrderPlaced(order_id=f"o-{n}") for n in range(3)])
    expected = (
        r"^not at rest and nobody at work on it; left to do: inventory: 3 events. "
        r'wb.start\("inventory"\) lets it go on\.$'
    )
    with pytest.raises(ServiceError, match=expected):
        wb.wait_until_idle()


def test_waiting_counts_the_delayed_effects_of_a_service_that_is_down(make):
    design = Choreography()
    design.event(PaymentReceived)
    design.event(OrderPlaced)
    design.service("slow").whenever(
        "OrderPlaced", emit={"PaymentReceived": {"order_id": "data.order_id"}}, after="1h"
    )
    wb = make(design)
    wb.start()
    wb.publish(OrderPlaced(order_id="a"))
    deadline = time.monotonic() + 20
    while wb.lag()["slow"] and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(ServiceError, match=r"not at rest after 0 s; left to do: slow: 1 effect\.$"):
        wb.wait_until_idle(timeout=0)
    wb.kill("slow")
    with pytest.raises(ServiceError, match=r'slow: 1 effect. wb.start\("slow"\) lets it go on.$'):
        wb.wait_until_idle()


# --- starting and stopping -------------------------------------------------------------------


def test_a_service_is_killed_and_restarted(wb):
    wb.start()
    wb.kill("billing")
    assert (wb.lives()["billing"].state, wb.lives()["inventory"].state) == ("killed", "running")
    wb.publish(OrderPlaced(order_id="a"))
    wb.restart("billing")
    wb.wait_until_idle()
    assert wb.counts("billing")["handled"] == 1
    wb.stop()
    assert {life.state for life in wb.lives().values()} == {"stopped"}
    wb.start()
    assert {life.state for life in wb.lives().values()} == {"running"}


def test_what_can_not_be_started_is_said(make, wb):
    with pytest.raises(
        ServiceError, match=r"no service 'nope' in this design \(it has: inventory, bill"
    ):
        wb.start("nope")
    for ask in (wb.kill, wb.stop, wb.restart, wb.state, wb.output, wb.counts):
        with pytest.raises(ServiceError, match=r"^there is no service 'nope' in this design"):
            ask("nope")
    with pytest.raises(ServiceError, match="'billing' was never started"):
        wb.kill("billing")
    with pytest.raises(EventError, match="can't be published: give an event, or its type's name"):
        wb.publish({"order_id": "a"})
    wb.start("inventory")
    with pytest.raises(
        ServiceError, match=r"inventory is running already; wb.restart\('inventory'\)\?"
    ):
        wb.start("inventory")
    with pytest.raises(
        ServiceError, match="there is no service with a reaction yet: define one with"
    ):
        make().start()


def test_a_changed_reaction_is_offered_a_restart(wb, said):
    def reserve(event: OrderPlaced, ctx) -> None: ...

    wb.service("inventory").on()(reserve)
    assert said == []
    wb.start()
    wb.service("inventory").on()(reserve)
    assert said == ["inventory has changed; wb.restart('inventory') puts the change to work."]


def test_an_unbound_handler_is_refused_by_name(make, tmp_path):
    design = order_design()
    design.save(tmp_path / "orders")
    wb = make(tmp_path / "orders")
    with pytest.raises(
        HandlerError, match=r"^inventory/reserve has no Python handler: register one with"
    ):
        wb.start()
    assert wb.lives() == {}


# --- the design folder -----------------------------------------------------------------------


def test_a_design_is_saved_and_loaded(make, tmp_path):
    wb = make(order_design())
    with pytest.raises(DesignError, match="this design has no folder yet: say where"):
        wb.save()
    assert wb.save(tmp_path / "orders") == tmp_path / "orders"
    wb.service("shipping").whenever("PaymentReceived", emit={})
    assert wb.save() == wb.design_folder == tmp_path / "orders"
    again = make(tmp_path / "orders")
    assert again.choreography == wb.choreography
    assert again.design_folder == tmp_path / "orders"


def test_a_design_folder_that_is_not_there_yet_is_an_empty_design(make, tmp_path):
    wb = make(str(tmp_path / "new"))
    wb.event(OrderPlaced)
    wb.save()
    assert list(make(tmp_path / "new").choreography.event_types) == ["OrderPlaced"]


# --- sharing a cluster -----------------------------------------------------------------------


def test_namespaces_share_a_broker_and_nothing_else(make):
    broker = MemoryBroker()
    ada, bob = (make(order_design(), broker=broker, namespace=name) for name in ("ada", "bob"))
    assert ada.channels() == ["ada.OrderPlaced", "ada.inventory", "ada.billing"]
    for wb in (ada, bob):
        wb.start()
    ada.publish(OrderPlaced(order_id="a"))
    ada.wait_until_idle()
    bob.wait_until_idle()
    assert ada.state("inventory") == {"units": 1}
    assert bob.state("inventory") == {}
    assert len(bob.capture(progress=False).frame) == 0
    assert ada.folder != bob.folder
    bob.reset()
    assert len(ada.capture(progress=False).frame) == 3
    assert set(ada.channels()) <= broker.channels()


@pytest.mark.parametrize("name", ["a.b", "a b", "é", "x" * 81, "a\n"])
def test_a_namespace_is_part_of_a_channels_name(name):
    with pytest.raises(DesignError, match="can't be a namespace: use letters, digits, '-' and '_'"):
        Workbench(namespace=name)


def test_reset_gives_a_clean_slate_and_keeps_the_design(wb):
    wb.start()
    wb.publish_many([OrderPlaced(order_id=f"o-{n}") for n in range(5)])
    wb.wait_until_idle()
    wb.reset()
    assert wb.broker.channels() == set()
    assert (wb.state("inventory"), wb.counts("inventory")) == ({}, {})
    assert wb.dead_letters().empty
    wb.start()
    wb.publish(OrderPlaced(order_id="o-0"))
    wb.wait_until_idle()
    assert wb.state("inventory") == {"units": 1}
    assert len(wb.capture(progress=False).frame) == 3


def test_reset_before_anything_was_started_does_nothing(wb):
    wb.reset()
    assert wb.lives() == {}


def test_a_read_only_workbench_changes_nothing(make):
    wb = make(order_design(), readonly=True)
    for do in (lambda: wb.publish(OrderPlaced(order_id="a")), wb.start, wb.reset):
        with pytest.raises(BrokerError, match=r"^this workbench is read-only: it can't "):
            do()
    assert wb.broker.channels() == set()


@pytest.mark.parametrize(
    "servers",
    ["kafka.example.com:9092", "10.0.0.7:9092", "127.0.0.1:9092,10.0.0.7:9092", "localhost.evil:1"],
)
def test_a_cluster_elsewhere_is_written_to_only_when_asked_for(make, servers):
    wb = make(order_design(), broker=None, bootstrap_servers=servers)
    for do in (lambda: wb.publish(OrderPlaced(order_id="a")), wb.start, wb.reset):
        with pytest.raises(
            BrokerError, match=r" is not on this machine: Workbench\(..., allow_writes=T"
        ):
            do()


@pytest.mark.parametrize(
    "servers", ["127.0.0.1:9092", "localhost:9092", "[::1]:9092", "127.8.8.8:1,localhost"]
)
def test_a_cluster_on_this_machine_may_be_written_to(make, servers):
    make(broker=None, bootstrap_servers=servers).connection.may_write("publish")
    make(broker=None, bootstrap_servers="10.0.0.7:9092", allow_writes=True).connection.may_write(
        "publish"
    )


def test_an_address_that_is_none_is_said(make):
    with pytest.raises(
        BrokerError, match="'rabbit://x' is not a broker this version knows: use None"
    ):
        make(broker="rabbit://x").broker  # noqa: B018
    assert make(broker="memory://").broker.kind == "memory"
    kafka = make(broker="kafka://127.0.0.1:9").broker
    assert (kafka.kind, kafka.bootstrap_servers) == ("kafka", "127.0.0.1:9")


@pytest.mark.parametrize("broker", [None, "memory://", "rabbitmq://", "aws://eu-1", MemoryBroker()])
def test_a_misspelt_parameter_is_named_before_anything_is_started(broker):
    with pytest.raises(
        BrokerError, match=r"^there is no setting 'namespce': did you mean namespace\?$"
    ):
        Workbench(broker=broker, namespce="x")


@pytest.mark.parametrize(
    ("broker", "settings", "said"),
    [
        ("memory://", {"ssl_cafile": "x"}, r"^memory has no setting 'ssl_cafile': it has none\.$"),
        ("kafka://", {"colour": "x"}, r"^kafka has no setting 'colour': it has bootstrap_servers,"),
        ("kafka://", {"sasl_plain_pasword": "x"}, r"did you mean sasl_plain_password\?$"),
        ("kafka://", {"security_protocol": "SALS_SSL"}, r"^security_protocol is none that there"),
        ("kafka://a:1", {"kind": "memory"}, r"^kafka has no setting 'kind'"),
        ("aws://eu-1", {"region": "us-1"}, r"^region is what the address says: give it as broker="),
        ("rabbitmq://", {"url": "rabbitmq://x"}, r"^url is what the address says"),
        (
            "memory://",
            {"bootstrap_servers": "127.0.0.1:9"},
            r"^broker= and bootstrap_servers= both say where the broker is: give one of them\.$",
        ),
    ],
)
def test_settings_that_do_not_go_with_the_broker_are_refused_at_once(broker, settings, said):
    with pytest.raises(BrokerError, match=said):
        Workbench(broker=broker, **settings)


def test_secrets_are_in_no_repr(make):
    wb = make(
        broker=None,
        bootstrap_servers="127.0.0.1:9",
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_plain_password="hunter2",
    )
    assert "not connected yet" in repr(wb)
    assert wb.broker.client_settings()["sasl_plain_password"] == "hunter2"
    assert "hunter2" not in repr(wb) + repr(wb.broker) + repr(vars(wb)["choreography"])


@pytest.mark.parametrize("broker", ["'memory://'", "MemoryBroker()"])
def test_of_a_broker_in_memory_nothing_is_left_though_nobody_closed_it(tmp_path, broker):
    code = (
        "import atexit, threading\n"
        "turns = lambda: [t for t in threading.enumerate() if t.name == 'turns']\n"
        "atexit.register(lambda: print(turns()))  # the first, so it is run last\n"
        "from workbench import Workbench\n"
        "from workbench.brokers import MemoryBroker\n"
        "from workbench.examples.orders import order_choreography, some_orders\n"
        f"wb = Workbench(order_choreography(), broker={broker})\n"
        "wb.start()\n"
        "wb.publish_many(some_orders(3))\n"
        "wb.wait_until_idle()\n"
        "print(len([*wb.folder.iterdir()]) > 3, len(turns()))"
    )
    places = {name: str(tmp_path) for name in ("TMPDIR", "XDG_DATA_HOME", "HOME")}
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **places, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert (found.stdout, found.stderr) == ("True 1\n[]\n", "")
    assert [path for path in tmp_path.rglob("*") if "choreography-workbench" in str(path)] == []


def test_each_cluster_has_a_folder_of_its_own(make):
    one, other = make(order_design()), make(order_design())
    assert one.folder != other.folder
    assert one.broker.cluster_id in one.folder.parts


def test_the_lag_counts_what_a_group_has_not_committed(wb):
    wb.publish_many([OrderPlaced(order_id=f"o-{n}") for n in range(7)])
    assert wb.lag() == {"inventory": 7, "billing": 0}
    wb.start("inventory")
    deadline = time.monotonic() + 20
    while wb.lag()["inventory"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert wb.lag() == {"inventory": 0, "billing": 7}
    assert sum(wb.broker.committed("inventory").values()) == 7
    assert all(isinstance(place, Position) for place in wb.broker.committed("inventory"))


# --- coming to rest --------------------------------------------------------------------------


def test_converged_says_what_is_left_and_which_invariant_is_broken(wb):
    wb.choreography.invariant("stock", "state.inventory.units == 3.0")
    wb.publish_many([OrderPlaced(order_id=f"o-{n}") for n in range(3)])
    before = wb.converged()
    assert not before
    assert before.left == {"inventory": "3 events"}
    assert repr(before).splitlines() == [
        "✗ not at rest; left to do: inventory: 3 events",
        "✗ stock: state.inventory.units == 3.0 (0 ≠ 3)",
    ]
    wb.start()
    wb.wait_until_idle()
    after = wb.converged()
    assert after
    assert repr(after).splitlines() == [
        "✓ at rest: nothing is left to do",
        "✓ stock: state.inventory.units == 3.0 (3 = 3)",
    ]
    assert "<" not in after._repr_html_().replace("<div>", "").replace("</div>", "")


def test_what_is_sent_while_one_looks_is_not_overlooked(wb, monkeypatch):
    wb.start()
    wb.wait_until_idle()
    look = observing.consumer_lag

    def look_and_send(*args):
        found = look(*args)
        monkeypatch.setattr(observing, "consumer_lag", look)
        wb.kill("billing")
        wb.broker.producer().send([Outgoing("inventory", b"k", [], b"{}")])
        return found

    monkeypatch.setattr(observing, "consumer_lag", look_and_send)
    assert wb.converged().left == {"billing": "1 event"}


def test_dead_letters_are_named_and_leave_it_at_rest(wb):
    wb.start()
    wb.publish_many([OrderPlaced(order_id="bad"), OrderPlaced(order_id="good")])
    wb.wait_until_idle()
    found = wb.converged()
    assert found
    assert repr(found).splitlines()[1] == "! 1 dead letter waits for you: wb.dead_letters()"
    wb.dead_letters().discard(reason="a test")
    assert wb.converged().dead_letters == 0


def test_a_service_that_crashed_often_is_restarted_all_the_same(wb):
    wb.start()
    for crashes in range(1, 5):
        wb.runner.crash("billing")
        deadline = time.monotonic() + 10
        while wb.lives()["billing"].state != "running" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert wb.lives()["billing"].crashes == crashes
    wb.restart("billing")
    wb.restart("billing", rolling=True)
    assert wb.lives()["billing"].state == "running"


def test_what_is_printed_while_a_service_is_at_work_stays_where_it_is_printed(wb, capsys):
    at_work, seen = threading.Event(), threading.Event()

    @wb.service("inventory").on(name="reserve")
    def reserve(event: OrderPlaced, ctx) -> None:
        print("a service")
        at_work.set()
        seen.wait(10)
        print("still a service", file=sys.stderr)

    wb.start()
    wb.publish(OrderPlaced(order_id="o-1"))
    assert at_work.wait(10)
    heard, usual = [], sys.stdout.write
    sys.stdout.write = lambda text: heard.append(text) or usual(text)  # as IPython does
    print("a notebook")
    print("its errors", file=sys.stderr)
    seen.set()
    wb.wait_until_idle()
    sys.stdout.write = usual
    assert heard == ["a notebook", "\n"]
    assert capsys.readouterr() == ("a notebook\n", "its errors\n")
    assert wb.output("inventory").splitlines() == ["a service", "still a service"]


def test_a_broker_in_memory_leaves_no_files_behind(tmp_path):
    with Workbench(order_design(), broker="memory://", folder=tmp_path) as wb:
        wb.start()
        assert list(tmp_path.rglob("*.sqlite"))
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("rolling", [False, True])
def test_nothing_is_stopped_for_a_restart_while_the_broker_does_not_answer(
    wb, monkeypatch, rolling
):
    def silent(*_):
        raise BrokerError("Kafka has not answered within 10 s.")

    wb.start()
    monkeypatch.setattr(wb.broker, "channels", silent)
    with pytest.raises(BrokerError, match="Kafka has not answered"):
        wb.restart("billing", rolling=rolling)
    assert wb.lives()["billing"].up
    monkeypatch.undo()
    monkeypatch.setattr(wb.broker, "make_way", silent)
    expected = (
        r"^billing was stopped and could not be started again: Kafka has not answered within 10 s\. "
        r"wb\.restart\('billing'\) tries it again\.$"
    )
    with pytest.raises(ServiceError, match=expected):
        wb.restart("billing", rolling=rolling)
    monkeypatch.undo()
    wb.restart("billing")
    assert wb.lives()["billing"].up


def test_what_is_for_a_whole_service_does_not_take_one_instance(wb):
    wb.start()
    expected = "billing/2 is one instance: this is for the whole of billing"
    with pytest.raises(ServiceError, match=expected):
        wb.restart("billing/2")


def test_ids_are_one_for_each_event_or_none_at_all(wb):
    events = [OrderPlaced(order_id=f"o-{n}") for n in range(3)]
    for ids in (["a"], list("abcd"), []):
        with pytest.raises(EventError, match=rf"^{len(ids)} ids do not go with 3 events"):
            wb.publish_many(events, ids=ids)
    assert [one.id for one in wb.publish_many(events, ids="abc")] == ["a", "b", "c"]


def test_all_states_are_one_table(wb):
    wb.start()
    wb.publish(OrderPlaced(order_id="o-1", quantity=2))
    wb.wait_until_idle()
    assert wb.states().to_dict("records") == [{"service": "inventory", "key": "units", "value": 2}]


def test_what_services_keep_is_for_its_owner_alone(wb, tmp_path):
    wb.start()
    wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    (folder,) = (file.parent for file in tmp_path.rglob("inventory.sqlite"))
    assert folder.stat().st_mode & 0o077 == 0
    kept = {file.name: file.stat().st_mode & 0o077 for file in folder.iterdir()}
    assert {"inventory.sqlite", "inventory.sqlite-wal", "inventory.log"} <= kept.keys()
    assert not any(kept.values())
