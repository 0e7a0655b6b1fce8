"""A pytest plugin: the fast tests first, then services in memory, the brokers, notebooks, the browser."""

from __future__ import annotations

import pytest

SLOW = ("memory", "data", "kafka", "rabbitmq", "aws", "notebook", "browser")


def stage(item: pytest.Item) -> int:
    """Give the place of a test's slowest mark; 0 for a test that needs none of them."""
    return max((n for n, mark in enumerate(SLOW, 1) if item.get_closest_marker(mark)), default=0)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=stage)
