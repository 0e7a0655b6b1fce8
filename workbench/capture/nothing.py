"""What others write where there is nothing: no cause, no flow, no failure."""

from __future__ import annotations

from typing import Final

_NOTHING: Final = (
    r"|-|none|null|nil|n/?a|\(null\)|\[null\]|<null>|<nil>|\\n|0{8}-0{4}-0{4}-0{4}-0{12}"
)

NO_ID: Final = rf"^(?i:{_NOTHING})$"
"""The pattern of texts that are no id of an event or a flow."""
NO_FAILURE: Final = rf"^(?i:\s*({_NOTHING}|0|no|false|ok|\{{\}}|\[\])\s*)$"
"""... that say of no failure."""


def no_cause(*, zero: bool) -> str:
    """The pattern of texts that are no cause.

    Parameters
    ----------
    zero
        Whether 0 is an event's id, and so may be a cause.
    """
    return rf"^(?i:{_NOTHING}|root|00+|-1)$" + ("" if zero else "|^0$")
