"""Captures of a real Kafka: what is there, exactly once, and nobody notices."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, datetime

import pandas as pd
import pyarrow.parquet as pq
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from workbench import Workbench
from workbench.brokers import KafkaBroker, Outgoing, Position
from workbench.brokers.record_batch import batches_of
from workbench.capture import CapturedFolder, read_channels, record, record_to
from workbench.capture.cutting import cut
from workbench.capture.decoding import decoded
from workbench.errors import LogError

pytestmark = pytest.mark.kafka

HEADERS = [("ce_specversion", b"1.0"), ("ce_source", b"shop"), ("ce_type", b"OrderPlaced")]


@pytest.fixture
def broker(kafka):
    with KafkaBroker(kafka.bootstrap_servers) as broker:
        yield broker


@pytest.fixture
def wb(kafka, tmp_path):
    with Workbench(
        bootstrap_servers=kafka.bootstrap_servers, folder=tmp_path / "services", say=SAID.append
    ) as wb:
        SAID.clear()
        yield wb


SAID: list[str] = []


def channel(broker, partitions=1, **settings):
    name = f"captured.{uuid.uuid4().hex[:8]}"
    if not settings:
        broker.ensure_channels({name: partitions})
        return name
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    spec = {"num_partitions": partitions, "replication_factor": 1, "configs": settings}
    admin.create_topics({name: spec}, wait_for_metadata=True)
    admin.close()
    return name


def event(name, n, key=None, value=b"{}"):
    return Outgoing(name, key, [("ce_id", f"{n}".encode()), *HEADERS], value)


def send(broker, name, numbers):
    answers = broker.bulk_producer().send([event(name, n, f"{n}".encode()) for n in numbers])
    assert all(hasattr(answer, "offset") for answer in answers)


def ids(frame):
    return sorted(int(found) for found in frame["id"])


def read(folder):
    return pd.concat([pq.read_table(part).to_pandas() for part in sorted(folder.glob("*.parquet"))])


# --- which -----------------------------------------------------------------------------------


def test_a_pattern_takes_the_channels_that_fit(wb):
    first = channel(wb.broker)
    others = [f"{first}.a", f"{first}.b"]
    wb.broker.ensure_channels(dict.fromkeys(others, 1))
    for n, name in enumerate([first, *others]):
        send(wb.broker, name, [n])
    assert ids(wb.capture(pattern=f"{first}.*", progress=False).frame) == [1, 2]
    assert ids(wb.capture(channels=first, progress=False).frame) == [0]


def test_a_pattern_that_nothing_fits_is_an_error(wb):
    with pytest.raises(LogError, match=r"no channel fits 'nothing\.like\.\*'; there are: "):
        wb.capture(pattern="nothing.like.*", progress=False)
    with pytest.raises(LogError, match=r"there is no channel 'nowhere' on the broker"):
        wb.capture(channels="nowhere", progress=False)


def test_a_time_range_is_of_the_brokers_times(broker):
    name = channel(broker, 3, **{"message.timestamp.type": "CreateTime"})
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    for second in range(10):
        headers = [("ce_id", f"{second}".encode()), *HEADERS]
        producer.send(
            name, b"{}", headers=headers, partition=second % 3, timestamp_ms=1_000 * second
        )
    producer.close()
    times = [datetime.fromtimestamp(second, UTC) for second in range(10)]
    assert ids(record(broker, [name], since=times[3], until=times[7])) == [3, 4, 5, 6]
    assert ids(record(broker, [name], last=4)) == [6, 7, 8, 9]
    assert ids(record(broker, [name], until=times[7], last=2)) == [5, 6]


def test_the_last_are_the_newest_of_all_partitions_together(broker):
    name = channel(broker, 3)
    for n in range(40):
        send(broker, name, [n])  # one by one, so that their times say the order
    frame = record(broker, [name], last=7)
    whole = record(broker, [name]).sort_values(["broker_time"], kind="stable")
    assert len(frame) == 7
    assert frame["broker_time"].min() >= whole["broker_time"].iloc[-7]
    assert len(record(broker, [name], last=1_000)) == 40
    with pytest.raises(LogError, match=r"last is how many events, 1 or more; not 0\."):
        record(broker, [name], last=0)


# --- what is there ---------------------------------------------------------------------------


def test_aborted_events_and_the_marks_of_transactions_are_not_in_it(broker, tmp_path):
    name = channel(broker)
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, transactional_id=uuid.uuid4().hex
    )
    producer.init_transactions()
    for n in range(9):
        producer.begin_transaction()
        for place in range(3):
            headers = [("ce_id", f"{3 * n + place}".encode()), *HEADERS]
            producer.send(name, b"{}", headers=headers)
        producer.flush()
        if n % 3 == 1:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
    producer.close()
    kept = [n for n in range(27) if n // 3 % 3 != 1]
    frame = record(broker, [name])
    assert ids(frame) == kept
    assert frame["offset"].max() == 34  # of 27 events and 9 marks, the last a mark
    folder = CapturedFolder.open(tmp_path, broker.cluster_id)
    whole = cut(broker, [name])
    assert folder.rest(whole, {}, {}) == whole
    assert [found.value for found in read_channels(broker, [name])] == [b"{}"] * 18


@pytest.mark.parametrize("compression", ["gzip", "lz4", "snappy", "zstd"])
def test_compressed_batches_are_read(broker, compression):
    name = channel(broker)
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, compression_type=compression, linger_ms=50
    )
    for n in range(500):
        producer.send(name, b'{"n": 1}', headers=[("ce_id", f"{n}".encode()), *HEADERS])
    producer.close()
    frame = record(broker, [name], start={Position(name, 0): 250})  # in the middle of a batch
    assert ids(frame) == list(range(250, 500))
    assert frame["undecoded"].isna().all()


def test_a_compacted_channel_with_gaps_is_read_to_its_end(broker):
    settings = {
        "cleanup.policy": "compact",
        "segment.ms": "100",
        "min.cleanable.dirty.ratio": "0.01",
        "max.compaction.lag.ms": "100",
    }
    name = channel(broker, **settings)
    for n in range(30):
        broker.producer().send([event(name, n, b"same", b'{"n": 1}')])
    # Compacted or not by now: what a plain reader sees is what is captured.
    frame = record(broker, [name])
    assert ids(frame)[-1] == 29
    assert frame["offset"].is_monotonic_increasing
    assert frame["offset"].iloc[-1] == 29


def test_empty_partitions_and_channels_are_no_obstacle(broker):
    name, empty = channel(broker, 7), channel(broker, 2)
    send(broker, name, [1])
    assert ids(record(broker, [name, empty])) == [1]
    assert len(record(broker, [empty])) == 0


# --- nobody notices --------------------------------------------------------------------------


def test_what_is_sent_meanwhile_is_not_in_it(broker):
    name = channel(broker, 3)
    send(broker, name, range(500))
    stopped, numbers = threading.Event(), iter(range(500, 10**6))

    def go_on():
        producer = broker.producer()
        while not stopped.is_set():
            producer.send([event(name, next(numbers), b"k") for _ in range(20)])
        producer.close()

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        whole = cut(broker, [name])
        frame = record(broker, [name], stop=whole.last)
    finally:
        stopped.set()
        writer.join()
    assert len(frame) == whole.offsets() >= 500
    assert frame.groupby("partition")["offset"].max().add(1).to_dict() == {
        place.partition: end for place, end in whole.last.items()
    }


def test_no_group_is_joined_and_nothing_committed(wb, tmp_path):
    name = channel(wb.broker, 2)
    send(wb.broker, name, range(10))
    admin = KafkaAdminClient(bootstrap_servers=wb.broker.bootstrap_servers)
    before = {group["group_id"] for group in admin.list_groups()}
    wb.capture(channels=name, progress=False)
    wb.capture(channels=name, to=tmp_path / "log", progress=False)
    wb.capture_live(channels=name, progress=False).stop()
    assert {group["group_id"] for group in admin.list_groups()} == before
    admin.close()


# --- live ------------------------------------------------------------------------------------


def test_a_live_capture_holds_all_that_came_until_it_was_stopped(wb):
    name = channel(wb.broker, 3)
    send(wb.broker, name, range(10))
    live = wb.capture_live(channels=name, progress=False)
    send(wb.broker, name, range(10, 500))
    assert live.running
    log = live.stop()
    assert ids(log.frame) == list(range(10, 500))
    assert (live.count, live.running) == (490, False)
    assert repr(live) == "<live capture: 490 events, ended>"
    assert live.result is log


def test_a_live_capture_may_begin_earlier_and_write_to_a_folder(wb, tmp_path):
    name = channel(wb.broker)
    send(wb.broker, name, range(5))
    wb.capture(channels=name, to=tmp_path / "log", progress=False)
    send(wb.broker, name, range(5, 10))  # while nobody captures
    with wb.capture_live(channels=name, to=tmp_path / "log", progress=False) as live:
        send(wb.broker, name, range(10, 20))
    assert ids(read(tmp_path / "log")) == list(range(20))
    assert (live.result.events, live.result.new) == (20, 15)


# --- a folder --------------------------------------------------------------------------------

CAPTURE = """
import sys
from workbench import Workbench
from workbench.capture import folder

