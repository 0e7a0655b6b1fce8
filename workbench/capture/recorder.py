"""Recording: what stands on a broker's channels, as an event log in memory or in a folder.

The cut is consistent: the end of every partition is taken once, before reading, and nothing after it
is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench.brokers import Broker, Position
from workbench.brokers.record_batch import OFFSET, TIME, RecordBatch
from workbench.capture.columns import standard_frame
from workbench.capture.cutting import Cut, cut, newest
from workbench.capture.decoding import decoded, table_of
from workbench.capture.fetching import Lost, read_batches
from workbench.capture.folder import CapturedFolder
from workbench.capture.payload_column import PayloadArray
from workbench.capture.schemas import open_schemas
from workbench.capture.wire_format import Decoder
from workbench.errors import LogError


def record(
    broker: Broker,
    channels: Iterable[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    start: Mapping[Position, int] | None = None,
    stop: Mapping[Position, int] | None = None,
    last: int | None = None,
    schemas: object = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    lost: Lost | None = None,
) -> pd.DataFrame:
    """Read channels from one place to another.

    Parameters
    ----------
    since, until
        Broker times: from the first event at or after ``since`` to the last before ``until``.
    start, stop
        Offsets for single partitions, which win over the times: ``start`` is read, ``stop`` not.
    last
        Only the newest so many of all that, by broker time, of all partitions together.
    schemas
        Where the schemas of values in Confluent's wire format are had from: as
        :func:`workbench.capture.open_schemas` takes it. Without them such values stay undecoded.
    progress
        Told (offsets read, offsets in all).
    lost
        Told (partition, from which offset, up to which other) what the broker deletes meanwhile.

    Returns
    -------
    pandas.DataFrame
        In order of time. The standard columns, and ``key``, ``subject``, ``dataschema``, ``traceparent``,
        ``dead_letter`` and ``undecoded`` (why a record is not an event, its value is then text; or
        why its value, which is then base64, could not be decoded with a schema), all str; ``undated`` if the time of some is unknown, as :func:`standard_frame` says.

    Raises
    ------
    LogError
        The broker stops giving events before the end; there is no partition that is named; ``last`` is
        below 1.
    """
    if last is not None and last < 1:
        raise LogError(f"last is how many events, 1 or more; not {last}.")
    whole = cut(broker, channels, since=since, until=until, start=start, stop=stop)
    decoder = decoder_of(schemas)
    wanted = last
    while True:
        chosen = whole if wanted is None else newest(broker, whole, wanted)
        batches = read_batches(broker, *chosen, progress=progress, lost=lost)
        frame = frame_of(decoded(batches, decoder))
        if wanted is None or last is None or len(frame) >= last or chosen == whole:
            break
        wanted *= 2  # offsets that stand for no record counted, too
    return frame if last is None else _newest_rows(frame, last)


def record_to(
    broker: Broker,
    channels: Iterable[str],
    folder: str | os.PathLike[str],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    start: Mapping[Position, int] | None = None,
    stop: Mapping[Position, int] | None = None,
    schemas: object = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CapturedFolder:
    """Read channels into a folder of Parquet files, or go on with one: what it lacks is added.

    It takes the memory of a part, however much is read; see :func:`record` for the parameters.

    Raises
    ------
    LogError
        The broker stops giving events before the end; there is no partition that is named; the folder
        holds something else, or another capture writes to it.
    """
    whole = cut(broker, channels, since=since, until=until, start=start, stop=stop)
    captured = CapturedFolder.open(folder, broker.cluster_id)
    rest = gone_on_with(broker, captured, whole, channels)
    batches = read_batches(broker, *rest, progress=progress, lost=captured.note_lost)
    captured.write(decoded(batches, decoder_of(schemas)))
    return captured


def gone_on_with(
    broker: Broker, captured: CapturedFolder, whole: Cut, channels: Iterable[str]
) -> Cut:
    """What of a cut a folder lacks.

    Raises
    ------
    LogError
        A channel was made anew since: it is shorter, or the folder's last record of it is another.
    """
    names = sorted(set(channels))
    begin, end = broker.begin_offsets(names), broker.end_offsets(names)
    rest = captured.rest(whole, begin, end)
    kept = {
        place: offset
        for place, (offset, _) in captured.newest.items()
        if begin.get(place, offset + 1) <= offset < end.get(place, 0)
    }
    for batch in read_batches(broker, kept, {place: offset + 1 for place, offset in kept.items()}):
        if len(batch) and int(batch.index[-1, TIME]) != captured.newest[batch.position][1]:
            raise captured.made_anew(batch.position, "what stands there now came at another time")
    return rest


def decoder_of(schemas: object) -> Decoder | None:
    """What decodes values in Confluent's wire format, if anything is to."""
    return Decoder(open_schemas(schemas)) if schemas is not None else None


def frame_of(found: Iterable[tuple[RecordBatch, pa.RecordBatch]]) -> pd.DataFrame:
    """Batches, each with its rows, as an event log in order of time, channel, partition, offset."""
    placed = [((*b.position, int(b.index[0, OFFSET])), rows) for b, rows in found if len(b)]
    table = table_of(rows for _, rows in sorted(placed, key=lambda one: one[0]))
    del placed
    frame = table.to_pandas()
    frame["data"] = PayloadArray(table["data"])
    if table["headers"].null_count == len(table):
        del frame["headers"]  # all are events of the workbench's kind
    else:
        frame["headers"] = PayloadArray(table["headers"])
    frame = standard_frame(frame, otherwise=datetime.now(UTC))
    order = frame["time"].to_numpy("datetime64[ns]").argsort(kind="stable")
    return frame.take(order).reset_index(drop=True)


def _newest_rows(frame: pd.DataFrame, count: int) -> pd.DataFrame:
    if len(frame) <= count:
        return frame
    when = frame["broker_time"].to_numpy("datetime64[ns]").astype(np.int64)
    kept = np.sort(np.argsort(when, kind="stable")[-count:])
    return standard_frame(frame.take(kept))
