import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

import workbench
from workbench.brokers.local import download, ensure_kafka_jars
from workbench.brokers.local.jars import Jar, JarLock, jars_at_home
from workbench.errors import LocalBrokerError

NAMES = ("alpha", "beta", "gamma")


class FakeCentral:
    """A Maven repository on the loopback address with three jars; counts what it is asked for."""

    def __init__(self):
        self.files = {
            f"/org/example/{name}/1.0/{name}-1.0.jar": name.encode() * 5_000 for name in NAMES
        }
        self.asked = Counter()
        self.before = {}  # what to serve the first time instead
        central = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                central.asked[self.path] += 1
                content = central.before.pop(self.path, central.files.get(self.path))
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def asked_jars(self):
        return {path: count for path, count in self.asked.items() if path.endswith(".jar")}

    def path(self, name):
        return f"/org/example/{name}/1.0/{name}-1.0.jar"

    def lock(self):
        return JarLock(
            "4.4.0",
            tuple(
                Jar(
                    f"org.example:{name}:1.0",
                    len(self.files[self.path(name)]),
                    hashlib.sha256(self.files[self.path(name)]).hexdigest(),
                )
                for name in NAMES
            ),
        )


@pytest.fixture
def central(monkeypatch):
    central = FakeCentral()
    lock = central.lock()
    monkeypatch.delenv("WORKBENCH_KAFKA_HOME", raising=False)
    monkeypatch.setattr(JarLock, "read", classmethod(lambda cls: lock))
    monkeypatch.setattr(download, "MAVEN_CENTRAL_URL", central.url)
    yield central
    central.server.shutdown()
    central.server.server_close()


@pytest.fixture
def said():
    return []


@pytest.fixture
def cache(central, tmp_path):
    """A warm cache; nothing has been asked of the repository since."""
    ensure_kafka_jars(cache=tmp_path)
    central.asked.clear()
    return tmp_path


def contents(jars):
    return [jar.read_bytes() for jar in jars]


def test_the_first_time_every_jar_is_fetched_and_its_bytes_are_counted(central, tmp_path, said):
    steps = []
    jars = ensure_kafka_jars(
        cache=tmp_path, say=said.append, progress=lambda *step: steps.append(step)
    )
    assert contents(jars) == [central.files[central.path(name)] for name in NAMES]
    total = sum(map(len, central.files.values()))
    assert steps[0][:2] == (0, total)
    assert steps[-1][:2] == (total, total)
    assert re.fullmatch(r"Fetching (alpha|beta|gamma)-1\.0\.jar", steps[-1][2])
    assert said == []
    assert not (tmp_path / "4.4.0" / "incoming").exists()


def test_with_a_warm_cache_the_network_is_not_touched(central, cache, said):
    ensure_kafka_jars(cache=cache, say=said.append, progress=lambda *step: said.append(step))
    assert central.asked == {}
    assert said == []


def test_a_tampered_jar_is_noticed_said_and_fetched_again(central, cache, said):
    jar = cache / "4.4.0" / "beta-1.0.jar"
    jar.write_bytes(b"X" + jar.read_bytes()[1:])
    jars = ensure_kafka_jars(cache=cache, say=said.append)
    assert said == ["beta-1.0.jar is not the file that the lock names: it is fetched again."]
    assert contents(jars) == list(central.files.values())
    assert central.asked_jars == {central.path("beta"): 1}


def test_a_half_finished_jar_is_noticed_said_and_fetched_again(central, cache, said):
    jar = cache / "4.4.0" / "beta-1.0.jar"
    jar.write_bytes(jar.read_bytes()[:77])
    jars = ensure_kafka_jars(cache=cache, say=said.append)
    assert said == ["beta-1.0.jar is half-finished (77 of 20,000 bytes): it is fetched again."]
    assert contents(jars) == list(central.files.values())


def test_what_an_unfinished_download_left_is_said_and_thrown_away(central, cache, said):
    part = cache / "4.4.0" / "incoming" / "org" / "example" / "beta" / "1.0" / "beta-1.0.jar"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"beta")
    (cache / "4.4.0" / "beta-1.0.jar").unlink()
    jars = ensure_kafka_jars(cache=cache, say=said.append)
    assert said == ["The last download of Kafka did not finish: what it left is thrown away."]
    assert contents(jars) == list(central.files.values())


