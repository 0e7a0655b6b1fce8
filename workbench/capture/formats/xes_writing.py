"""Event logs as XES, for tools of process mining (``pm4py.read_xes``, ProM, Disco).

What ``write_log`` writes to a path that ends in ``.xes``. A flow is a trace, see ``workbench.capture.formats.xes`` for what stands where. Reading it gives the
same events again, but that times beside the standard ones come back as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final, TypeAlias
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd
from pandas.api.types import (
    is_bool_dtype,
    is_datetime64_any_dtype,
    is_float_dtype,
    is_integer_dtype,
)

from workbench.capture.columns import UNKNOWN
from workbench.capture.json_text import json_text
from workbench.capture.payload_column import payload_texts

_BEGINNING: Final = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
<extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
<extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
<global scope="trace">
<string key="concept:name" value="unknown"/>
</global>
<global scope="event">
<string key="concept:name" value="unknown"/>
<date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/>
</global>
<classifier name="Type" keys="concept:name"/>
"""
JSON_KEYS: Final = "workbench:json"
"""An attribute of the log: the keys of those of its events whose text is JSON."""

_KEYS: Final = {"type": "concept:name", "time": "time:timestamp", "source": "org:resource"}
_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""
_Places = np.ndarray[Any, np.dtype[np.intp]]
_Truths = np.ndarray[Any, np.dtype[np.bool_]]

Advance: TypeAlias = Callable[[int], object]

_BATCH: Final = 10_000
"""Events that are turned into text at a time, so that memory doesn't grow with the log."""


def write_xes(frame: pd.DataFrame, file: BinaryIO, advance: Advance) -> None:
    r"""Write an event log as XES.

    Parameters
    ----------
    frame
        As ``standard_frame`` returns it. Events without a flow go into one trace without a name.
        Characters that XML can't hold (``\x00``) become ``\ufffd``.
    file
        Where to.
    advance
        Told how many events were written since it was last told.
    """
    for text in _document(frame, advance):  # noqa: FURB122 - the writer of zstd has no writelines
        file.write(text.encode("utf-8", "replace"))


def _document(frame: pd.DataFrame, advance: Advance) -> Iterator[str]:
    yield _BEGINNING
    nested = [name for name in frame.columns if frame[name].dtype in ("json", "object")]
    yield _attribute("string", JSON_KEYS, json_text(nested).decode())
    rows, begins = _by_flow(frame)
    flows = frame["correlation_id"].astype("object")
    others = [name for name in frame.columns if name != "correlation_id"]
    for start in range(0, len(rows), _BATCH):
        batch = frame.iloc[rows[start : start + _BATCH]]
        columns = [_attributes(batch[name], _KEYS.get(name, name)) for name in others]
        for place, cells in enumerate(zip(*columns, strict=True), start=start):
            if begins[place]:
                flow = flows.iloc[rows[place]]
                name = "" if pd.isna(flow) else _attribute("string", "concept:name", str(flow))
                yield f"{'</trace>' if place else ''}<trace>\n{name}"
            yield f"<event>\n{''.join(cells)}</event>\n"
        advance(len(batch))
    yield "</trace>\n</log>\n" if len(rows) else "</log>\n"


def _by_flow(frame: pd.DataFrame) -> tuple[_Places, _Truths]:
    """The places of the rows, flow by flow as they begin, last those of none; and where one begins."""
    order = ["time", "channel", "partition", "offset", "id"]
    rows = frame.reset_index(drop=True).sort_values(order, kind="stable").index.to_numpy()
    codes, flows = pd.factorize(frame["correlation_id"].iloc[rows])
    codes = np.where(codes < 0, len(flows), codes)
    by_flow = np.argsort(codes, kind="stable")
    return rows[by_flow], np.diff(codes[by_flow], prepend=-1) != 0


def _attributes(series: pd.Series[Any], key: str) -> Iterator[str]:
    """A column as attributes; nothing where it is null."""
    kind, texts = _texts(series)
    unknown = str(UNKNOWN) if key in {"partition", "offset"} else None
    for text in texts:
        yield "" if text is None or text == unknown else _attribute(kind, key, text)


def _attribute(kind: str, key: str, text: str) -> str:
    return f"<{kind} key={_quoted(key)} value={_quoted(text)}/>\n"


def _quoted(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", text))


def _texts(series: pd.Series[Any]) -> tuple[str, list[str | None]]:
    """What kind of attribute a column is, and its cells as text."""
    dtype = series.dtype
    if dtype == "json":
        texts = payload_texts(series).to_pylist()
        # "null" tells an event without a payload from one whose attributes are its payload.
        return "string", [text or "null" for text in texts] if series.name == "data" else texts
    there = series.notna().to_numpy()
    if is_datetime64_any_dtype(dtype):
        zoned = isinstance(dtype, pd.DatetimeTZDtype)
        times = (series.dt.tz_convert(None) if zoned else series).to_numpy()
        found = [f"{text}+00:00" for text in np.datetime_as_string(times, unit="ns")]
        return "date", [
            text if is_there else None for text, is_there in zip(found, there, strict=True)
        ]
    cells = [cell if is_there else None for cell, is_there in zip(series, there, strict=True)]
    if is_bool_dtype(dtype):
        return "boolean", [None if cell is None else str(bool(cell)).lower() for cell in cells]
    if is_integer_dtype(dtype):
        return "int", [None if cell is None else str(int(cell)) for cell in cells]
    if is_float_dtype(dtype):
        return "float", [None if cell is None else repr(float(cell)) for cell in cells]
    if dtype == "object":
        return "string", [None if cell is None else _json(cell) for cell in cells]
    return "string", [None if cell is None else str(cell) for cell in cells]


def _json(cell: Any) -> str:
    try:
        return json_text(cell).decode()
    except (TypeError, ValueError, RecursionError):
        return str(cell)
