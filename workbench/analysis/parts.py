"""Parts of an answer, made of parts of a log, put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pandas.api.types import union_categoricals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from workbench.analysis.order import Ints


def together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Stack tables that have the same columns; categories stay categories, sorted by name.

    So equal rows have equal codes, however a log was divided.
    """
    columns = {}
    for name in parts[0].columns:
        pieces = [part[name] for part in parts]
        if isinstance(pieces[0].dtype, pd.CategoricalDtype):
            joined = union_categoricals(pieces, sort_categories=True, ignore_order=True)
            columns[name] = pd.Series(joined)
        else:
            columns[name] = pd.concat(pieces, ignore_index=True)
    return pd.DataFrame(columns)


def named(codes: Ints, names: Any) -> pd.Categorical:
    """Give codes the names (an array or a list) that they index, all different; -1 is null."""
    dtype = pd.CategoricalDtype(pd.Index(names, dtype="str"))
    return pd.Categorical.from_codes(codes, dtype=dtype)
