"""Opening files of events: how they are compressed and in which encoding.

What a file is tells its first bytes, never its name: people rename. Nothing in a file stops a read:
a cut archive gives what stands before the cut, and a byte that is no UTF-8 makes its line one in
Windows-1252, which is what such lines mostly are. Only a file that expands without end is refused.
"""

from __future__ import annotations

import codecs
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import zstandard

from workbench.capture.reading.decompressing import CHUNK, Counted, decompressed, encoding_of
from workbench.capture.reading.foreign import Rejected
from workbench.errors import LogError

LONGEST_LINE: Final = 64 << 20
"""Bytes of a line at most: what is longer is rejected, and never in memory as a whole."""

_RATIO: Final = 300
_HARMLESS: Final = 2 << 30
"""A file may expand 300 times, and to 2 GiB anyway: real logs shrink 5 to 60 times."""

_LARGEST_DOCUMENT: Final = 1 << 30
"""Bytes of a file that has to be read as one JSON document, at most."""

_MARK: Final = re.compile(rb"^" + codecs.BOM_UTF8, re.MULTILINE)

CUT: Final = 300
"""Letters of a bad row that are kept."""


class OpenedFile:
    """A file that is read as UTF-8, decompressed; a ``Source`` for every format.

    Parameters
    ----------
    path
        The file.
    expanded
        Bytes that it may expand to; ``None`` for 300 times its size, and 2 GiB anyway.
    advance
        Called with the bytes of the file itself, as they are read.
    """

    def __init__(
        self,
        path: Path,
        *,
        expanded: int | None = None,
        advance: Callable[[int], object] = lambda done: None,
    ) -> None:
        self.path = path
        self.name = str(path)
        self.rejected: list[Rejected] = []
        self.notes: list[str] = []
        """What else is worth saying, each a sentence without its full stop."""
        self.recoded = 0
        """Lines that were no UTF-8 and were read as Windows-1252."""
        self._expanded = expanded
        self._advance = advance
        self._head, self._looked = b"", 0
        self._cut: str | None = None

    def magic(self) -> bytes:
        """The first bytes as they are on disk."""
        try:
            with self.path.open("rb") as file:
                return file.read(8)
        except OSError as error:
            raise LogError(f"{self.name} can't be read: {error.strerror or error}.") from error

    @property
    def changed(self) -> float:
        """When it was last changed, in seconds since 1970."""
        return self.path.stat().st_mtime

    def done(self) -> None:
        """Say that all of it was read, where another library read it."""
        self._advance(self.path.stat().st_size)

    def head(self, size: int = 65536) -> bytes:
        """Look at the beginning: up to ``size`` bytes, and whatever UTF-8 makes of them."""
        if self._looked < size:
            self._looked = size
            found = b""
            for chunk in self._decoded(lambda done: None):
                found += chunk
                if len(found) >= size:
                    break
            self._head = found
        return _as_utf8(self._head[:size])[0]

    def is_whole(self) -> None:
        """Check that what was looked at does not end because the file is damaged.

        Raises
        ------
        LogError
            It does.
        """
        if self._cut is not None:
            raise LogError(
                f"{self.name} can't be read: it is compressed, and cut or damaged at its start: {self._cut}."
            )

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Give each line that is not empty with its number."""
        for first, block in self.blocks():
            for number, line in enumerate(block.split(b"\n"), start=first):
                if line and line != b"\r":
                    yield number, line.removesuffix(b"\r")

    def document(self) -> bytes:
        """Give the whole file, as UTF-8."""
        most = self._expanded or _LARGEST_DOCUMENT
        whole = bytearray()
        for chunk in self._decoded(self._advance):
            whole += chunk
            if len(whole) > most:
                raise LogError(
                    f"{self.name} is one JSON document of more than {most:,} bytes, which must be "
                    "in memory as a whole: expanded=… (bytes) lets a larger one be read."
                )
        self._note_cut(-1)
        found = bytes(whole)
        whole.clear()
        return self._utf8(found)

    def blocks(self, size: int = 8 * CHUNK) -> Iterator[tuple[int, bytes]]:
        """Give the file in blocks of whole lines, each with the number of its first line."""
        line, whole, gathered = 1, [], 0
        tail: list[bytes] = []  # of a line whose end has not come yet
        in_tail, skipping = 0, False
        for chunk in self._decoded(self._advance):
            if skipping:
                start = chunk.find(b"\n")
                if start < 0:
                    continue
                chunk, skipping = chunk[start:], False
            end = chunk.rfind(b"\n") + 1
            if end:
                whole += [*tail, chunk[:end]]
                gathered += in_tail + end
                tail, in_tail = [chunk[end:]], len(chunk) - end
            else:
                tail.append(chunk)
                in_tail += len(chunk)
            if in_tail > LONGEST_LINE:
                number = line + sum(part.count(b"\n") for part in whole)
                reason = f"the line is longer than {LONGEST_LINE:,} bytes"
                self.reject(number, reason, tail[0] + b"".join(tail[1:2]))
                tail, in_tail, skipping = [], 0, True
            if gathered >= size:
                block = b"".join(whole)
                yield line, self._utf8(block)
                line, whole, gathered = line + block.count(b"\n"), [], 0
        block = b"".join([*whole, *tail])
        if block:
            yield line, self._utf8(block)
        self._note_cut(line + block.count(b"\n"))

    def reject(self, line: int, reason: str, text: bytes | str, *, is_row: bool = True) -> None:
        """Keep what could not be read, cut to a length that people read; see ``Rejected``."""
        start = text[: 4 * CUT]
        shown = start.decode("utf-8", "replace") if isinstance(start, bytes) else start
        self.rejected.append(Rejected(line, reason, shown[:CUT], is_row))

    def _utf8(self, block: bytes) -> bytes:
        found, recoded = _as_utf8(block)
        self.recoded += recoded
        return found

    def _decoded(self, advance: Callable[[int], object]) -> Iterator[bytes]:
        """The bytes as UTF-8, in which a line ends in a line feed, as it does not on old Macs."""
        chunks = self._in_utf8(advance)
        first = next(chunks, b"")
        if _ends_in_returns(first):
            chunks = (chunk.replace(b"\r", b"\n") for chunk in chain([first], chunks))
        else:
            yield first
        yield from chunks

    def _in_utf8(self, advance: Callable[[int], object]) -> Iterator[bytes]:
        """The bytes, decompressed and, if they begin as UTF-16 or UTF-32, turned into UTF-8."""
        chunks = self._bounded(advance)
        first = next(chunks, b"")
        mark, encoding = encoding_of(first)
        if encoding == "utf-8":
            yield first[mark:]
            yield from chunks
            return
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        yield decoder.decode(first[mark:]).encode("utf-8", "replace")
        for chunk in chunks:
            yield decoder.decode(chunk).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode()

    def _bounded(self, advance: Callable[[int], object]) -> Iterator[bytes]:
        """The decompressed bytes, up to the limit; a cut is noted and ends them."""
        read = given = 0

        def count(done: int) -> None:
            nonlocal read
            read += done
            advance(done)

        try:
            with self.path.open("rb") as file:
                for chunk in decompressed(Counted(file, count), file):
                    given += len(chunk)
                    most = self._expanded or max(_HARMLESS, _RATIO * read)
                    if given > most and given > read:
                        raise LogError(
                            f"{self.name} expands to more than {most:,} bytes, from {read:,}: "
                            "if you trust it, expanded=… (bytes) lets it expand further."
                        )
                    yield chunk
        except OSError as error:
            if error.errno is not None:
                raise LogError(f"{self.name} can't be read: {error.strerror or error}.") from error
            self._cut = str(error)
        except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
            self._cut = str(error)

    def _note_cut(self, line: int) -> None:
        if self._cut is not None:
            reason = (
                f"the compressed file is cut or damaged here, what is before was read: {self._cut}"
            )
            self.reject(line, reason, "")


def _ends_in_returns(head: bytes) -> bool:
    """Whether a line ends in a carriage return alone; a line feed may then stand in a value."""
    first = head[:-1].find(b"\r")
    return first >= 0 and b"\r\n" not in head and b"\n" not in head[:first]


def _as_utf8(block: bytes) -> tuple[bytes, int]:
    """The block itself, if it is UTF-8; else with lines that aren't read as Windows-1252: how many.

    A byte order mark before a line, as where files were joined, is left out.
    """
    if codecs.BOM_UTF8 in block:
        block = _MARK.sub(b"", block)
    try:
        block.decode()
    except UnicodeDecodeError:
        lines = block.split(b"\n")
        found = list(map(_line_as_utf8, lines))
        return b"\n".join(found), sum(a is not b for a, b in zip(lines, found, strict=True))
    return block, 0


def _line_as_utf8(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        try:
            return line.decode("cp1252").encode()
        except UnicodeDecodeError:  # five bytes mean nothing in it
            return line.decode("latin-1").encode()
    return line
