"""Fetch Kafka ahead of its first use: ``python -m workbench.brokers.local.fetch``.

What ``make install`` calls. It also has Kafka run once, so that later starts are quick. Draws a progress bar, prints one line when nothing is left to do, and
exits with 1 and one sentence when Kafka can't be had.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import NoReturn

from tqdm import tqdm

from workbench.errors import LocalBrokerError

from .jars import ensure_kafka_jars
from .java import find_java
from .warm_up import make_archive


def main() -> int:
    """Fetch what is missing; the exit code."""
    with ExitStack() as stack:
        bars: list[tqdm[NoReturn]] = []

        def progress(done: int, total: int, sentence: str) -> None:
            if not bars:  # the first byte of something to fetch
                bar = tqdm(total=total, unit="B", unit_scale=True, desc="Kafka", file=sys.stderr)
                bars.append(stack.enter_context(bar))
            bars[0].set_postfix_str(sentence, refresh=False)
            bars[0].update(done - bars[0].n)

        try:
            jars = ensure_kafka_jars(progress=progress, say=tqdm.write)
            make_archive(find_java(), jars, say=tqdm.write)
        except LocalBrokerError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    megabytes = sum(jar.stat().st_size for jar in jars) / 1e6
    sys.stdout.write(f"Kafka is there: {len(jars)} jars, {megabytes:.0f} MB, in {jars[0].parent}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
