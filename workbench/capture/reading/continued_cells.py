"""Cells of several lines, as psql draws them in a table: a ``+`` at the end of each line but the last."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_GOES_ON: Final = re.compile(rb"\+(?:\||\r?$)", re.MULTILINE)


def whole_cells(block: bytes, width: int) -> bytes:
    """A block of such a table, in which cells of several lines stand in quotes, as in CSV.

    Parameters
    ----------
    width
        How many columns the table has. Lines that go on in no other are left as they are.
    """
    if not _GOES_ON.search(block):
        return block
    found: list[bytes] = []
    cells: list[list[bytes]] = []
    going_on: dict[int, list[list[bytes]]] = {}
    for line in block.split(b"\n"):
        parts = line.removesuffix(b"\r").split(b"|")
        if not _continues(cells, parts):
            found.append(line)
            cells = [[part] for part in parts] if len(parts) == width else []
            continue
        for cell, part in zip(cells, parts, strict=True):
            if cell[-1].endswith(b"+"):
                cell[-1] = cell[-1][:-1].rstrip(b" ")
                cell.append(part)
        going_on[len(found) - 1] = cells
    for place, row in going_on.items():
        found[place] = _row(row)
    return b"\n".join(found)


def _continues(cells: Sequence[Sequence[bytes]], parts: Sequence[bytes]) -> bool:
    """Whether a line holds nothing but what the cells above go on with."""
    open_ = [cell[-1].endswith(b"+") for cell in cells]
    return (
        len(parts) == len(cells)
        and any(open_)
        and all(goes_on or not part.strip() for goes_on, part in zip(open_, parts, strict=True))
    )


def _row(cells: Sequence[Sequence[bytes]]) -> bytes:
    return b"|".join(cell[0] if len(cell) == 1 else _quoted(cell) for cell in cells)


def _quoted(lines: Sequence[bytes]) -> bytes:
    text = b"\n".join(line.removeprefix(b" ").rstrip(b" ") for line in lines)
    return b'"' + text.replace(b'"', b'""') + b'"'
