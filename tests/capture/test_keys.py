"""Keys that are no text stay what they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.brokers import MemoryBroker, Outgoing
from workbench.capture import record, replay
from workbench.capture.keys import key_bytes, key_text


@given(st.one_of(st.none(), st.binary(), st.text().map(str.encode)))
def test_a_key_as_text_is_the_key_again(key):
    assert key_bytes(key_text(key)) == key


@pytest.mark.parametrize("text", ["base64:", "base64:abc", "base64:aGk=", "o-1", ""])
def test_a_text_that_looks_like_one_is_a_text(text):
    assert key_bytes(text) == text.encode()
    assert key_text(text.encode()) == text


def test_events_with_keys_of_bytes_are_replayed_to_their_partitions():
    broker = MemoryBroker()
    broker.ensure_channels({"orders": 4, "again": 4})
    headers = [("ce_specversion", b"1.0"), ("ce_source", b"shop"), ("ce_type", b"Placed")]
    keys = [(128 + n).to_bytes(4, "big") for n in range(20)]
    broker.producer().send(
        [Outgoing("orders", key, [("ce_id", key.hex().encode()), *headers], b"{}") for key in keys]
    )
    frame = record(broker, ["orders"])
    assert frame["key"].nunique() == 20
    replay(broker, frame, {"orders": "again"})
    again = record(broker, ["again"])
    place = ["key", "partition"]
    assert sorted(again[place].to_numpy().tolist()) == sorted(frame[place].to_numpy().tolist())
