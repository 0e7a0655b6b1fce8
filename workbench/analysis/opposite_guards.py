"""Two guards of which one always holds: known from their texts, without working them out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workbench.choreography import Choreography, Reaction

_SIGN = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*")
_OPPOSITES: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", "<=": ">", ">": "<="}


def one_holds(design: Choreography, one: Reaction, other: Reaction) -> bool:
    """Whether one of two guards always holds, as their texts show without being worked out.

    A guard that reads a field which is absent holds not, nor does its negation: the fields must be
    required ones.
    """
    if one.whenever != other.whenever or one.guard is None or other.guard is None:
        return False
    a, b = one.guard.source.strip(), other.guard.source.strip()
    if not (_negated(a, b) or _negated(b, a) or _opposite(a, b)):
        return False
    event_type = design.event_types.get(one.whenever)
    required = event_type.schema.get("required", ()) if event_type else ()
    return all(path in required for path in one.guard.paths)


def _negated(a: str, b: str) -> bool:
    plain = not _SIGN.search(a) and not any(sign in a for sign in ("&&", "||", "?"))
    return b == f"!({a})" or (plain and b == f"!{a}")


def _opposite(a: str, b: str) -> bool:
    """Whether two comparisons of the same have opposite signs, and are nothing but comparisons."""
    if any(sign in a + b for sign in ("&&", "||", "?", "!(")):
        return False
    x, y = _SIGN.split(a), _SIGN.split(b)
    return len(x) == len(y) == 3 and x[::2] == y[::2] and _OPPOSITES[x[1]] == y[1]
