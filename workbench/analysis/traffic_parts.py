"""What the questions about traffic share, to be asked of parts of a log and to add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.analysis.order import category_codes
from workbench.analysis.parts import named, together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pandas.api.typing import DataFrameGroupBy

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex


def stacked(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the rows of all parts in one table; its categories are those in use, by name."""
    table = together(parts)
    for name, column in table.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            table[name] = column.cat.remove_unused_categories()
    return table


def total(parts: Sequence[pd.DataFrame], fact: str) -> int:
    """Add up a number that each part notes in its ``attrs``."""
    return sum(int(part.attrs.get(fact, 0)) for part in parts)


def codes_of(column: pd.Series[Any]) -> Ints:
    """The codes of a category column; -1 is null."""
    return category_codes(column).astype(np.int64)


def coded(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Make columns of texts categories, whose own dtype is text even where there is no text."""
    columns = {}
    for name in names:
        column = table[name].astype("str")
        codes, distinct = pd.factorize(column)
        columns[name] = named(np.asarray(codes, dtype=np.int64), np.asarray(distinct, dtype=object))
    return table.assign(**columns)


def firsts(found: pd.DataFrame, groups: DataFrameGroupBy[Any, Any]) -> pd.DataFrame:
    """The first row of each group, in the order in which the groups are aggregated."""
    number = groups.ngroup()
    first = ~number.duplicated()
    return found[first].iloc[np.argsort(number[first].to_numpy())].reset_index(drop=True)


def events_once(index: FlowIndex) -> Ints:
    """The frame's rows of every event, each once, in a flow or in none; in no order."""
    return np.concatenate([index.row, index.flowless])


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
