"""``workbench kafka``: the Kafka on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.cli.local_broker import local_broker

if TYPE_CHECKING:
    from workbench.brokers.local import LocalKafka


def _load() -> type[LocalKafka]:
    from workbench.brokers.local import LocalKafka

    return LocalKafka


def _bar() -> dict[str, Any]:
    from workbench.session import download_bar

    return {"progress": download_bar()}


app = local_broker("Kafka", 9092, _load, _bar)
