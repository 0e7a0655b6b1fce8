"""The services' logs as one table: what happened, in causal order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from workbench.analysis.arrays import Ints
from workbench.analysis.causal_order import causal_order, without_rings
from workbench.errors import ServiceError
from workbench.moments import moment_of
from workbench.services.log_file import read_log
from workbench.services.log_lines import FIELDS, LEVELS
from workbench.services.spec import instance_number, service_of

_TEXTS = [
    name
    for name in FIELDS
    if name not in {"time", "instance", "partition", "offset", "attempt", "duration_ms", "due"}
    and name != "payload"
]
_NUMBERS = ["instance", "partition", "offset", "attempt"]
_DONE = ("handled", "compensated")


def read_logs(
    folder: Path,
    *,
    correlation_id: str | None = None,
    service: str | None = None,
    level: str | None = None,
    since: datetime | str | None = None,
    event_id: str | None = None,
) -> pd.DataFrame:
    """The lines of all logs in a folder; :meth:`Workbench.logs` says what is in it.

    Raises
    ------
    ServiceError
        There is no such level, or ``since`` is no time.
    """
    if level is not None and level not in LEVELS:
        known = ", ".join(f"{name!r}" for name in LEVELS)
        raise ServiceError(f"the level is one of {known}, not {level!r}.")
    wanted = {"correlation_id": correlation_id, "event_id": event_id}
    asked = {name: value for name, value in wanted.items() if value is not None}
    if service is not None:
        asked["service"] = service_of(service)
    lines, rejected = [], 0
    for path in sorted(folder.glob("*.jsonl")):
        for line in _lines(path, list(asked.values())):
            if line is None:
                rejected += 1
            elif _fits(line, asked, service, level):
                lines.append(line)
    frame = _frame(lines)
    readable = frame["time"].notna()
    rejected += int((~readable).sum())
    frame = frame[readable]
    if since is not None:
        frame = frame[frame["time"] >= moment_of(since, "since", ServiceError)]
    frame = _ordered(frame.reset_index(drop=True))
    frame.attrs["rejected"] = rejected
    return frame


def _lines(path: Path, texts: list[str]) -> Iterator[dict[str, Any] | None]:
    """The lines that may hold some texts; ``None`` for one that is none of ours."""
    needles = [orjson.dumps(text)[1:-1] for text in texts]
    for raw in read_log(path):
        if not raw.strip() or not all(needle in raw for needle in needles):
            continue
        try:
            line = orjson.loads(raw)
        except orjson.JSONDecodeError:
            yield None
            continue
        ours = isinstance(line, dict) and all(
            isinstance(line.get(name), str) for name in ("time", "level", "service", "event")
        )
        yield line if ours else None


def _fits(
    line: dict[str, Any], asked: dict[str, str], service: str | None, level: str | None
) -> bool:
    if any(line.get(name) != value for name, value in asked.items()):
        return False
    if service is not None and "/" in service and line.get("instance") != instance_number(service):
        return False
    return level is None or LEVELS.get(line["level"], 0) >= LEVELS[level]


def _frame(lines: list[dict[str, Any]]) -> pd.DataFrame:
    columns: dict[str, Any] = {name: [line.get(name) for line in lines] for name in FIELDS}
    frame = pd.DataFrame(columns, columns=list(FIELDS), dtype="object")
    for name in ("time", "due"):
        times = pd.to_datetime(
            pd.Series([v if isinstance(v, str) else None for v in columns[name]], dtype="str"),
            utc=True,
            format="ISO8601",
            errors="coerce",
        )
        frame[name] = times.astype("datetime64[ns, UTC]")
    for name in _TEXTS:
        texts = [v if v is None or isinstance(v, str) else str(v) for v in columns[name]]
        frame[name] = pd.Series(texts, dtype="str")
    for name in _NUMBERS:
        whole = [v if type(v) is int and abs(v) < 1 << 62 else None for v in columns[name]]
        frame[name] = pd.Series(whole, dtype="Int64")
    frame["duration_ms"] = pd.to_numeric(
        pd.Series([v if isinstance(v, float) else None for v in columns["duration_ms"]]),
    ).astype("float64")
    frame["fields"] = pd.Series(
        [{name: v for name, v in line.items() if name not in FIELDS} for line in lines],
        dtype="object",
    )
    return frame


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """By time, and no line about an effect before the line that its cause was handled."""
    frame = frame.sort_values("time", kind="stable", ignore_index=True)
    cause = without_rings(_causes(frame))
    if not (cause > np.arange(len(cause))).any():
        return frame
    return frame.iloc[causal_order(cause)].reset_index(drop=True)


def _causes(frame: pd.DataFrame) -> Ints:
    """Of each line: where its event's emitter says that it has handled the cause; -1 if nowhere."""
    done = frame[frame["event"].isin(_DONE) & frame["logger"].isna()]
    where: dict[tuple[Any, Any], int] = {}
    for at, service, event_id in zip(done.index, done["service"], done["event_id"], strict=True):
        where.setdefault((service, event_id), at)
    sought = zip(frame["source"], frame["causation_id"], strict=True)
    return np.array([where.get(key, -1) for key in sought], dtype=np.int64)
