"""What a capture is asked for is read as its sender meant it, or refused in a sentence."""

import time
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from workbench import EventLog, Workbench
from workbench.analysis.scanned import ScannedLog
from workbench.brokers import MemoryBroker, Outgoing, Position
from workbench.capture import SchemaFiles, Tapping
from workbench.errors import LogError

pytestmark = pytest.mark.memory

HEADERS = [("ce_specversion", b"1.0"), ("ce_source", b"shop"), ("ce_type", b"OrderPlaced")]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def wb(monkeypatch):
    """A channel with an event of each hour of a day, read by a machine that is not in UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    broker = MemoryBroker()
    broker.ensure_channels({"t": 1})
    producer = broker.producer()
    for hour in range(24):
        broker._now = lambda hour=hour: NOON.replace(hour=hour).timestamp()
        producer.send([Outgoing("t", None, [*HEADERS, ("ce_id", b"%d" % hour)], b"{}")])
    with Workbench(broker=broker) as wb:
        yield wb
    monkeypatch.undo()
    time.tzset()


def hours(log):
    return sorted(log.frame["id"].astype(int))


@pytest.mark.parametrize(
    "noon",
    [
        NOON,
        NOON.replace(tzinfo=None),
        pd.Timestamp(NOON),
        "2026-01-31T12:00:00Z",
        "2026-01-31 12:00",
        "2026-01-31T14:00+02:00",
    ],
)
def test_a_time_without_a_zone_is_utc_and_may_be_a_text(wb, noon):
    assert hours(wb.capture(channels="t", since=noon, progress=False)) == [*range(12, 24)]
    assert hours(wb.capture(channels="t", until=noon, progress=False)) == [*range(12)]
    with wb.capture_live(channels="t", since=noon, progress=False) as live:
        pass
    assert hours(live.result) == [*range(12, 24)]


@pytest.mark.parametrize("day", [date(2026, 1, 31), "2026-01-31"])
def test_a_day_begins_at_midnight_utc(wb, day):
    assert hours(wb.capture(channels="t", since=day, progress=False)) == [*range(24)]
    assert not len(wb.capture(channels="t", until=day, progress=False))


def test_a_stop_behind_the_end_is_the_end(wb):
    found = wb.capture(channels="t", start={("t", 0): 20}, stop={("t", 0): 1_000}, progress=False)
    assert hours(found) == [20, 21, 22, 23]
    at_the_end = wb.capture(channels="t", start={Position("t", 0): 24}, progress=False)
    assert not len(at_the_end)


@pytest.mark.parametrize(
    ("offsets", "why"),
    [
        ({("t", 9): 0}, r"^there is no partition t\[9\] to be captured\.$"),
        ({("t", 0): 25}, r"^t\[0\] ends at offset 24: start at that or before, not at 25\.$"),
        ({("t", 0): "3"}, r"^start is offsets, 0 or more, by partition, such as .*, not \{"),
        ({("t", 0): -3}, r"^start is offsets, 0 or more"),
        ({"t": 0}, r"^start is offsets, 0 or more"),
        ({5: 0}, r"^start is offsets, 0 or more"),
        (5, r"^start is offsets, 0 or more"),
    ],
)
def test_a_start_that_is_nowhere_is_refused_of_a_live_capture_too(wb, offsets, why):
    for capture in (wb.capture, wb.capture_live):
        with pytest.raises(LogError, match=why):
            capture(channels="t", start=offsets, progress=False)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"since": "yesterday"}, r"^since='yesterday' is not a time: write one like"),
        ({"until": "x"}, r"^until='x' is not a time"),
        ({"until": 5}, r"^until=5 has no unit"),
        ({"since": pd.NaT}, r"^since=NaT is not a time"),
        ({"stop": {("t", 0): 2.5}}, r"^stop is offsets, 0 or more"),
        ({"last": "5"}, r"^last is a whole number, 1 or more, not '5'\.$"),
        ({"last": 2.5}, r"^last is a whole number, 1 or more, not 2\.5\.$"),
        ({"last": 0}, r"^last must be above 0, not 0\.$"),
        ({"channels": 5}, r"^channels is a name, or several: .*, not 5\.$"),
        ({"channels": ["t", 5]}, r"^channels is a name, or several"),
        ({"channels": None, "pattern": 5}, r"^pattern is a text such as 'orders\.\*', not 5\.$"),
        ({"schemas": {17: 5}}, r"^a schema's file is given by its path, not by 5\.$"),
    ],
)
def test_what_can_not_be_asked_for_is_refused_in_a_sentence(wb, given, why):
    with pytest.raises(LogError, match=why):
        wb.capture(**{"channels": "t"} | given, progress=False)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"limit": "x"}, r"^limit is a whole number, 1 or more, not 'x'\.$"),
        ({"seconds": "x"}, r"^seconds is a number of seconds above 0, not 'x'\.$"),
        ({"seconds": -1}, r"^seconds must be above 0, not -1\.$"),
        ({"prefetch": 70_000}, r"^prefetch is at most 65,535, not 70,000\.$"),
        ({"max_length": 2**64}, r"^max_length is at most 9,223,372,036,854,775,807, not "),
        ({"exchange": 5}, r"^exchange is a name, or several: .*, not 5\.$"),
        ({"routing_key": 5}, r"^routing_key is a name, or several"),
    ],
)
def test_a_tap_is_refused_before_anybody_is_asked(given, why):
    with pytest.raises(LogError, match=why):
        Tapping(None, **{"exchange": "orders"} | given, made=EventLog)


def test_a_scan_can_not_spill_to_what_is_no_folder():
    with pytest.raises(
        LogError, match=r"^spill=5: buckets can't be written there: .*name a folder"
    ):
        ScannedLog([], memory=1_000_000, spill=5)


def test_files_are_given_by_paths():
    with pytest.raises(LogError, match=r"^a schema's file is given by its path, not by None\.$"):
        SchemaFiles({17: None})
