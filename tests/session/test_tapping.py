"""A tap on the exchanges of a RabbitMQ that others publish to, with a client of theirs."""

import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from uuid import uuid4

import pandas as pd
import pika
import pytest

from workbench import Choreography, Workbench
from workbench.analysis import EventLog
from workbench.brokers import Outgoing, RabbitMQBroker
from workbench.brokers.rabbitmq.line import LOCKED, NOT_FOUND
from workbench.capture import Tapping, record
from workbench.errors import BrokerError, LogError

pytestmark = pytest.mark.rabbitmq
PATIENCE = 30
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def url(rabbitmq):
    return rabbitmq.client_settings()["url"]


@pytest.fixture
def theirs(url):
    """A channel of somebody else's client."""
    broker = RabbitMQBroker(url)
    connection = pika.BlockingConnection(broker.endpoint.parameters(10, 60))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


@pytest.fixture
def exchange(theirs):
    made = []

    def make(kind="topic"):
        made.append(f"{kind}-{uuid4().hex[:10]}")
        theirs.exchange_declare(made[-1], kind)
        return made[-1]

    yield make
    for name in made:
        theirs.exchange_delete(name)


@pytest.fixture
def tap(url):
    made = []

    def make(*what, **how):
        made.append(Tapping(RabbitMQBroker(url), *what, made=EventLog, **how))
        return made[-1]

    yield make
    for one in made:
        with one:
            pass


def publish(theirs, exchange, key, body=b"{}", **properties):
    theirs.basic_publish(exchange, key, body, pika.BasicProperties(**properties))


def waiting(theirs, name):
    """How many messages wait in a queue, or the code of RabbitMQ's refusal to say."""
    try:
        channel = theirs.connection.channel()
        return channel.queue_declare(name, passive=True).method.message_count
    except pika.exceptions.ChannelClosedByBroker as error:
        return error.reply_code


def until(happened):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_messages_of_others_are_events_by_their_properties(theirs, exchange, tap):
    orders = exchange()
    tapping = tap(orders, limit=3)
    publish(
        theirs,
        orders,
        "order.placed",
        b'{"total": 12.5}',
        message_id="m-1",
        correlation_id="c-1",
        type="OrderPlaced",
        app_id="shop",
        timestamp=int(NOON.timestamp()),
        headers={"x-region": "eu", "n": 3, "when": NOON, "deep": {"a": [True, None]}},
    )
    publish(theirs, orders, "order.paid", b"no JSON", timestamp=int(NOON.timestamp() * 1000) + 1)
    publish(theirs, orders, "order.sent", b"")
    assert tapping.wait(PATIENCE)
    log = tapping.stop()
    assert isinstance(log, EventLog)
    assert tapping.stop() is tapping.result is log
    first, second, third = log.frame.to_dict("records")
    wanted = {
        "id": "m-1",
        "type": "OrderPlaced",
        "source": "shop",
        "time": NOON,
        "correlation_id": "c-1",
        "channel": f"{orders}/order.placed",
        "offset": 0,
        "data": {"total": 12.5},
        "exchange": orders,
        "routing_key": "order.placed",
    }
    assert {name: first[name] for name in wanted} == wanted
    assert first["headers"]["x-region"] == "eu"
    assert first["headers"]["deep"] == {"a": [True, None]}
    assert (second["type"], second["data"]) == ("order.paid", "no JSON")
    assert second["time"].microsecond == 1000
    assert "not JSON" in second["undecoded"]
    assert (third["type"], third["data"], third["time"]) == (
        "order.sent",
        None,
        third["broker_time"],
    )


@pytest.mark.parametrize("prefix", ["ce-", "cloudEvents:"])
def test_cloud_events_are_events_by_their_headers(theirs, exchange, tap, prefix):
    orders = exchange()
    tapping = tap(orders, limit=2)
    attributes = {
        "specversion": "1.0",
        "id": "1",
        "source": "shop",
        "type": "OrderPlaced",
        "time": "2026-11-25T12:00:00Z",
        "correlationid": "c-1",
        "causationid": "0",
    }
    headers = {f"{prefix}{name}": text for name, text in attributes.items()}
    publish(theirs, orders, "k", b'{"a": 1}', headers=headers, message_id="other", app_id="other")
    whole = b'{"specversion":"1.0","id":"2","source":"shop","type":"OrderPaid","data":{"a":2}}'
    publish(theirs, orders, "k", whole, content_type="application/cloudevents+json")
    tapping.wait(PATIENCE)
    found = tapping.stop().frame.set_index("id")
    assert found.loc["1", "time"] == NOON
    assert found.loc["1", ["source", "type", "correlation_id", "causation_id"]].tolist() == [
        "shop",
        "OrderPlaced",
        "c-1",
        "0",
    ]
    assert found["data"].to_dict() == {"1": {"a": 1}, "2": {"a": 2}}
    assert found["undecoded"].isna().all()


