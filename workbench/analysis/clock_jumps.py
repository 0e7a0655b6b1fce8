"""Does a change between two logs look like a clock that was set, and not like work?

A clock that jumps makes all hops into its service longer by as much as it makes all hops out of it
shorter, or the reverse. Work does that only by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.analysis.wording import length

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_ALIKE = 0.15
"""How much two lengths of time that are called the same may differ, as a share of the longer."""
_NAMED = 3


def jumps(table: pd.DataFrame, between: Iterable[tuple[str, str, str]]) -> str:
    """A sentence, after a blank, on the services whose clocks seem to have jumped.

    Parameters
    ----------
    table
        As ``EventLog.compare`` returns it.
    between
        The name of each hop, with the services of its cause and of its effect.
    """
    hops = table[(table["what"] == "hop") & table["verdict"].str.contains("slower|faster")]
    change = dict(zip(hops["name"], hops["after"] - hops["before"], strict=True))
    into: dict[str, list[float]] = {}
    out: dict[str, list[float]] = {}
    for name, cause, effect in sorted(between):
        if name in change and cause != effect:
            into.setdefault(effect, []).append(change[name])
            out.setdefault(cause, []).append(change[name])
    found = {service: _jump(into[service], out.get(service, [])) for service in sorted(into)}
    told = [
        f"{service} (about {'+' if by > 0 else '-'}{length(abs(by) / 1e3)})"
        for service, by in sorted(found.items(), key=lambda jump: -abs(jump[1]))
        if by
    ]
    if not told:
        return ""
    return (
        f" A clock seems to have jumped, that of {' or '.join(told[:_NAMED])}: hops into its service "
        "changed by as much as hops out of it did the other way."
    )


def _jump(into: list[float], out: list[float]) -> float:
    """By how many milliseconds a service's clock seems to have jumped; 0 if it doesn't seem so."""
    if len({*np.sign(into), *-np.sign(out)}) != 1 or not out:
        return 0.0
    one, other = float(np.median(into)), -float(np.median(out))
    alike = abs(one - other) <= _ALIKE * max(abs(one), abs(other))
    return (one + other) / 2 if alike else 0.0
