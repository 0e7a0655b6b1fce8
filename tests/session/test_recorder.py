"""Recording channels that others have written to, whatever stands on them."""

import pandas as pd
import pytest

from workbench import EventLog
from workbench.brokers import MemoryBroker, Outgoing
from workbench.capture import record, record_to

pytestmark = pytest.mark.memory

HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"shop"),
    ("ce_type", b"OrderPlaced"),
]


def recorded(time_ms, *headers, value=b"{}"):
    broker = MemoryBroker(now=lambda: time_ms / 1000)
    broker.ensure_channels({"orders": 1})
    broker.producer().send([Outgoing("orders", None, [*HEADERS, *headers], value)])
    (row,) = record(broker, ["orders"]).to_dict("records")
    return row


@pytest.mark.parametrize("time_ms", [10**17, -1, 10**30])
def test_an_impossible_broker_time_is_none(time_ms):
    row = recorded(time_ms, ("ce_time", b"2026-01-01T00:00:00Z"))
    assert row["broker_time"] is None or row["broker_time"] != row["broker_time"]
    assert (row["id"], row["time"].year) == ("1", 2026)


@pytest.mark.parametrize("time", [b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00Z"])
def test_an_event_time_beyond_a_logs_range_is_the_brokers(time):
    row = recorded(1_000_000_000_000, ("ce_time", time))
    assert row["time"].year == 2001
    assert pd.isna(row["undecoded"])


def test_what_other_programs_write_is_read_by_paths_from_a_log_and_from_a_folder(tmp_path):
    broker = MemoryBroker()
    broker.ensure_channels({"legacy": 1})
    headers = [("x-request-id", b"r-1"), ("via", b"a"), ("via", b"b")]
    values = [b'{"kind": "Placed"}', b'{"kind": "Paid"}', b"no JSON"]
    broker.producer().send([Outgoing("legacy", None, headers, value) for value in values])
    mapping = {"type": "data.kind", "correlation_id": "headers.x-request-id"}
    frame = record(broker, ["legacy"])
    record_to(broker, ["legacy"], tmp_path / "legacy")
    assert frame["headers"][0] == {"x-request-id": "r-1", "via": ["a", "b"]}
    for log in (EventLog(frame, mapping), EventLog.read(tmp_path / "legacy", mapping)):
        assert log.frame["type"].astype(object).fillna("").tolist() == ["Placed", "Paid", ""]
        assert log.frame["data"].tolist() == [{"kind": "Placed"}, {"kind": "Paid"}, "no JSON"]
        assert log.flows()["correlation_id"].tolist() == ["r-1"]
        assert len(log.where("headers.via[1] == 'b'")) == 3


def test_what_is_told_of_progress_ends_at_the_total():
    broker = MemoryBroker()
    broker.ensure_channels({"orders": 3})
    batch = [Outgoing("orders", str(n).encode(), HEADERS, b"{}") for n in range(50)]
    broker.producer().send(batch)
    told = []
    frame = record(broker, ["orders", "missing"], progress=lambda *now: told.append(now))
    assert (told[0], told[-1]) == ((0, 50), (50, 50))
    assert len(frame) == 50
