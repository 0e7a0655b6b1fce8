from __future__ import annotations

import pytest

from tools.run_tests import run_tests

OK, FAILED, NONE = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)
STOPPED = pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("fast", "slow", "whole"),
    [
        (OK, OK, OK),
        (OK, FAILED, FAILED),
        (FAILED, OK, FAILED),
        (OK, NONE, OK),
        (NONE, FAILED, FAILED),
        (NONE, NONE, NONE),
        (OK, STOPPED, STOPPED),
    ],
)
def test_both_halves_run_and_nothing_found_in_one_of_them_is_no_failure(fast, slow, whole):
    asked = []

    def pytest_(arguments):
        asked.append(arguments)
        return {"fast": fast, "slow": slow}[arguments[1]]

    assert run_tests(["-k", "billing"], pytest_) == whole
    assert asked == [
        ["--only", "fast", "-n", "auto", "-k", "billing"],
        ["--only", "slow", "-n", "2", "--dist", "loadfile", "-k", "billing"],
    ]


def test_whoever_stops_the_first_half_has_stopped_the_second():
    asked = []
    assert run_tests([], lambda arguments: asked.append(arguments) or int(STOPPED)) == STOPPED
    assert len(asked) == 1
