from __future__ import annotations

import os

import pytest

from tools import test_needs


@pytest.fixture(autouse=True)
def bare_machine(on_path, monkeypatch):
    """No browser, no apt, no CI, nobody special; each test adds what it is about."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(test_needs, "MAC_APPS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def test_nothing_is_said_where_a_browser_runs(on_path, capsys):
    on_path("chromium", "echo Chromium 1")
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


def test_as_root_with_apt_it_is_announced_and_installed(on_path, monkeypatch, capfd, tmp_path):
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


def test_without_root_the_one_command_is_printed_and_the_tests_go_on(on_path, capsys):
    on_path("apt-get", "exit 1")
    assert test_needs.main() == 0
    message = capsys.readouterr().err
    assert "so browser tests are skipped; to have it: sudo apt-get update && sudo" in message
    assert message.count("\n") == 1


def test_in_ci_a_missing_browser_is_a_failure(monkeypatch, capsys):
    monkeypatch.setenv("CI", "true")
    assert test_needs.main() == 1
    assert "No Chromium runs here, which CI must have" in capsys.readouterr().err
