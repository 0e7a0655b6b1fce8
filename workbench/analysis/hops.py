"""How long does each service take from cause to effect, and how much of that does it wait?

A hop has up to three parts. *Sending*: from the cause's time until the broker had it. *Waiting*: from
then until the effect's service began. *Processing*: from then until the effect's time. A log tells
the first where it has broker times. It tells when a service began only by a column ``started`` (a
time, of the effect), or of spans, whose time is their beginning and whose ``duration_ns`` is how long
was worked. What a log doesn't tell is null.

A log may be divided by flow: what its parts give adds up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
import pandas as pd
from numba import njit

from workbench.analysis.answer import Answer
from workbench.analysis.hop_kinds import HOP, hop_kinds, hop_names
from workbench.analysis.order import nanoseconds
from workbench.analysis.parts import inferred_from, named, together
from workbench.analysis.quantiles import Ranked
from workbench.analysis.threads import cuts, in_ranges
from workbench.analysis.wording import count, length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from workbench.analysis.arrays import Ints
    from workbench.analysis.index import FlowIndex

_PARTS: Final = ("sending", "waiting", "processing")
_UNKNOWN: Final = np.iinfo(np.int64).min


def part(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """The hops of a part of a log, of which ``frame`` is the frame: their kind and times, in ns."""
    effect = np.flatnonzero(index.cause >= 0)
    of_event, kinds = hop_kinds(index)
    kind, latency = np.empty(len(effect), np.int64), np.empty(len(effect), np.int64)
    in_ranges(
        lambda first, end: _measure(
            effect[first:end],
            index.cause,
            index.time,
            of_event,
            kind[first:end],
            latency[first:end],
        ),
        cuts(len(effect)),
    )
    hops = pd.DataFrame({"hop": named(kind, _written(hop_names(index, kinds))), "latency": latency})
    at_broker = sent = None
    if (broker_time := _times(frame, "broker_time")) is not None:
        cause = index.cause[effect]
        at_broker = broker_time[index.row[cause]]
        sent = _minus(at_broker, index.time[cause])
    began, worked = _begun(frame, index, effect)
    for name, times in zip(_PARTS, (sent, _minus(began, at_broker), worked), strict=True):
        if times is not None:
            hops[name] = times
    hops.attrs = {"inferred": int(index.inferred.sum()), "causes_from": index.causes_from}
    return hops


@njit(cache=True, nogil=True)
def _measure(
    effect: Ints, cause: Ints, time: Ints, of_event: Ints, kind: Ints, latency: Ints
) -> None:
    """What kind of hop some effects end, and how long it took."""
    for n in range(len(effect)):
        event = effect[n]
        kind[n], latency[n] = of_event[event], time[event] - time[cause[event]]


def whole(parts: Sequence[pd.DataFrame]) -> Answer:
    """Put the parts of a log together; ``EventLog.hops`` documents the columns."""
    columns = [name for name in _PARTS if any(name in piece for piece in parts)]
    hops = parts[0]
    if len(parts) > 1:
        hops = together([piece.assign(**_missing(piece, columns)) for piece in parts])
    kind: Ints = np.asarray(hops["hop"].cat.codes, dtype=np.int64)
    n = len(hops["hop"].cat.categories)
    latency = Ranked.of(hops["latency"].to_numpy(), kind, n)
    p50, p95, p99, top = latency.quantiles([0.5, 0.95, 0.99, 1]) / 1e6
    table = pd.DataFrame(
        {
            **_read(hops["hop"].cat.categories),
            "n": np.diff(latency.start),
            "mean_ms": latency.means() / 1e6,
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "max_ms": top,
        }
    )
    for name in _PARTS:
        table[f"{name}_ms"] = _medians(hops[name].to_numpy(), kind, n) if name in hops else np.nan
    table = table[table["n"] > 0].sort_values(list(HOP))
    table = table.sort_values("n", ascending=False, kind="stable", ignore_index=True)
    from workbench.analysis.plots import plot_hops

    negative = int((hops["latency"] < 0).sum())
    return Answer(table, _sentence(table, negative, parts), plot_hops)


def _medians(times: Ints, kind: Ints, n: int) -> NDArray[np.float64]:
    """The median of each kind, in milliseconds, of what is known."""
    told = times != _UNKNOWN
    median: NDArray[np.float64] = Ranked.of(times[told], kind[told], n).quantiles([0.5])[0] / 1e6
    return median


def _written(names: Mapping[str, pd.Categorical]) -> list[str]:
    """Kinds of hop, each as one text that no other kind has."""
    return [
        orjson.dumps(kind).decode() for kind in zip(*(names[name] for name in HOP), strict=True)
    ]


def _read(texts: pd.Index[str]) -> dict[str, Any]:
    """The columns that name kinds of hop."""
    kinds = [orjson.loads(text) for text in texts]
    return {name: pd.array([kind[n] for kind in kinds], dtype="str") for n, name in enumerate(HOP)}


def _begun(frame: pd.DataFrame, index: FlowIndex, effect: Ints) -> tuple[Ints | None, Ints | None]:
    """When the service of each effect began, and how long it worked."""
    began, worked, time = None, None, index.time[effect]
    if (started := _times(frame, "started")) is not None:
        began = started[index.row[effect]]
        worked = _minus(time, began)
    if "duration_ns" not in frame:
        return began, worked
    unknown = np.full(len(effect), _UNKNOWN)
    began, worked = unknown if began is None else began, unknown if worked is None else worked
    told = pd.to_numeric(frame["duration_ns"].iloc[index.row[effect]], errors="coerce")
    span = told.notna().to_numpy() & (began == _UNKNOWN)
    lengths = told.astype("float64").fillna(0).to_numpy().astype(np.int64)
    return np.where(span, time, began), np.where(span, lengths, worked)


def _times(frame: pd.DataFrame, name: str) -> Ints | None:
    """A column of times, in nanoseconds; ``_UNKNOWN`` where there is none.

    None if there is none at all.
    """
    if name not in frame or not isinstance(frame[name].dtype, pd.DatetimeTZDtype):
        return None
    column = frame[name]
    if column.dtype != "datetime64[ns, UTC]":
        column = column.astype("datetime64[ns, UTC]")
    times = nanoseconds(column)  # NaT is the number for unknown
    return None if times.max(initial=_UNKNOWN) == _UNKNOWN else times


def _minus(end: Ints | None, start: Ints | None) -> Ints | None:
    if end is None or start is None:
        return None
    known = (end != _UNKNOWN) & (start != _UNKNOWN)
    return np.where(known, end - np.where(known, start, 0), _UNKNOWN)


def _missing(piece: pd.DataFrame, columns: list[str]) -> dict[str, Any]:
    return {name: piece.get(name, pd.Series(_UNKNOWN, index=piece.index)) for name in columns}


def _sentence(table: pd.DataFrame, negative: int, parts: Sequence[pd.DataFrame]) -> str:
    if table.empty:
        return "No event here names a cause in its own flow, so there are no hops."
    slowest = table.iloc[int(table["p95_ms"].argmax())]
    said = (
        f"{count(int(table['n'].sum()), 'hop')} of {count(len(table), 'kind')}; the slowest is "
        f"{slowest['cause_type']} → {slowest['effect_type']} by {slowest['service']}: half take "
        f"{length(slowest['p50_ms'] / 1e3)} or less, 95 % {length(slowest['p95_ms'] / 1e3)}."
    )
    if negative:
        stand = "effect stands before its cause" if negative == 1 else "effects before their causes"
        said += f" {negative:,} {stand}, so clocks differ: see log.skew()."
    return said + inferred_from(parts)
