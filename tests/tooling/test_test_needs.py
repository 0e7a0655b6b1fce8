from __future__ import annotations

import os
import shutil

import pytest

from tools import test_needs


@pytest.fixture(autouse=True)
def bare_machine(on_path, monkeypatch):
    """No browser, no apt, no CI, nobody special; each test adds what it is about."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(test_needs, "MAC_APPS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.fixture(autouse=True)
def parser_folder(tmp_path, monkeypatch):
    """A folder for AsyncAPI's parser, which is there already; a test may take it away."""
    folder = tmp_path / "tests" / "asyncapi"
    modules = folder / "node_modules"
    modules.mkdir(parents=True)
    (folder / "package-lock.json").touch()
    (modules / ".package-lock.json").touch()
    monkeypatch.setattr(test_needs, "PARSER", folder)
    return folder


@pytest.fixture(autouse=True)
def rabbitmq_home(tmp_path, monkeypatch):
    """The folder of a RabbitMQ that is installed already; a test may take it away."""
    home = tmp_path / "rabbitmq"
    (home / "plugins" / "rabbit-4.1.0").mkdir(parents=True)
    (home / "sbin").mkdir()
    (home / "sbin" / "rabbitmq-server").touch(0o755)
    monkeypatch.setenv("RABBITMQ_HOME", str(home))
    monkeypatch.setattr(test_needs, "POLICY", tmp_path / "policy-rc.d")
    return home


@pytest.fixture
def with_node(on_path):
    on_path("node", "echo v20")
    on_path("npm", "exit 1")


@pytest.fixture
def with_browser(on_path):
    on_path("chromium", "echo Chromium 1")


def test_nothing_is_said_where_all_is_there(with_browser, with_node, capsys):
    assert test_needs.main() == 0
    assert capsys.readouterr() == ("", "")


def test_a_browser_that_does_not_run_is_passed_over(on_path):
    on_path("chromium", "exit 1")
    real = on_path("google-chrome", "echo Chrome 1")
    assert test_needs.find_chromium() == real


def test_the_one_that_the_environment_names_goes_first(on_path, monkeypatch):
    on_path("chromium", "echo Chromium 1")
    mine = on_path("my-browser", "echo Chromium 2")
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert test_needs.find_chromium() == mine


def test_as_root_with_apt_it_is_announced_and_installed(
    on_path, with_node, monkeypatch, capfd, tmp_path
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("CI", "true")
    on_path(
        "apt-get",
        f'echo "$1" >>{tmp_path}/asked; '
        '[ "$1" = update ] || { echo "#!/bin/sh" >"${0%/*}/chromium"; cd "${0%/*}"; '
        "/bin/chmod +x chromium; }",
    )
    assert test_needs.main() == 0
    assert capfd.readouterr().out.startswith("Installing chromium, ")
    assert (tmp_path / "asked").read_text().split() == ["update", "install"]


def test_without_root_the_one_command_is_printed_and_the_tests_go_on(on_path, with_node, capsys):
    on_path("apt-get", "exit 1")
    assert test_needs.main() == 0
    message = capsys.readouterr().err
    assert "so browser tests are skipped; to have it: sudo apt-get update && sudo" in message
    assert message.count("\n") == 1


def test_in_ci_a_missing_browser_is_a_failure(with_node, monkeypatch, capsys):
    monkeypatch.setenv("CI", "true")
    assert test_needs.main() == 1
    assert "No Chromium runs here, which CI must have" in capsys.readouterr().err


def test_the_parser_is_fetched_once_by_npm_against_its_lock(
    on_path, with_browser, with_node, parser_folder, monkeypatch, capfd
):
    (parser_folder / "node_modules" / ".package-lock.json").unlink()
    on_path("npm", 'echo "$1 $2 $3"; : >"$3/node_modules/.package-lock.json"')
    assert test_needs.main() == 0
    said = capfd.readouterr().out
    assert said.startswith("Fetching AsyncAPI's parser with npm, for the AsyncAPI tests.\n")
    assert f"ci --prefix {parser_folder}" in said
    assert test_needs.main() == 0
    assert capfd.readouterr().out == ""


def test_a_parser_older_than_its_lock_is_fetched_again(
    with_browser, with_node, parser_folder, capfd
):
    os.utime(parser_folder / "node_modules" / ".package-lock.json", (0, 0))
    assert test_needs.main() == 0
    said = capfd.readouterr()
    assert said.out.startswith("Fetching")
    assert (
        "No AsyncAPI parser runs here, so AsyncAPI tests are skipped; to have it: npm ci"
        in said.err
    )


def test_without_node_the_commands_that_bring_it_are_printed(
    on_path, with_browser, monkeypatch, capsys
):
    on_path("apt-get", "exit 1")
    monkeypatch.setenv("CI", "true")
    assert test_needs.main() == 1
    message = capsys.readouterr().err
    assert "No AsyncAPI parser runs here, which CI must have; to have it: sudo apt-get" in message
    assert message.endswith("install -y nodejs npm && npm ci --prefix tests/asyncapi\n")


def test_rabbitmq_is_installed_as_root_and_no_service_of_it_is_started(
    on_path, with_browser, with_node, rabbitmq_home, monkeypatch, tmp_path, capfd
):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (rabbitmq_home / "sbin").rename(tmp_path / "sbin")
    on_path("mv", f'exec {shutil.which("mv")} "$@"')
    on_path(
        "apt-get",
        f'[ "$1" = update ] || {{ {tmp_path}/policy-rc.d; echo "start: $?"; '
        f"mv {tmp_path}/sbin {rabbitmq_home}/sbin; }}",
    )
    on_path("systemctl", 'echo "$*"')
    assert test_needs.main() == 0
    assert capfd.readouterr().out.splitlines() == [
        "Installing rabbitmq-server with apt, for the RabbitMQ tests.",
        "start: 101",
        "--quiet disable rabbitmq-server.service epmd.socket epmd.service",
    ]
    assert not (tmp_path / "policy-rc.d").exists()


def test_without_rabbitmq_the_command_that_brings_it_is_printed(
    on_path, with_browser, with_node, rabbitmq_home, capsys
):
    on_path("apt-get", "exit 1")
    shutil.rmtree(rabbitmq_home)
    assert test_needs.main() == 0
    assert capsys.readouterr().err == (
        "No RabbitMQ runs here, so RabbitMQ tests are skipped; to have it: sudo apt-get install -y "
        "rabbitmq-server && sudo systemctl disable --now rabbitmq-server\n"
    )