def test_the_workbenchs_own_events_are_tapped_as_they_are_recorded(url, tap):
    channel = f"orders-{uuid4().hex[:10]}"
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"shop"),
        ("ce_type", b"OrderPlaced"),
        ("ce_time", b"2026-11-25T12:00:00Z"),
        ("ce_correlationid", b"c-1"),
    ]
    with RabbitMQBroker(url) as broker, closing(broker.producer()) as producer:
        broker.ensure_channels({channel: 1})
        tapping = tap(channel, "OrderPlaced", limit=1)
        producer.send([Outgoing(channel, b"o-1", headers, b'{"a": 1}')])
        assert tapping.wait(PATIENCE)
        (recorded,) = record(broker, [channel]).to_dict("records")
        broker.delete({channel}, [])
    (tapped,) = tapping.stop().frame.to_dict("records")
    same = ["id", "type", "source", "time", "correlation_id", "data", "key"]
    assert [tapped[name] for name in same] == [recorded[name] for name in same]
    assert pd.isna([tapped["undecoded"], recorded["undecoded"]]).all()


def test_patterns_and_several_exchanges_say_what_is_heard(theirs, exchange, tap):
    orders, bills, all_, direct, by_headers = (
        exchange(kind) for kind in ("topic", "topic", "fanout", "direct", "headers")
    )
    heard = tap(
        {orders: ["order.*", "stock.#"], bills: "paid", all_: "", direct: "x", by_headers: ""},
        limit=6,
    )
    for name, key in [
        (orders, "order.placed"),
        (orders, "order.placed.again"),
        (orders, "stock.a.b"),
        (bills, "paid"),
        (bills, "open"),
        (all_, "any"),
        (direct, "x"),
        (direct, "y"),
        (by_headers, ""),
    ]:
        publish(theirs, name, key)
    assert heard.wait(PATIENCE)
    frame = heard.stop().frame.sort_values("offset")
    assert list(zip(frame["exchange"], frame["routing_key"], strict=True)) == [
        (orders, "order.placed"),
        (orders, "stock.a.b"),
        (bills, "paid"),
        (all_, "any"),
        (direct, "x"),
        (by_headers, ""),
    ]


def test_a_tap_takes_nothing_from_the_queues_of_others_and_leaves_nothing_behind(
    theirs, exchange, tap
):
    orders = exchange()
    queue = theirs.queue_declare("", exclusive=True).method.queue
    theirs.queue_bind(queue, orders, "#")
    with tap(orders) as tapping:
        for n in range(5):
            publish(theirs, orders, "k", str(n).encode())
        until(lambda: tapping.count == 5)
        own = tapping._tap.queue
        assert waiting(theirs, own) == LOCKED  # there, and for the tap alone
    assert len(tapping.result) == 5
    assert waiting(theirs, queue) == 5
    until(lambda: waiting(theirs, own) == NOT_FOUND)


def test_it_ends_with_so_many_messages_or_after_so_long(theirs, exchange, tap):
    orders = exchange()
    two, brief = tap(orders, limit=2), tap(orders, seconds=0.05)
    for _ in range(5):
        publish(theirs, orders, "k")
    assert two.wait(PATIENCE)
    assert brief.wait(PATIENCE)
    assert not two.running
    with pytest.raises(LogError, match=r"the tap goes on: .stop\(\) ends it"):
        two.result  # noqa: B018 - asking is the test
    assert len(two.stop()) == two.count == 2
    assert repr(two) == f"<tap on {orders} [#]: 2 events, ended>"


