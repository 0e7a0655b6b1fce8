"""What the tests need from the system beyond Python: a Chromium for those marked ``browser``.

``make test`` runs this first. As root, where there is apt, it is installed; else the command to
run is printed and browser tests skip. With ``CI=true`` going on without a browser is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = ("Chromium", "Google Chrome")
APT_PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")


def find_chromium() -> Path | None:
    """Give a Chromium or Chrome that really runs: ``$CHROMIUM`` before any other."""
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]
    candidates += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in MAC_APPS]
    return next((Path(path) for path in candidates if path and _runs(path)), None)


def remedy() -> str:
    """Give the one command that installs a Chromium on this system."""
    if sys.platform == "darwin":
        return "brew install --cask google-chrome"
    if shutil.which("apt-get"):
        return f"sudo apt-get update && sudo apt-get install -y {' '.join(APT_PACKAGES)}"
    return "install Chromium or Chrome, or set CHROMIUM to where it is"


def main() -> int:
    if find_chromium():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {', '.join(APT_PACKAGES)} with apt, for the browser tests.", flush=True)
        _apt_install()
    if find_chromium():
        return 0
    in_ci = os.environ.get("CI") == "true"
    outcome = "which CI must have" if in_ci else "so browser tests are skipped"
    print(f"No Chromium runs here, {outcome}; to have it: {remedy()}", file=sys.stderr)
    return 1 if in_ci else 0


def _runs(path: str) -> bool:
    command = [path, "--version"]
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _apt_install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *APT_PACKAGES]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    sys.exit(main())
