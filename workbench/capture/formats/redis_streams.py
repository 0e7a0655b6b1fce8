r"""Streams of Redis, as ``redis-cli`` prints what ``XRANGE`` and ``XREAD`` answer.

https://redis.io/docs/latest/develop/data-types/streams/: an entry has an id, which is the time in ms
at which it was added and a number, and fields with values. In JSON (``--json``) it is
``["1526919030474-0", ["type", "OrderPlaced"]]``, or has an object in the place of the inner list,
as client libraries give it; ``XREAD`` puts streams around, by their names. On a terminal, or with
``--no-raw``, answers are numbered; into a file they go as bare lines, of which only an id tells where an
entry begins: a value of several lines can't be told from fields there, and where it leaves them odd the
entry is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from workbench.capture.formats.documents import shown, whole_value
from workbench.capture.formats.outline import first_lines
from workbench.capture.reading.foreign import Rejected, Source

_ID: Final = re.compile(r"(\d{10,15})-\d+")
_JSON: Final = re.compile(
    rb'\s*(?:\{\s*"(?:[^"\\]|\\.)*"\s*:|\[\s*\[\s*"(?:[^"\\]|\\.)*"\s*,)?'
    rb'\s*\[\s*\[\s*"\d{10,15}-\d+"\s*,\s*[\[{]'
)
_NUMBERED: Final = re.compile(r'( *)((?:\d+\) +)+)"(.*)"')
_NAMED: Final = re.compile(r'\d+# "(.*)" =>\s*')
_FIRST: Final = re.compile(rb'1[)#] +(?:1\) +)*"')
_SET_IN: Final = 3
"""Blanks before what is inside of an entry, at least."""
_ESCAPE: Final = re.compile(r'\\(x[0-9a-f]{2}|["\\nrtab])')
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}


class RedisJson:
    """Entries of streams in JSON."""

    name = "Redis streams"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds entries."""
        return _JSON.match(head) is not None

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each entry: its fields, and ``stream``, ``entry_id`` and ``stored_at``."""
        value = whole_value(source)
        if isinstance(value, Rejected):
            yield value
            return
        for stream, entries in _streams(value):
            for entry in entries if isinstance(entries, list) else [entries]:
                yield _row(entry, stream)


def _streams(value: Any) -> Iterator[tuple[str | None, Any]]:
    """Streams with their names and entries, or entries one by one."""
    if isinstance(value, dict):
        yield from value.items()
        return
    for each in value if isinstance(value, list) else [value]:
        pair = each if isinstance(each, list) and len(each) == 2 else None
        if pair and isinstance(pair[0], str) and not _ID.fullmatch(pair[0]):
            yield pair[0], pair[1]
        else:
            yield None, [each]


def _row(entry: Any, stream: str | None) -> dict[str, Any] | Rejected:
    number, fields = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
    added = _ID.fullmatch(number) if isinstance(number, str) else None
    if added is None:
        return Rejected(-1, "this is no entry of a stream.", shown(entry))
    if isinstance(fields, list) and len(fields) % 2 == 0:
        fields = dict(zip(map(str, fields[::2]), fields[1::2], strict=True))
    if not isinstance(fields, dict):
        return Rejected(
            -1,
            "the fields of this entry are not names and values by turns; redis-cli --json tells them apart.",
            shown(entry),
        )
    named = {} if stream is None else {"stream": stream}
    return {**named, "entry_id": added[0], "stored_at": int(added[1]), **fields}


class RedisText:
    """Entries of streams as text, numbered or bare."""

    name = "Redis streams, as text"

    def recognises(self, head: bytes) -> bool:
        """Say whether a file that begins so holds entries."""
        lines = first_lines(head)
        if lines and _FIRST.match(lines[0]):
            return any(_is_id(_unquoted(line)) for line in lines)
        return any(map(_is_id, (line.decode("utf-8", "replace") for line in lines[:2])))

    def rows(self, source: Source) -> Iterator[dict[str, Any] | Rejected]:
        """Give a row for each entry: its fields, and ``stream``, ``entry_id`` and ``stored_at``."""
        is_numbered = any(map(_FIRST.match, first_lines(source.head())[:1]))
        yield from _numbered(source) if is_numbered else _bare(source)


def _is_id(text: str | None) -> bool:
    return text is not None and _ID.fullmatch(text) is not None


def _unquoted(line: bytes) -> str | None:
    found = _NUMBERED.fullmatch(line.decode("utf-8", "replace"))
    return found and found[3]


def _numbered(source: Source) -> Iterator[dict[str, Any] | Rejected]:
    stream: str | None = None
    begun: tuple[int, str] | None = None
    fields: list[str] = []
    for number, line in source.lines():
        text = line.decode()
        named, found = _NAMED.fullmatch(text), _NUMBERED.fullmatch(text)
        if named is None and found is None:
            yield Rejected(number, "this line is not as redis-cli numbers them.", shown(line))
            continue
        said = _plain(named[1] if named else found[3] if found else "")
        # The first of several stands behind its own number and theirs; a field's is set in.
        first = found is not None and len(found[2].split()) > 1 and found[2].split()[-1] == "1)"
        if named or (found and first and (len(found[1]) < _SET_IN or _is_id(said))):
            if begun is not None:
                yield _of_lines(begun, fields, stream)
            begun, fields = None, []
            if _is_id(said):
                begun = number, said
            else:
                stream = said
        else:
            fields.append(said)
    if begun is not None:
        yield _of_lines(begun, fields, stream)


def _bare(source: Source) -> Iterator[dict[str, Any] | Rejected]:
    """Before the first entry of a stream stands its name, if any does; each stream stands there once."""
    stream: str | None = None
    streams: set[str] = set()
    begun: tuple[int, str] | None = None
    fields: list[str] = []
    for number, line in source.lines():
        text = line.decode()
        if not _is_id(text):
            fields.append(text)
            continue
        named = fields[-1] if len(fields) % 2 else None
        begins = named is not None and (begun is None or bool(streams)) and named not in streams
        if begun is not None:
            yield _of_lines(begun, fields[:-1] if begins else fields, stream)
        if named is not None and begins:
            streams.add(named)
            stream = named
        begun, fields = (number, text), []
    if begun is not None:
        yield _of_lines(begun, fields, stream)


def _of_lines(
    begun: tuple[int, str], fields: Sequence[str], stream: str | None
) -> dict[str, Any] | Rejected:
    found = _row([begun[1], list(fields)], stream)
    return Rejected(begun[0], found.reason, found.text) if isinstance(found, Rejected) else found


def _plain(text: str) -> str:
    r"""What stands in quotes: bytes beyond ASCII are written as ``\xc3``."""

    def byte(found: re.Match[str]) -> str:
        said = found[1]
        return (
            chr(int(said[1:], 16)) if said[0] == "x" and len(said) > 1 else _PLAIN.get(said, said)
        )

    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(byte, text)
    try:
        return plain.encode("latin-1").decode()
    except UnicodeError:
        return plain
