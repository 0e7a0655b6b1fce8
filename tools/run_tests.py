"""Run every test: the fast ones on all processors at once, then the others, file by file, two at a time.

``python -m tools.run_tests [what pytest takes]``. The slow ones start processes and brokers, and for much
of their time wait for them. Those of one file share what it starts: they stay together.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

import pytest

ENDED_EARLY = {
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.INTERNAL_ERROR,
    pytest.ExitCode.USAGE_ERROR,
}

FAST: Final = ("--only", "fast", "-n", "auto")
SLOW: Final = ("--only", "slow", "-n", "2", "--dist", "loadfile")


def run_tests(arguments: Sequence[str], run: Callable[[list[str]], int]) -> int:
    """Run both halves by ``run``, and give pytest's exit code for the whole.

    A half in which nothing was asked for is no failure, as long as the other had something.
    """
    codes = []
    for half in (FAST, SLOW):
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
