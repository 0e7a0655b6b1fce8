import pytest

from workbench.brokers.local_rabbitmq import find_server, server
from workbench.errors import LocalBrokerError


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch, tmp_path):
    """Nothing on the path, nothing in the usual places; each test adds what it is about."""
    monkeypatch.delenv("RABBITMQ_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(server, "_HOMES", (str(tmp_path / "lib" / "rabbitmq_server-*"),))


def installed(home, version="4.1.2"):
    """Make `home` look as a package leaves it."""
    (home / "plugins" / f"rabbit-{version}").mkdir(parents=True)
    (home / "plugins" / "rabbit_common-9.9.9").mkdir()
    script = home / "sbin" / "rabbitmq-server"
    script.parent.mkdir()
    script.touch(0o755)
    return script


def on_path(tmp_path, target=None):
    link = tmp_path / "bin" / "rabbitmq-server"
    link.parent.mkdir()
    if target:
        link.symlink_to(target)
    else:
        link.touch(0o755)


def test_the_newest_in_the_usual_places_is_taken(tmp_path):
    installed(tmp_path / "lib" / "rabbitmq_server-3.9", "3.9.29")
    newest = installed(tmp_path / "lib" / "rabbitmq_server-3.10", "3.10.8")
    assert find_server() == server.Server(newest, (3, 10))


def test_one_on_the_path_is_found_through_its_link(tmp_path):
    script = installed(tmp_path / "Cellar" / "4.1.2")
    on_path(tmp_path, script)
    assert find_server().command == script


def test_a_wrapper_on_the_path_is_passed_over(tmp_path):
    on_path(tmp_path)
    script = installed(tmp_path / "lib" / "rabbitmq_server-3.10.8", "3.10.8")
    assert find_server().command == script


def test_the_one_that_the_environment_names_is_taken_and_no_other(tmp_path, monkeypatch):
    installed(tmp_path / "lib" / "rabbitmq_server-4.2", "4.2.0")
    mine = installed(tmp_path / "mine", "3.13.7")
    monkeypatch.setenv("RABBITMQ_HOME", str(tmp_path / "mine"))
    assert find_server().command == mine
    monkeypatch.setenv("RABBITMQ_HOME", str(tmp_path / "nothing"))
    with pytest.raises(
        LocalBrokerError, match=r"No RabbitMQ is installed in .*nothing, which RABBITMQ_HOME names"
    ):
        find_server()


def test_one_that_is_too_old_is_said(tmp_path):
    installed(tmp_path / "lib" / "rabbitmq_server-3.8", "3.8.9")
    with pytest.raises(LocalBrokerError, match=r"is RabbitMQ 3\.8, and 3\.10 or newer is needed: "):
        find_server()


@pytest.mark.parametrize(
    ("platform", "tool", "command"),
    [
        ("linux", "apt-get", "sudo apt-get install -y rabbitmq-server && sudo systemctl disable"),
        ("linux", "dnf", "sudo dnf install -y rabbitmq-server"),
        ("linux", "other", "see https://"),
        ("darwin", "brew", "brew install rabbitmq"),
    ],
)
def test_that_none_is_installed_is_one_sentence_with_the_command_of_this_system(
    tmp_path, monkeypatch, platform, tool, command
):
    monkeypatch.setattr(server.sys, "platform", platform)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / tool).touch(0o755)
    with pytest.raises(LocalBrokerError) as caught:
        find_server()
    assert str(caught.value).startswith(f"No RabbitMQ is installed: {command}")
    assert str(caught.value).endswith(
        "; or set RABBITMQ_HOME to the folder that holds its sbin/rabbitmq-server."
    )
