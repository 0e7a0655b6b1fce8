"""What processes weigh.

Memory is PSS: a page that several processes share counts once, in equal parts. (Parts go to any
other process with the same page, so a second Python on the machine makes a sum a little smaller.)
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil


def weigh(processes: Sequence[psutil.Process]) -> tuple[float, float]:
    """MB of PSS and of RSS; where a system has no PSS (macOS), its RSS stands for both."""
    found = [process.memory_full_info() for process in processes]
    pss = sum(getattr(memory, "pss", memory.rss) for memory in found)
    return pss / 1e6, sum(memory.rss for memory in found) / 1e6


def resident() -> float:
    """MB that this process occupies just now."""
    return psutil.Process().memory_info().rss / 1e6


class _Heap(ctypes.Structure):
    """What glibc's ``mallinfo2`` returns."""

    _fields_ = (
        *((f"other{n}", ctypes.c_size_t) for n in range(8)),
        ("fordblks", ctypes.c_size_t),
        ("keepcost", ctypes.c_size_t),
    )


def free() -> float:
    """MB of memory that lies free in this process, as far as the C library tells (glibc 2.33).

    It is taken without being counted: some 15 MB, which is much for what takes 60, and nothing for
    what takes 700. To give it back first would be paid for by whatever is timed next.
    """
    with contextlib.suppress(OSError, AttributeError):
        tell = ctypes.CDLL(None).mallinfo2
        tell.restype = _Heap
        return int(tell().fordblks) / 1e6
    return 0.0


def forget_peak() -> None:
    """Let ``peak`` count from now on. Only Linux can; elsewhere it counts from the start."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """MB: the most that this process has occupied at once."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
