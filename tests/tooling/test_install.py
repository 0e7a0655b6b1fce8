"""What tools/install.sh does to .venv, with a Python whose pip only takes notes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import lock

# Makes a venv by copying itself; `-m pip` notes its arguments, or fails while $PIP_FAILS is set.
PYTHON = r"""
case "$*" in
    *ensurepip*) echo "12 venv $0" ;;
    -V) echo "Python 3.12.0" ;;
    "-m venv "*)
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "VIRTUAL_ENV=$3" >"$3/bin/activate" ;;
    "-m pip "*)
        [ -z "${PIP_FAILS:-}" ] || { echo "ERROR: no network" >&2; exit 1; }
        echo "$*" >>"$NOTES" ;;
    *base_prefix*) echo "${0##*/}" ;;
esac
"""


class Checkout:
    """A copy of the set-up files, and a path with one fake Python on it."""

    def __init__(self, folder: Path, fake_path) -> None:
        self.folder, self.fake_path = folder, fake_path
        (folder / "tools").mkdir(parents=True)
        for name in ("install.sh", "find_python.sh"):
            shutil.copy(lock.ROOT / "tools" / name, folder / "tools")
        for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            (folder / name).write_text("a==1\n")
        fake_path.add("python3.12", PYTHON)
        self.venv = folder / ".venv"
        self.notes = folder / "notes"

    def install(self, *args: str, **environment: str):
        """Run it; gives the outcome and what pip was asked for."""
        self.notes.write_text("")
        script = self.folder / "tools" / "install.sh"
        result = self.fake_path.run(script, *args, NOTES=str(self.notes), **environment)
        return result, self.notes.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path, fake_path):
    return Checkout(tmp_path / "a checkout", fake_path)


def test_the_first_time_it_makes_venv_and_installs_the_lock_by_its_sums(checkout):
    result, asked = checkout.install()
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Making .venv with Python 3.12.0")
    assert "--require-hashes" in asked[0]
    assert asked[0].endswith("-r requirements.lock")
    assert asked[1].endswith("--no-index --no-deps --no-build-isolation -e .")


def test_the_second_time_it_is_silent_and_asks_pip_for_nothing(checkout):
    checkout.install()
    result, asked = checkout.install()
    assert (result.returncode, result.stdout, result.stderr, asked) == (0, "", "", [])


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_it_installs_again_when_what_it_was_made_from_changes(checkout, name):
    checkout.install()
    (checkout.folder / name).write_text("a==2\n")
    assert len(checkout.install()[1]) == 2
    assert checkout.install()[1] == []


def test_what_the_tests_need_includes_what_the_workbench_needs(checkout):
    _, asked = checkout.install("dev")
    assert asked[0].endswith("-r requirements-dev.lock")
    assert checkout.install()[1] == []


def test_a_half_made_venv_is_made_again(checkout):
    checkout.install()
    (checkout.venv / ".half-made").touch()
    result, asked = checkout.install()
    assert "was left half-made: making it again." in result.stdout
    assert len(asked) == 2


def test_a_venv_whose_python_is_gone_is_made_again(checkout):
    checkout.install()
    (checkout.venv / "bin" / "python").unlink()
    (checkout.venv / "bin" / "python").symlink_to("/nowhere/python3.12")
    result, asked = checkout.install()
    assert "has no Python 3.11 to 3.13 that runs: making it again." in result.stdout
    assert len(asked) == 2


def test_a_venv_that_was_moved_is_made_again(checkout):
    checkout.install()
    (checkout.venv / "bin" / "activate").write_text("VIRTUAL_ENV=/elsewhere/.venv\n")
    assert "was made in another folder: making it again." in checkout.install()[0].stdout


def test_asking_for_another_python_makes_it_again(checkout):
    checkout.install()
    checkout.fake_path.add("mine", PYTHON)
    result, _ = checkout.install(PYTHON="mine")
    assert "was made with another Python than mine: making it again." in result.stdout


def test_with_no_python_to_be_had_the_old_venv_stays(checkout):
    checkout.install()
    (checkout.venv / ".half-made").touch()
    (checkout.fake_path.folder / "python3.12").unlink()
    result, _ = checkout.install()
    assert result.returncode == 1
    assert result.stderr.startswith("No Python 3.11 to 3.13 on the path")
    assert checkout.venv.exists()


def test_when_pip_fails_the_last_line_says_so_and_the_next_run_tries_again(checkout):
    result, _ = checkout.install(PIP_FAILS="yes")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "pip could not install the packages; the reason is above. `make install` tries again."
    )
    result, asked = checkout.install()
    assert "Making" not in result.stdout
    assert len(asked) == 2


def test_a_failure_offline_leaves_a_working_venv_in_place(checkout):
    checkout.install()
    (checkout.folder / "requirements.lock").write_text("a==2\n")
    checkout.install(PIP_FAILS="yes")
    assert "Making" not in checkout.install()[0].stdout
