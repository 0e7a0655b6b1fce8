from __future__ import annotations

import pytest

from tools import lock

FIND = lock.ROOT / "tools" / "find_python.sh"


def found(fake_path, **environment):
    result = fake_path.run(FIND, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def refused(fake_path, **environment):
    result = fake_path.run(FIND, **environment)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, "one sentence"
    return result.stderr.strip()


def test_the_newest_fitting_python_is_picked(fake_path):
    for minor in (10, 11, 12, 14):
        fake_path.add_python(f"python3.{minor}", minor)
    assert found(fake_path).endswith("/python3.12")


def test_a_plain_python3_wins_where_it_is_the_newest(fake_path):
    fake_path.add_python("python3.11", 11)
    fake_path.add_python("python3", 13)
    assert found(fake_path).endswith("/python3")


def test_a_name_that_does_not_run_is_passed_over(fake_path):
    fake_path.add("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    fake_path.add_python("python3", 11)
    assert found(fake_path).endswith("/python3")


def test_a_stub_does_not_hide_the_real_one_behind_it(fake_path):
    fake_path.add("python3.13", "exit 127")
    real = fake_path.add_python("python3.13", 13, under="behind")
    path = f"{fake_path.folder}:{real.parent}"
    assert found(fake_path, PATH=path) == str(real)


def test_one_that_can_make_a_venv_is_preferred_to_a_newer_that_cannot(fake_path):
    fake_path.add_python("python3.13", 13, venv=False)
    fake_path.add_python("python3.11", 11)
    assert found(fake_path).endswith("/python3.11")


def test_a_folder_with_a_space_in_its_name_is_no_obstacle(fake_path):
    real = fake_path.add_python("python3.12", 12, under="with a space")
    assert found(fake_path, PATH=f"{real.parent}:{fake_path.folder}") == str(real)


def test_the_override_is_taken_even_if_older(fake_path):
    fake_path.add_python("python3.13", 13)
    mine = fake_path.add_python("mine", 11)
    assert found(fake_path, PYTHON="mine") == str(mine)
    assert found(fake_path, PYTHON=str(mine)) == str(mine)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 127", r"PYTHON=mine is no Python 3.11 to 3.13 that runs."),
        ("echo - 3.9", "/mine is 3.9)."),
    ],
)
def test_an_override_that_does_not_fit_is_refused_by_name(fake_path, script, why):
    fake_path.add_python("python3.13", 13)
    fake_path.add("mine", script)
    message = refused(fake_path, PYTHON="mine")
    assert message.startswith("PYTHON=mine is no Python 3.11 to 3.13 that runs")
    assert message.endswith(why)


def test_with_none_the_sentence_says_what_was_found_and_what_to_do(fake_path):
    fake_path.add_python("python3", 9)
    message = refused(fake_path)
    assert message.startswith("No Python 3.11 to 3.13 on the path (")
    assert "/python3 is 3.9); install one: see https://www.python.org" in message


def test_on_a_mac_homebrew_mends_it(fake_path):
    fake_path.add("uname", "echo Darwin")
    assert refused(fake_path).endswith("install one: brew install python@3.13")


def test_on_debian_apt_mends_it_with_a_version_that_it_has(fake_path):
    fake_path.add("apt-get", "")
    fake_path.add("apt-cache", '[ "$2" = python3.12-venv ]')
    assert refused(fake_path).endswith("install one: sudo apt install python3.12-venv")


def test_on_debian_with_no_package_lists_they_are_fetched_first(fake_path):
    fake_path.add("apt-get", "")
    fake_path.add("apt-cache", "exit 100")
    assert refused(fake_path).endswith("sudo apt update && sudo apt install python3-venv")


def test_a_debian_python_without_venv_is_told_its_package(fake_path):
    python = fake_path.add_python("python3", 11, venv=False)
    fake_path.add("apt-get", "")
    fake_path.add("apt-cache", "exit 0")
    assert refused(fake_path) == (
        f"{python} can't make a virtual environment; "
        "install what it lacks: sudo apt install python3.11-venv"
    )
