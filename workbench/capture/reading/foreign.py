"""The seam between reading a log and the formats of other tools.

A format is asked whether it knows a file from its first bytes, and then turns the file into rows.
Opening, decompressing, counting lines, mapping and making columns are the reader's. Formats stand
in ``workbench.capture.formats.EVERY``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


class Source(Protocol):
    """One opened file, decompressed and in UTF-8 whatever it was written in."""

    name: str
    """For messages and rejected rows."""

    def head(self, size: int = 65536) -> bytes:
        """Look at the beginning, without consuming it: up to ``size`` bytes."""
        ...

    def lines(self) -> Iterator[tuple[int, bytes]]:
        r"""Give each line with its number, from 1, without its ``\n`` or ``\r\n``.

        Empty lines are left out, but counted. Each call begins anew.
        """
        ...

    def document(self) -> bytes:
        """Give the whole file.

        Raises
        ------
        LogError
            It is larger than the limit that the reader was given.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not be read, or what stands beside rows.

    Attributes
    ----------
    line
        From 1; -1 where it isn't known.
    reason
        What is wrong with it, in a sentence.
    text
        The row as it stood; the reader cuts it.
    is_row
        Whether it may be an event: a ruler, a banner, a comment is none.
    """

    line: int
    reason: str
    text: str
    is_row: bool = True


class Format(Protocol):
    """A format that some tool writes.

    Attributes
    ----------
    name
        What people call it: ``"kcat"``.
    """

    name: str

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so is of this format; never raises.

        The last line of ``head`` may be cut.
        """
        ...

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give the events, and what could not be read, in the order of the file.

        An event is a dict with the standard columns' names, and others beside. ``data`` is the
        decoded payload, or a ``msgspec.Raw`` that holds valid JSON text (as it came, not decoded);
        so may any other value be. Text in ``data`` is a JSON string. Times are aware datetimes,
        ISO 8601 text or whole nanoseconds since 1970. What a format can't tell it leaves out: the
        reader then looks for ``type``, ``correlation_id`` and so on in the other columns, inside
        ``headers`` (an object of names and values) and ``data`` too, and a caller's mapping names
        paths in these columns: ``headers.x-request-id``.
        """
        ...
