"""JSON files of other tools, taken apart so that one bad record costs no other.

A file holds one document or one document a line. A document is decoded record by record, so that
it is in memory once as text and never whole as objects. What is broken comes out as ``Rejected``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final

import msgspec
import orjson

from workbench.capture.formats.outline import TOKEN
from workbench.capture.json_text import any_json, json_text
from workbench.capture.reading.foreign import Rejected, Source

Read = Callable[[bytes], Any]
Numbered = tuple[int, dict[str, Any]]
"""A record and its number in the file, from 1."""

_VALUE: Final = msgspec.json.Decoder(msgspec.Raw)
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SHOWN: Final = 1_000
"""Bytes of what is rejected that are given back; the reader cuts them further."""


def short_json(text: bytes) -> Any:
    """Read JSON whose numbers have at most 64 bits; what stands in its texts may be longer.

    Raises
    ------
    ValueError, RecursionError
        It is not JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return any_json(text)


def whole_value(source: Source) -> Any | Rejected:
    """The value that a whole file is; ``Rejected`` of one that is not JSON."""
    document = source.document()
    try:
        return short_json(document)
    except (ValueError, RecursionError) as error:
        return Rejected(-1, f"the file is not JSON: {error}.", shown(document))


def is_lines(source: Source) -> bool:
    """Say whether a file holds one JSON object a line, as its first two lines tell."""
    for _, line in islice(source.lines(), 2):
        if line.lstrip()[:1] == b"{":
            try:
                _MEMBERS.decode(line)
            except (ValueError, RecursionError):
                continue
            return True
    return False


def objects_by_line(
    source: Source, read: Read = any_json
) -> Iterator[tuple[int, bytes, dict[str, Any]] | Rejected]:
    """Each line with its number and the object it holds."""
    for number, line in source.lines():
        try:
            value = read(line)
        except (ValueError, RecursionError) as error:
            yield Rejected(number, f"this line is not JSON: {error}.", shown(line))
            continue
        if isinstance(value, dict):
            yield number, line, value
        else:
            yield Rejected(number, "this line is not a JSON object.", shown(line))


def objects_of_array(document: bytes, read: Read = any_json) -> Iterator[Numbered | Rejected]:
    """Each object of an array, or of the arrays in it; a single object is an array of itself.

    So are objects one after the other. A document that is broken gives the objects that are whole.
    """
    return _objects(chain.from_iterable(map(_flattened, _values(document))), read)


def objects_of_member(
    document: bytes, member: str, depth: int, read: Read = any_json
) -> Iterator[Numbered | Rejected]:
    """Each object of the array that an object has as a member; of one that has none, itself.

    Of objects one after the other it is each one's. An object that ends too early gives what stands
    before its last comma inside of at most ``depth`` brackets and braces: as many stand around a
    record, so that none is half.
    """
    members = (_of_member(value, member, depth) for value in _values(document))
    return _objects(chain.from_iterable(members), read)


def _objects(texts: Iterable[bytes | Rejected], read: Read) -> Iterator[Numbered | Rejected]:
    number = 0
    for text in texts:
        if isinstance(text, Rejected):
            yield text
            continue
        number += 1
        try:
            value = read(text)
        except (ValueError, RecursionError) as error:
            yield Rejected(-1, f"record {number} is not JSON: {error}.", shown(text))
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            yield Rejected(-1, f"record {number} is not a JSON object.", shown(text))


def _of_member(document: bytes, member: str, depth: int) -> Iterator[bytes | Rejected]:
    try:
        members = _MEMBERS.decode(document)
    except (ValueError, RecursionError) as error:
        mended, cut = _mended(document, depth)
        reason = f"the file is not JSON: {error}"
        try:
            members = _MEMBERS.decode(mended)
        except (ValueError, RecursionError):
            yield Rejected(-1, f"{reason}.", shown(document))
            return
        yield Rejected(
            -1, f"{reason}; what stands before byte {cut:,} was read.", shown(document[cut:])
        )
        document = mended
    yield from _flattened(bytes(members.get(member, document)))


def rows_of_objects(
    found: Iterable[Numbered | Rejected],
    row: Callable[[dict[str, Any]], dict[str, Any]],
    refusal: type[Exception],
    what: str,
) -> Iterator[dict[str, Any] | Rejected]:
    """Make a row of each object; one that ``row`` refuses is rejected.

    Parameters
    ----------
    refusal
        What ``row`` raises of an object that it can make no row of.
    what
        What is wrong with such an object, with ``{}`` for its number.
    """
    for each in found:
        if isinstance(each, Rejected):
            yield each
            continue
        number, value = each
        try:
            yield row(value)
        except refusal as error:
            yield Rejected(-1, f"{what.format(number)}: {error}.", shown(value))


def shown(what: Any) -> str:
    """The beginning of what is rejected, as text: of bytes, or of a JSON value."""
    try:
        text: bytes = what if isinstance(what, bytes) else json_text(what)
    except (TypeError, ValueError, RecursionError):
        return f"{type(what).__name__}, too deep to be shown"
    return text[:_SHOWN].decode("utf-8", "replace")


def _values(document: bytes) -> list[bytes]:
    """The values that stand one after the other in a document, as their brackets tell."""
    text = document.strip()
    try:
        _VALUE.decode(text)
    except (ValueError, RecursionError):
        pass
    else:
        return [text]
    values, depth, start = [], 0, 0
    for match in TOKEN.finditer(text):
        sign = match[0][:1]
        depth += (sign in b"[{") - (sign in b"]}")
        if depth == 0 and sign in b"]}":
            values.append(text[start : match.end()].strip())
            start = match.end()
    rest = text[start:].strip()
    return [*values, rest] if rest or not values else values


def _flattened(document: bytes) -> Iterator[bytes]:
    for text in _elements(document):
        if text[:1] == b"[":
            yield from _elements(text)
        else:
            yield text


def _elements(document: bytes) -> Iterator[bytes]:
    text = document.strip()
    if text[:1] != b"[":
        yield text
        return
    try:
        found = _ARRAY.decode(text)
    except (ValueError, RecursionError):
        yield from _torn(text)
    else:
        yield from map(bytes, found)


def _torn(text: bytes) -> Iterator[bytes]:
    """The elements of an array that as a whole is not JSON, by the commas between them."""
    depth, start = 0, 1
    for match in TOKEN.finditer(text):
        sign = match[0][:1]
        if sign in b"[{":
            depth += 1
        elif sign in b"]}":
            depth -= 1
        if (depth == 1 and sign == b",") or depth == 0:
            if element := text[start : match.start()].strip():
                yield element
            start = match.end()
        if depth == 0:
            break
    if rest := text[start:].strip():
        yield rest


def _mended(text: bytes, depth: int) -> tuple[bytes, int]:
    """The text up to its last comma at a depth, its brackets closed; and where that is."""
    closing: list[bytes] = []
    cut, left = 0, b""
    for match in TOKEN.finditer(text):
        sign = match[0][:1]
        if sign == b"{":
            closing.append(b"}")
        elif sign == b"[":
            closing.append(b"]")
        elif sign in b"}]":
            if not closing or closing.pop() != sign:
                break
        elif sign == b"," and len(closing) <= depth:
            cut, left = match.start(), b"".join(reversed(closing))
    return text[:cut] + left, cut
