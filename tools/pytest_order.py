"""A pytest plugin: the fast tests first, then services in memory, the brokers, notebooks, the browser.

``--only fast`` and ``--only slow`` divide them: the fast ones need no server and no other process,
so they may run on several processors at once.
"""

from __future__ import annotations

import pytest

SLOW = ("memory", "data", "kafka", "rabbitmq", "aws", "notebook", "browser")


def stage(item: pytest.Item) -> int:
    """Give the place of a test's slowest mark; 0 for a test that needs none of them."""
    return max((n for n, mark in enumerate(SLOW, 1) if item.get_closest_marker(mark)), default=0)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only", choices=("fast", "slow"), help="only the tests without a slow mark, or with one"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=stage)
    if only := config.getoption("only"):
        fast = sum(stage(item) == 0 for item in items)
        halves = {"fast": items[:fast], "slow": items[fast:]}
        items[:] = halves.pop(only)
        (others,) = halves.values()
        config.hook.pytest_deselected(items=others)
