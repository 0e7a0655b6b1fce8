"""A log in buckets gives the answers that it gives in memory: here, and on Dask's workers."""

import warnings
from errno import ENOSPC
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

from workbench.analysis import EventLog
from workbench.analysis.dealing import Dealing
from workbench.analysis.index import FlowIndex
from workbench.analysis.scanned import ScannedLog
from workbench.analysis.spilled import SpilledColumns
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
    undated = random.random(rows) < 0.01
    frame.loc[undated, ["time", "broker_time"]] = pd.NaT
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


@pytest.mark.parametrize("flow", ["3", "17", "hot"])
def test_a_flow_s_copies_are_taken_with_it(logs, flow):
    log, scanned = logs
    assert_same(log.flow(flow).duplicates(), scanned.flow(flow).duplicates())
    assert_same(log.flow(flow).dead_letters(), scanned.flow(flow).dead_letters())


@pytest.fixture
def scanned(tmp_path):
    """A log that nothing was asked yet; its buckets are in ``tmp_path / "spill"``."""
    for folder in ("captured", "spill"):
        (tmp_path / folder).mkdir()
    write(EventLog(messy()), tmp_path / "captured")
    with EventLog.scan(tmp_path / "captured", memory=700_000, spill=tmp_path / "spill") as scanned:
        yield scanned


def test_a_bucket_is_indexed_once(scanned, monkeypatch):
    flows = EventLog(messy()).flows()
    scanned.variants()
    monkeypatch.setattr(FlowIndex, "of", None)
    assert_same(flows, scanned.flows())


def test_a_question_reads_the_columns_that_it_asks_for(scanned, monkeypatch):
    asked = set()
    read = SpilledColumns.read
    monkeypatch.setattr(SpilledColumns, "read", lambda c, name: asked.add(name) or read(c, name))
    scanned.variants()
    asked.clear()
    scanned.flows(), scanned.fan_out()
    assert asked == {"causation_id"}  # once, for whether the log tells causes
    asked.clear()
    scanned.throughput("10s")
    assert asked == {"time", "type", "undated"}


def test_what_is_spilled_is_no_pickle_and_gone_when_the_log_is_closed(scanned, tmp_path):
    scanned.hops(), scanned.disorder()
    files = [path for path in (tmp_path / "spill").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".arrow", ".npy", ".json"}
    for path in files:
        if path.suffix == ".npy":
            np.load(path, allow_pickle=False)
    scanned.close()
    assert list((tmp_path / "spill").iterdir()) == []
    assert repr(scanned).startswith("<ScannedLog: 4,250 rows in ")
    with pytest.raises(LogError, match=r"this log was closed, and its buckets are deleted"):
        scanned.hops()


@pytest.mark.parametrize("broken", ["share*.arrow", "index/row.npy", "index/facts.json"])
@pytest.mark.parametrize("content", [b"", b"ARROW1 and nothing more", None])
def test_a_broken_file_of_a_bucket_is_named(scanned, tmp_path, broken, content):
    scanned.hops()
    path = next((tmp_path / "spill").glob(f"*/*/bucket-*/{broken}"))
    path.unlink() if content is None else path.write_bytes(content)
    if content is None and broken.startswith("share"):
        return  # a row that nobody misses
    name = path.name.replace(".", r"\.")
    with pytest.raises(LogError, match=rf"{name}: part of a scanned log can't be read: .*again\."):
        scanned.stuck(), scanned.latency(between=("Placed", "Paid")), scanned.throughput("10s")


def test_a_disk_that_is_full_is_said_to_be(scanned, monkeypatch):
    def full(*_, **__):
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(LogError, match=r"can't be written: .*No space left.*spill= in another"):
        scanned.hops()


