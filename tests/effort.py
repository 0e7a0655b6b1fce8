"""How much is computed, counted in calls: a bound that holds on a slow machine too."""

import sys
from contextlib import contextmanager


@contextmanager
def at_most(calls):
    """Fail once the block has made more calls, of Python's functions and of C's, in this thread."""
    made = 0

    def count(_frame, event, _argument):
        nonlocal made
        made += event in ("call", "c_call")
        if made == calls + 1:
            raise AssertionError(f"more than {calls:,} calls")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert made <= calls, f"more than {calls:,} calls, and who was told went on"
