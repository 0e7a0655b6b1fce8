"""The order of events: total, deterministic, and with no effect before its cause.

Captured logs hold tied times, rows in any order and clocks that disagree, so order is decided by
what the events say and never by where their rows happen to stand. Only ties cost more than one sort
by time, and only flows in which an effect stands before its cause are put right.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Rank: TypeAlias = Callable[[pd.DataFrame, Ints], Ints]
"""Given a frame and some of its rows, numbers that sort those rows."""


def total_order(frame: pd.DataFrame) -> Ints:
    """Sort rows by time, then channel, partition, offset, then id, then a hash of the content.

    Rows still tied after that are equal in every column.

    Returns
    -------
    numpy.ndarray of int64
        The positions of the frame's rows, first event first.
    """
    time = nanoseconds(frame["time"])
    order = np.argsort(time, kind="stable").astype(np.int64)
    tied = np.diff(time[order], prepend=0) == 0
    tied[:1] = False
    for rank in _TIE_BREAKERS:
        if not tied.any():
            break
        _break_ties(order, tied, frame, rank)
    return order


def _break_ties(order: Ints, tied: Bools, frame: pd.DataFrame, rank: Rank) -> None:
    """Sort each run of ties by a rank; ``tied`` says who is tied with the one before."""
    run = np.cumsum(~tied)
    at = np.flatnonzero(tied | np.append(tied[1:], False))
    key = rank(frame, order[at])
    by_rank = np.lexsort((key, run[at]))
    order[at] = order[at][by_rank]
    tied[at] &= np.diff(key[by_rank], prepend=0) == 0


def _channel(frame: pd.DataFrame, rows: Ints) -> Ints:
    return np.asarray(frame["channel"].cat.codes, dtype=np.int64)[rows]


def _partition(frame: pd.DataFrame, rows: Ints) -> Ints:
    return frame["partition"].to_numpy(np.int64)[rows]


def _offset(frame: pd.DataFrame, rows: Ints) -> Ints:
    return frame["offset"].to_numpy()[rows]


def _id(frame: pd.DataFrame, rows: Ints) -> Ints:
    return pd.factorize(frame["id"].iloc[rows], sort=True)[0].astype(np.int64)


def _content(frame: pd.DataFrame, rows: Ints) -> Ints:
    tied = frame.iloc[rows]
    lines = zip(*(tied[name].astype("object").tolist() for name in tied), strict=True)
    digests = np.array([_digest(line) for line in lines], dtype=object)
    return pd.factorize(digests, sort=True)[0].astype(np.int64)


def _digest(cells: tuple[Any, ...]) -> bytes:
    return blake2b(repr(cells).encode(errors="surrogatepass"), digest_size=16).digest()


_TIE_BREAKERS = (_channel, _partition, _offset, _id, _content)


def nanoseconds(times: pd.Series[Any]) -> Ints:
    """Whole nanoseconds since 1970 of a column of times."""
    return np.asarray(times.dt.tz_localize(None), dtype="datetime64[ns]").view(np.int64)


def utc(nanoseconds: Ints) -> pd.DatetimeIndex:
    """Return times from whole nanoseconds since 1970."""
    return pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"), tz="UTC")


def without_cycles(cause: Ints) -> Ints:
    """Drop the cause of the first event of every ring of causes.

    Parameters
    ----------
    cause
        For each event, in total order, the position of its cause; -1 for none.
    """
    ancestor, first = cause.copy(), np.arange(len(cause))
    for _ in range(len(cause).bit_length()):
        known = ancestor >= 0
        if not known.any():
            return cause
        first[known] = np.minimum(first[known], first[ancestor[known]])
        ancestor[known] = ancestor[ancestor[known]]
    # Further back than there are events, only those on a ring still have an ancestor, and what they
    # have is a member of the ring; the ring's smallest member is the first that it met.
    on_ring = np.unique(ancestor[ancestor >= 0])
    opened = cause.copy()
    opened[np.unique(first[on_ring])] = -1
    return opened


def causal_order(cause: Ints) -> Ints:
    """Move every event that stands before its cause to right behind it.

    Parameters
    ----------
    cause
        For each event, in total order, the position of its cause; -1 for none. No rings.

    Returns
    -------
    numpy.ndarray of int64
        The positions in the new order. An event stands where the latest of its ancestors and itself
        stood; events that share such a place follow each other from cause to effect.
    """
    place, ancestor = np.arange(len(cause)), cause.copy()
    while (known := ancestor >= 0).any():
        place[known] = np.maximum(place[known], place[ancestor[known]])
        ancestor[known] = ancestor[ancestor[known]]
    return np.lexsort((np.arange(len(cause)), depth(cause), place))


def depth(cause: Ints) -> Ints:
    """Count the ancestors of each event; in as many passes as the deepest has binary digits."""
    ancestor, count = cause.copy(), (cause >= 0).astype(np.int64)
    while (known := ancestor >= 0).any():
        count[known] += count[ancestor[known]]
        ancestor[known] = ancestor[ancestor[known]]
    return count
