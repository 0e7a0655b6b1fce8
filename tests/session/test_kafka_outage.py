"""Publishing by hand while a Kafka is down, and once it is back."""

import pytest

from workbench import Event, LocalKafka, Workbench
from workbench.brokers import Landed, Outgoing, kafka_clients
from workbench.brokers.local.ports import free_port
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError

pytestmark = pytest.mark.kafka


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str


def test_what_an_outage_leaves_unknown_is_no_refusal_and_is_sent_when_kafka_is_back(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(kafka_clients, "_SEND_TIMEOUT_MS", 2_000)
    with (
        LocalKafka(tmp_path / "kafka", free_port()) as kafka,
        Workbench(broker=kafka, folder=tmp_path / "files", timeout=3) as wb,
    ):
        wb.event(OrderPlaced)
        wb.publish(OrderPlaced(order_id="a"))
        producer = wb.broker.producer()
        event = Outgoing("OrderPlaced", b"p", (), b"{}")
        assert isinstance(producer.send([event])[0], Landed)
        kafka.stop()
        with pytest.raises(
            BrokerError, match=r"^Kafka did not acknowledge .* within \d+ s: it may be there or not"
        ) as unknown:
            wb.publish(OrderPlaced(order_id="b"), id="b")
        again = "^(no Kafka answered|Kafka at .* has not answered).* within 3 s"
        with pytest.raises(BrokerUnavailableError, match=again) as unavailable:
            wb.publish(OrderPlaced(order_id="b"), id="b")
        answers = [answer for _ in range(2) for answer in producer.send([event])]
        assert not any(isinstance(a, Landed | EventRefusedError) for a in answers)
        assert isinstance(answers[1], BrokerUnavailableError)  # it has no client any more
        assert not isinstance(unknown.value, EventRefusedError)
        assert not isinstance(unavailable.value, EventRefusedError)
        kafka.start(same_port=True)
        assert isinstance(producer.send([event])[0], Landed)
        producer.close()
        assert wb.publish(OrderPlaced(order_id="b"), id="b").error is None
        assert set(wb.capture(progress=False).frame["id"].dropna()) >= {"b"}
