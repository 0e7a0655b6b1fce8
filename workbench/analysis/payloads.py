"""The payloads of one event type, as they were captured, and where each stood."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm.auto import tqdm

from workbench.analysis.order import total_order
from workbench.analysis.wording import shown
from workbench.capture.columns import DEAD_LETTER
from workbench.choreography.impact import Captured
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACE = ("id", "channel", "partition", "offset")


def payloads_of(frame: pd.DataFrame, event_type: str, *, progress: bool) -> Iterator[Captured]:
    """The payloads in a standard frame; see :meth:`EventLog.payloads_of`."""
    if not isinstance(event_type, str):
        raise LogError(f"payloads_of takes an event type, and {shown(event_type)} is no text.")
    wanted = (frame["type"] == event_type).to_numpy()
    if DEAD_LETTER in frame:
        wanted = wanted & frame[DEAD_LETTER].isna().to_numpy()
    rows = frame[wanted]
    rows = rows.iloc[total_order(rows)]
    named, placed = rows["id"].notna().to_numpy(), (rows["offset"] >= 0).to_numpy()
    again = rows.duplicated(["source", "id"]).to_numpy() & named
    again |= rows.duplicated(list(_PLACE)).to_numpy() & ~named & placed
    rows = rows[~again]
    columns = [_values(rows, name) for name in (*_PLACE, "dataschema", "data")]
    found = starmap(Captured, zip(*columns, strict=True))
    if not progress:
        return found
    return iter(tqdm(found, desc="payloads", total=len(rows), unit="", disable=None, leave=False))


def _values(rows: pd.DataFrame, name: str) -> list[Any]:
    if name not in rows:
        return [None] * len(rows)
    column = rows[name].astype(object)
    if name != "data":
        column = column.where(column.notna(), None)
    return list(column)
