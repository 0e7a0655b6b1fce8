"""How records are kept in a service's file, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from workbench.brokers import Record

RECORD = "channel, partition, offset, time_ms, key, headers, value"
"""The columns of a record, in the order of :class:`Record`."""


def pack_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Headers as one value: Latin-1 has a letter for every byte, so poison stays what it was."""
    return orjson.dumps(
        [(name, text.decode("latin-1") if text is not None else None) for name, text in headers]
    )


def unpack_headers(packed: bytes) -> list[tuple[str, bytes | None]]:
    """What :func:`pack_headers` packed."""
    return [
        (name, text.encode("latin-1") if text is not None else None)
        for name, text in orjson.loads(packed)
    ]


def pack_record(record: Record) -> tuple[Any, ...]:
    """A record as the values of its columns."""
    return (*record[:5], pack_headers(record.headers), record.value)


def unpack_record(*values: Any) -> Record:
    """What :func:`pack_record` packed."""
    channel, partition, offset, time_ms, key, headers, value = values
    return Record(channel, partition, offset, time_ms, key, unpack_headers(headers), value)
