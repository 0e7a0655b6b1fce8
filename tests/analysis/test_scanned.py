"""A log in buckets gives the answers that it gives in memory: here, and on Dask's workers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from workbench.analysis import EventLog
from workbench.analysis.scanned import ScannedLog
from workbench.choreography import Choreography
from workbench.errors import LogError
from workbench.events import EventType

TYPES = ["Placed", "Reserved", "Paid", "Shipped", "Cancelled"]
SERVICES = ["shop", "stock", "billing"]
NOON = pd.Timestamp("2026-11-23T12:00:00Z")


def messy(causes: bool = True, rows: int = 4_000) -> pd.DataFrame:
    """Some of everything that makes a log hard, drawn with a seed."""
    random = np.random.default_rng(7)
    number = np.arange(rows)
    flow = random.integers(0, 500, rows).astype(str).astype(object)
    flow[random.random(rows) < 0.3] = "hot"
    flow[random.random(rows) < 0.05] = None
    cause = number - random.integers(1, 40, rows)
    flow[cause[cause >= 0]] = flow[cause >= 0]  # most causes are in the flow
    frame = pd.DataFrame(
        {
            "id": number.astype(str),
            "type": random.choice(TYPES, rows),
            "source": random.choice(SERVICES, rows),
            "time": NOON + pd.to_timedelta(number * 20 + random.integers(0, 500, rows), "ms"),
            "broker_time": NOON + pd.to_timedelta(number * 20 + 600, "ms"),
            "correlation_id": flow,
            "causation_id": np.where(cause >= 0, cause.astype(str), None) if causes else None,
            "channel": random.choice(["orders", "orders.retry.billing"], rows, p=[0.9, 0.1]),
            "partition": random.integers(0, 3, rows),
            "offset": number,
            "key": random.integers(0, 60, rows).astype(str),
            "data": [{"n": int(n) % 50, "country": "DE" if n % 7 else "NO"} for n in number],
        }
    )
    again = frame.sample(200, random_state=1)
    elsewhere = frame.sample(20, random_state=2).assign(correlation_id="3")
    letters = frame.sample(30, random_state=3).assign(
        dead_letter="billing/charge: TimeoutError: no"
    )
    return pd.concat([frame, again, elsewhere, letters]).sample(frac=1, random_state=4)


def design() -> Choreography:
    made = Choreography()
    for name in TYPES:
        made.event(EventType(name, {}))
    stock, billing = made.service("stock"), made.service("billing")
    stock.whenever("Placed", emit={"Reserved": {}})
    billing.whenever("Reserved", emit={"Paid": {}})
    return made


QUESTIONS = {
    "flows": lambda log: log.flows(),
    "hops": lambda log: log.hops(),
    "variants": lambda log: log.variants(),
    "throughput": lambda log: log.throughput("10s"),
    "duplicates": lambda log: log.duplicates(),
    "retries": lambda log: log.retries(),
    "dead_letters": lambda log: log.dead_letters(),
    "disorder": lambda log: log.disorder(),
    "orphans": lambda log: log.orphans(),
    "loops": lambda log: log.loops(),
    "hot_keys": lambda log: log.hot_keys(),
    "fan_out": lambda log: log.fan_out(),
    "latency": lambda log: log.latency(between=("Placed", "Paid"), by="variant"),
    "stuck": lambda log: log.stuck(),
    "stuck by design": lambda log: log.stuck(design()),
    "conformance": lambda log: log.conformance(design()),
    "conformance of each": lambda log: log.conformance(design(), per="flow"),
    "skew": lambda log: log.skew(),
    "critical_path": lambda log: log.critical_path(),
    "one path": lambda log: log.critical_path("17"),
    "explain": lambda log: log.explain([str(n) for n in range(40)]),
    "anomalies": lambda log: log.anomalies(),
    "compare": lambda log: log.compare(log),
}


@pytest.fixture(scope="module", params=[True, False], ids=["causes told", "causes inferred"])
def logs(request, tmp_path_factory):
    log = EventLog(messy(request.param))
    folder = tmp_path_factory.mktemp("captured")
    write(log, folder)
    with ScannedLog(folder.glob("*.parquet"), memory=900_000) as scanned:
        assert len(scanned._buckets()) > 5
        yield log, scanned


def write(log: EventLog, folder: Path) -> None:
    for part in range(2):
        EventLog(log.frame.iloc[part::2]).save(folder / f"part-{part}.parquet")


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other), check_categorical=False)
    assert one.sentence == other.sentence


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_the_same_answer_in_buckets(logs, question):
    log, scanned = logs
    ask = QUESTIONS[question]
    assert_same(ask(log), ask(scanned))


def test_a_flow_and_what_meets_a_condition_are_taken_into_memory(logs):
    log, scanned = logs
    for taken in (lambda log: log.flow("17"), lambda log: log.flow("hot")):
        assert taken(scanned).frame["id"].tolist() == taken(log).frame["id"].tolist()
    for taken in (
        lambda log: log.where("data.n > 40 and type == 'Paid'"),
        lambda log: log.between(NOON, "2026-11-23 12:00:30"),
    ):
        assert sorted(taken(scanned).frame["id"]) == sorted(taken(log).frame["id"])
    with pytest.raises(LogError, match="there is no flow 'x' in this log"):
        scanned.flow("x")


def test_dask_s_workers_give_the_same_answers(tmp_path):
    log = EventLog(messy())
    write(log, tmp_path)
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
        EventLog.scan(tmp_path, client=client, memory=900_000) as scanned,
    ):
        for question in ("flows", "hops", "variants", "stuck by design", "disorder", "explain"):
            assert_same(QUESTIONS[question](log), QUESTIONS[question](scanned))


def test_a_scan_picks_memory_or_buckets_and_says_how_much_there_is(tmp_path):
    log = EventLog(messy())
    write(log, tmp_path)
    assert isinstance(EventLog.scan(tmp_path), EventLog)
    with EventLog.scan(tmp_path, memory=900_000) as scanned:
        assert repr(scanned).startswith("<ScannedLog: 4,250 rows in ")
        assert len(scanned) == len(log)


def test_a_folder_without_a_log_is_said_to_be_one(tmp_path):
    with pytest.raises(LogError, match="holds no Parquet file: capture into it, or name another"):
        EventLog.scan(tmp_path)
