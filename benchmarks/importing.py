"""How long a person waits for an import."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.harness import Load, Row, row

RUNS = 5
LIMIT = 0.5  # seconds

STATEMENTS = {
    "import workbench": LIMIT,
    "from workbench import Workbench": LIMIT,
    "import workbench.events": None,
    "pass": None,
}


def measure(load: Load) -> list[Row]:
    seconds: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for run in range(1 + RUNS):  # the first one fills the caches
        for statement, taken in seconds.items():
            load.say(f"{statement}, run {run} of {RUNS}")
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            if run:
                taken.append(time.perf_counter() - began)
    return [
        row(
            statement if statement != "pass" else "python -c pass, beside them",
            taken,
            "s",
            digits=3,
            at_most=STATEMENTS[statement],
            aside=statement == "pass",
        )
        for statement, taken in seconds.items()
    ]