folder._PART_BYTES = 20_000
with Workbench(bootstrap_servers=sys.argv[1]) as wb:
    print(wb.capture(channels=sys.argv[2], to=sys.argv[3], progress=False), flush=True)
"""


def test_a_folder_that_is_gone_on_with_after_kills_holds_each_event_once(broker, tmp_path):
    name, folder = channel(broker, 3), tmp_path / "log"
    command = [sys.executable, "-c", CAPTURE, broker.bootstrap_servers, name, str(folder)]
    sent = 0
    for wanted in (2, 5):
        send(broker, name, range(sent, sent := sent + 20_000))
        killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while killed.poll() is None and len(list(folder.glob("*.parquet"))) < wanted:
            os.sched_yield()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    send(broker, name, range(sent, sent := sent + 10))
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert ended.stdout.startswith(f"<{sent:,} events in {folder}")
    assert ids(read(folder)) == list(range(sent))
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert f"<{sent:,} events in {folder}, 0 of them new>" in again.stdout
    assert not [part for part in folder.iterdir() if part.suffix != ".parquet"]


def test_what_retention_has_removed_meanwhile_is_said(wb, tmp_path):
    name = channel(wb.broker)
    send(wb.broker, name, range(5))
    wb.capture(channels=name, to=tmp_path / "log", progress=False)
    send(wb.broker, name, range(5, 20))
    admin = KafkaAdminClient(bootstrap_servers=wb.broker.bootstrap_servers)
    admin.delete_records({TopicPartition(name, 0): 12})
    admin.close()
    folder = wb.capture(channels=name, to=tmp_path / "log", progress=False)
    gone = f"{name}[0]: offsets 5 to 11 are gone from the broker (retention), and not in "
    assert [f"{gone}{tmp_path / 'log'}."] == SAID
    assert repr(folder).endswith("up to 7 were gone from the broker before they were captured>")
    assert ids(read(tmp_path / "log")) == [*range(5), *range(12, 20)]


def test_what_retention_removes_while_it_is_read_is_said(broker, tmp_path):
    name = channel(broker)
    send(broker, name, range(2_000))
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)

    def delete(done, _):
        if not done:
            admin.delete_records({TopicPartition(name, 0): 1_500})

    folder = record_to(broker, [name], tmp_path / "log", progress=delete)
    assert folder.lost == {Position(name, 0): (0, 1_500)}
    assert folder.events == 500
    lost = []
    admin.delete_records({TopicPartition(name, 0): 1_600})

    def again(done, _):
        if not done:
            admin.delete_records({TopicPartition(name, 0): 1_900})

    frame = record(broker, [name], progress=again, lost=lambda *gone: lost.append(gone))
    admin.close()
    assert (len(frame), lost) == (100, [(Position(name, 0), 1_600, 1_900)])


def test_a_topic_that_was_made_anew_is_not_mixed_with_the_old_one(wb, tmp_path):
    name = channel(wb.broker)
    send(wb.broker, name, range(5))
    wb.capture(channels=name, to=tmp_path / "log", progress=False)
    wb.broker.delete([name], [])
    while name in wb.broker.channels():
        time.sleep(0.1)
    wb.broker.ensure_channels({name: 1})
    send(wb.broker, name, range(100, 108))
    for capture in (wb.capture, wb.capture_live):
        with pytest.raises(LogError, match=r"up to offset 5, and .*: the channel was made anew"):
            capture(channels=name, to=tmp_path / "log", progress=False)
    assert ids(read(tmp_path / "log")) == [*range(5)]


def test_a_folder_of_something_else_is_refused(wb, tmp_path):
    name = channel(wb.broker)
    send(wb.broker, name, [1])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LogError, match=r"notes\.txt was not written by a capture"):
        wb.capture(channels=name, to=tmp_path, progress=False)
    folder = CapturedFolder.open(tmp_path / "other", "another")
    assert len(folder.write(decoded(batches_of(read_channels(wb.broker, [name])))).next) == 1
    with pytest.raises(LogError, match=r"other holds the capture of another cluster \(another; "):
        wb.capture(channels=name, to=tmp_path / "other", progress=False)
    with pytest.raises(LogError, match=r"last= is of a log in memory"):
        wb.capture(channels=name, to=tmp_path / "log", last=5)
