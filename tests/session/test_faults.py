"""Faults on purpose: each strikes whom it should, ends by itself, and is on the timeline."""

import socket
import time

import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import LocalKafka, MemoryBroker
from workbench.brokers.local.ports import free_port
from workbench.errors import BrokerError, DesignError, FaultError
from workbench.session import faults

pytestmark = pytest.mark.memory


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str


class StockReserved(Event, version=1, key="order_id"):
    order_id: str


def design():
    found = Choreography()

    @found.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        ctx.state["units"] = ctx.state.get("units", 0) + 1
        return StockReserved(order_id=event.order_id)

    @found.service("billing").on()
    def charge(event: StockReserved, ctx) -> None:
        ctx.state["charged"] = ctx.state.get("charged", 0) + 1

    return found


@pytest.fixture
def make(tmp_path):
    made = []

    def make(n=0, **settings):
        retry = RetryPolicy(attempts=1, later=("50ms",))
        wb = Workbench(
            design(), broker=MemoryBroker(), folder=tmp_path / f"{n}", retry=retry,
            say=lambda text: None, **settings,
        )  # fmt: skip
        made.append(wb)
        wb.start()
        return wb

    yield make
    for wb in made:
        wb.close()


@pytest.fixture
def wb(make):
    return make()


def orders(wb, n, first=0):
    wb.publish_many([OrderPlaced(order_id=f"o-{i}") for i in range(first, first + n)])


def test_an_error_rate_fails_some_attempts_and_its_end_lets_all_through(wb):
    fault = wb.faults.error_rate("inventory", 1.0, seconds="200ms")
    orders(wb, 5)
    assert wb.faults.active() == [fault]
    assert repr(wb.faults).startswith("error rate of inventory since ")
    wb.faults.wait()
    assert wb.faults.active() == []
    wb.wait_until_idle()
    letters = wb.dead_letters()
    assert set(letters["error_message"]) <= {"a failure on purpose (wb.faults)"}
    if len(letters):
        letters.redrive()
    wb.wait_until_idle()
    assert wb.state("billing") == {"charged": 5}
    assert wb.counts("inventory")["retries"] >= 5


def test_the_same_seed_fails_the_same_events_and_another_seed_others(make):
    struck = []
    for n, seed in enumerate([7, 7, 8]):
        wb = make(n)
        wb.faults.seed = seed
        wb.faults.error_rate("inventory", 0.5, seconds=60)
        orders(wb, 30)
        wb.wait_until_idle()
        frame = wb.capture(progress=False).frame
        reserved = frame[frame["type"] == "StockReserved"]
        struck.append(set(reserved["subject"]))
    assert struck[0] == struck[1] != struck[2]
    assert 15 < len(struck[0]) < 30  # two tries each, and half of each fail


def test_a_fault_for_one_event_type_leaves_the_others_alone(wb):
    wb.faults.error_rate("billing", 1.0, event_type="OrderPlaced", seconds=60)
    orders(wb, 3)
    wb.wait_until_idle()
    assert wb.state("billing") == {"charged": 3}
    assert wb.counts("billing").get("retries", 0) == 0


def test_doubled_effects_are_skipped_as_duplicates(wb):
    wb.faults.duplicate("inventory", 1.0, seconds=60)
    orders(wb, 10)
    wb.wait_until_idle()
    assert wb.state("billing") == {"charged": 10}
    assert wb.counts("billing")["duplicates"] == 10


def test_a_dropped_commit_is_a_crash_that_repeats_and_changes_nothing(wb):
    wb.faults.drop_commits("inventory", 1.0, seconds="200ms")
    orders(wb, 10)
    wb.faults.wait()
    wb.wait_until_idle()
    assert wb.lives()["inventory"].crashes > 0
    assert wb.state("inventory") == {"units": 10}
    assert wb.state("billing") == {"charged": 10}
    assert wb.counts("billing")["duplicates"] > 0


def test_in_transactions_a_dropped_commit_lets_nobody_see_an_effect_twice(make):
    wb = make(delivery="transactions")
    wb.faults.drop_commits("inventory", 1.0, seconds="200ms")
    orders(wb, 10)
    wb.faults.wait()
    wb.wait_until_idle()
    assert wb.lives()["inventory"].crashes > 0
    assert wb.state("billing") == {"charged": 10}
    assert "duplicates" not in wb.counts("billing")


def test_a_killed_service_comes_back_by_itself(wb):
    wb.faults.kill("inventory")
    orders(wb, 3)
    wb.wait_until_idle()
    assert wb.lives()["inventory"].crashes == 1
    assert wb.state("billing") == {"charged": 3}


def test_a_paused_service_does_nothing_until_it_is_over(wb):
    fault = wb.faults.pause("inventory", 60)
    orders(wb, 3)
    time.sleep(0.1)
    assert wb.lag()["inventory"] == 3
    wb.faults.end(fault)
    wb.wait_until_idle()
    assert wb.state("billing") == {"charged": 3}
    assert fault.ended is not None


def test_a_slow_service_takes_its_time(wb):
    wb.faults.slow("inventory", "20ms", seconds=60)
    began = time.monotonic()
    orders(wb, 20)
    wb.wait_until_idle()
    assert time.monotonic() - began > 0.1


