from contextlib import suppress

import pytest

from tests.effort import at_most


def test_the_bound_is_the_last_number_of_calls_that_passes():
    with at_most(calls=500):
        list(map(abs, [abs(-1) for _ in range(400)]))
    with pytest.raises(AssertionError, match=r"^more than 300 calls$"), at_most(calls=300):
        [abs(-1) for _ in range(400)]


def test_who_swallows_the_failure_fails_all_the_same():
    swallowed = suppress(AssertionError)
    with pytest.raises(AssertionError, match="went on"), at_most(calls=5), swallowed:
        [abs(-1) for _ in range(9)]
