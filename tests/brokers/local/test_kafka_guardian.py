"""Ownership, shown with a small process in the place of the JVM."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from workbench.brokers.local.claim import claim, is_claimed, release, wait_until_free
from workbench.brokers.local.launch import end, is_alive, launch

STAND_IN = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
]

OWNER = """
    import json, os, pathlib, sys, time
    from workbench.brokers.local.claim import claim, release
    from workbench.brokers.local.launch import launch

    folder = pathlib.Path(sys.argv[1])
    claimed = claim(folder)
    process = launch(json.loads(sys.argv[2]), folder, claimed=claimed, owned=sys.argv[3] == "owned")
    release(claimed)
    fork = os.fork() if sys.argv[4] == "forks" else None
    if fork != 0:
        print(json.dumps([process.pid, fork]), flush=True)
    if sys.argv[4] == "leaves":
        sys.stdin.read()  # until the test knows the process
    else:
        time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path


def owner_of(folder, life, then):
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), folder, json.dumps(STAND_IN), life, then],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    pid, fork = json.loads(owner.stdout.readline())
    owner.stdout.close()
    process = psutil.Process(pid)
    owner.stdin.close()
    return owner, process, fork


def ends_within(process, seconds):
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            process.kill()
            return False
        time.sleep(0.02)
    return True


def test_an_owned_process_ends_when_its_owner_is_killed(folder):
    owner, process, _ = owner_of(folder, "owned", "stays")
    (folder / "running.json").write_text("{}")
    owner.kill()
    owner.wait()
    assert ends_within(process, 5)
    assert not (folder / "running.json").exists()


def test_a_child_forked_by_a_killed_owner_keeps_nothing_alive(folder):
    owner, process, fork = owner_of(folder, "owned", "forks")
    owner.kill()
    owner.wait()
    try:
        assert ends_within(process, 5)
        assert psutil.pid_exists(fork)
    finally:
        os.kill(fork, signal.SIGKILL)


def test_an_owned_process_is_gone_when_its_owner_has_left_as_usual(folder):
    owner, process, _ = owner_of(folder, "owned", "leaves")
    assert owner.wait() == 0
    assert ends_within(process, 5)
    assert wait_until_free(folder, seconds=5)  # its guardian is the last to let go


def test_a_detached_process_stays_when_its_starter_leaves(folder):
    owner, process, _ = owner_of(folder, "detached", "leaves")
    assert owner.wait() == 0
    try:
        assert is_alive(process)
        assert is_claimed(folder)
    finally:
        end(process, folder)
    assert not is_alive(process)


def test_ctrl_c_in_the_owners_terminal_does_not_reach_it(folder):
    owner, process, _ = owner_of(folder, "owned", "stays")
    assert os.getpgid(process.pid) != os.getpgid(owner.pid)
    assert os.getsid(process.pid) != os.getsid(owner.pid)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert is_alive(process)
    owner.kill()
    owner.wait()
    assert ends_within(process, 5)


def test_one_that_does_not_listen_is_killed(folder):
    claimed = claim(folder)
    process = launch(STUBBORN, folder, claimed=claimed, owned=True)
    release(claimed)
    time.sleep(0.2)
    end(process, folder, grace=0.2)
    assert not is_alive(process)
    assert not is_claimed(folder)


def test_the_guardian_is_small(folder):
    claimed = claim(folder)
    process = launch(STAND_IN, folder, claimed=claimed, owned=True)
    release(claimed)
    guardian = process.parent()
    assert guardian.memory_info().rss < 25_000_000
    end(process, folder)
