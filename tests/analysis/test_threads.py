"""Compiled loops over ranges at once."""

import subprocess
import sys

import pytest

from workbench.analysis.threads import in_ranges


def test_what_each_range_gives_comes_in_order():
    assert in_ranges(lambda first, end: (first, end), [0, 3, 3, 8]) == [(0, 3), (3, 3), (3, 8)]


@pytest.mark.parametrize("broken", [0, 4])
def test_an_error_in_any_range_is_raised(broken):
    def do(first, end):
        if first <= broken < end:
            raise ValueError(f"row {broken}")

    with pytest.raises(ValueError, match=f"row {broken}"):
        in_ranges(do, [0, 3, 8])


FORKED = """
import os
from workbench.analysis.threads import in_ranges

def spans():
    return in_ranges(lambda first, end: (first, end), [0, 1, 2])

assert spans() == [(0, 1), (1, 2)]
child = os.fork()
if not child:
    os._exit(0 if spans() == [(0, 1), (1, 2)] else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no forks on Windows")
def test_a_forked_child_has_threads_of_its_own():
    done = subprocess.run([sys.executable, "-c", FORKED], timeout=60, check=False)
    assert done.returncode == 0


def test_ranges_may_be_divided_again_and_be_more_than_threads():
    def do(first, end):
        return sum(in_ranges(lambda a, b: b - a, range(first, end + 1)))

    assert in_ranges(do, range(0, 1001, 10)) == [10] * 100
