"""A JupyterLab of the test's own, and a headless Chromium that looks at it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
START_SECONDS = 60


class JupyterLab:
    """``jupyter lab`` on loopback, with all its files and the workbench's under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = {
            **os.environ,
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "XDG_DATA_HOME": str(folder / "data"),
            "PYTHONPATH": str(ROOT),
        }
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--allow-root",
            f"--port={self.port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}",
            f"--IdentityProvider.token={self.token}", "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        self._log = (folder / "jupyter.log").open("wb")
        self._process = subprocess.Popen(
            command, env=environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"JupyterLab does not start: {self.log()}")
            time.sleep(0.1)

    def url(self, notebook: str, theme: str = "light") -> str:
        self._settings(theme)
        return f"http://127.0.0.1:{self.port}/doc/tree/{notebook}?token={self.token}&reset"

    def log(self) -> str:
        return (self.folder / "jupyter.log").read_text("utf-8", "replace")[-3000:]

    def write_notebook(self, name: str, cells: list[str]) -> None:
        made = [
            {
                "cell_type": "code", "id": f"cell-{n}", "source": source, "metadata": {},
                "outputs": [], "execution_count": None,
            }
            for n, source in enumerate(cells)
        ]  # fmt: skip
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        book = {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / name).write_text(json.dumps(book), "utf-8")

    def close(self) -> None:
        sessions = self._get("/api/kernels")
        for kernel in json.loads(sessions) if sessions else []:
            self._get(f"/api/kernels/{kernel['id']}", method="DELETE")
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def _answers(self) -> bool:
        return self._get("/api/status") is not None

    def _get(self, path: str, method: str = "GET") -> bytes | None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Authorization": f"token {self.token}"},
            method=method,
        )
        with contextlib.suppress(urllib.error.URLError, OSError):
            return urllib.request.urlopen(request, timeout=20).read()
        return None

    def _settings(self, theme: str) -> None:
        folder = self.folder / "config" / "lab" / "user-settings" / "@jupyterlab"
        chosen = {
            "apputils-extension/themes": {
                "theme": "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"
            },
            "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": False},
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "docmanager-extension/plugin": {"autosave": False},
        }
        for name, value in chosen.items():
            path = folder / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value), "utf-8")
