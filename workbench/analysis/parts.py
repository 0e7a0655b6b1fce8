"""Parts of an answer: what one share of the flows has to say, in a form that adds up.

A question that is put to a log larger than memory is put to shares of it, split by flow. Each gives
a *part*, a compact table whose texts are categories; the parts together give the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from workbench.analysis.arrays import mixed
from workbench.analysis.order import depth_in_order
from workbench.analysis.wording import count

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Sequence

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex

HOP = ("cause_type", "effect_type", "service")
"""The columns that name a kind of hop; the service is the one that emitted the effect."""


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


def named(codes: Ints, names: Any) -> pd.Categorical:
    """Texts as categories, from codes and the names (an array or a list) that they index; -1 is null.

    Names that are alike become one.
    """
    alike, distinct = pd.factorize(np.asarray(names, dtype=object))
    places: Any = codes if len(distinct) == len(alike) else np.append(alike, -1)[codes]
    return pd.Categorical.from_codes(places, pd.Index(distinct, dtype="str"))


def hop_kinds(index: FlowIndex) -> tuple[Ints, Ints]:
    """Number the kinds of hop.

    Returns
    -------
    tuple of numpy.ndarray of int64
        Of each event the kind of the hop that it ends, -1 if it has no cause in its flow; and the
        kinds, as keys that :func:`hop_names` reads.
    """
    n_types, n_sources = len(index.type_names), len(index.source_names)
    effect = np.flatnonzero(index.cause >= 0)
    before = index.type[index.cause[effect]].astype(np.int64)
    key = (before * n_types + index.type[effect]) * n_sources + index.source[effect]
    code, kinds = pd.factorize(key, sort=True)
    kind = np.full(len(index.cause), -1)
    kind[effect] = code
    return kind, np.asarray(kinds, dtype=np.int64)


def hop_names(index: FlowIndex, kinds: Ints) -> dict[str, pd.Categorical]:
    """Name kinds of hop, as the three columns of ``HOP``."""
    n_sources = len(index.source_names)
    pair, source = np.divmod(kinds, n_sources)
    before, after = np.divmod(pair, len(index.type_names))
    return {
        "cause_type": named(before, index.type_names),
        "effect_type": named(after, index.type_names),
        "service": named(source, index.source_names),
    }


def causes_of(index: FlowIndex) -> dict[Hashable | None, Any]:
    """Where causes are from, as the ``attrs`` of a part: :func:`inferred_from` says it."""
    return {"inferred": int(index.inferred.sum()), "causes_from": index.causes_from}


def inferred_from(parts: Sequence[pd.DataFrame]) -> str:
    """A sentence, after a blank, that says how many causes were inferred, and from what."""
    n = sum(piece.attrs["inferred"] for piece in parts)
    if not n:
        return ""
    told = next(piece.attrs["causes_from"] for piece in parts if piece.attrs["causes_from"])
    return f" {count(n, 'cause')} inferred from {told}."


def hop_text(cause: str, effect: str, service: str) -> str:
    """How a kind of hop is written: ``A → B (service)``."""
    return f"{cause} → {effect} ({service})"


def path_keys(index: FlowIndex) -> Ints:
    """Name the path of each flow by a number that is the same in every log.

    As :class:`~workbench.analysis.variants.Variants` tells paths apart, but by the names of the
    types, which two logs share, and not by their codes, which they don't.
    """
    kinds = np.asarray(pd.util.hash_array(index.type_names, categorize=False), dtype=np.uint64)
    stage = mixed(depth_in_order(index.after).view(np.uint64))
    return np.add.reduceat(mixed(kinds[index.type] + stage), index.start[:-1]).view(np.int64)
