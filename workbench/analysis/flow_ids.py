"""Correlation ids as people give them, and what they may have meant by one that is not there."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from workbench.analysis.arguments import is_whole
from workbench.analysis.wording import cut, shown, visible
from workbench.errors import LogError

if TYPE_CHECKING:
    from pandas.api.extensions import ExtensionArray

_SHOWN: Final = 3
_LETTERS: Final = 60
_COMPARED: Final = 20_000
"""Ids that are compared letter by letter, at most: each takes some microseconds."""


def flow_id(given: Any) -> Any:
    """A correlation id as the log has it, which is text: ``7100260`` is ``"7100260"``.

    Raises
    ------
    LogError
        It is several, or an object.
    """
    if not pd.api.types.is_scalar(given):
        raise LogError(f"a flow is told by one correlation id, and {shown(given)} is none.")
    if isinstance(given, str):
        return given.encode("utf-8", "backslashreplace").decode()  # no log holds half a letter
    return str(given) if is_whole(given) else given


def no_flow(given: Any, ids: ExtensionArray) -> LogError:
    """Say that a log has no such flow, and which ids of it are nearly the same."""
    text = str(given)
    near = [name for name in ids if text and text in name][:_SHOWN]
    near = near or get_close_matches(text, list(ids[:_COMPARED]), n=_SHOWN)
    meant = " or ".join(repr(visible(cut(name, _LETTERS))) for name in near)
    hint = f"did you mean {meant}? " if near else ""
    return LogError(
        f"there is no flow {cut(repr(given), 2 * _LETTERS)} in this log: {hint}"
        "log.flows() lists those it has."
    )
