"""Metrics as a table and for Prometheus: the same exact numbers, told to this machine alone."""

import re
import threading
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import LocalKafka, MemoryBroker, Outgoing
from workbench.brokers.local.ports import free_port
from workbench.errors import MetricsError
from workbench.session import exposition

pytestmark = pytest.mark.memory

CONSUMED = "messaging_client_consumed_messages_total"
DURATION = "messaging_process_duration_seconds"
PATIENCE = 60


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    quantity: int = 1


class StockReserved(Event, version=1, key="order_id"):
    order_id: str


class OrderShipped(Event, version=1, key="order_id"):
    order_id: str


def design():
    """Of six orders one is tried twice, one is given up, and one is not shipped."""
    found = Choreography()
    found.event(OrderShipped)

    @found.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        if event.quantity > 100 or (event.quantity > 10 and ctx.attempt == 1):
            raise ValueError("so many are nowhere")
        return StockReserved(order_id=event.order_id)

    found.service("shipping").whenever(
        "StockReserved",
        name="ship",
        guard="data.order_id != 'o-0'",
        emit={"OrderShipped": {"order_id": "data.order_id"}},
    )
    return found


def six_orders():
    return [
        OrderPlaced(order_id=f"o-{n}", quantity=1 + 50 * (n == 4) + 200 * (n == 5))
        for n in range(6)
    ]


@pytest.fixture
def make(tmp_path):
    made = []

    def make(broker=None, found=None):
        wb = Workbench(
            found or design(),
            broker=broker or MemoryBroker(),
            folder=tmp_path,
            retry=RetryPolicy(attempts=2, first_delay=0.001, later=()),
            say=lambda sentence: None,
        )
        made.append(wb)
        return wb

    yield make
    for wb in made:
        wb.close()


@pytest.fixture
def wb(make):
    return make()


def twice(wb, event, **settings):
    """Publish the very same event two times."""
    for _ in range(2):
        wb.publish(event, **settings)


def foreign(wb, *types):
    """Put events of types that the design does not know on inventory's channel."""
    producer = wb.broker.producer()
    wb.connection.ensure_channels()
    headers = [[("ce_type", type_.encode())] for type_ in types]
    landed = producer.send([Outgoing("OrderPlaced", b"k", h, b"{}") for h in headers])
    assert len(landed) == len(types)
    producer.close()


def rows(wb):
    return wb.metrics().set_index(["service", "event_type"])


