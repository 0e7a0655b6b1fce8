"""A headless Chromium to look with; what it last saw is kept in ``build/screenshots``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tools.test_needs import find_chromium, remedy

sys.path.insert(0, str(Path(__file__).parent))
from jupyterlab import ARGUMENTS, SCREENSHOTS


@pytest.fixture(scope="session")
def chromium():
    """The browser's path; tests that need it skip where there is none, except in CI."""
    found = find_chromium()
    if found is None:
        assert os.environ.get("CI") != "true", f"CI must have a Chromium: {remedy()}"
        pytest.skip(f"no Chromium here; to have it: {remedy()}")
    return found


@pytest.fixture
def page(chromium, request):
    from playwright.sync_api import sync_playwright

    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium), headless=True, args=ARGUMENTS
        )
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(45_000)
        yield page
        page.screenshot(path=str(SCREENSHOTS / f"last-{request.node.name}.png"))
        browser.close()
