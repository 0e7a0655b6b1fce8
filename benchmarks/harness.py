"""What the measures share: a row of the table, a folder and a Kafka to throw away."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from kafka import KafkaAdminClient

from workbench.brokers import LocalKafka
from workbench.brokers.local.ports import free_port

CLIENT = {"metrics_enabled": False}
"""Settings of every bare kafka-python client; the workbench's own clients have them too."""


@dataclass(frozen=True)
class Load:
    """How much to measure, and whom to tell of it."""

    quick: bool
    say: Callable[[str], None]

    def of(self, usual: int, quick: int) -> int:
        return quick if self.quick else usual


@dataclass(frozen=True)
class Row:
    """One figure. `met` is whether it is within its limit; `aside` marks what only explains it.

    A `heading` has none: it says what the rows below it have in common.
    """

    measure: str
    figure: str
    limit: str = ""
    met: bool | None = None
    runs: int = 0
    aside: bool = False
    heading: bool = False


def heading(text: str) -> Row:
    return Row(text, "", heading=True)


def row(
    measure: str,
    values: Sequence[float],
    unit: str,
    *,
    digits: int = 0,
    at_most: float | None = None,
    at_least: float | None = None,
    judge: Callable[[Sequence[float]], float] = median,
    aside: bool = False,
) -> Row:
    """A row for the values of several runs, held against a limit by its median or what `judge` is.

    At most one of `at_most` and `at_least` is given.
    """
    limit, met = "", None
    if at_most is not None:
        limit, met = f"≤ {at_most:,g} {unit}", judge(values) <= at_most
    elif at_least is not None:
        limit, met = f"≥ {at_least:,g} {unit}", judge(values) >= at_least
    return Row(measure, spread(values, unit, digits), limit, met, len(values), aside)


def ratio(
    measure: str,
    ours: Sequence[float],
    others: Sequence[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    aside: bool = False,
) -> Row:
    """A row for ours over the peer's, run by run."""
    values = [a / b for a, b in zip(ours, others, strict=True)]
    return row(measure, values, "×", digits=2, at_most=at_most, at_least=at_least, aside=aside)


def spread(values: Sequence[float], unit: str, digits: int) -> str:
    text = f"{median(values):,.{digits}f} {unit}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f} – {max(values):,.{digits}f})"
    return text


def in_a_process(module: str, *arguments: str | Path) -> dict[str, Any]:
    """Run a module by itself, and take the JSON object that it prints last.

    Raises
    ------
    RuntimeError
        It failed; the end of what it said stands in the message.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{module} {arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-500:]}"
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="workbench-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def temporary_kafka() -> Iterator[LocalKafka]:
    """A Kafka in a folder and at a port of its own; both are gone afterwards."""
    with temporary_folder() as folder, LocalKafka(folder / "kafka", free_port()) as kafka:
        yield kafka


def make_topics(servers: str, names: Sequence[str], partitions: int) -> None:
    """Make topics as the workbench makes its channels."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    spec = {
        "num_partitions": partitions,
        "replication_factor": 1,
        "configs": {"message.timestamp.type": "LogAppendTime"},
    }
    admin.create_topics(dict.fromkeys(names, spec), wait_for_metadata=True)
    admin.close()
