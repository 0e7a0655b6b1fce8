"""Tables that somebody gives: DataFrames, and those of other libraries, as a log holds them."""

from __future__ import annotations

from typing import Any, Final, Protocol

import pandas as pd
import pyarrow as pa

from workbench.capture.reading.arrays import beside_array, series, together
from workbench.capture.reading.arrow_columns import as_held
from workbench.capture.reading.python_objects import column_as_held


class ArrowTable(Protocol):
    """A table of pandas, Polars, DuckDB, PyArrow or any other that speaks Arrow's PyCapsule interface.

    See https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.
    """

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Its rows, as a stream of Arrow's."""


def table_in(given: Any) -> pd.DataFrame | None:
    """What is given, if it is a table, as a DataFrame."""
    if isinstance(given, pd.DataFrame):
        return given
    if isinstance(given, pd.Series) or not hasattr(given, "__arrow_c_stream__"):
        return None
    try:
        table = pa.table(given)
    except (TypeError, ValueError):
        return None
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def frame_as_held(events: pd.DataFrame) -> pd.DataFrame:
    """A DataFrame whose columns of objects and of Arrow's types are as they are of a file that was read.

    An index that has a name is a column like any other. Of a period it is known when it begins.
    """
    named = [name for name in events.index.names if name is not None and name not in events]
    events = events.reset_index(level=named) if named else events
    if not any(dtype == "object" or isinstance(dtype, _OTHERS) for dtype in events.dtypes):
        return events
    columns = [_as_held(events.iloc[:, place]) for place in range(len(events.columns))]
    return pd.concat(columns, axis="columns").set_axis(events.columns, axis="columns")


def _as_held(column: pd.Series[Any]) -> pd.Series[Any]:
    if column.dtype == "object":
        return column_as_held(column)
    if isinstance(column.dtype, pd.PeriodDtype):
        begun: pd.Series[Any] = column.dt.start_time
        return begun
    if not isinstance(column.dtype, pd.ArrowDtype):
        return column
    found = pa.array(column)
    chunks = found.chunks if isinstance(found, pa.ChunkedArray) else [found]
    held = series(together([beside_array(as_held(chunk)) for chunk in chunks]))
    return held.set_axis(column.index)


_OTHERS: Final = (pd.ArrowDtype, pd.PeriodDtype)
