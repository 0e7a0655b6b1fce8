"""Many records of one partition as they came: one buffer of bytes, and where in it what stands.

A Python object for each record, its headers and their texts costs more than all that is done with
them. So readers of much at once hand over these, and who needs a record asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from workbench.brokers.broker import Position, Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OFFSET: Final = 0
TIME: Final = 1
KEY: Final = 2
KEY_SIZE: Final = 3
VALUE: Final = 4
VALUE_SIZE: Final = 5
HEADERS: Final = 6
HEADER_COUNT: Final = 7
WIDTH: Final = 8
"""The columns of an index: what stands there of each record, and how many there are."""


_LOW_BITS: Final = 0x7F
"""Of a byte of a varint: seven bits; the eighth says that more follow."""


class RecordBatch:
    """Records of one partition, in order of offset.

    Parameters
    ----------
    data
        The bytes (uint8) that hold them.
    index
        int64, one row a record: its offset; ms since 1970 when it was appended; where in ``data`` its
        key begins, and how long it is (-1: none); the same of its value; where its headers begin, and
        how many they are. A header is laid out as Kafka's record format has it: the length of the
        name, the name, the length of the value (-1: none), the value; lengths are zigzag varints.
        https://kafka.apache.org/documentation/#recordheader
    next
        The offset to read on from, past what is no record; by default behind the last record.
    """

    __slots__ = ("channel", "data", "index", "next", "partition")

    def __init__(
        self,
        channel: str,
        partition: int,
        data: NDArray[np.uint8],
        index: NDArray[np.int64],
        next: int | None = None,  # noqa: A002 - what is read next
    ) -> None:
        self.channel, self.partition, self.data, self.index = channel, partition, data, index
        self.next = int(index[-1, OFFSET]) + 1 if next is None else next

    @property
    def position(self) -> Position:
        """The partition that it is of."""
        return Position(self.channel, self.partition)

    def __len__(self) -> int:
        return len(self.index)

    def before(self, offset: int) -> RecordBatch:
        """Those that stand before an offset."""
        end = int(self.index[:, OFFSET].searchsorted(offset))
        if end == len(self.index) and self.next <= offset:
            return self
        kept = self.index[:end]
        return type(self)(*self.position, self.data, kept, min(self.next, offset))

    def records(self, places: NDArray[np.int64] | None = None) -> Iterator[Record]:
        """Those at some places, or all, whole."""
        data = self.data.tobytes()
        index = self.index if places is None else self.index[places]
        for offset, time, key, key_size, value, value_size, at, count in index.tolist():
            yield Record(
                self.channel,
                self.partition,
                offset,
                time,
                data[key : key + key_size] if key_size >= 0 else None,
                _headers(data, at, count),
                data[value : value + value_size] if value_size >= 0 else None,
            )


def _headers(data: bytes, at: int, count: int) -> list[tuple[str, bytes | None]]:
    found: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        size = data[at]
        at += 1
        if size > _LOW_BITS:
            size, at = _long(data, at - 1)
        name = data[at : at + (size >> 1)].decode("utf-8", "backslashreplace")
        at += size >> 1
        size = data[at]
        at += 1
        if size > _LOW_BITS:
            size, at = _long(data, at - 1)
        if size & 1:  # a length of -1
            found.append((name, None))
            continue
        found.append((name, data[at : at + (size >> 1)]))
        at += size >> 1
    return found


def _long(data: bytes, at: int) -> tuple[int, int]:
    """A varint of several bytes, still in zigzag, and where it ends."""
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & _LOW_BITS) << shift
        if byte <= _LOW_BITS:
            return found, at
        shift += 7


def batches_of(records: Iterable[Record]) -> list[RecordBatch]:
    """Records, in batches by partition; each partition's stay in their order."""
    found: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        found.setdefault((record.channel, record.partition), []).append(record)
    return [packed(*place, some) for place, some in found.items()]


def packed(
    channel: str,
    partition: int,
    records: Sequence[Record],
    next: int | None = None,  # noqa: A002
) -> RecordBatch:
    """Records of one partition as a batch; ``next`` must be told if there are none."""
    import numpy as np

    data = bytearray()
    index: list[tuple[int, ...]] = []
    for record in records:
        key, value = len(data), len(data) + len(record.key or b"")
        data += record.key or b""
        data += record.value or b""
        headers = len(data)
        for name, text in record.headers:
            encoded = name.encode("utf-8", "backslashreplace")
            data += _varint(len(encoded)) + encoded
            data += _varint(-1 if text is None else len(text)) + (text or b"")
        sizes = [-1 if part is None else len(part) for part in (record.key, record.value)]
        time = min(max(record.time_ms, -1), _LATEST)
        index.append(
            (record.offset, time, key, sizes[0], value, sizes[1], headers, len(record.headers))
        )
    places: NDArray[Any] = np.array(index, np.int64).reshape(-1, WIDTH)
    return RecordBatch(channel, partition, np.frombuffer(bytes(data), np.uint8), places, next)


_LATEST: Final = (1 << 63) - 1


def _varint(value: int) -> bytes:
    left = value << 1 if value >= 0 else ~(value << 1)
    found = bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    found.append(left)
    return bytes(found)
