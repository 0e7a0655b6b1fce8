from __future__ import annotations

from types import SimpleNamespace

from tools import pytest_order


def item(name, *marks):
    return SimpleNamespace(name=name, get_closest_marker=lambda mark: mark in marks or None)


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
    pytest_order.pytest_collection_modifyitems(items)
    assert "".join(one.name for one in items) == "abcdefg"
