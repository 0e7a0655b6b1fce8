"""``workbench lab``, as a person meets it: the address it prints opens the first notebook."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def address(chromium, tmp_path):
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    lab = subprocess.Popen(
        [sys.executable, "-c", "from workbench.cli import main; main()", "lab", "--no-browser"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    printed = (re.search(r"http://\S+token=\w+", line) for line in lab.stdout)
    yield next(found[0] for found in printed if found)
    os.killpg(lab.pid, signal.SIGTERM)
    lab.communicate(timeout=30)


def test_the_printed_address_opens_the_first_notebook_and_asks_for_nothing(address, page):
    assert address.startswith("http://127.0.0.1:")
    page.goto(address)
    page.get_by_role("heading", name="An order, and nobody in charge").wait_for()
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.wait_for_timeout(2_000)
    assert page.get_by_text("Jupyter news").count() == 0
