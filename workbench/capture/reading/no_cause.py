"""What others write where an event has no cause."""

from __future__ import annotations

from typing import Final

_NO_CAUSE: Final = r"^(?i:|-|root|none|null|nil|00+|0{8}-0{4}-0{4}-0{4}-0{12})$"
_ZERO: Final = r"^0$"


def no_cause(*, zero: bool) -> str:
    """The pattern of texts that are no cause.

    Parameters
    ----------
    zero
        Whether 0 is an event's id, and so may be a cause.
    """
    return _NO_CAUSE if zero else f"{_NO_CAUSE}|{_ZERO}"