def test_small_files_are_dealt_together(tmp_path):
    log = EventLog(messy(rows=1_000))
    for part in range(100):
        EventLog(log.frame.iloc[part::100]).save(tmp_path / f"part-{part:02d}.parquet")
    with EventLog.scan(tmp_path, memory=700_000) as scanned:
        buckets = scanned._buckets()
        assert len(buckets) > 1
        assert sum(len(bucket._files) for bucket in buckets) < 100
        assert_same(log.flows(), scanned.flows())


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


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nope", "nope does not exist: name a folder of Parquet files"),
        ("lines/a.jsonl", "jsonl is a file, which EventLog.read reads: name a folder"),
        ("lines", r"lines holds no Parquet file: EventLog.read reads other formats, and wb\.capture\(to=…\) or log\.save"),
        ("empty", "empty holds no Parquet file"),
        ("both", "a.jsonl is no Parquet file: EventLog.read reads such folders"),
        ("broken", "a.parquet can't be read: "),
    ],
)  # fmt: skip
def test_what_is_no_folder_of_parquet_files_is_said_to_be_none(tmp_path, name, told):
    log = EventLog(messy(rows=300))
    for folder in ("lines", "empty", "both", "broken"):
        (tmp_path / folder).mkdir()
    for path in ("lines/a.jsonl", "both/a.jsonl", "both/b.parquet"):
        log.save(tmp_path / path)
    (tmp_path / "broken" / "a.parquet").write_bytes(b"PAR1, and no more")
    with pytest.raises(LogError, match=told):
        EventLog.scan(tmp_path / name)


def test_parquet_files_are_scanned_whatever_their_names(tmp_path):
    write(EventLog(messy()), tmp_path)
    (tmp_path / "part-0.parquet").rename(tmp_path / "0000_part")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part-1.parquet.crc").write_bytes(b"crc")
    assert len(EventLog.scan(tmp_path)) == 4_250
    with EventLog.scan(tmp_path, memory=900_000) as scanned:
        assert len(scanned) == 4_250


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"memory": "1GB"}, r"memory='1GB': give a number of bytes, at least 100,000"),
        ({"memory": -5}, r"memory=-5: give a number of bytes"),
        ({"memory": 0}, r"memory=0: give a number of bytes"),
        ({"client": 5}, r"client=5: give a Dask client"),
        ({"spill": "nowhere/at all", "memory": 1e6}, r"spill='nowhere/at all': buckets can't be written there"),
    ],
)  # fmt: skip
def test_what_a_scan_can_t_take_is_refused_in_a_sentence(tmp_path, given, told):
    write(EventLog(messy()), tmp_path)
    with pytest.raises(LogError, match=told):
        EventLog.scan(tmp_path, **given)
    with pytest.raises(LogError, match=r"takes the path of a folder, and not a value of type list"):
        EventLog.scan([tmp_path])


def test_memory_may_be_written_as_a_float(tmp_path):
    write(EventLog(messy()), tmp_path)
    with EventLog.scan(tmp_path, memory=9e5) as scanned:
        assert len(scanned.flows()) == len(EventLog.read(tmp_path).flows())


def test_what_a_scanned_log_lacks_it_says_how_to_get(scanned):
    assert not hasattr(scanned, "frame")
    with pytest.raises(
        AttributeError, match=r"a scanned log has no without_skew: take what is asked"
    ):
        scanned.without_skew()
    with pytest.raises(AttributeError, match=r"'ScannedLog' object has no attribute 'flowz'"):
        scanned.flowz()


def test_a_condition_on_what_no_bucket_has_is_hinted_at(scanned):
    with pytest.warns(UserWarning, match=r"no event looked at has data\.cuntry"):
        assert len(scanned.where("data.cuntry == 'DE'")) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(scanned.where("data.country == 'DE'"))


def test_a_failed_scan_leaves_nothing_behind(tmp_path, monkeypatch):
    for folder in ("log", "spill"):
        (tmp_path / folder).mkdir()
    write(EventLog(messy()), tmp_path / "log")
    monkeypatch.setattr(Dealing, "settle", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError) as kept:
        EventLog.scan(tmp_path / "log", memory=900_000, spill=tmp_path / "spill")
    assert kept.traceback
    assert list((tmp_path / "spill").iterdir()) == []


