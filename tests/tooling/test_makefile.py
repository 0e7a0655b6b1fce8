from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tools import lock

MAKEFILE = (lock.ROOT / "Makefile").read_text()
VERBS = re.findall(r"^([a-z]+):.*## ", MAKEFILE, flags=re.MULTILINE)


def make(*args):
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    command = [shutil.which("make"), *args]
    run = subprocess.run(
        command, cwd=lock.ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout


def test_make_alone_lists_every_verb_with_what_it_does():
    assert make() == make("help")
    listed = re.findall(r"^  make (\w+) +\w", make(), flags=re.MULTILINE)
    assert listed == VERBS
    assert {"install", "lab", "demo", "test", "lint", "bench", "lock", "format", "clean"} <= set(
        listed
    )


def test_the_list_fits_a_terminal():
    assert max(map(len, make().splitlines())) <= 100


@pytest.mark.parametrize("verb", ["lab", "demo", "bench", "test"])
def test_what_runs_the_workbench_installs_it_first(verb):
    lines = make("--dry-run", verb).splitlines()
    install = lines.index("sh tools/install.sh")
    assert install < len(lines) - 1


def test_every_verb_is_phony():
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)
    assert set(VERBS) <= set(phony.split())
