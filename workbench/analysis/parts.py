"""Parts of an answer: what one share of the flows has to say, in a form that adds up.

A question that is put to a log larger than memory is put to shares of it, split by flow. Each gives
a *part*, a compact table whose texts are categories; the parts together give the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from pandas.api.types import union_categoricals

from workbench.analysis.wording import count

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Sequence

    from workbench.analysis.arrays import Ints, Small
    from workbench.analysis.index import FlowIndex


def together(parts: Iterable[pd.DataFrame], *, unsorted: Collection[str] = ()) -> pd.DataFrame:
    """Stack tables that have the same columns; categories stay categories, sorted by name.

    So equal rows have equal codes, however a log was divided. Those of the columns ``unsorted``
    are left as they come: there may be millions.
    """
    tables = list(parts)
    columns = {}
    for name in tables[0]:
        pieces: list[Any] = [table[name] for table in tables]
        if isinstance(pieces[0].dtype, pd.CategoricalDtype):
            in_order = name not in unsorted
            united = union_categoricals(pieces, sort_categories=in_order, ignore_order=True)
            columns[name] = pd.Series(united)
        else:
            columns[name] = pd.concat(pieces, ignore_index=True)
    return pd.DataFrame(columns)


def named(codes: Ints | Small, names: Any) -> pd.Categorical:
    """Texts as categories, from codes and the names (an array or a list) that they index; -1 is null.

    Names that are alike become one.
    """
    if not isinstance(names, ExtensionArray):
        names = np.asarray(names, dtype=object)
    alike, distinct = pd.factorize(names)
    places: Any = codes if len(distinct) == len(alike) else np.append(alike, -1)[codes]
    return pd.Categorical.from_codes(places, pd.Index(distinct, dtype="str"), validate=False)


def causes_of(index: FlowIndex) -> dict[Hashable | None, Any]:
    """Where causes are from, as the ``attrs`` of a part: :func:`inferred_from` says it."""
    return {"inferred": int(np.count_nonzero(index.inferred)), "causes_from": index.causes_from}


def times_of(index: FlowIndex) -> dict[Hashable | None, Any]:
    """As :func:`causes_of`, and in how many flows times are guessed: :func:`untimed_flows` says it."""
    return causes_of(index) | {"untimed_flows": int(np.count_nonzero(~index.fully_timed))}


class Attributed(Protocol):
    """What says where its causes are from, as a DataFrame does."""

    @property
    def attrs(self) -> dict[Hashable | None, Any]:
        """What :func:`causes_of` gives, and more."""


def inferred_from(parts: Sequence[Attributed]) -> str:
    """A sentence, after a blank, that says how many causes were inferred, and from what."""
    n = sum(piece.attrs["inferred"] for piece in parts)
    if not n:
        return ""
    told = next(piece.attrs["causes_from"] for piece in parts if piece.attrs["causes_from"])
    return f" {count(n, 'cause')} inferred from {told}."


def untimed_flows(parts: Iterable[Attributed]) -> str:
    """A sentence, after a blank, that says how many flows can't be timed from beginning to end."""
    n = sum(piece.attrs["untimed_flows"] for piece in parts)
    if not n:
        return ""
    whose = "an event of it says" if n == 1 else "an event of each says"
    return f" How long {count(n, 'flow')} took is not known: {whose} no time of its own."