def test_disorder_loses_and_doubles_nothing(wb):
    wb.faults.reorder("inventory", 1.0, seconds=60)
    orders(wb, 100)
    wb.wait_until_idle()
    assert wb.state("billing") == {"charged": 100}
    counts = wb.counts("inventory")
    # Of a round that takes long the rest comes again, and out of order what was handled beyond it.
    assert (counts["handled"], counts["emitted"]) == (100, 100)


def test_poison_becomes_dead_letters_and_is_noted(wb):
    wb.faults.poison("OrderPlaced", 3)
    orders(wb, 2)
    wb.wait_until_idle()
    assert len(wb.dead_letters()) == 3
    assert wb.state("billing") == {"charged": 2}


def test_there_is_nothing_to_break_where_nothing_runs(wb):
    wb.stop("billing")
    for strike in (wb.faults.kill, wb.faults.pause):
        with pytest.raises(FaultError, match="billing is not running: there is nothing to break"):
            strike("billing")
    assert wb.faults.history().empty


def test_a_fault_that_can_not_be_brought_about_does_not_last(wb, monkeypatch):
    def silent(*_):
        raise BrokerError("Kafka does not answer.")

    monkeypatch.setattr(wb.faults, "_send", silent)
    with pytest.raises(BrokerError, match="Kafka does not answer"):
        wb.faults.poison("OrderPlaced")
    assert wb.faults.active() == []
    wb.faults.end()  # which waits for none
    assert list(wb.faults.history()["kind"]) == ["poison"]


def test_faults_are_on_the_timeline_of_the_captured_log(wb):
    wb.faults.slow("billing", "1ms", share=0.5, seconds="50ms")
    wb.faults.wait()
    frame = wb.capture(progress=False).frame
    assert list(frame["type"]) == ["FaultStarted", "FaultEnded"]
    assert frame["data"][0] == {
        "fault": 1, "kind": "slow", "target": "billing", "share": 0.5, "event_type": None,
        "mean_s": 0.001,
    }  # fmt: skip
    (row,) = wb.faults.history().to_dict("records")
    assert (row["kind"], row["target"]) == ("slow", "billing")
    assert row["started"] < row["ended"]


def test_what_can_not_be_broken_is_said(wb, make, tmp_path):
    with pytest.raises(
        FaultError, match=r"^'nope' was not started \(started so far: inventory, bil"
    ):
        wb.faults.kill("nope")
    with pytest.raises(
        FaultError, match=r"^only a local Kafka or RabbitMQ of this workbench can be broken"
    ):
        wb.faults.kill_broker()
    with pytest.raises(FaultError, match=r"^a share is above 0 and at most 1, not 2"):
        wb.faults.error_rate("billing", 2)
    with pytest.raises(DesignError, match="there is no event type 'Nope'"):
        wb.faults.slow("billing", event_type="Nope")
    with pytest.raises(DesignError, match="'soon' is not a duration"):
        wb.faults.pause("billing", "soon")


@pytest.mark.kafka
def test_the_broker_suffers_one_fault_at_a_time_and_the_services_outlive_it(tmp_path):
    with (
        LocalKafka(tmp_path / "kafka", free_port()) as kafka,
        Workbench(design(), broker=kafka, folder=tmp_path, say=lambda sentence: None) as wb,
    ):
        wb.start()
        orders(wb, 20)
        wb.wait_until_idle()
        wb.faults.stop_broker("1s")
        with pytest.raises(FaultError, match=r"stop broker lasts: it ends by itself 1 s after"):
            wb.faults.kill_broker()
        wb.faults.wait(60)
        wb.faults.kill_broker("500ms")
        wb.faults.wait(60)
        assert list(wb.faults.history()["kind"]) == ["stop broker", "kill broker"]
        orders(wb, 20, first=20)
        wb.wait_until_idle()
        assert wb.state("billing") == {"charged": 40}
        assert {life.crashes for life in wb.lives().values()} == {0}


@pytest.mark.kafka
def test_the_broker_comes_back_at_its_own_port_once_that_is_free_again(tmp_path, monkeypatch):
    said = []
    with (
        LocalKafka(tmp_path / "kafka") as kafka,
        Workbench(broker=kafka, folder=tmp_path, say=said.append, timeout=3.0) as wb,
    ):
        port = kafka.port
        wb.broker.ensure_channels({"kept": 1})
        fault = wb.faults.stop_broker("300ms")
        with socket.create_server(("127.0.0.1", port)):
            time.sleep(1.0)
            assert fault.ended is None
        wb.faults.wait(60)
        assert kafka.port == port
        assert "kept" in wb.broker.channels()

        monkeypatch.setattr(faults, "_PORT_FREE_WITHIN", 0.3)
        wb.faults.stop_broker("300ms")
        with socket.create_server(("127.0.0.1", port)):
            wb.faults.wait(60)
        assert said[-1] == (
            "the fault stop broker of broker could not be ended: another program has taken "
            f"127.0.0.1:{port}, and the services know no other address: end that program, then "
            "wb.faults.restart_broker()."
        )
        wb.faults.restart_broker()
        wb.faults.wait(60)
        assert "kept" in wb.broker.channels()
