"""Stand-ins for the commands that the set-up scripts call, in a folder that is the whole path."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

# What the scripts may use beside the fakes.
REAL = ("sh", "uname", "dirname", "cksum", "grep", "cat", "mkdir", "touch", "rm", "cp")


class FakePath:
    """A path of its own: plain tools, and whatever scripts a test puts beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        for name in REAL:
            (folder / name).symlink_to(shutil.which(name))
        self.add("uname", "echo Linux")

    def add(self, name: str, script: str, *, under: str = "") -> Path:
        """Put a shell script on the path, or beside it in a folder of its own."""
        command = self.folder / under / name
        command.parent.mkdir(exist_ok=True)
        command.unlink(missing_ok=True)
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
        return command

    def add_python(self, name: str, minor: int, *, venv: bool = True, under: str = "") -> Path:
        """Put a Python there that only knows its version and whether it has venv."""
        fits = 11 <= minor <= 13
        kind = "venv" if venv else "no-venv"
        answer = f'{minor} {kind} "$0"' if fits else f"- 3.{minor}"
        return self.add(name, f"echo {answer}", under=under)

    def run(self, script: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(script), *args],
            env={"PATH": str(self.folder), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def fake_path(tmp_path: Path) -> FakePath:
    return FakePath(tmp_path / "fake-bin")


@pytest.fixture
def on_path(fake_path: FakePath, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make the fake path this process's own and give what puts commands on it."""
    monkeypatch.setitem(os.environ, "PATH", str(fake_path.folder))
    return fake_path.add
