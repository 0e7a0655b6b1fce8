import os
import signal
import socket
import subprocess
import sys
import threading
import time

import platformdirs
import pytest

from workbench.brokers.local import folder as folders
from workbench.brokers.local import starting
from workbench.brokers.local.claim import claim, is_claimed, release, wait_until_free
from workbench.brokers.local.folder import claim_folder, prepare
from workbench.brokers.local.log_tail import last_words, tail
from workbench.brokers.local.record import Record, read_record, running
from workbench.brokers.local.settings import KAFKA
from workbench.errors import LocalBrokerError


@pytest.fixture
def said():
    return []


@pytest.fixture
def default(monkeypatch, tmp_path):
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name: str(tmp_path / name))
    return tmp_path / "choreography-workbench" / "kafka" / "default"


def holder_of(folder):
    """A child process that holds the claim on `folder`, as a broker's JVM does."""
    claimed = claim(folder)
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[claimed]
    )
    release(claimed)
    return child


def test_a_claim_stands_as_long_as_the_process_it_was_handed_to(tmp_path):
    child = holder_of(tmp_path)
    try:
        assert is_claimed(tmp_path)
        assert claim(tmp_path) is None
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert not is_claimed(tmp_path)
    release(claim(tmp_path))


def test_a_forked_child_holds_no_claim_of_its_parent(tmp_path):
    claimed = claim(tmp_path)
    wait, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(wait, 1)
        os._exit(0)
    release(claimed)
    try:
        assert wait_until_free(tmp_path, seconds=2)
    finally:
        os.write(go, b"x")
        os.waitpid(child, 0)
        os.close(wait)
        os.close(go)


def test_the_default_folder_is_used_and_nothing_is_said(default, said):
    folder, claimed = claim_folder(KAFKA, None, said.append)
    release(claimed)
    assert folder == default
    assert said == []


def test_a_numbered_sibling_is_taken_and_said_when_another_uses_the_default_folder(
    default, said, monkeypatch
):
    monkeypatch.setattr(folders, "_ENDING", 0.05)
    default.mkdir(parents=True)
    holder = holder_of(default)
    try:
        folder, claimed = claim_folder(KAFKA, None, said.append)
        release(claimed)
    finally:
        holder.communicate(b"\n")
    assert folder == default.with_name("default-2")
    assert said == [
        (
            f"Another workbench's Kafka uses {default}: this one keeps its data in {folder}. "
            "(To share one, run `workbench kafka start` beforehand.)"
        )
    ]


def test_a_named_folder_in_use_is_an_error(tmp_path, said, monkeypatch):
    monkeypatch.setattr(folders, "_ENDING", 0.05)
    holder = holder_of(tmp_path)
    try:
        with pytest.raises(
            LocalBrokerError, match=r"is in use by another process: LocalKafka\.find"
        ):
            claim_folder(KAFKA, tmp_path, said.append)
    finally:
        holder.communicate(b"\n")


def test_a_broker_that_is_about_to_end_is_waited_for(tmp_path, said):
    holder = holder_of(tmp_path)
    threading.Timer(0.3, lambda: holder.communicate(b"\n")).start()
    begun = time.monotonic()
    _, claimed = claim_folder(KAFKA, tmp_path, said.append)
    release(claimed)
    assert time.monotonic() - begun > 0.2


def test_what_a_crash_left_is_said_and_cleared(tmp_path, said):
    (tmp_path / "claim").touch()
    Record(pid=os.getpid(), port=9092, cluster_id="x", owner=None).write(tmp_path)
    assert running(tmp_path) is None
    _, claimed = claim_folder(KAFKA, tmp_path, said.append)
    prepare(KAFKA, tmp_path)
    release(claimed)
    assert said == [f"The Kafka in {tmp_path} ended without being stopped: its data is recovered."]
    assert read_record(tmp_path) is None


