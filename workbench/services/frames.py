"""Where in a handler's own code an error arose."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

_OURS = Path(__file__).parent.parent
_EXAMPLES = _OURS / "examples"
_THEIRS = ("site-packages", "lib/python", "<frozen")


def own_frame(error: BaseException) -> str:
    """The innermost frame that is neither the workbench's nor a library's: function and line.

    The line itself and not its number, so that a cell that is run again gives the same; empty
    if there is none.
    """
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not _is_ours(frame.filename) and not any(part in frame.filename for part in _THEIRS)
    ]
    if not own:
        return ""
    return f"{own[-1].name}: {own[-1].line}" if own[-1].line else own[-1].name


def own_traceback(error: BaseException) -> str:
    """The traceback from the handler on: how the workbench came to call it says nothing."""
    first: TracebackType | None = error.__traceback__
    while first is not None and _is_ours(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    found = traceback.TracebackException(type(error), error, first or error.__traceback__)
    return "".join(found.format())


def _is_ours(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(_OURS) and not path.is_relative_to(_EXAMPLES)
