"""What processes weigh.

Memory is PSS: a page that several processes share counts once, in equal parts. (Parts go to any
other process with the same page, so a second Python on the machine makes a sum a little smaller.)
"""

from __future__ import annotations

from collections.abc import Sequence

import psutil


def weigh(processes: Sequence[psutil.Process]) -> tuple[float, float]:
    """MB of PSS and of RSS; where a system has no PSS (macOS), its RSS stands for both."""
    found = [process.memory_full_info() for process in processes]
    pss = sum(getattr(memory, "pss", memory.rss) for memory in found)
    return pss / 1e6, sum(memory.rss for memory in found) / 1e6
