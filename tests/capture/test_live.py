"""A live capture of a broker in memory."""

import pytest

from workbench import Workbench
from workbench.brokers import MemoryBroker, Outgoing, Position
from workbench.capture import LiveCapture
from workbench.errors import BrokerError, LogError

pytestmark = pytest.mark.memory

HEADERS = [("ce_specversion", b"1.0"), ("ce_source", b"shop"), ("ce_type", b"OrderPlaced")]


@pytest.fixture
def broker():
    broker = MemoryBroker()
    broker.ensure_channels({"orders": 2})
    return broker


def send(broker, numbers):
    batch = [
        Outgoing("orders", b"%d" % n, [("ce_id", b"%d" % n), *HEADERS], b"{}") for n in numbers
    ]
    broker.producer().send(batch)


def test_a_block_ends_a_live_capture_with_all_that_was_sent_in_it(broker):
    with Workbench(broker=broker) as wb:
        send(broker, range(3))
        with wb.capture_live(channels="orders", progress=False) as live:
            send(broker, range(3, 50))
            with pytest.raises(LogError, match=r"the live capture goes on: \.stop\(\) ends it\."):
                _ = live.result
        assert sorted(live.result.frame["id"].astype(int)) == list(range(3, 50))


def test_a_live_capture_that_fails_says_so_and_keeps_what_came(broker):
    class Failing(MemoryBroker):
        def end_offsets(self, channels, *, committed=True):
            raise BrokerError("the broker is gone.")

    failing = Failing()
    failing.ensure_channels({"orders": 1})
    send(failing, range(4))
    first = {Position("orders", 0): 0}
    live = LiveCapture(failing, first, lambda found: sum(len(batch) for batch, _ in found))
    while live.count < 4:
        pass
    with pytest.raises(LogError, match=r"ended early, after 4 events: the broker is gone\."):
        live.stop()
    assert live.result == 4


def test_a_live_capture_that_can_not_be_put_away_says_why(broker):
    def refuse(found):
        raise OSError("the disk is full")

    live = LiveCapture(broker, broker.begin_offsets(["orders"]), refuse)
    with pytest.raises(LogError, match=r"the live capture failed: the disk is full"):
        live.stop()
