"""What others write where there is nothing: no cause, no flow, no failure."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_NOTHING: Final = r"|-|none|null|nil|nan|nat|n/?a|<na>|\(null\)|\[null\]|<null>|<nil>|\\n|0{8}-0{4}-0{4}-0{4}-0{12}"

_LONGEST: Final = 6
"""Letters of such a text, but for one of zeros."""
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


def without_nothing(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with null where an id, a flow or a cause is such a text; of the standard columns."""
    patterns = {"id": NO_ID, "correlation_id": NO_ID, "causation_id": no_cause(zero=True)}
    told = {name: _told(frame[name], pattern) for name, pattern in patterns.items()}
    changed = {name: column for name, column in told.items() if column is not None}
    return frame.assign(**changed) if changed else frame


def _told(column: pd.Series[Any], pattern: str) -> pd.Series[Any] | None:
    """A column of text without such texts; ``None`` if there are none."""
    texts = pa.array(column, from_pandas=True)
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    few = pc.or_(pc.less_equal(pc.binary_length(texts), _LONGEST), pc.starts_with(texts, "00"))
    places = pc.indices_nonzero(pc.fill_null(few, fill_value=False))  # patterns are slow
    nothing = pc.match_substring_regex(texts.take(places), pattern)
    if not pc.any(nothing).as_py():
        return None
    return column.mask(column.index.isin(column.index[places.filter(nothing).to_numpy()]))
