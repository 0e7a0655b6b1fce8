"""The whole path in a terminal: run the order choreography, break it, and count."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workbench.examples.orders import (
    expected_totals,
    lost_and_doubled,
    observed_totals,
    order_choreography,
    some_orders,
)
from workbench.session import Workbench

VICTIM = "billing"


def run_demo(
    *,
    orders: int = 1000,
    declined: int = 20,
    sold_out: int = 10,
    out: Path = Path("order-log.jsonl"),
    broker: str | None = None,
    console: Console | None = None,
) -> bool:
    """Publish orders, kill a service halfway and restart it, and account for everything.

    Returns whether nothing was lost and nothing doubled, by the business totals in the
    services' states. The captured log is left in ``out``.
    """
    console = console or Console()
    placed = some_orders(orders, declined=declined, sold_out=sold_out)
    with Workbench(order_choreography(), broker=broker, namespace="demo", say=console.print) as wb:
        console.print(
            "[bold]Order → inventory → billing → shipping[/bold], four processes on", end=" "
        )
        console.print(f"{wb.broker!r}", highlight=False)
        wb.reset()
        wb.start()
        started = time.monotonic()
        with _progress(wb, console, orders):
            half = orders // 2
            wb.publish_many(placed[:half], batch=100)
            wb.kill(VICTIM)
            console.print(f"[bold red]✗[/] killed {VICTIM} (SIGKILL) after {half:,} orders")
            wb.publish_many(placed[half:], batch=100)
            wb.restart(VICTIM)
            console.print(f"[bold green]✓[/] restarted {VICTIM}; it goes on where it was")
            wb.wait_until_idle(timeout=120)
        seconds = time.monotonic() - started
        log = wb.capture(progress=False)
        log.save(out)
        status = wb.status()
        states = [wb.state(name) for name in wb.choreography.services]
    expected, observed = expected_totals(placed), observed_totals(states)
    console.print(
        _table("Flows by variant", log.variants(), ["flows", "share", "median_ms", "path"])
    )
    hops = log.hops()
    columns = ["cause_type", "effect_type", "service", "n", "p50_ms", "p95_ms"]
    console.print(_table("Latency per hop", hops, columns))
    console.print(
        f"{orders:,} orders, {log.events:,} events in {seconds:.1f} s; "
        f"duplicates skipped: {int(status['duplicates'].sum()):,}; "
        f"dead letters: {int(status['dead_letters'].sum()):,}"
    )
    for name, wanted in expected.items():
        sign = "[green]=[/]" if observed[name] == wanted else "[bold red]≠[/]"
        console.print(f"  {name:<17} expected {wanted:>10,}  {sign}  counted {observed[name]:>10,}")
    console.print(f"captured log: {out.absolute()}", highlight=False, soft_wrap=True)
    lost, doubled = lost_and_doubled(expected, observed)
    colour = "green" if not (lost or doubled) else "bold red"
    console.print(f"[{colour}]lost: {lost}  doubled: {doubled}[/]", highlight=False)
    return not (lost or doubled)


@contextlib.contextmanager
def _progress(wb: Workbench, console: Console, orders: int) -> Iterator[None]:
    """A line that says, a few times a second, how far each service is."""
    done = threading.Event()

    def line() -> Text:
        parts = []
        for name, life in wb.lives().items():
            handled = life.status.counts.get("handled", 0) if life.status else 0
            sign = "●" if life.up else "✗"
            parts.append((f"{sign} {name} {handled:,}  ", "green" if life.up else "bold red"))
        return Text.assemble(f"{orders:,} orders  ", *parts)

    with Live(line(), console=console, refresh_per_second=8, transient=True) as live:

        def follow() -> None:
            while not done.wait(0.12):
                live.update(line())

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _table(title: str, frame: Any, columns: list[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        numeric = frame[column].dtype.kind in "if"
        table.add_column(
            column.replace("_ms", " (ms)").replace("_", " "),
            justify="right" if numeric else "left",
            overflow="fold",
        )
    for row in frame[columns].itertuples(index=False):
        table.add_row(*(_cell(name, value) for name, value in zip(columns, row, strict=True)))
    return table


def _cell(column: str, value: Any) -> str:
    if column == "share":
        return f"{value:.1%}"
    return (
        f"{value:,.1f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