def scrape(server):
    """(name, labels without names, in their order by name) → value."""
    with urllib.request.urlopen(server.url, timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


# --- as a table -------------------------------------------------------------------------------


def test_a_service_tells_what_became_of_each_event_type(wb):
    wb.start()
    wb.publish_many(six_orders())
    wb.wait_until_idle()
    found = rows(wb)
    assert list(found.index) == [
        ("inventory", "OrderPlaced"),
        ("inventory", "StockReserved"),
        ("shipping", "StockReserved"),
        ("shipping", "OrderShipped"),
    ]
    told = {
        pair: {name: n for name, n in row.items() if n and not name.endswith("_ms")}
        for pair, row in found.to_dict("index").items()
    }
    assert told == {
        ("inventory", "OrderPlaced"): {
            "consumed": 6, "handled": 5, "retried": 2, "failed": 3, "dead_lettered": 1,
        },
        ("inventory", "StockReserved"): {"emitted": 5},
        ("shipping", "StockReserved"): {"consumed": 5, "handled": 4, "guarded": 1},
        ("shipping", "OrderShipped"): {"emitted": 4},
    }  # fmt: skip
    times = found.loc[("inventory", "OrderPlaced"), ["p50_ms", "p95_ms", "p99_ms", "mean_ms"]]
    assert (times > 0).all()
    assert times["p50_ms"] <= times["p95_ms"] <= times["p99_ms"]
    assert found.loc[("inventory", "StockReserved"), ["p50_ms", "mean_ms"]].isna().all()


def test_a_duplicate_is_counted_beside_what_was_consumed(wb):
    wb.start()
    twice(wb, OrderPlaced(order_id="o-1"), id="1")
    wb.wait_until_idle()
    found = rows(wb).loc[("inventory", "OrderPlaced")]
    assert (found["consumed"], found["handled"], found["duplicates"]) == (1, 1, 1)


def test_metrics_go_on_over_crashes_restarts_and_with_more_instances(wb):
    wb.start()
    wb.publish_many(six_orders())
    wb.wait_until_idle()
    wb.faults.kill("shipping")
    wb.restart("inventory")
    wb.scale("inventory", 3)
    wb.publish_many(OrderPlaced(order_id=f"p-{n}") for n in range(30))
    wb.wait_until_idle()
    found = rows(wb)
    assert found.loc[("inventory", "OrderPlaced"), "consumed"] == 36
    assert found.loc[("inventory", "StockReserved"), "emitted"] == 35
    assert found.loc[("shipping", "StockReserved"), "consumed"] == 35


def test_lag_is_the_whole_services_and_columns_have_their_types_without_a_single_event(make):
    wb = make()
    wb.publish_many(six_orders())
    frame = wb.metrics()
    assert list(frame["lag"]) == [6, 6, 0, 0]
    empty = make(found=Choreography()).metrics()
    assert len(empty) == 0
    assert list(empty.dtypes.astype(str)) == list(frame.dtypes.astype(str))
    assert set(frame.dtypes.astype(str)) == {"str", "int64", "float64", "Int64"}


# --- for Prometheus ---------------------------------------------------------------------------


def test_a_scrape_tells_the_same_as_the_table(wb):
    wb.start()
    server = wb.serve_metrics()
    before = scrape(server)
    assert before[CONSUMED, "OrderPlaced", "inventory"] == 0
    wb.publish_many(six_orders())
    wb.wait_until_idle()
    found, frame = scrape(server), rows(wb)
    names = {
        "consumed": CONSUMED,
        "handled": "choreography_handled_events_total",
        "emitted": "choreography_emitted_events_total",
        "retried": "choreography_retries_total",
        "dead_lettered": "choreography_dead_lettered_events_total",
        "guarded": "choreography_guarded_events_total",
    }
    for column, name in names.items():
        told = {key[:0:-1]: n for key, n in found.items() if key[0] == name and n}
        assert told == {pair: n for pair, n in frame[column].items() if n}
    of = ("OrderPlaced", "ok", "reserve", "inventory")
    assert found[f"{DURATION}_count", *of] == 5
    assert found[f"{DURATION}_count", "OrderPlaced", "error", "reserve", "inventory"] == 3
    assert found[f"{DURATION}_bucket", "OrderPlaced", "+Inf", "ok", "reserve", "inventory"] == 5
    assert found[f"{DURATION}_sum", *of] > 0
    assert found["choreography_open_dead_letters", "inventory"] == 1
    assert found["choreography_service_up", "inventory"] == 1
    assert found[("choreography_broker_up",)] == 1
    assert {name.split("_")[0] for name, *_ in found} == {"messaging", "choreography"}


def test_what_is_served_stands_in_the_docs(wb):
    with urllib.request.urlopen(wb.serve_metrics().url, timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    served = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
    assert served == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_a_killed_service_is_down_and_its_lag_grows(wb):
    wb.start()
    server = wb.serve_metrics()
    wb.kill("shipping")
    wb.publish_many(six_orders()[:5])
    until(lambda: scrape(server)["choreography_lag_events", "shipping"] == 5)
    found = scrape(server)
    assert found["choreography_service_up", "shipping"] == 0
    assert found["choreography_service_instances", "shipping"] == 0
    assert found["choreography_service_instances", "inventory"] == 1
    assert found[CONSUMED, "StockReserved", "shipping"] == 0


def test_crashes_are_counted_and_what_is_left_to_do_is_told(wb):
    wb.start()
    server = wb.serve_metrics()
    wb.faults.kill("inventory")
    assert scrape(server)["choreography_service_crashes_total", "inventory"] == 1
    assert scrape(server)["choreography_left_to_do", "inventory", "effects"] == 0


def test_a_dead_letter_is_open_until_it_is_decided_about(wb):
    wb.start()
    server = wb.serve_metrics()
    wb.publish_many([OrderPlaced(order_id=f"x-{n}", quantity=999) for n in range(3)])
    wb.wait_until_idle()
    name = "choreography_open_dead_letters", "inventory"
    assert scrape(server)[name] == 3
    letters = wb.dead_letters()
    letters.head(1).discard(reason="a test")
    assert scrape(server)[name] == 2
    wb.dead_letters().redrive()
    wb.wait_until_idle()
    assert scrape(server)[name] == 2  # they have failed again
    wb.reset()
    wb.connection.ensure_channels()
    assert scrape(server)[name] == 0


def test_hostile_names_are_told_as_they_are(wb):
    wb.start()
    names = [
        'a"b',
        "c\nd",
        "e\\f",
        "{g}=,#",
        "Größe→✓",
        "'; DROP TABLE counts; --",
        'a{b="c"} 1\nd',
    ]
    foreign(wb, *names)
    wb.wait_until_idle()
    found = scrape(wb.serve_metrics())
    told = {key[1] for key in found if key[0] == "choreography_ignored_events_total"}
    assert told == set(names)


def test_a_broker_that_does_not_answer_leaves_out_what_it_tells_and_nothing_else(make, monkeypatch):
    monkeypatch.setattr(exposition, "PATIENCE", 0.05)
    answering = threading.Event()

    class Frozen(MemoryBroker):
        def lags(self, groups):
            answering.wait()
            return super().lags(groups)

    wb = make(Frozen())
    wb.start()
    wb.publish_many(six_orders())
    server = wb.serve_metrics()
    until(lambda: scrape(server)[CONSUMED, "OrderPlaced", "inventory"] == 6)
    found = scrape(server)
    assert found[("choreography_broker_up",)] == 0
    assert not [
        key
        for key in found
        if key[0] in ("choreography_lag_events", "choreography_open_dead_letters")
    ]
    assert sum(thread.name.startswith("metrics") for thread in threading.enumerate()) == 1
    answering.set()
    until(lambda: scrape(server)[("choreography_broker_up",)] == 1)


def test_a_file_that_can_not_be_read_is_said_and_the_others_are_told(wb):
    wb.start()
    wb.publish_many(six_orders())
    wb.wait_until_idle()
    wb.stop()
    wb.connection.store("shipping").write_bytes(b"no database" * 1000)
    found = scrape(wb.serve_metrics())
    assert found["choreography_file_readable", "shipping"] == 0
    assert found["choreography_file_readable", "inventory"] == 1
    assert found[CONSUMED, "OrderPlaced", "inventory"] == 6


# --- the port ---------------------------------------------------------------------------------


def listening(port):
    found = psutil.Process().net_connections("inet")
    return {c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN and c.laddr.port == port}


def test_metrics_are_served_on_loopback_alone_until_they_are_closed(wb):
    with wb.serve_metrics() as server:
        assert listening(server.port) == {"127.0.0.1"}
        assert repr(server) == f"MetricsServer('http://127.0.0.1:{server.port}/metrics')"
        wb.serve_metrics(free_port()).close()
    assert listening(server.port) == set()
    assert repr(server).endswith("/metrics', closed)")
    server.close()
    with pytest.raises(URLError):
        scrape(server)


def test_closing_the_workbench_closes_its_servers(make):
    wb = make()
    server = wb.serve_metrics()
    wb.close()
    assert listening(server.port) == set()
    assert wb.connection.current is None


def test_a_port_that_is_taken_or_none_is_one_sentence(wb):
    server = wb.serve_metrics()
    taken = rf"^metrics can't be served at 127\.0\.0\.1:{server.port} \(Address already in use\); without"
    with pytest.raises(MetricsError, match=taken):
        wb.serve_metrics(server.port)
    for port in (-1, 65_536, "http", True, 80.5):
        with pytest.raises(
            MetricsError, match=r"^a port is a number from 1 to 65535, or 0 for any"
        ):
            wb.serve_metrics(port)


# --- on Kafka ---------------------------------------------------------------------------------


@pytest.mark.kafka
def test_on_kafka_metrics_are_exact_through_kills_and_answer_while_it_is_down(tmp_path):
    with (
        LocalKafka(tmp_path / "kafka", free_port()) as kafka,
        Workbench(
            design(), broker=kafka, folder=tmp_path, retry=RetryPolicy(attempts=2, later=()),
            say=lambda sentence: None,
        ) as wb,
    ):  # fmt: skip
        wb.start()
        server = wb.serve_metrics()
        wb.publish_many(six_orders())
        wb.wait_until_idle()
        wb.faults.kill("inventory")
        wb.publish_many(OrderPlaced(order_id=f"p-{n}") for n in range(200))
        wb.faults.kill("shipping")
        wb.wait_until_idle()
        found = scrape(server)
        assert found[CONSUMED, "OrderPlaced", "inventory"] == 206
        assert found[CONSUMED, "StockReserved", "shipping"] == 205
        assert found["choreography_emitted_events_total", "OrderShipped", "shipping"] == 204
        assert found[f"{DURATION}_count", "StockReserved", "ok", "ship", "shipping"] == 204
        assert found["choreography_open_dead_letters", "inventory"] == 1
        assert found["choreography_lag_events", "shipping"] == 0
        assert found["choreography_service_crashes_total", "inventory"] == 1

        wb.faults.pause_broker("10s")
        down = scrape(server)
        assert down[("choreography_broker_up",)] == 0
        assert down[CONSUMED, "OrderPlaced", "inventory"] == 206
        wb.faults.end()
        until(lambda: scrape(server)[("choreography_broker_up",)] == 1)
