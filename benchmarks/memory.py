"""What the whole example takes: Kafka, a Jupyter server, a kernel with a workbench, its services.

The kernel is a child of the Jupyter server, as for a person with a notebook, and has done what a
first notebook does: started four services, published orders, captured the log and asked it.

Memory is PSS (see weight.py); the sum of RSS, which counts shared pages again and again, is shown
beside it.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from jupyter_client import BlockingKernelClient

from benchmarks.harness import Load, Row, temporary_folder, temporary_kafka
from benchmarks.weight import weigh
from workbench.brokers.local.ports import free_port

LIMIT = 1200  # MB
PATIENCE = 60.0  # seconds

NOTEBOOK = """
import json, os, warnings
import pandas as pd
import ipycytoscape, ipywidgets
import plotly.graph_objects
from workbench import Workbench
from workbench.examples.orders import order_choreography, some_orders

wb = Workbench(order_choreography(), bootstrap_servers={servers!r}, folder={folder!r})
wb.start()
wb.publish_many(some_orders({orders}, declined=20, sold_out=10))
wb.wait_until_idle()
log = wb.capture(progress=False)
flows, hops, variants = log.flows(), log.hops(), log.variants()
print(json.dumps({{name: life.pid for name, life in wb.lives().items()}}))
"""


@dataclass(frozen=True)
class Jupyter:
    """A running Jupyter server."""

    process: psutil.Process
    address: str
    token: str
    runtime: Path

    def ask(self, path: str, body: object = None) -> bytes:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.address + path, data, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()


def measure(load: Load) -> list[Row]:
    load.say("starting Kafka, Jupyter and a kernel")
    with (
        temporary_kafka() as kafka,
        temporary_folder() as folder,
        jupyter_server(folder) as jupyter,
        kernel(jupyter) as client,
    ):
        load.say("running the example in the kernel")
        code = NOTEBOOK.format(
            servers=kafka.bootstrap_servers,
            folder=str(folder / "services"),
            orders=load.of(1_000, 200),
        )
        services = json.loads(execute(client, code))
        time.sleep(1)
        kernel_process, fork_server = _kernel_and_fork_server(jupyter, services)
        jvm = psutil.Process(kafka.pid)
        parts = {
            "Kafka": [jvm],
            "its guardian": [jvm.parent()],
            "Jupyter server": [jupyter.process],
            "kernel with the workbench": [kernel_process],
            "fork server": [fork_server],
            **{f"service {name}": [psutil.Process(pid)] for name, pid in services.items()},
        }
        weights = {name: weigh(processes) for name, processes in parts.items()}
    total = [sum(column) for column in zip(*weights.values(), strict=True)]
    return [
        Row("all of it", _figure(*total), f"≤ {LIMIT:,} MB", total[0] <= LIMIT, 1),
        *(Row(f"  {name}", _figure(*weight), aside=True) for name, weight in weights.items()),
    ]


def _kernel_and_fork_server(
    jupyter: Jupyter, services: dict[str, int]
) -> tuple[psutil.Process, psutil.Process]:
    fork_server = psutil.Process(next(iter(services.values()))).parent()
    kernel_process = fork_server.parent() if fork_server is not None else None
    if fork_server is None or kernel_process not in jupyter.process.children(recursive=True):
        raise RuntimeError("the services are not the kernel's")
    return kernel_process, fork_server


def _figure(pss: float, rss: float) -> str:
    return f"{pss:,.0f} MB (RSS {rss:,.0f})"


# --- Jupyter -----------------------------------------------------------------------------------


@contextmanager
def jupyter_server(folder: Path) -> Iterator[Jupyter]:
    """JupyterLab's server with no settings, extensions or history of this user's."""
    port, token, runtime = free_port(), secrets.token_hex(16), folder / "runtime"
    folders = {
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": runtime,
        "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        "IPYTHONDIR": folder / "ipython",
    }
    environment = {
        **os.environ,
        **{name: str(path) for name, path in folders.items()},
        "JUPYTER_TOKEN": token,
        # The kernel starts in another folder than this one.
        "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    output = folder / "jupyter.log"
    with output.open("wb") as log:
        started = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us, who then end it
        )
    process = psutil.Process(started.pid)
    jupyter = Jupyter(process, f"http://127.0.0.1:{port}", token, runtime)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError):
                jupyter.ask("/api/status")
                break
            if started.poll() is not None or time.monotonic() > deadline:
                last = output.read_text()[-500:] or "it printed nothing"
                raise RuntimeError(f"Jupyter does not come up (exit code {started.poll()}): {last}")
            time.sleep(0.1)
        jupyter.ask("/lab")
        yield jupyter
    finally:
        _end_with_children(process)
        started.wait()


def _end_with_children(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _, left = psutil.wait_procs(family, timeout=10)
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()


@contextmanager
def kernel(jupyter: Jupyter) -> Iterator[BlockingKernelClient]:
    """A Python kernel, started by the server."""
    started = json.loads(jupyter.ask("/api/kernels", {"name": "python3"}))
    file = jupyter.runtime / f"kernel-{started['id']}.json"
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels(hb=False)  # a busy machine's kernel misses a beat and isn't dead
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield client
    finally:
        client.stop_channels()


def execute(client: BlockingKernelClient, code: str) -> str:
    """The last line that the code printed."""
    printed: list[str] = []

    def hear(message: dict) -> None:
        content = message["content"]
        if message["msg_type"] == "stream" and content["name"] == "stdout":
            printed.append(content["text"])

    reply = client.execute_interactive(code, timeout=2 * PATIENCE, output_hook=hear)["content"]
    if reply["status"] != "ok":
        raise RuntimeError(f"in the kernel: {reply['ename']}: {reply['evalue']}")
    return "".join(printed).strip().splitlines()[-1]
