"""Old events as new: each payload as a reader of one version reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from workbench.analysis.arguments import check_versions
from workbench.choreography import Choreography
from workbench.errors import EventError
from workbench.events.event_type import parse_dataschema

if TYPE_CHECKING:
    from collections.abc import Mapping

UNREADABLE: Final = "unreadable"
"""The column that says why a row's payload was left as it was; null where it could be read."""


def upcast(
    frame: pd.DataFrame, design: Choreography, versions: Mapping[str, int] | None
) -> pd.DataFrame:
    """A standard frame with its payloads read by a design; see :meth:`EventLog.upcast`."""
    check_versions(versions)
    wanted = {name: (version,) for name, version in (versions or {}).items()}
    known = {name: design.versions(name) for name in {*design.event_types, *wanted}}
    for name, reads in wanted.items():
        known[name].check(reads)
    schemas = _dataschemas(frame)
    payloads: list[Any] = []
    named: list[str | None] = []
    reasons: list[str | None] = []
    for type_, dataschema, data in zip(frame["type"], schemas, frame["data"], strict=True):
        reason = None
        reader = known.get(type_)
        if reader is not None:
            try:
                reading = reader.read(data, dataschema, wanted.get(type_, ()))
            except EventError as error:
                reason = str(error)
            else:
                data, dataschema = reading.data, reading.event_type.dataschema
        payloads.append(data)
        named.append(dataschema)
        reasons.append(reason)
    columns = {"data": payloads, "dataschema": named, UNREADABLE: reasons}
    index = frame.index
    return frame.assign(**{n: pd.Series(v, index, dtype=object) for n, v in columns.items()})


def unreadable(frame: pd.DataFrame) -> pd.DataFrame:
    """What could not be read, by reason; see :meth:`EventLog.unreadable`."""
    reasons = frame.get(UNREADABLE)
    rows = frame if reasons is None else frame[reasons.notna()]
    found = pd.DataFrame(
        {
            "type": rows["type"].astype("str"),
            "version": pd.array(
                [named[1] if (named := parse_dataschema(s)) else None for s in _dataschemas(rows)],
                dtype="Int64",
            ),
            "reason": rows[UNREADABLE].astype("str") if reasons is not None else "",
            "example": rows["id"],
        }
    )
    if reasons is None:
        found = found.iloc[:0]
    groups = found.groupby(["type", "version", "reason"], dropna=False, sort=False)["example"]
    table = groups.agg(events="size", example="first").reset_index()
    order = ["events", "type", "version", "reason"]
    table = table.sort_values(order, ascending=[False, True, True, True], ignore_index=True)
    return table[["type", "version", "events", "reason", "example"]]


def _dataschemas(frame: pd.DataFrame) -> list[str | None]:
    """What each row says its version is; null in a log that was captured elsewhere."""
    if "dataschema" not in frame:
        return [None] * len(frame)
    return [value if isinstance(value, str) else None for value in frame["dataschema"]]
