"""The command, run in this process, which is quicker than in one of its own."""

import sys

import pytest

from workbench.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Run the command in a folder of its own: exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run
