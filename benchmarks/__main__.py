"""``python -m benchmarks [NAME ...] [--quick]``: measure, and print one table.

Without a name everything is measured but the soak and the scan, which take longest.
Nothing is written anywhere but in temporary folders, which are gone afterwards, and nothing is
asserted: a limit that is not met is said in the table. Exit codes: 0 everything was measured,
whatever came out; 1 a measure failed; 130 Ctrl-C, after printing what was measured before.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time

import psutil
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import (
    brokers,
    capturing,
    flows,
    impact,
    importing,
    kafka_start,
    memory,
    reading,
    recovery,
    scanning,
    size,
    soak,
    telemetry,
)
from benchmarks.analysis import comparison, conformance
from benchmarks.harness import Load, Row

MEASURES = {
    "import": importing.measure,
    "kafka": kafka_start.measure,
    "memory": memory.measure,
    "size": size.measure,
    "flows": flows.measure,
    "brokers": brokers.measure,
    "recovery": recovery.measure,
    "capture": capturing.measure,
    "impact": impact.measure,
    "reading": reading.measure,
    "analysis": comparison.measure,
    "conformance": conformance.measure,
    "scan": scanning.measure,
    "telemetry": telemetry.measure,
    "soak": soak.measure,
}
ONLY_WHEN_NAMED = {"scan", "soak"}
TITLES = {
    "import": "Import: a fresh interpreter, start to end",
    "kafka": "Local Kafka",
    "memory": "Memory of the whole example",
    "size": "Services: what one weighs, and thirty of them started",
    "flows": "The order chain: four services, four hops",
    "brokers": "The order chain on every broker",
    "recovery": "A service killed at work",
    "capture": "Reading a log back",
    "impact": "The impact of a change on a captured log",
    "reading": "A dump read",
    "analysis": "A captured log analysed",
    "conformance": "A captured log held against its design",
    "scan": "A log larger than memory",
    "telemetry": "The order chain with logs and traces",
    "soak": "A long load: the last tenth against the first",
}


def main() -> int:
    asked = _arguments()
    # Both end it by an exception, so that everything is cleaned up. (A shell starts what is put
    # into the background with Ctrl-C ignored.)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    busy = _busy_with_others()
    began = time.monotonic()
    measured: dict[str, list[Row]] = {}
    code = 0
    with Console(stderr=True).status("") as status:
        for name in asked.names:

            def say(what: str, name: str = name) -> None:
                status.update(f"{name}: {what}")

            try:
                measured[name] = MEASURES[name](Load(quick=asked.quick, say=say))
            except KeyboardInterrupt:
                code = 130
                break
            except Exception as error:
                measured[name] = [Row("could not be measured", f"{type(error).__name__}: {error}")]
                code = 1
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    console.print(_table(measured))
    console.print(_circumstances(time.monotonic() - began, busy, quick=asked.quick), style="dim")
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure; print a table."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(MEASURES)}")
    parser.add_argument("--quick", action="store_true", help="smaller loads: rough figures, sooner")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in MEASURES]
    if unknown:
        parser.error(f"there is no measure {', '.join(unknown)}; there are {', '.join(MEASURES)}")
    asked.names = asked.names or [name for name in MEASURES if name not in ONLY_WHEN_NAMED]
    return asked


def _busy_with_others() -> float:
    """How much of the processors others use just now, from 0 to 1."""
    return psutil.cpu_percent(1.0) / 100


def _table(measured: dict[str, list[Row]]) -> Table:
    table = Table(title="Workbench benchmarks", title_justify="left", title_style="bold")
    table.add_column("measure", overflow="fold")
    table.add_column("median (min – max)", justify="right", overflow="fold")
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for name, rows in measured.items():
        table.add_section()
        table.add_row(Text(TITLES[name], style="bold"))
        for row in rows:
            if row.heading:
                table.add_section()
            table.add_row(
                Text(f"  {row.measure}"),
                Text(row.figure),
                row.limit,
                _verdict(row.met),
                str(row.runs or ""),
                style="dim" if row.aside else "italic" if row.heading else None,
            )
    return table


def _verdict(met: bool | None) -> Text:
    if met is None:
        return Text("")
    return Text("ok", style="green") if met else Text("NOT MET", style="bold red")


def _circumstances(seconds: float, busy: float, *, quick: bool) -> str:
    gigabytes = psutil.virtual_memory().total / 1e9
    text = (
        f"{seconds:.0f} s on {os.cpu_count()} cores, {gigabytes:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}. MB are millions of bytes."
    )
    if quick:
        text += " --quick: smaller loads, rough figures."
    if busy > 0.15:
        text += f"\nOther programs kept the processors {busy:.0%} busy at the start: rough figures."
    return text


if __name__ == "__main__":
    raise SystemExit(main())