def test_columns_that_stand_in_one_file_of_a_folder_are_asked_as_in_memory(tmp_path):
    events = messy()
    half = len(events) // 2
    first = events.iloc[:half].assign(big=2**53 + 1 + np.arange(half), there=True)
    EventLog(first).save(tmp_path / "a.parquet")
    EventLog(events.iloc[half:]).save(tmp_path / "b.parquet")
    log = EventLog.read(tmp_path)
    with EventLog.scan(tmp_path, memory=900_000) as scanned:
        for condition in (
            *(f"big == {2**53 + 8}", f"big > {2**53 + 8}", "big is None", "there == True"),
            *("undated == False", "undated == True"),
        ):
            found, expected = scanned.where(condition).frame, log.where(condition).frame
            assert sorted(found["id"]) == sorted(expected["id"]), condition
            assert found["undated"].dtype == bool
        flow = str(log.flows()["correlation_id"].iloc[3])
        assert scanned.flow(flow).frame["big"].tolist() == log.flow(flow).frame["big"].tolist()


@pytest.mark.parametrize("placed", [False, True])
def test_a_time_is_guessed_from_the_rows_before_wherever_a_part_ends(tmp_path, placed):
    n = 3_000
    frame = pd.DataFrame(
        {
            "id": np.arange(n).astype(str),
            "type": "Tick",
            "time": NOON + pd.to_timedelta(np.arange(n), "s"),
            "correlation_id": (np.arange(n) // 2).astype(str),
            **(
                {"channel": "ticks", "partition": np.arange(n) % 3, "offset": np.arange(n)}
                if placed
                else {}
            ),
        }
    )
    frame.loc[990:1_020, "time"] = pd.NaT
    for part, first in enumerate(range(0, n, 1_000)):
        frame[first : first + 1_000].to_parquet(tmp_path / f"{part}.parquet")
    log = EventLog.read(tmp_path).frame.set_index("id")["time"]
    with EventLog.scan(tmp_path, memory=500_000) as scanned:
        found = scanned.between(None, None).frame.set_index("id")["time"]
    pd.testing.assert_series_equal(found[log.index], log)
    assert log.iloc[1_005] == (NOON + pd.Timedelta(987 + 1_005 % 3 if placed else 989, "s"))


def test_whether_a_log_tells_causes_is_asked_of_all_of_it(event, tmp_path):
    """A bucket without any, and with a dead letter, is not taken in the order of time."""
    reason = "billing/charge: TimeoutError: no answer"
    events = []
    for n in range(60):
        events += [event("A", f"o{n}", 10 * n), event("B", f"o{n}", 10 * n + 1, "A")]
    hot = [event("AB"[n % 2], "hot", 1000 + n, id=f"h{n}") for n in range(150)]
    EventLog([*events, *hot, hot[10] | {"dead_letter": reason}]).save(tmp_path / "log.parquet")
    whole = EventLog.read(tmp_path / "log.parquet")
    with EventLog.scan(tmp_path, memory=100_000) as scanned:
        for expected in ({"A": ["B"]}, None):
            assert scanned.stuck(expected).equals(whole.stuck(expected))
            assert scanned.stuck(expected).sentence == whole.stuck(expected).sentence
        assert len(whole.stuck({"A": ["B"]})) == 1


def test_the_path_of_a_flow_is_the_same_scanned(event, tmp_path):
    events = [event(k, f"o{n}", 100 * n + ms) for n in range(200) for ms, k in enumerate("ABC")]
    EventLog(events).save(tmp_path / "log.parquet")
    whole = EventLog.read(tmp_path / "log.parquet")
    with EventLog.scan(tmp_path, memory=100_000) as scanned:
        assert scanned.critical_path("o7").equals(whole.critical_path("o7"))
        assert scanned.critical_path("o7").sentence == whole.critical_path("o7").sentence
        for odd in (3.5, True, pd.NA, NOON):
            with pytest.raises(LogError, match="there is no flow"):
                scanned.flow(odd)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("type == 'A' and data.totl > 3", "no event looked at has data.totl: did you mean"),
        ("type == 'A' and data.total == '5'", "data.total is a number in every event looked at"),
        ("type == 'A' and data.total == 5", None),
    ],
)
def test_what_is_warned_of_does_not_need_a_row_in_every_bucket(event, tmp_path, condition, said):
    events = [event("AB"[n != 7], f"o{n}", n, data={"total": 5}) for n in range(300)]
    EventLog(events).save(tmp_path / "log.parquet")
    with (
        EventLog.scan(tmp_path, memory=100_000) as scanned,
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always", UserWarning)
        scanned.where(condition)
    texts = [str(each.message) for each in warned if each.category is UserWarning]
    assert [text.startswith(said) for text in texts] == ([True] if said else [])
