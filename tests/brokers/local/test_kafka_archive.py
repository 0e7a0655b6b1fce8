import os
from dataclasses import replace

import pytest

from workbench.brokers.local import LocalKafka, archive, ensure_kafka_jars, find_java
from workbench.brokers.local.archive import find_archive, keep_archive, quick_start
from workbench.brokers.local.java import Java
from workbench.brokers.local.ports import free_port
from workbench.brokers.local.settings import KAFKA
from workbench.brokers.local.warm_up import make_archive


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "jar_cache", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_an_archive_belongs_to_one_java_and_one_set_of_jars_and_must_be_whole(cache, tmp_path):
    jar, draft = tmp_path / "some.jar", tmp_path / "draft"
    jar.write_bytes(b"1")
    draft.write_bytes(b"classes")
    java = Java(tmp_path / "java", 21, "build 1")
    assert quick_start(java, [jar]) == []
    keep_archive(draft, java, [jar])
    archive = find_archive(java, [jar])
    assert quick_start(java, [jar]) == [f"-XX:SharedArchiveFile={archive}"]
    assert find_archive(Java(java.command, 21, "build 2"), [jar]) is None
    content = archive.read_bytes()
    archive.write_bytes(content[:-1])
    assert find_archive(java, [jar]) is None
    archive.write_bytes(content)
    jar.write_bytes(b"2")
    os.utime(jar, ns=(0, 0))
    assert find_archive(java, [jar]) is None


@pytest.mark.kafka
def test_kafka_run_once_leaves_an_archive_and_starts_with_a_spoiled_one_too(
    cache, tmp_path, monkeypatch
):
    monkeypatch.setattr(LocalKafka, "product", replace(KAFKA, usual_port=free_port()))
    jars, java, said = ensure_kafka_jars(), find_java(), []
    stale = cache / "classes" / f"java-{java.version}-of-another-day"
    stale.parent.mkdir(parents=True)
    stale.touch()
    make_archive(java, jars, say=said.append)
    make_archive(java, jars, say=said.append)
    assert said == ["Running Kafka once, so that it starts quickly from now on."]
    path = find_archive(java, jars)
    assert list(path.parent.iterdir()) == [path]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with LocalKafka(tmp_path / "kafka") as kafka:
        assert kafka.status() == "running"
