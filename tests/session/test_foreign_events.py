"""Events that others have published, with no more in them than the standard asks for."""

import json
import re
from contextlib import closing

import pika
import pytest

from workbench import Choreography, Event, EventLog, Workbench
from workbench.brokers import Outgoing

pytestmark = pytest.mark.timeout(180)

REQUIRED = {"specversion": "1.0", "id": "theirs-1", "type": "OrderPlaced", "source": "shop"}
VALUE = json.dumps({"order_id": "o-9"}).encode()


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str


class StockReserved(Event, version=1, key="order_id"):
    order_id: str


def design():
    found = Choreography()

    @found.service("inventory").on()
    def reserve(event: OrderPlaced) -> StockReserved:
        return StockReserved(order_id=event.order_id)

    return found


def workbench(broker, tmp_path):
    return Workbench(
        design(), broker=broker, namespace=tmp_path.name, folder=tmp_path, say=lambda text: None
    )


@pytest.fixture
def on_kafka(kafka, tmp_path):
    with workbench(kafka, tmp_path) as wb:
        wb.start()
        yield wb


@pytest.fixture
def on_rabbitmq(rabbitmq, tmp_path):
    with workbench(rabbitmq, tmp_path) as wb:
        wb.start()
        yield wb


@pytest.fixture
def publish(on_rabbitmq, rabbitmq):
    """Publishes as any AMQP client does: no message id, and no time anywhere."""
    channel = f"{on_rabbitmq.namespace}.OrderPlaced"
    login = pika.URLParameters(rabbitmq.amqp_url_with_password)
    with closing(pika.BlockingConnection(login)) as connection:
        exchange = connection.channel()
        exchange.confirm_delivery()

        def publish(headers, value=VALUE):
            about = pika.BasicProperties(headers=headers, content_type="application/json")
            exchange.basic_publish(channel, "OrderPlaced", value, about)

        yield publish


@pytest.mark.kafka
def test_an_event_without_a_flow_stands_in_the_flow_that_it_begins(on_kafka):
    headers = [(f"ce_{name}", text.encode()) for name, text in REQUIRED.items()]
    channel = f"{on_kafka.namespace}.OrderPlaced"
    with closing(on_kafka.broker.producer()) as producer:
        producer.send([Outgoing(channel, b"o-9", headers, VALUE)])
    on_kafka.wait_until_idle()
    flow = on_kafka.flow("theirs-1", progress=False)
    assert [event.type for event in flow.tree] == ["OrderPlaced", "StockReserved"]
    assert repr(flow).startswith("flow theirs-1: 2 events")
    assert flow.tree.notes == []


@pytest.mark.rabbitmq
def test_an_event_of_unknown_time_is_captured_and_followed_like_any_other(
    on_rabbitmq, publish, tmp_path
):
    wb = on_rabbitmq
    publish({f"ce-{name}": text for name, text in REQUIRED.items()})
    wb.wait_until_idle()
    log = wb.capture(progress=False)
    assert log.frame["type"].tolist() == ["OrderPlaced", "StockReserved"]
    assert "events without a time 1 (it is that of the events around)" in repr(log)
    read = EventLog.read(log.save(tmp_path / "log.jsonl"))
    assert log.frame["undated"].tolist() == read.frame["undated"].tolist() == [True, False]
    flow = wb.flow("theirs-1", progress=False)
    assert [event.type for event in flow.tree] == ["OrderPlaced", "StockReserved"]
    assert flow.tree.notes == []
    flow.plot()
    why = wb.why("theirs-1", "inventory", progress=False)
    assert why.reason == "handled"
    assert not re.search(r"waited|since|19\d\d-", f"{flow}{why}")


@pytest.mark.rabbitmq
def test_what_is_no_event_is_found_by_its_place_and_by_that_of_its_dead_letter(
    on_rabbitmq, publish
):
    """RabbitMQ counts a place for services otherwise than for readers."""
    wb = on_rabbitmq
    for value in (b"another", b"garbage"):
        publish({}, value)
    wb.wait_until_idle()
    letters = wb.dead_letters()
    (letter,) = letters[letters["data"].astype(str).str.contains("garbage")].itertuples()
    stood = f"{letter.channel}[{letter.partition}]@{letter.offset}"
    for place in (f"{letter.channel}[0]@1", stood, letter.Index):
        why = wb.why(place, "inventory", progress=False)
        assert why.event == f"a record that is no event at {letter.channel}[0]@1"
        assert why.reason == "dead"
        assert f"dead letter {letter.Index}, open" in repr(why)
        assert "reprocess" not in repr(why)


@pytest.mark.rabbitmq
def test_logs_name_no_offset_that_readers_do_not_know(on_rabbitmq):
    published = on_rabbitmq.publish(OrderPlaced(order_id="o-1"))
    on_rabbitmq.wait_until_idle()
    lines = on_rabbitmq.logs(event_id=published.id)
    assert lines["channel"].tolist() == [f"{on_rabbitmq.namespace}.OrderPlaced"]
    assert lines["offset"].isna().all()


@pytest.mark.rabbitmq
def test_where_nothing_can_be_rewound_an_event_passed_over_is_to_be_published_again(
    on_rabbitmq,
):
    wb = on_rabbitmq
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()

    @wb.service("inventory").on()
    def count(event: OrderPlaced) -> None:
        pass

    wb.restart("inventory")
    answers = {answer.reaction: answer for answer in wb.why(published, "inventory").answers}
    assert answers["count"].reason == "passed over"
    assert answers["count"].sentence.endswith(". Published or replayed again, it is handled.")