def test_a_jar_tampered_with_on_its_way_is_said_and_fetched_again(central, tmp_path, said):
    path = central.path("gamma")
    central.before[path] = bytes(len(central.files[path]))
    jars = ensure_kafka_jars(cache=tmp_path, say=said.append)
    assert said == [
        "The downloaded gamma-1.0.jar is not the file that the lock names: it is fetched again."
    ]
    assert contents(jars) == list(central.files.values())


def test_a_jar_that_is_never_what_the_lock_names_is_an_error_and_not_kept(central, tmp_path):
    central.files[central.path("gamma")] = b"something else"
    with pytest.raises(
        LocalBrokerError, match=r"gamma-1\.0\.jar could not be fetched .*what came is half"
    ):
        ensure_kafka_jars(cache=tmp_path, say=lambda _: None)
    assert not (tmp_path / "4.4.0" / "gamma-1.0.jar").exists()


def test_a_jar_that_nobody_has_is_said_in_a_sentence(central, tmp_path):
    del central.files[central.path("gamma")]
    with pytest.raises(
        LocalBrokerError, match=r"gamma-1\.0\.jar .*no repository has it.*WORKBENCH_KAFKA_HOME"
    ):
        ensure_kafka_jars(cache=tmp_path)


def test_no_network_is_said_in_a_sentence(central, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MAVEN_CENTRAL_URL", "http://127.0.0.1:9")
    with pytest.raises(
        LocalBrokerError, match=r"broke off with ConnectionError.*check the network"
    ):
        ensure_kafka_jars(cache=tmp_path)


def test_two_at_once_fetch_every_jar_once(central, tmp_path):
    found = []
    both = [
        threading.Thread(target=lambda: found.append(ensure_kafka_jars(cache=tmp_path)))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert contents(found[0]) == contents(found[1]) == list(central.files.values())
    assert set(central.asked_jars.values()) == {1}


def test_a_cache_that_cannot_be_written_is_said_in_a_sentence(central, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LocalBrokerError, match=r"can't be kept in .*Not a directory"):
        ensure_kafka_jars(cache=tmp_path / "file" / "cache")


def test_kafka_home_may_be_an_unpacked_kafka_or_a_folder_of_jars(tmp_path, monkeypatch):
    libs = tmp_path / "libs"
    libs.mkdir()
    for name in ("kafka_2.13-4.1.0.jar", "kafka-clients-4.1.0.jar"):
        (libs / name).write_bytes(b"")
    assert jars_at_home(tmp_path) == jars_at_home(libs)
    monkeypatch.setenv("WORKBENCH_KAFKA_HOME", str(tmp_path))
    assert [jar.name for jar in ensure_kafka_jars()] == [
        "kafka-clients-4.1.0.jar",
        "kafka_2.13-4.1.0.jar",
    ]


def test_a_kafka_home_without_kafka_or_with_an_old_one_is_an_error(tmp_path):
    with pytest.raises(LocalBrokerError, match=r"no Kafka server .* is there"):
        jars_at_home(tmp_path)
    (tmp_path / "kafka_2.13-3.9.1.jar").write_bytes(b"")
    with pytest.raises(
        LocalBrokerError, match=r"kafka_2\.13-3\.9\.1\.jar, but the workbench needs"
    ):
        jars_at_home(tmp_path)


def test_the_committed_lock_is_one_kafka_and_its_logging():
    lock = JarLock.read()
    assert int(lock.kafka.split(".")[0]) >= 4
    parts = [jar.coordinate.split(":") for jar in lock.jars]
    assert {version for group, _, version in parts if group == "org.apache.kafka"} == {lock.kafka}
    assert len({version for group, _, version in parts if group == "org.apache.logging.log4j"}) == 1
    names = [jar.name for jar in lock.jars]
    assert len(set(names)) == len(names)
    assert {f"kafka_2.13-{lock.kafka}.jar"} < set(names)
    assert any(name.startswith("log4j-slf4j-impl-") for name in names)
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in lock.jars)


def test_the_installer_ends_with_1_and_one_sentence_when_kafka_cannot_be_had(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "workbench.brokers.local.fetch"],
        env={**os.environ, "WORKBENCH_KAFKA_HOME": str(tmp_path)},
        cwd=Path(workbench.__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("WORKBENCH_KAFKA_HOME is set to")
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
