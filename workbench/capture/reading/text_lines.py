"""Lines of text that end in a JSON object each, or hold names and values, as logging libraries write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from workbench.capture.reading.json_rows import JsonColumns
from workbench.capture.reading.line_stamps import form_of, reader_of
from workbench.capture.reading.logfmt import pairs_in, several_pairs_in
from workbench.capture.reading.object_tails import LINE_HEAD, start_of_object, without_colours
from workbench.capture.reading.opening import OpenedFile

LINE_STAMP: Final = "line_stamp"
"""The column for the time that this text says: that of the events if they say none."""

_NO_YEAR: Final = (
    f"the times in {LINE_STAMP!r} say no year: it is taken from when the file was last changed"
)

_LOOKED_AT: Final = 50


@dataclass
class TextLines:
    """One event a line, beside other text.

    Attributes
    ----------
    parted
        Gives the text of a line and the JSON object that it says; ``None`` of one that says none.
    otherwise
        What is wrong with such a line.
    """

    name: str
    parted: Callable[[bytes], tuple[str, bytes] | None]
    otherwise: str
    untyped: bool
    ours = json_is_text = False

    def batches(self, file: OpenedFile) -> Iterator[tuple[dict[str, Any], int]]:
        """Give its rows."""
        columns = JsonColumns(raw=("data",))
        stamp: Callable[[str], str | None] | None = None
        for first, block in file.blocks():
            heads, said = [], []
            for number, line in enumerate(without_colours(block).split(b"\n"), start=first):
                if not line or line.isspace():
                    continue
                parts = self.parted(line)
                if parts is None:
                    file.reject(number, self.otherwise, line)
                    continue
                heads.append(parts[0])
                said.append(parts[1])
            found, height = columns.columns(b"\n".join(said), first, file.reject)
            if stamp is None and (form := form_of(heads)) is not None:
                stamp = reader_of(form, file.changed)
                if form.yearless:
                    file.notes.append(_NO_YEAR)
            stamped = {LINE_STAMP: [stamp(head) for head in heads]} if stamp else {}
            texts = {LINE_HEAD: heads} if any(heads) else {}
            yield found | texts | stamped, height


def _json_tail(line: bytes) -> tuple[str, bytes] | None:
    start = start_of_object(line)
    return None if start is None else (line[:start].strip().decode(), line[start:])


def _pairs(line: bytes) -> tuple[str, bytes] | None:
    found, others = pairs_in(line.decode())
    return (others, msgspec.json.encode(found)) if found else None


JSON_TAILS: Final = TextLines(
    "text with JSON at the end of its lines",
    _json_tail,
    "this line does not end in a JSON object",
    untyped=False,
)
LOGFMT: Final = TextLines(
    "text of names and values (logfmt)",
    _pairs,
    "this line holds no names and values, such as event=OrderPlaced",
    untyped=True,
)


def pairs_in_lines(head: bytes) -> tuple[bool, bool]:
    """Whether the first line of a file holds names and values, and whether most lines do."""
    told = [_has_pairs(line) for line in _whole_lines(head)]
    return bool(told) and told[0], sum(told) > len(told) / 2


def share_of_tails(head: bytes) -> tuple[bool, float]:
    """Whether the first line of such a file is text and an object, and how many are, 0 to 1.

    Colours are text too.
    """
    coloured = without_colours(head) != head
    # A list may be written over lines that begin with a bracket or a comma.
    starts = [(line, start_of_object(line)) for line in _whole_lines(head)]
    ending = [
        start is not None
        and (coloured or bool(line[:start].strip(b" \t[,")))
        and not _is_last_value(line, start)
        for line, start in starts
    ]
    return bool(ending) and ending[0], sum(ending) / max(len(ending), 1)


def _is_last_value(line: bytes, start: int) -> bool:
    """Whether the object that a line ends in is the value of the last of several names."""
    return line[:start].endswith(b"=") and _has_pairs(line)


def _has_pairs(line: bytes) -> bool:
    return several_pairs_in(line.decode("utf-8", "replace")) is not None


def _whole_lines(head: bytes) -> list[bytes]:
    """The first lines of the beginning of a file, without the one that may be cut, and without colours."""
    lines = [line for line in without_colours(head).split(b"\n") if line and not line.isspace()]
    whole = lines if len(lines) == 1 or head.endswith(b"\n") else lines[:-1]
    return whole[:_LOOKED_AT]
