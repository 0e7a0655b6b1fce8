"""What the tests need from the system beyond Python.

A Chromium for those marked ``browser``; Node and npm for those marked ``asyncapi``, which validate
with AsyncAPI's official parser (fetched by npm against a lock of sums); a RabbitMQ for those marked
``rabbitmq``. ``make test`` runs this first. As root, where there is apt, it is installed; else the command to run is printed and those
tests skip. With ``CI=true`` going on without is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.brokers.local_rabbitmq import find_server, how_to_install
from workbench.errors import LocalBrokerError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = ("Chromium", "Google Chrome")
APT_PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")
NODE_PACKAGES = ("nodejs", "npm")
RABBITMQ_PACKAGES = ("rabbitmq-server",)
RABBITMQ_SERVICES = ("rabbitmq-server.service", "epmd.socket", "epmd.service")
POLICY = Path("/usr/sbin/policy-rc.d")
PARSER = Path(__file__).parent.parent / "tests" / "asyncapi"


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
        return _apt_command(APT_PACKAGES)
    return "install Chromium or Chrome, or set CHROMIUM to where it is"


def find_node() -> Path | None:
    """Give a Node that really runs, if npm is there too."""
    node = shutil.which("node")
    return Path(node) if node and _runs(node) and shutil.which("npm") else None


def find_parser() -> bool:
    """Whether AsyncAPI's parser is there as its lock says, for a Node that runs."""
    kept = PARSER / "node_modules" / ".package-lock.json"
    lock = PARSER / "package-lock.json"
    fresh = kept.is_file() and kept.stat().st_mtime >= lock.stat().st_mtime
    return fresh and find_node() is not None


def node_remedy() -> str:
    """Give the one command that installs Node and the parser on this system."""
    npm = f"npm ci --prefix {PARSER.relative_to(PARSER.parent.parent)}"
    if find_node():
        return npm
    if sys.platform == "darwin":
        return f"brew install node && {npm}"
    if shutil.which("apt-get"):
        return f"{_apt_command(NODE_PACKAGES)} && {npm}"
    return f"install Node and npm, then {npm}"


def find_rabbitmq() -> bool:
    """Whether a RabbitMQ is installed that is new enough."""
    try:
        find_server()
    except LocalBrokerError:
        return False
    return True


def main() -> int:
    return max(_provide_chromium(), _provide_parser(), _provide_rabbitmq())


def _provide_chromium() -> int:
    if not find_chromium():
        _apt_install(APT_PACKAGES, "browser")
    if find_chromium():
        return 0
    return _without("Chromium", "browser", remedy())


def _provide_parser() -> int:
    if find_parser():
        return 0
    if not find_node():
        _apt_install(NODE_PACKAGES, "AsyncAPI")
    if find_node():
        print("Fetching AsyncAPI's parser with npm, for the AsyncAPI tests.", flush=True)
        command = ["npm", "ci", "--prefix", str(PARSER), "--loglevel=error", "--no-progress"]
        subprocess.run(command, cwd=PARSER, stdin=subprocess.DEVNULL, check=False)
    if find_parser():
        return 0
    return _without("AsyncAPI parser", "AsyncAPI", node_remedy())


def _provide_rabbitmq() -> int:
    if not find_rabbitmq():
        with _no_services(RABBITMQ_SERVICES):
            _apt_install(RABBITMQ_PACKAGES, "RabbitMQ")
    if find_rabbitmq():
        return 0
    return _without("RabbitMQ", "RabbitMQ", how_to_install())


@contextmanager
def _no_services(services: tuple[str, ...]) -> Iterator[None]:
    """Keep what is installed from being started, now or when the system starts.

    Debian's package starts a broker for the whole network, with a password that everyone knows;
    the tests start nodes of their own. ``policy-rc.d`` is where Debian asks; one that is there
    already is another's to decide.
    """
    if not _may_install() or POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
        if shutil.which("systemctl"):
            subprocess.run(["systemctl", "--quiet", "disable", *services], check=False)


def _without(what: str, tests: str, how: str) -> int:
    in_ci = os.environ.get("CI") == "true"
    outcome = "which CI must have" if in_ci else f"so {tests} tests are skipped"
    print(f"No {what} runs here, {outcome}; to have it: {how}", file=sys.stderr)
    return 1 if in_ci else 0


def _runs(path: str) -> bool:
    command = [path, "--version"]
    try:
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _apt_command(packages: tuple[str, ...]) -> str:
    return f"sudo apt-get update && sudo apt-get install -y {' '.join(packages)}"


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt_install(packages: tuple[str, ...], tests: str) -> None:
    if not _may_install():
        return
    print(f"Installing {', '.join(packages)} with apt, for the {tests} tests.", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    sys.exit(main())
