"""Lines of text that end in a JSON object each, as logging libraries write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from workbench.capture.reading.json_rows import JsonColumns
from workbench.capture.reading.line_stamps import form_of, reader_of
from workbench.capture.reading.object_tails import LINE_HEAD, start_of_object, without_colours
from workbench.capture.reading.opening import OpenedFile

LINE_STAMP: Final = "line_stamp"
"""The column for the time that this text says: that of the events if they say none."""

_NO_YEAR: Final = (
    f"the times in {LINE_STAMP!r} say no year: it is taken from when the file was last changed"
)

_LOOKED_AT: Final = 50


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
            for number, line in enumerate(without_colours(block).split(b"\n"), start=first):
                if not line or line.isspace():
                    continue
                start = start_of_object(line)
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


def share_of_tails(head: bytes) -> tuple[bool, float]:
    """Whether the first line of such a file is text and an object, and how many are, 0 to 1.

    Colours are text too.
    """
    plain = without_colours(head)
    lines = [line for line in plain.split(b"\n") if line and not line.isspace()]
    whole = (
        lines[:_LOOKED_AT] if len(lines) == 1 or head.endswith(b"\n") else lines[:-1][:_LOOKED_AT]
    )
    # A list may be written over lines that begin with a bracket or a comma.
    starts = [(line, start_of_object(line)) for line in whole]
    ending = [
        start is not None and (plain != head or bool(line[:start].strip(b" \t[,")))
        for line, start in starts
    ]
    return bool(ending) and ending[0], sum(ending) / max(len(ending), 1)
