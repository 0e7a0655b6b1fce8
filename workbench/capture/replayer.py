"""Replaying: the events of a captured log, sent to their channels again.

What is sent is what a log holds: the attributes of the envelope, the key and the payload, written
as JSON anew. Bytes that the workbench has written come out the same; those of a producer that lays
its JSON out otherwise do not, so a service that has handled the event before takes it for another
under the same id, and makes it a dead letter. Extensions (compensations that a flow may owe, too)
are not in a log, and are not sent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4, uuid5

import pandas as pd

from workbench.brokers import Broker, Outgoing, Producer
from workbench.capture.columns import DEAD_LETTER
from workbench.capture.keys import key_bytes
from workbench.capture.reading import read_parts
from workbench.errors import BrokerError, LogError
from workbench.events import Envelope, child_traceparent, encode_payload, to_kafka

_PART = 1_000
"""Events that are made ready, or sent, at a time: memory does not grow with the log."""


def replay(
    broker: Broker,
    log: pd.DataFrame | str | os.PathLike[str],
    channels: Mapping[str, str],
    *,
    speed: float | None = None,
    keep_ids: bool = True,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> int:
    """Send captured events again, in the order of the log; returns how many.

    Dead letters, and records that could not be decoded, are passed over: a log does not hold all
    that they were.

    Parameters
    ----------
    log
        As ``standard_frame`` returns it, or a file of JSON lines, which is read in parts.
    channels
        The channels whose events are sent, as the log names them → where to.
    speed
        ``None``: as fast as it goes. ``1``: with the times between the events as they were;
        ``10``: ten times as fast.
    keep_ids
        Else every event gets a new id and every flow a new correlation id; which event caused
        which stays as it was.
    progress
        Told (events sent or passed over, events in all); ``None`` for how many a file holds.

    Raises
    ------
    LogError
        The speed is not above 0, the file can't be read, or nothing is on those channels.
    EventError
        What the log holds is no CloudEvent: its id is empty, say.
    BrokerError
        The broker did not take an event; says how many were sent before.
    """
    if speed is not None and not speed > 0:
        raise LogError(f"the speed is a number above 0, or None; not {speed!r}.")
    total = len(log) if isinstance(log, pd.DataFrame) else None
    renewed = None if keep_ids else uuid4()
    pace = _Pace(speed)
    done = sent = 0
    seen: set[str] = set()
    progress(done, total)
    with closing(broker.bulk_producer()) as producer:
        for part in _parts(log):
            batch: list[Outgoing] = []
            for row in part.to_dict("records"):
                target = channels.get(row["channel"])
                if target is None or not _is_event(row):
                    continue
                if (wait := pace.until(row["time"])) > 0:
                    sent += _send(producer, batch, sent)
                    batch = []
                    time.sleep(wait)
                batch.append(_outgoing(target, row, renewed))
            sent += _send(producer, batch, sent)
            done += len(part)
            seen.update(part["channel"].dropna())
            progress(done, total)
    if seen and not sent:
        raise LogError(
            f"nothing was sent: the log has no event on {', '.join(sorted(channels))}; its channels "
            f"are {', '.join(sorted(seen))} (channels=… says which are to be sent, and where to)."
        )
    return sent


class _Pace:
    """How long to wait for an event's turn."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._began: tuple[float, pd.Timestamp] | None = None

    def until(self, moment: pd.Timestamp) -> float:
        """Seconds from now; the first event is due at once."""
        if self._speed is None:
            return 0.0
        if self._began is None:
            self._began = (time.monotonic(), moment)
        began, first = self._began
        return began + (moment - first).total_seconds() / self._speed - time.monotonic()


def _parts(log: pd.DataFrame | str | os.PathLike[str]) -> Iterator[pd.DataFrame]:
    for frame in [log] if isinstance(log, pd.DataFrame) else read_parts(log):
        for begin in range(0, len(frame), _PART):
            yield frame.iloc[begin : begin + _PART]


def _is_event(row: Mapping[Any, Any]) -> bool:
    told = (_text(row, name) is not None for name in ("id", "source", "type"))
    return all(told) and _text(row, DEAD_LETTER) is None and _text(row, "undecoded") is None


def _outgoing(target: str, row: Mapping[Any, Any], renewed: UUID | None) -> Outgoing:
    event_id, flow = str(row["id"]), _text(row, "correlation_id")
    cause, trace = _text(row, "causation_id"), _text(row, "traceparent")
    if renewed is not None:
        # Each from the old one: who causes whom, and who shares a flow, is so without a memory.
        event_id = str(uuid5(renewed, event_id))
        cause = cause and str(uuid5(renewed, cause))
        flow = flow and str(uuid5(renewed, flow))
        trace = child_traceparent(child_traceparent(None, flow or event_id), event_id)
    envelope = Envelope(
        id=event_id,
        source=row["source"],
        type=row["type"],
        data=encode_payload(row["data"]),
        time=row["time"].to_pydatetime(warn=False),
        subject=_text(row, "subject"),
        dataschema=_text(row, "dataschema"),
        correlationid=flow,
        causationid=cause,
        traceparent=trace,
    )
    key, headers, value = to_kafka(envelope)
    if "key" in row:
        key = key_bytes(_text(row, "key"))
    return Outgoing(target, key, headers, value)


def _text(row: Mapping[Any, Any], name: str) -> str | None:
    """A cell's text; ``None`` for whatever pandas has for "nothing", and for a missing column."""
    value = row.get(name)
    return value if isinstance(value, str) else None


def _send(producer: Producer, batch: list[Outgoing], before: int) -> int:
    answers = producer.send(batch) if batch else []
    errors = [answer for answer in answers if isinstance(answer, BrokerError)]
    if errors:
        raise type(errors[0])(
            f"the replay stopped after {before + len(answers) - len(errors):,} events: {errors[0]}"
        )
    return len(answers)
