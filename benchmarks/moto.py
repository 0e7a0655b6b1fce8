"""Amazon's SNS and SQS on this machine: moto's server, a stand-in for tests and measures."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import temporary_folder
from workbench.brokers.local.ports import free_port

START_SECONDS = 60


@contextmanager
def aws_on_this_machine() -> Iterator[str]:
    """Its address. Meanwhile the environment has credentials for it, and none of whoever runs this."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with temporary_folder() as folder, (folder / "moto.log").open("w") as log:
        own = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        _replace(before, own)
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()
            _replace(own, before)


def _replace(gone: dict[str, str], new: dict[str, str]) -> None:
    for name in gone:
        os.environ.pop(name, None)
    os.environ.update(new)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("moto's server does not start") from None
            time.sleep(0.05)
        else:
            return
