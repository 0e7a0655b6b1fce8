"""Run every test: the fast ones on all processors at once, then the others, one after the other.

``python -m tools.run_tests [what pytest takes]``. The slow ones share brokers, and some of them wait
for a time to pass: they need the machine for themselves.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest

ENDED_EARLY = {
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.INTERNAL_ERROR,
    pytest.ExitCode.USAGE_ERROR,
}


def run_tests(arguments: Sequence[str], run: Callable[[list[str]], int]) -> int:
    """Run both halves by ``run``, and give pytest's exit code for the whole.

    A half in which nothing was asked for is no failure, as long as the other had something.
    """
    codes = []
    for half in (["--only", "fast", "-n", "auto"], ["--only", "slow"]):
        codes.append(run([*half, *arguments]))
        if codes[-1] in ENDED_EARLY:
            return codes[-1]
    ran = [code for code in codes if code != pytest.ExitCode.NO_TESTS_COLLECTED]
    return max(ran, default=int(pytest.ExitCode.NO_TESTS_COLLECTED))


def _pytest(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-p", "tools.pytest_order", *arguments]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(run_tests(sys.argv[1:], _pytest))
