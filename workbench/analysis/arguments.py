"""What may be given to a log and its questions: checked before anything is counted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.asked import Asked
from workbench.analysis.wording import shown
from workbench.errors import LogError

_NUMBER: Final = re.compile(r"\s*[+-]?[\d_]*\.?\d+([eE][+-]?\d+)?\s*")


def checked_events(events: object) -> Iterable[Mapping[str, Any]]:
    """What is given, one mapping per event; raise a LogError if a log can't be made of it."""
    if _is_path(events):
        raise LogError(
            f"EventLog({_shown(events)}): EventLog takes events. EventLog.read({_shown(events)}) "
            "reads files."
        )
    if isinstance(events, Sequence) and len(events) and _is_path(events[0]):
        raise LogError(
            f"EventLog takes events, each a dict, and not paths: EventLog.read([{_shown(events[0])}, …]) "
            "reads files."
        )
    if isinstance(events, Mapping | bytes) or not isinstance(events, Iterable):
        raise LogError(
            f"EventLog takes a DataFrame or a list of events, each a dict, and not {_kind(events)}."
        )
    return _mappings(events)


def _mappings(events: Iterable[object]) -> Iterator[Mapping[str, Any]]:
    for n, event in enumerate(events):
        if not isinstance(event, Mapping):
            raise LogError(
                "EventLog takes a DataFrame or a list of events, each a dict, and event "
                f"{n} is {_kind(event)}."
            )
        yield event


def check_log(log: object, asked: str) -> None:
    """Raise a LogError unless it is a log."""
    if isinstance(log, Asked):
        return
    if _is_path(log):
        raise LogError(
            f"{asked} takes an EventLog, and not a path: give EventLog.read({_shown(log)})."
        )
    given = "a DataFrame: give EventLog(frame)" if isinstance(log, pd.DataFrame) else _kind(log)
    raise LogError(f"{asked} takes an EventLog, and not {given}.")


def check_design(design: object, asked: str, *, pairs: bool = False) -> None:
    """Raise a LogError unless it is a design.

    Parameters
    ----------
    pairs
        Whether a mapping of event types will do as well.
    """
    from workbench.choreography import Choreography

    if isinstance(design, Choreography) or (pairs and isinstance(design, Mapping)):
        return
    wanted = "a Choreography" + " or a dict {'OrderPlaced': ['OrderPaid']}" * pairs
    if _is_path(design):
        raise LogError(
            f"{asked} takes {wanted}, and not a path: give Choreography.load({_shown(design)})."
        )
    raise LogError(f"{asked} takes {wanted}, and not {_kind(design)}.")


_LEAST_MEMORY: Final = 100_000
"""Bytes: a hundred events or so to a bucket."""


def check_scan(folder: object, client: object, memory: object) -> None:
    """Raise a LogError unless a scan can take what is given."""
    if not _is_path(folder):
        raise LogError(
            f"EventLog.scan takes the path of a folder, and not {_kind(folder)}; EventLog.read takes "
            "lists of files as well."
        )
    if client is not None and not hasattr(client, "gather"):
        raise LogError(
            f"client={shown(client)}: give a Dask client, from dask.distributed import Client."
        )
    if memory is not None and not (is_number(memory) and _LEAST_MEMORY <= float(memory) < np.inf):  # type: ignore[arg-type]
        raise LogError(
            f"memory={shown(memory)}: give a number of bytes, at least {_LEAST_MEMORY:,}: "
            "memory=2_000_000_000 for 2 GB."
        )


def check_count(given: object, called: str, least: int, why: str) -> None:
    """Raise a LogError, which says why, unless a whole number is given that is not too small."""
    if not is_whole(given) or int(given) < least:  # type: ignore[call-overload]
        raise LogError(f"{called}={shown(given)}: {why}")


def is_whole(given: object) -> bool:
    """Whether a whole number is given: NumPy takes lengths of time for some, Python true and false."""
    return isinstance(given, int | np.integer) and not isinstance(given, bool | np.timedelta64)


def is_number(given: object) -> bool:
    """Whether a number is given, whole or not."""
    return is_whole(given) or isinstance(given, float | np.floating)


def check_versions(given: object) -> None:
    """Raise a LogError unless versions of event types are given, or none."""
    if given is not None and not isinstance(given, Mapping):
        raise LogError(
            f"upcast takes versions as a dict {{'OrderPlaced': 2}}, and not {_kind(given)}."
        )


def check_pairs(given: Mapping[Any, Any]) -> None:
    """Raise a LogError unless event types and what should follow them are given, all as text."""
    if not given:
        raise LogError(
            "stuck takes a Choreography or a dict {'OrderPlaced': ['OrderPaid']}, and this is empty."
        )
    for kind, effects in given.items():
        several = [effects] if isinstance(effects, str) else effects
        several = list(several) if isinstance(several, Iterable) else []
        plain = bool(several) and all(isinstance(each, str) for each in several)
        if not isinstance(kind, str) or not plain:
            raise LogError(
                f"stuck: {{{shown(kind)}: {shown(effects)}}} is no type with the types of what should follow "
                "it: give {'OrderPlaced': ['OrderPaid']}."
            )


def check_choice(given: object, called: str, asked: str, choices: Iterable[str]) -> None:
    """Raise a LogError unless one of some words is given."""
    words = list(choices)
    if not isinstance(given, str) or given not in words:
        listed = " or ".join(f"{called}={word!r}" for word in words)
        raise LogError(f"{called}={shown(given)}: {asked} takes {listed}.")


def nanoseconds_of(length: pd.Timedelta | str, called: str, *, zero: bool = False) -> int:
    """A length of time as nanoseconds.

    Parameters
    ----------
    called
        The argument's name.
    zero
        Whether it may be 0.

    Raises
    ------
    LogError
        It is no such length of time, or a bare number, which pandas would take as nanoseconds.
    """
    if _is_bare_number(length):
        raise LogError(
            f"{called}={shown(length)} has no unit: write a length of time as '10s', '5min' or '1h', or "
            "give a Timedelta."
        )
    try:
        found = pd.Timedelta(length)
        nanoseconds = int(found.value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_length(length, called) from error
    if pd.isna(found):
        raise _no_length(length, called)
    if nanoseconds < 0 or (nanoseconds == 0 and not zero):
        wrong = "below 0" if zero else "not above 0"
        raise LogError(f"{called}={shown(length)} is {wrong}: write it as '10s' or '5min'.")
    return nanoseconds


def _no_length(length: object, called: str) -> LogError:
    return LogError(
        f"{called}={shown(length)} is not a length of time: write it as '10s' or '5min'."
    )


def _is_bare_number(length: object) -> bool:
    if isinstance(length, str):
        return bool(_NUMBER.fullmatch(length))
    return isinstance(length, int | float | np.number) and not isinstance(length, np.timedelta64)


def _is_path(given: object) -> bool:
    return isinstance(given, str | os.PathLike)


def _shown(path: Any) -> str:
    return repr(os.fspath(path))


def _kind(given: object) -> str:
    return "None" if given is None else f"a value of type {type(given).__name__}"
