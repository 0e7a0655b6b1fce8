"""A capture written to a folder is the capture in memory."""

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.brokers import MemoryBroker, Outgoing
from workbench.capture import record, record_to

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
