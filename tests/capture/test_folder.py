"""A capture written to a folder is the capture in memory."""

import pandas as pd
import pytest

from workbench import Workbench
from workbench.analysis import EventLog
from workbench.brokers import MemoryBroker, Outgoing, Position
from workbench.capture import record, record_to
from workbench.errors import LogError

pytestmark = pytest.mark.memory

HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_source", b"shop"),
    ("ce_type", b"OrderPlaced"),
    ("ce_correlationid", b"o-1"),
]


def send(broker, *numbers):
    batch = [
        Outgoing("orders", b"%d" % n, [("ce_id", b"%d" % n), *HEADERS], b'{"total": %d}' % n)
        for n in numbers
    ]
    broker.producer().send(batch)


def test_a_folder_is_read_as_what_was_captured(tmp_path):
    broker = MemoryBroker()
    broker.ensure_channels({"orders": 3})
    send(broker, *range(50))
    broker.producer().send([Outgoing("orders", None, [], b"\xffjunk")])
    assert record_to(broker, ["orders"], tmp_path / "log").new == 51
    send(broker, *range(50, 60))
    assert record_to(broker, ["orders"], tmp_path / "log").new == 10
    assert record_to(broker, ["orders"], tmp_path / "log").new == 0
    assert len(list((tmp_path / "log").iterdir())) == 2
    order = ["time", "channel", "partition", "offset"]
    found = EventLog.read(tmp_path / "log").frame.sort_values(order, ignore_index=True)
    expected = record(broker, ["orders"])
    pd.testing.assert_frame_equal(found[expected.columns], expected)


def of(channels, partitions=1, now=None):
    broker = MemoryBroker()
    if now is not None:
        broker._now = now
    broker.ensure_channels(dict.fromkeys(channels, partitions))
    return broker


def ids(folder):
    return sorted(EventLog.read(folder, progress=False).frame["id"].astype(int))


def test_a_live_capture_that_goes_on_leaves_out_nothing_of_what_was_quiet(tmp_path):
    broker = of(["orders"], 3)
    with Workbench(broker=broker) as wb:
        for sent in ([], [0], range(1, 21)):
            live = wb.capture_live(channels="orders", to=tmp_path / "log", progress=False)
            live.stop()
            send(broker, *sent)
        wb.capture_live(channels="orders", to=tmp_path / "log", progress=False).stop()
    assert ids(tmp_path / "log") == [*range(21)]


def test_a_partition_that_is_new_since_is_captured_from_its_beginning(tmp_path, monkeypatch):
    monkeypatch.setattr(MemoryBroker, "cluster_id", "the one")
    broker = of(["orders"], 1)
    with Workbench(broker=broker) as wb:
        wb.capture_live(channels="orders", to=tmp_path / "log", progress=False).stop()
        more = of(["orders"], 4)
        send(more, *range(30))
    with Workbench(broker=more) as wb:
        wb.capture_live(channels="orders", to=tmp_path / "log", progress=False).stop()
    assert ids(tmp_path / "log") == [*range(30)]


@pytest.mark.parametrize("anew", [0, 2, 8])
def test_a_channel_that_was_made_anew_is_refused(tmp_path, anew):
    times = iter(range(1_790_000_000, 1_790_001_000))
    broker = of(["orders"], now=lambda: next(times))
    send(broker, *range(5))
    record_to(broker, ["orders"], tmp_path / "log")
    broker.delete(["orders"], [])
    broker.ensure_channels({"orders": 1})
    send(broker, *range(100, 100 + anew))
    with pytest.raises(
        LogError, match=r"orders\[0\] up to offset 5, and .*: the channel was made anew"
    ):
        record_to(broker, ["orders"], tmp_path / "log")


def test_what_stands_before_where_a_folder_begins_is_said(tmp_path):
    broker = of(["orders"])
    send(broker, *range(6))
    record_to(broker, ["orders"], tmp_path / "log", start={Position("orders", 0): 4})
    folder = record_to(broker, ["orders"], tmp_path / "log")
    (said,) = folder.what_is_lost()
    assert said.startswith("orders[0]: offsets 0 to 3 stand before where ")
    assert said.endswith(" was begun, and are not added: capture them into a folder of their own.")


def test_a_part_in_which_nothing_says_a_time_is_read(tmp_path):
    broker = of(["orders"], now=lambda: -1)
    broker.producer().send([Outgoing("orders", None, [], b"{}")])
    record_to(broker, ["orders"], tmp_path / "log")
    assert EventLog.read(tmp_path / "log", progress=False).frame["undated"].tolist() == [True]


def test_hidden_files_beside_the_parts_are_no_harm_and_others_are_refused(tmp_path):
    broker = of(["orders"])
    send(broker, 1)
    (tmp_path / ".DS_Store").touch()
    assert record_to(broker, ["orders"], tmp_path).new == 1
    assert record_to(broker, ["orders"], tmp_path).new == 0
    (tmp_path / "notes.txt").touch()
    with pytest.raises(LogError, match=r"notes\.txt was not written by a capture"):
        record_to(broker, ["orders"], tmp_path)


def test_a_file_system_without_links_will_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    broker = of(["orders"])
    send(broker, 1)
    monkeypatch.setattr("os.link", refuse)
    record_to(broker, ["orders"], tmp_path / "log")
    assert [part.name for part in (tmp_path / "log").iterdir()] == ["part-000000.parquet"]
    assert ids(tmp_path / "log") == [1]


def test_a_folder_that_can_not_be_written_is_said_to_be(tmp_path, monkeypatch):
    broker = of(["orders"])
    send(broker, 1)
    (tmp_path / "file").touch()
    for path, why in (
        (tmp_path / "file", "file can't be captured into: File exists"),
        (tmp_path / "file" / "log", "log can't be captured into: Not a directory"),
        (5, "5 can't be captured into: it is no path of a folder"),
        ("a\0b", "'a.x00b' can't be captured into: it is no path of a folder"),
    ):
        with pytest.raises(LogError, match=why):
            record_to(broker, ["orders"], path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(LogError, match=r"log can't be captured into: No space left on device\."):
        record_to(broker, ["orders"], tmp_path / "log")
    assert not list((tmp_path / "log").iterdir())