def test_a_named_queue_keeps_what_comes_between_two_taps(theirs, exchange, tap):
    orders, name = exchange(), uuid4().hex
    with tap(orders, queue=name, limit=3) as first:
        for n in range(5):
            publish(theirs, orders, "k", str(n).encode())
        assert first.wait(PATIENCE)
        with pytest.raises(BrokerError, match=r"somebody else reads the queue 'workbench/tap/"):
            tap(orders, queue=name)
    publish(theirs, orders, "k", b"5")
    second = tap(orders, queue=name, limit=3)
    assert second.wait(PATIENCE)
    both = [*first.stop().frame["data"], *second.stop().frame["data"]]
    assert both == [0, 1, 2, 3, 4, 5]
    theirs.queue_delete(f"workbench/tap/{name}")
    theirs.queue_delete(f"workbench/tap/{name}/dropped")


def test_a_tap_that_is_too_slow_loses_its_oldest_and_says_so(theirs, exchange, tap):
    orders, free = exchange(), threading.Event()
    tapping = tap(orders, max_length=3, prefetch=1)
    taken = tapping._tap._take
    tapping._tap._take = lambda message: free.wait(PATIENCE) and taken(message)
    for n in range(20):
        publish(theirs, orders, "k", str(n).encode())  # each confirmed: publishers don't wait
    free.set()
    until(lambda: tapping.count and tapping._came[-1].body == b"19")
    wanted = r"the tap was too slow, and RabbitMQ dropped its oldest messages: .* is its .result"
    with pytest.raises(LogError, match=wanted):
        tapping.stop()
    assert 0 < len(tapping.result) < 20
    assert "was too slow" in repr(tapping)


def test_a_named_tap_says_once_what_was_dropped_before_it(theirs, exchange, tap):
    orders, name = exchange(), uuid4().hex
    tap(orders, queue=name, max_length=3).stop()
    for n in range(20):
        publish(theirs, orders, "k", str(n).encode())
    until(lambda: waiting(theirs, f"workbench/tap/{name}/dropped") == 1)
    slow = tap(orders, queue=name, max_length=3)
    until(lambda: slow.count == 3)
    with pytest.raises(LogError, match=r"the tap was too slow"):
        slow.stop()
    assert len(tap(orders, queue=name, max_length=3).stop()) == 0
    theirs.queue_delete(f"workbench/tap/{name}")
    theirs.queue_delete(f"workbench/tap/{name}/dropped")


def test_what_came_is_kept_when_rabbitmq_ends_the_tap(theirs, exchange, tap):
    orders = exchange()
    tapping = tap(orders)
    publish(theirs, orders, "k")
    until(lambda: tapping.count == 1)
    assert "goes on" in repr(tapping)
    assert tapping.rate > 0
    tapping._tap._line.run(tapping._tap._line._connection.close)
    assert tapping.wait(PATIENCE)
    with pytest.raises(LogError, match=r"ended early: the connection ended .* What came is its"):
        tapping.stop()
    assert len(tapping.result) == 1


def test_a_tap_whose_queue_is_deleted_has_ended(theirs, exchange, tap):
    tapping = tap(exchange(), queue=uuid4().hex)
    theirs.queue_delete(tapping._tap.queue)
    assert tapping.wait(PATIENCE)
    with pytest.raises(LogError, match=r"the tap ended early: its queue was deleted"):
        tapping.stop()
    theirs.queue_delete(f"{tapping._tap.queue}/dropped")


def test_a_missing_exchange_and_other_mistakes_are_said_in_a_sentence(tap, exchange):
    with pytest.raises(BrokerError, match=r"has no exchange 'nowhere': a tap listens to exchanges"):
        tap("nowhere")
    with pytest.raises(BrokerError, match=r"lets nobody listen to its default exchange"):
        tap("")
    with pytest.raises(LogError, match=r"name an exchange, and a routing key"):
        tap([])
    with pytest.raises(LogError, match=r"limit must be above 0, not 0"):
        tap(exchange(), limit=0)


def test_a_workbench_on_another_broker_taps_a_rabbitmq_by_its_address(url, theirs, exchange):
    orders = exchange()
    with Workbench(Choreography(), broker="memory://", say=lambda text: None) as wb:
        with pytest.raises(BrokerError, match=r"this workbench is on memory: name one by url="):
            wb.capture_tap(orders)
        with wb.capture_tap(orders, url=url, limit=1) as tapping:
            publish(theirs, orders, "k", message_id="m")
            assert tapping.wait(PATIENCE)
        assert tapping.result.frame["id"].tolist() == ["m"]
        assert "guest:" not in repr(tapping)
