"""Parts of an answer, and how they are put together.

A question that adds up is asked of parts of a log (all events of some flows), each part's answer is
a compact table, and the whole is made from those tables. So a log larger than memory, or one spread
over machines, gets the answer that it would get in one piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from workbench.analysis.arrays import Ints


def together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the rows of all parts in one table; categories are united: those in use, by name."""
    columns: dict[Any, Any] = {}
    for name in parts[0]:
        pieces = [part[name] for part in parts]
        if isinstance(pieces[0].dtype, pd.CategoricalDtype):
            united = union_categoricals(pieces, sort_categories=True)
            columns[name] = united.remove_unused_categories()
        else:
            columns[name] = pd.concat(pieces, ignore_index=True)
    return pd.DataFrame(columns)


def total(parts: Sequence[pd.DataFrame], fact: str) -> int:
    """Add up a number that each part notes in its ``attrs``."""
    return sum(int(part.attrs.get(fact, 0)) for part in parts)


def named(codes: Ints, names: NDArray[np.object_] | Sequence[str]) -> pd.Categorical:
    """Codes that index names, as a category; -1 is null. Equal names become one category."""
    of_name, distinct = pd.factorize(np.asarray(names, dtype=object))
    chosen = np.append(of_name, -1)[codes]
    return pd.Categorical.from_codes(chosen, pd.Index(distinct, dtype="str"))


def codes_of(column: pd.Series[Any]) -> Ints:
    """The codes of a category column; -1 is null."""
    return np.asarray(column.cat.codes, dtype=np.int64)


def earliest(group: Ints, n_groups: int, time: Ints, name_of: Callable[[Ints], Any]) -> Ints:
    """Of each group (none empty): the place of its earliest member.

    Of equally early ones it is the one whose name, ``name_of(places)``, sorts first: a choice that
    does not depend on the order of rows or on which part of the log a member is in.
    """
    lowest = np.full(n_groups, np.iinfo(np.int64).max)
    np.minimum.at(lowest, group, time)
    tied = np.flatnonzero(time == lowest[group])
    if len(tied) > n_groups:
        rivals = pd.DataFrame({"group": group[tied], "name": name_of(tied)})
        tied = tied[rivals.sort_values(["group", "name"], kind="stable").index]
    first = np.empty(n_groups, dtype=np.int64)
    first[group[tied[::-1]]] = tied[::-1]
    return first