def test_a_process_that_took_over_the_id_of_a_dead_broker_is_not_taken_for_it(tmp_path):
    Record(pid=os.getpid(), port=9092, cluster_id="x", owner=None).write(tmp_path)
    holder = holder_of(tmp_path)
    try:
        assert running(tmp_path) is None
    finally:
        holder.communicate(b"\n")


def test_a_running_file_that_makes_no_sense_is_as_none(tmp_path):
    for nonsense in ("", "{", "[]", '{"pid": 1}', '{"other": 2}'):
        (tmp_path / "running.json").write_text(nonsense)
        assert read_record(tmp_path) is None


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path, said):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(LocalBrokerError, match="holds other things than Kafka's data"):
        claim_folder(KAFKA, tmp_path, said.append)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path, said):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        LocalBrokerError, match=r"can't be kept in .*Not a directory\): make room or"
    ):
        claim_folder(KAFKA, tmp_path / "file" / "kafka", said.append)


def test_a_disk_that_is_nearly_full_is_said_before_kafka_trips_over_it(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "ROOM_NEEDED", 10**12)
    with pytest.raises(
        LocalBrokerError, match=r"nearly full: \d+ MB are free .* needs 1000000000000 MB"
    ):
        prepare(KAFKA, tmp_path)


def test_the_usual_port_is_taken_or_a_free_one_chosen_and_said(said):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        usual = other.getsockname()[1]
        port = starting._choose_port(KAFKA, None, usual, said.append)
        assert port != usual
        assert said == [
            f"Port {usual} is taken by another program: this Kafka listens at 127.0.0.1:{port}."
        ]
        with pytest.raises(
            LocalBrokerError, match=f"Port {usual} on 127.0.0.1 is taken by another"
        ):
            starting._choose_port(KAFKA, usual, usual, said.append)
    assert starting._choose_port(KAFKA, None, usual, said.append) == usual


def test_the_last_words_are_the_errors_since_the_start_or_else_the_last_lines(tmp_path):
    log = tmp_path / "log" / "broker.log"
    log.parent.mkdir()
    log.write_text("2026-11-23 10:00 ERROR old: of an earlier start\n")
    since = log.stat().st_size
    assert last_words(tmp_path, since=since) == []
    (tmp_path / "log" / "console.out").write_text("Unrecognized VM option\n")
    assert last_words(tmp_path, since=since) == ["Unrecognized VM option"]
    with log.open("a") as file:
        file.write("2026-11-23 10:01 INFO  one\n2026-11-23 10:02 INFO  two\n")
    assert last_words(tmp_path, since=since, lines=1) == ["2026-11-23 10:02 INFO  two"]
    with log.open("a") as file:
        file.write("2026-11-23 10:03 ERROR it: broke\n\tat line 7\nCaused by: java.io: no\n")
        file.write("2026-11-23 10:04 INFO  down\n")
    assert last_words(tmp_path, since=since) == [
        "2026-11-23 10:03 ERROR it: broke",
        "Caused by: java.io: no",
    ]
    assert tail(log, 1) == ["2026-11-23 10:04 INFO  down"]
    assert tail(log, 0) == tail(tmp_path / "nothing", 3) == []


def test_an_error_of_many_lines_that_each_have_the_whole_head_is_told_in_one(tmp_path):
    log = tmp_path / "log" / "broker.log"
    log.parent.mkdir()
    head = "2026-11-25 16:31:18.068888+00:00 [error] <0.216.0> "
    log.write_text(
        f"2026-11-25 16:31:17.0+00:00 [info] <0.216.0> Starting\n{head}\n{head}BOOT FAILED\n"
        f"{head}===========\n{head}Error: {{error,\n{head}            {{cannot_read_file,\n"
        "2026-11-25 16:31:19.0+00:00 [error] <0.215.0>   crasher:\n"
    )
    assert last_words(tmp_path, since=0) == [
        f"{head}BOOT FAILED =========== Error: {{error, {{cannot_read_file,",
        "2026-11-25 16:31:19.0+00:00 [error] <0.215.0>   crasher:",
    ]
