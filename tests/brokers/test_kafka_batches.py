"""Kafka's record batches, read without an object for each record."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords, MemoryRecordsBuilder

from workbench.brokers import Position, Record
from workbench.brokers.kafka_batches import batch_of, fits
from workbench.brokers.kafka_format import batch_heads, index_records
from workbench.brokers.record_batch import batches_of

PLACE = Position("orders", 0)
blobs = st.none() | st.binary(max_size=200)
headers = st.lists(st.tuples(st.text(max_size=100), blobs), max_size=5)
contents = st.lists(st.tuples(blobs, blobs, headers, st.integers(0, 2**41)), min_size=1, max_size=8)


def written(some, *, magic=2, compression=0, **settings):
    """Bytes of one batch, as kafka-python writes it."""
    builder = MemoryRecordsBuilder(magic, compression, batch_size=10**6, **settings)
    for key, value, named, time in some:
        builder.append(time, key, value, named)
    builder.close()
    return bytes(builder.buffer())


def read(data, first=0, aborted=()):
    data = np.frombuffer(data, np.uint8)
    return batch_of(PLACE, data, batch_heads(data), aborted, first)


def by_kafka_python(data):
    records, found = MemoryRecords(data), []
    while (batch := records.next_batch()) is not None:
        found += [Record(*PLACE, r.offset, r.timestamp, r.key, r.headers, r.value) for r in batch]
    return found


@given(contents, st.sampled_from([0, 1, 2, 3, 4]))
def test_records_are_those_that_kafka_python_reads(some, compression):
    data = written(some, compression=compression)
    batch = read(data)
    assert list(batch.records()) == by_kafka_python(data)
    assert batch.next == len(some)


@pytest.mark.parametrize("magic", [0, 1])
def test_batches_of_an_older_format_are_read(magic):
    data = written([(b"k", b"v", [], 5), (None, b"w", [], 6)], magic=magic)
    assert [(r.offset, r.key, r.value) for r in read(data).records()] == [
        (0, b"k", b"v"),
        (1, None, b"w"),
    ]
    assert len(read(data, first=1)) == 1


@given(contents)
def test_records_as_objects_and_as_a_batch_are_the_same(some):
    records = [Record("c", 1, n, t, k, h, v) for n, (k, v, h, t) in enumerate(some)]
    (batch,) = batches_of(records)
    assert list(batch.records()) == records
    assert (batch.next, len(batch.before(1)), batch.before(1).next) == (len(some), 1, 1)


def test_reading_begins_in_the_middle_of_a_batch():
    batch = read(written([(None, b"%d" % n, [], 0) for n in range(5)]), first=3)
    assert [record.value for record in batch.records()] == [b"3", b"4"]


def test_a_batch_that_is_cut_off_is_left_for_the_next_answer():
    data = written([(None, b"v", [], 0)])
    assert len(read(data + data[:-1])) == 1


def test_what_fails_its_checksum_is_an_error():
    data = bytearray(written([(None, b"value", [], 0)]))
    data[-3] ^= 1
    expected = r"the batch of orders\[0\] at offset 0 fails its checksum"
    with pytest.raises(CorruptRecordError, match=expected):
        read(bytes(data))


def test_what_was_undone_is_left_out_and_what_came_after_is_not():
    def batch(number, *, producer):
        return written(
            [(None, b"%d" % number, [], 0)],
            offset=number,
            transactional=True,
            producer_id=producer,
            producer_epoch=0,
            base_sequence=0,
        )

    data = batch(0, producer=1) + batch(1, producer=2) + batch(2, producer=1)
    undone = [SimpleNamespace(producer_id=1, first_offset=2)]
    found = read(data, aborted=undone)
    assert [record.value for record in found.records()] == [b"0", b"1"]
    assert found.next == 3


@given(contents, st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8))
def test_damaged_bytes_are_refused_or_read_but_never_past_their_end(some, damage):
    data = bytearray(written(some))
    for place, byte in damage:
        data[place % len(data)] = byte
    data = np.frombuffer(bytes(data), np.uint8)
    index, bad = index_records(data, batch_heads(data), 0)
    assert bad >= -1 or not len(index)
    for _, _, key, key_size, value, value_size, at, _ in index.tolist():
        assert 0 <= key <= key + max(key_size, 0) <= len(data)
        assert 0 <= value <= value + max(value_size, 0) <= at <= len(data)


def test_a_kafka_python_that_is_made_otherwise_is_left_alone():
    assert not fits(SimpleNamespace())
    assert not fits(SimpleNamespace(_fetcher=SimpleNamespace(PartitionRecords=object)))
