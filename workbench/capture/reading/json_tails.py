"""Lines of text that end in a JSON object each, as logging libraries write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from workbench.capture.json_text import any_json
from workbench.capture.reading.json_rows import JsonColumns
from workbench.capture.reading.line_stamps import form_of, reader_of
from workbench.capture.reading.opening import OpenedFile

LINE_HEAD: Final = "line_head"
"""The column for the text before the object."""

LINE_STAMP: Final = "line_stamp"
"""The column for the time that this text says: that of the events if they say none."""

_NO_YEAR: Final = (
    f"the times in {LINE_STAMP!r} say no year: it is taken from when the file was last changed"
)

_TRIES: Final = 8
"""Braces of a line that are tried as the beginning of the object."""
_LOOKED_AT: Final = 50
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*m")
"""What a terminal takes for a change of colour (ECMA-48, SGR)."""


class JsonTails:
    """One event a line, after other text."""

    name = "text with JSON at the end of its lines"
    ours = json_is_text = untyped = False

    def batches(self, file: OpenedFile) -> Iterator[tuple[dict[str, Any], int]]:
        """Give its rows."""
        columns = JsonColumns(raw=("data",))
        stamp: Callable[[str], str | None] | None = None
        for first, block in file.blocks():
            heads, tails = [], []
            for number, line in enumerate(_COLOURS.sub(b"", block).split(b"\n"), start=first):
                if not line or line.isspace():
                    continue
                start = _start(line)
                if start is None:
                    file.reject(number, "this line does not end in a JSON object", line)
                    continue
                heads.append(line[:start].strip().decode())
                tails.append(line[start:])
            found, height = columns.columns(b"\n".join(tails), first, file.reject)
            if stamp is None and (form := form_of(heads)) is not None:
                stamp = reader_of(form, file.changed)
                if form.yearless:
                    file.notes.append(_NO_YEAR)
            stamped = {LINE_STAMP: [stamp(head) for head in heads]} if stamp else {}
            yield found | {LINE_HEAD: heads} | stamped, height


def divided(text: str) -> tuple[str, dict[str, Any]] | None:
    """What stands before the JSON object that a text ends in, and the object; ``None`` without one."""
    line = _COLOURS.sub(b"", text.strip().encode("utf-8", "surrogatepass"))
    start = _start(line)
    if start is None:
        return None
    return line[:start].decode("utf-8", "replace").strip(), any_json(line[start:])


def share_of_tails(head: bytes) -> tuple[bool, float]:
    """Whether the first line of such a file is text and an object, and how many are, 0 to 1.

    Colours are text too.
    """
    plain = _COLOURS.sub(b"", head)
    lines = [line for line in plain.split(b"\n") if line and not line.isspace()]
    whole = (
        lines[:_LOOKED_AT] if len(lines) == 1 or head.endswith(b"\n") else lines[:-1][:_LOOKED_AT]
    )
    # A list may be written over lines that begin with a bracket or a comma.
    starts = [(line, _start(line)) for line in whole]
    ending = [
        start is not None and (plain != head or bool(line[:start].strip(b" \t[,")))
        for line, start in starts
    ]
    return bool(ending) and ending[0], sum(ending) / max(len(ending), 1)


def _start(line: bytes) -> int | None:
    """Where the object begins that a line ends in; ``None`` if it ends in none."""
    if not line.rstrip().endswith(b"}"):
        return None
    start = -1
    for _ in range(_TRIES):
        start = line.find(b"{", start + 1)
        if start < 0:
            return None
        try:
            if isinstance(any_json(line[start:]), dict):
                return start
        except (ValueError, RecursionError):
            continue
    return None
