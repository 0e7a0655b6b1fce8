"""How a file is compressed and in which encoding it is written, told by its first bytes."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import zstandard

CHUNK: Final = 1 << 20
"""Bytes that are read at a time."""

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class Counted(io.RawIOBase):
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, count: Callable[[int], object]) -> None:
        self._file, self._count = file, count

    def readable(self) -> bool:  # noqa: D102 - as the base class says
        return True

    def read(self, size: int = -1) -> bytes:  # noqa: D102 - the same
        found = self._file.read(size)
        self._count(len(found))
        return found


def decompressed(counted: Counted, file: BinaryIO) -> Iterator[bytes]:
    """Give what a file holds, in pieces; a cut raises what its library raises."""
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        yield from _chunks(gzip.GzipFile(fileobj=counted).read1)
    elif magic.startswith(b"BZh"):
        yield from _streams(bz2.BZ2Decompressor, counted)
    elif magic.startswith(b"\xfd7zXZ\x00"):
        yield from _streams(lzma.LZMADecompressor, counted, padding=b"\0")
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        yield from _unzstd(counted)
    else:
        yield from _chunks(counted.read)


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(CHUNK):
        yield chunk


def _streams(
    make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor],
    file: Counted,
    padding: bytes = b"",
) -> Iterator[bytes]:
    """Stream after stream; what stands behind the last and is none is an error, as for gzip."""
    stream, left = make(), b""
    while given := left or file.read(CHUNK):
        if stream.eof:
            given, left = given.lstrip(padding), b""
            if not given:
                continue
            stream = make()
        while chunk := stream.decompress(given, CHUNK):
            yield chunk
            if stream.eof or stream.needs_input:
                break
            given = b""
        left = stream.unused_data
    if not stream.eof:
        raise EOFError("its last stream has no end")


def _unzstd(file: Counted) -> Iterator[bytes]:
    """Frame by frame; little is given at a time, for each of its bytes may expand to 32,000."""
    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    while given := file.read(2048):
        while given:
            if frame.eof:
                frame = decompressor.decompressobj()
            if chunk := frame.decompress(given):
                yield chunk
            given = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError("its last frame has no end")


def encoding_of(start: bytes) -> tuple[int, str]:
    """The length of the byte order mark, and the encoding."""
    for bom, name in _BOMS:
        if start.startswith(bom):
            return len(bom), name
    if len(start) >= 4 and start[1::2][:2] == b"\0\0" and 0 not in start[:4:2]:
        return 0, "utf-16-le"
    if len(start) >= 4 and start[:4:2] == b"\0\0" and 0 not in start[1:4:2]:
        return 0, "utf-16-be"
    return 0, "utf-8"
