"""Replaying a captured log: on the in-memory broker, and on Kafka by either client."""

from types import SimpleNamespace
from uuid import uuid4

import pandas as pd
import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.analysis import EventLog
from workbench.brokers import KafkaBroker, MemoryBroker, Outgoing
from workbench.capture import read_channels, record, replay, replayer
from workbench.errors import BrokerError, EventRefusedError, LogError


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str


class StockReserved(Event, version=1, key="order_id"):
    order_id: str


def design():
    made = Choreography()

    @made.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        if event.order_id == "bad":
            raise RuntimeError("no shelf")
        ctx.state["orders"] = ctx.state.get("orders", 0) + 1
        return StockReserved(order_id=event.order_id)

    return made


@pytest.fixture
def make(tmp_path):
    opened = []

    def make(broker, **more):
        retry = RetryPolicy(attempts=1, later=())
        settings = {"folder": tmp_path, "retry": retry, "say": str, **more}
        opened.append(Workbench(design(), broker=broker, **settings))
        return opened[-1]

    yield make
    for wb in opened:
        wb.close()


@pytest.fixture(
    params=[
        pytest.param("memory", marks=pytest.mark.memory),
        pytest.param("kafka-python", marks=pytest.mark.kafka),
        pytest.param("confluent-kafka", marks=pytest.mark.kafka),
    ]
)
def wb(request, make, monkeypatch):
    """A workbench on each kind of broker, which has handled three orders and a bad one."""
    if request.param == "memory":
        broker = MemoryBroker()
    else:
        broker = KafkaBroker(request.getfixturevalue("kafka").bootstrap_servers)
        if request.param == "kafka-python":
            broker._bulk_settings = None
    wb = make(broker, namespace=f"r-{uuid4().hex[:8]}")
    wb.start()
    wb.publish_many([OrderPlaced(order_id=name) for name in ("o-1", "o-2", "bad", "o-3")])
    wb.wait_until_idle()
    yield wb
    wb.reset()
    broker.close()


def stored(wb):
    return list(read_channels(wb.broker, wb.channels()))


def test_what_was_captured_is_sent_again_as_it_was_and_recognised(wb):
    before = stored(wb)
    assert wb.replay(wb.capture(progress=False), progress=False) == len(before) == 7
    wb.wait_until_idle()
    assert wb.state("inventory")["orders"] == 3
    assert wb.counts("inventory")["duplicates"] >= 3
    again = [found for found in stored(wb) if found not in before]
    facts = [
        sorted((r.channel, r.partition, r.key, sorted(r.headers), r.value) for r in records)
        for records in (before, again)
    ]
    assert facts[0] == facts[1]


def test_with_new_ids_each_flow_is_a_new_one_and_its_causes_are_kept(wb):
    log = wb.capture(progress=False)
    wb.stop()
    wb.replay(log, keep_ids=False, progress=False)
    whole = wb.capture(progress=False)
    frame = whole.frame[whole.frame["dead_letter"].isna()]
    assert (frame["id"].nunique(), frame["correlation_id"].nunique()) == (14, 8)
    assert frame["traceparent"].str[:35].nunique() == 8
    new = frame[~frame["id"].isin(log.frame["id"])]
    effects = new[new["causation_id"].notna()]
    assert list(effects["causation_id"]) == list(effects["correlation_id"])
    assert set(effects["causation_id"]) < set(new["id"])
    wb.start()
    wb.wait_until_idle()
    assert wb.state("inventory")["orders"] == 6


def test_a_saved_log_is_replayed_from_its_file_into_another_namespace(wb, make, tmp_path):
    path = wb.capture(progress=False).save(tmp_path / "log.jsonl.gz")
    other = make(wb.broker, namespace=f"r-{uuid4().hex[:8]}")
    with pytest.raises(LogError, match=r"^nothing was sent: the log has no event on .*; its chan"):
        other.replay(path)
    there = dict(zip(wb.channels(), other.channels(), strict=True))
    assert other.replay(path, channels=there, progress=False) == 7
    assert sorted(r.value for r in stored(other)) == sorted(r.value for r in stored(wb))
    assert len(other.dead_letters()) == 0
    other.reset()


# --- in memory ----------------------------------------------------------------------------


def events(n, seconds=1.0, **more):
    start = pd.Timestamp("2026-11-23T12:00:00.123456Z")
    return EventLog(
        {
            "id": f"{k}",
            "type": "OrderPlaced",
            "source": "shop",
            "time": start + pd.Timedelta(seconds=k * seconds),
            "channel": "shop",
            "data": {"order_id": f"o-{k}"},
            **more,
        }
        for k in range(n)
    )


@pytest.mark.memory
@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_is_above_0(speed):
    with pytest.raises(LogError, match=r"^the speed is a number above 0, or None; not "):
        replay(MemoryBroker(), events(1).frame, {"shop": "shop"}, speed=speed)


@pytest.mark.memory
def test_the_times_between_events_are_kept_or_divided(monkeypatch):
    broker = MemoryBroker()
    broker.ensure_channels({"shop": 1})
    clock, slept = [0.0], []

    def sleep(seconds):
        slept.append(round(seconds, 6))
        clock[0] += seconds

    monkeypatch.setattr(replayer, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep))
    assert replay(broker, events(4, seconds=10).frame, {"shop": "shop"}, speed=5) == 4
    assert slept == [2.0, 2.0, 2.0]
    assert len(record(broker, ["shop"])) == 4


@pytest.mark.memory
def test_what_is_told_of_progress_ends_at_the_total_and_a_file_has_none(tmp_path):
    broker, log = MemoryBroker(), events(2_500)
    broker.ensure_channels({"shop": 1})
    told = []
    for given in (log.frame, log.save(tmp_path / "log.jsonl")):
        replay(broker, given, {"shop": "shop"}, progress=lambda *now: told.append(now))
    done = (0, 1_000, 2_000, 2_500)
    assert told == [(n, total) for total in (2_500, None) for n in done]


@pytest.mark.memory
def test_a_record_that_is_no_event_and_a_log_without_the_columns_of_a_capture_are_met():
    broker = MemoryBroker()
    broker.ensure_channels({"shop": 1, "copy": 1})
    assert replay(broker, events(1).frame, {"shop": "shop"}) == 1
    broker.producer().send(
        [Outgoing("shop", None, [], b"no event"), Outgoing("shop", None, [], None)]
    )
    assert replay(broker, record(broker, ["shop"]), {"shop": "copy"}) == 1
    first, second = (next(iter(read_channels(broker, [name]))) for name in ("shop", "copy"))
    assert (first.headers, first.value) == (second.headers, second.value)


@pytest.mark.memory
def test_an_event_that_is_refused_stops_the_replay_and_how_far_it_came_is_said():
    with pytest.raises(BrokerError, match=r"^the replay stopped after 0 events: .*elsewhere"):
        replay(MemoryBroker(), events(1).frame, {"shop": "elsewhere"})
    assert issubclass(EventRefusedError, BrokerError)


@pytest.mark.memory
def test_nothing_is_replayed_where_nothing_may_be_written(make):
    with pytest.raises(BrokerError, match=r"^this workbench is read-only: it can't replay a log"):
        make(MemoryBroker(), readonly=True).replay(events(1))
    far = make(KafkaBroker("10.0.0.7:9092"))
    with pytest.raises(BrokerError, match=r"is not on this machine: .* replay a log there\.$"):
        far.replay(events(1))
