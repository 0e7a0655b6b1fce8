"""``workbench lab``: JupyterLab on the first notebook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from workbench.errors import WorkbenchError

_JUPYTER = Path(__file__).parents[1] / "jupyter"
"""Settings of JupyterLab: it asks the network for no news, nor the reader whether it may."""


def lab(
    notebook: Annotated[
        Path | None, typer.Argument(help="Default: the first notebook of the workbench.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, where there is one.")] = True,
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8888,
) -> None:
    """Open JupyterLab on the first notebook, on this machine only, with Jupyter's token."""
    target = notebook or _first_notebook()
    if not target.exists():
        raise WorkbenchError(f"there is no notebook {target}.")
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={target.absolute().parent}",
        f"--LabApp.default_url=/lab/tree/{quote(target.name)}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if not browser or not _can_open_browser():
        command.append("--no-browser")
        typer.echo("Open the address below in your browser.")
    paths = [str(_JUPYTER), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}
    raise typer.Exit(subprocess.call(command, env=environment))


def _first_notebook() -> Path:
    name = Path("notebooks") / "01_order_choreography.ipynb"
    here = Path.cwd() / name
    return here if here.exists() else Path(__file__).parent.parent / name


def _can_open_browser() -> bool:
    import webbrowser

    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or _is_wsl()
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _is_wsl() -> bool:
    return "microsoft" in os.uname().release.lower()
