from __future__ import annotations

from types import SimpleNamespace

import pytest

from tools import pytest_order


def item(name, *marks):
    return SimpleNamespace(name=name, get_closest_marker=lambda mark: mark in marks or None)


class Config:
    """As much of pytest's as the plugin asks."""

    def __init__(self, only=None):
        self._only, self.deselected = only, []
        self.hook = SimpleNamespace(pytest_deselected=self._deselected)

    def _deselected(self, items):
        self.deselected += items

    def getoption(self, name):
        assert name == "only"
        return self._only


def ordered(items):
    return "".join(one.name for one in items)


def test_fast_tests_run_first_and_each_waits_for_its_slowest_mark():
    items = [
        item("g", "kafka", "browser"),
        item("e", "rabbitmq"),
        item("d", "kafka"),
        item("a"),
        item("f", "kafka", "notebook"),
        item("c", "memory"),
        item("b"),
    ]
    pytest_order.pytest_collection_modifyitems(Config(), items)
    assert ordered(items) == "abcdefg"


@pytest.mark.parametrize(("only", "kept", "left"), [("fast", "ab", "cd"), ("slow", "cd", "ab")])
def test_each_half_leaves_the_other_out_and_says_so(only, kept, left):
    items = [item("a"), item("d", "browser"), item("b", "asyncapi"), item("c", "memory")]
    config = Config(only)
    pytest_order.pytest_collection_modifyitems(config, items)
    assert ordered(items) == kept
    assert ordered(config.deselected) == left
