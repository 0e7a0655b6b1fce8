"""Files that are one JSON document, or several on lines of their own making: the events in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from workbench.capture.json_text import any_json
from workbench.capture.reading.opening import OpenedFile

_ON_ONE_LINE: Final = bytes.maketrans(b"\n\r", b"  ")
_VALUE: Final = msgspec.json.Decoder(msgspec.Raw)
_VALUES: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BAD: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def events(file: OpenedFile) -> Iterator[bytes]:
    """Give the text of each event, on one line.

    A list of objects is a list of events. An object that holds such a list, however deep, is its
    wrapping (``{"events": […]}``, ``{"hits": {"hits": […]}}``), if the file holds nothing else; of
    several lists the longest counts. Any other object is an event. What can't be read is rejected.
    """
    # A line end in JSON stands between values only: inside a string it is escaped.
    text = file.document().translate(_ON_ONE_LINE)
    values = _values(text, file)
    first, second = next(values, None), next(values, None)
    if first is not None and second is None:
        yield from _events_in(_longest_list(first) or first, file)
        return
    for value in chain(filter(None, (first, second)), values):
        yield from _events_in(value, file)


def is_wrapping(value: bytes) -> bool:
    """Whether an object is little else than a list of objects."""
    return _longest_list(value) is not None


def _values(text: bytes, file: OpenedFile) -> Iterator[bytes]:
    """The values that stand one after the other in a text."""
    try:
        found = _VALUE.decode_lines(text)
    except _BAD:
        yield from _values_one_by_one(text, file)
    else:
        if len(found) == 1:
            yield text  # as it stands: it may be large
            return
        for value in found:
            yield bytes(value)


def _values_one_by_one(text: bytes, file: OpenedFile) -> Iterator[bytes]:
    """The same where that fails: up to what is wrong, and from a list its first items."""
    whole = text.decode()
    decoder = json.JSONDecoder()
    place, inside = 0, False
    while place < len(whole):
        if whole[place] in " \t,]" or (whole[place] == "[" and not inside):
            inside = inside or whole[place] == "["
            place += 1
            continue
        try:
            _, end = decoder.raw_decode(whole, place)
        except (ValueError, RecursionError) as error:
            file.reject(-1, f"from here on this is not JSON: {error}", whole[place : place + 1000])
            return
        yield whole[place:end].encode("utf-8", "replace")
        place = end


def _events_in(value: bytes, file: OpenedFile) -> Iterator[bytes]:
    start = value.lstrip()[:1]
    if start == b"[":
        yield from _items(value, file)
    elif start == b"{":
        yield value
    else:
        file.reject(-1, "this is not a JSON object that holds an event", value)


def _items(value: bytes, file: OpenedFile) -> Iterator[bytes]:
    try:
        items: Iterable[Any] = _VALUES.decode(value)
    except _BAD:
        items = (json.dumps(item).encode() for item in any_json(value))
    for each in items:
        item = bytes(each)
        if item[:1] == b"{":
            yield item
        else:
            file.reject(-1, "this item is not a JSON object that holds an event", item)


def _longest_list(value: bytes, depth: int = 3) -> bytes | None:
    """The longest list of objects inside an object that is little else."""
    try:
        members: dict[str, Any] = _MEMBERS.decode(value)
    except _BAD:
        return None
    best = b""
    for raw in members.values():
        text = bytes(raw)
        if text[:1] == b"{" and depth > 1:
            text = _longest_list(text, depth - 1) or b""
        if text[:1] == b"[" and text[1:].lstrip()[:1] == b"{" and len(text) > len(best):
            best = text
    return best if len(best) > len(value) / 2 else None
