r"""Events that were written as JSON twice: each is a text that holds JSON, a line each or all in a list.

It happens where a program encodes what was encoded already: ``"{\"type\": \"OrderPlaced\"}"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from workbench.capture.formats.documents import objects_by_line, objects_of_array
from workbench.capture.formats.outline import first_lines
from workbench.capture.json_text import any_json
from workbench.capture.reading.foreign import Rejected, Source

_LIST: Final = re.compile(rb'\s*\[\s*"\s*\{\s*\\"')
_HEAD: Final = 64


class QuotedJson:
    """Texts in JSON that hold JSON."""

    name = "JSON in JSON texts"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds such texts."""
        lines = first_lines(head)
        return _LIST.match(head) is not None or (bool(lines) and _is_twice(lines[0]))

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give the row that each text is."""
        if _LIST.match(source.head(_HEAD)):
            found = objects_of_array(source.document(), _read_twice)
            yield from (each if isinstance(each, Rejected) else each[1] for each in found)
            return
        for line in objects_by_line(source, _read_twice):
            yield line if isinstance(line, Rejected) else line[2]


def _is_twice(line: bytes) -> bool:
    try:
        return line[:1] == b'"' and isinstance(_read_twice(line), dict)
    except (ValueError, RecursionError):
        return False


def _read_twice(text: bytes) -> Any:
    """The value that a text holds; of what is no text, itself."""
    value = any_json(text)
    return any_json(value) if isinstance(value, str) else value
