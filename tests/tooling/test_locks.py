"""One set of pins: pyproject.toml, both locks and environment.yml say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from tools import lock

PYPROJECT = tomllib.loads((lock.ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
LOCKS = [lock.RUNTIME, lock.DEV]


def pinned(path: Path) -> dict[str, list[Requirement]]:
    """The pins of a lock by name; a name may have several, told apart by their markers."""
    found: dict[str, list[Requirement]] = {}
    for line in lock.pins(path):
        pin = Requirement(line)
        found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def assert_locked(requirements: list[str], path: Path) -> None:
    pins = pinned(path)
    for requirement in map(Requirement, requirements):
        locked = pins.get(canonicalize_name(requirement.name))
        assert locked, f"{requirement.name} is not in {path.name}: run `make lock`"
        for pin in locked:
            (version,) = pin.specifier
            assert requirement.specifier.contains(version.version), (
                f"{path.name} has {pin}, pyproject.toml wants {requirement}: run `make lock`"
            )


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_runtime_and_build_dependency_is_locked_inside_its_range(path):
    assert_locked(PROJECT["dependencies"] + PYPROJECT["build-system"]["requires"], path)


def test_every_development_dependency_is_locked_inside_its_range():
    extras = PROJECT["optional-dependencies"]
    assert_locked(extras["dev"] + extras["models"] + extras["fast"], lock.DEV)


def test_the_development_lock_holds_every_pin_of_the_runtime_lock():
    assert set(lock.pins(lock.RUNTIME)) <= set(lock.pins(lock.DEV))


def test_conda_gets_the_same_pins_and_this_checkout():
    environment = YAML(typ="safe").load(lock.CONDA)
    python, pip, from_pip = environment["dependencies"]
    assert (python, pip) == ("python=3.13", "pip")
    assert from_pip["pip"] == [*lock.pins(lock.RUNTIME), "-e ."]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_pin_is_exact_and_carries_its_sums(path):
    entries = re.split(r"\n(?=\S)", path.read_text())
    entries = [entry for entry in entries if not entry.startswith("#")]
    assert len(entries) == len(lock.pins(path)) > 100
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("path", [*LOCKS, lock.CONDA], ids=lambda path: path.name)
def test_no_lock_names_where_packages_come_from(path):
    assert not re.search(r"https?:|-index|find-links|@ ", path.read_text())


def test_the_python_range_is_the_one_that_the_locks_are_made_for():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    minors = [name.rsplit(".", 1)[1] for name in PROJECT["classifiers"] if ":: 3." in name]
    assert minors == ["11", "12", "13"]
