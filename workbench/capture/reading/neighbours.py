"""What a name means by those that stand beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from workbench.capture.reading.paths import Path
from workbench.capture.reading.vocabulary import words

_LOGGER: Final = frozenset(["level", "pid", "hostname", "name", "msg"])
"""What Bunyan and pino write, where the name is that of the service and the message what happened."""
_OF_MACHINES: Final = frozenset(["thread", "tid", "pid"])


def is_of_a_logger(path: Path, known: Iterable[Path]) -> bool:
    """Whether a path stands among what such a library writes."""
    if path[-1] not in _LOGGER:
        return False
    return {other[-1] for other in known if other[:-1] == path[:-1]} >= _LOGGER


def is_of_a_machine(path: Path, known: Iterable[Path]) -> bool:
    """Whether a name is that of a thread, or of a process beside one: they come again, and name no flow."""
    name = words(path[-1])
    if "process" not in name:
        return not _OF_MACHINES.isdisjoint(name)
    beside = (words(other[-1]) for other in known if other[:-1] == path[:-1])
    return any("thread" in each for each in beside)
