"""Files that are one JSON document, or several on lines of their own making: the events in them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import msgspec

from workbench.capture.json_text import any_json
from workbench.capture.reading.opening import OpenedFile

_ON_ONE_LINE: Final = bytes.maketrans(b"\n\r", b"  ")
_VALUE: Final = msgspec.json.Decoder(msgspec.Raw)
VALUES: Final = msgspec.json.Decoder(list[msgspec.Raw])
MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
BAD: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_BETWEEN: Final = re.compile(r"[\s,\]]*")
_BLANK: Final = re.compile(r"[\s,]*")
_WRAPPED: Final = re.compile(r"\s*(?P<object>\{)[^\[]*\[(?=\s*\{)")
_ANOTHER: Final = re.compile(r"\][^\[]*\[(?=\s*\{)")
_LINE_OF_A_VALUE: Final = re.compile(r"\n([ \t]*)(?=[\[{])")
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]', re.DOTALL)
_DEPTH: Final = 3
"""Levels that a wrapping has, at most."""
_KEYED: Final = 3
"""Objects under names of their own, from which on they are looked at as a list."""
_LOOKED_AT: Final = 20
"""Of those."""
_LONGEST_ROW: Final = 1 << 20
"""Bytes of an object by which a list is known."""


def events(file: OpenedFile) -> Iterator[bytes]:
    """Give the text of each event, on one line.

    A list of objects is a list of events. An object that holds such a list, however deep, is its
    wrapping (``{"events": […]}``, ``{"hits": {"hits": […]}}``), if the file holds nothing else; of
    several lists the longest counts, and those of objects like its own. Objects that are alike, each
    under a name of its own, are such a list as well. Any other object is an event. What can't be read
    is rejected.
    """
    values = _values(file)
    first, second = next(values, None), next(values, None)
    if first is not None and second is None:
        lists, left = _lists(first)
        for value in lists or [first]:
            yield from _events_in(value, file)
        if left:
            said = "1 list of other objects" if left == 1 else f"{left:,} lists of other objects"
            file.notes.append(f"beside the events {file.name} holds {said}, left out")
        return
    for value in chain(filter(None, (first, second)), values):
        yield from _events_in(value, file)


def is_wrapping(value: bytes) -> bool:
    """Whether an object is little else than lists of objects."""
    return bool(_lists(value)[0])


def _values(file: OpenedFile) -> Iterator[bytes]:
    """The values that stand one after the other in a file, each on one line."""
    document = file.document()
    # A line end in JSON stands between values only: inside a string it is escaped.
    text = document.translate(_ON_ONE_LINE)
    try:
        found = _VALUE.decode_lines(text)
    except BAD:
        del text
        yield from _values_one_by_one(document.decode(), file)
    else:
        del document
        if len(found) == 1:
            yield text  # as it stands: it may be large
            return
        for value in found:
            yield bytes(value)


def _values_one_by_one(text: str, file: OpenedFile) -> Iterator[bytes]:
    """The same where that fails: without what is wrong, and from a list that is cut its first items."""
    decoder = json.JSONDecoder(strict=False)  # a raw tab in a text is the row's own fault
    place, inside, line, counted = 0, False, 1, 0
    wrapped = _in_a_wrapping(text, decoder)
    if wrapped is not None:
        place, inside = wrapped, True
    while (place := _after(_BLANK if wrapped else _BETWEEN, text, place)) < len(text):
        if wrapped and text[place] == "]":
            another = _ANOTHER.match(text, place)
            if another is None:
                return
            place = another.end()
            continue
        if text[place] == "[" and not inside:
            inside = True
            place += 1
            continue
        wrong = "it begins no object"
        try:
            # To say where text is wrong, Python counts the lines before: for each line of other text.
            end = decoder.raw_decode(text, place)[1] if text[place] in "{[" else None
        except (ValueError, RecursionError) as error:
            end, wrong = None, str(error)
        if end is None:
            line, counted = line + text.count("\n", counted, place), place
            goes_on = _next_value(text, place) or _behind(text, place)
            where = "this" if goes_on else "from here on this"
            file.reject(
                line, f"{where} is not JSON: {wrong}", text[place : goes_on or place + 1000]
            )
            if not goes_on:
                return
            place = goes_on
            continue
        yield text[place:end].encode("utf-8", "replace").translate(_ON_ONE_LINE)
        place = end


def _in_a_wrapping(text: str, decoder: json.JSONDecoder) -> int | None:
    """Where the items of a list begin that a bad object wraps, if a file holds but that one."""
    found = _WRAPPED.match(text)
    if found is None or _next_value(text, found.start("object")) is not None:
        return None
    try:
        decoder.raw_decode(text, found.start("object"))
    except (ValueError, RecursionError):
        return found.end()
    return None


def _after(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def _next_value(text: str, place: int) -> int | None:
    """Where the next value behind a bad one begins: on a line of its own, and no deeper in it."""
    column = place - text.rfind("\n", 0, place) - 1
    for found in _LINE_OF_A_VALUE.finditer(text, place):
        if len(found[1]) <= column:
            return found.end()
    return None


def _behind(text: str, place: int) -> int | None:
    """Where a bad value ends whose brackets are all closed, or other text before a value."""
    if text[place] not in "{[":
        found = text.find("{", place)
        return found if found > 0 else None
    depth = 0
    for token in _STRUCTURE.finditer(text, place):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return None


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
        items: Iterable[Any] = VALUES.decode(value)
    except BAD:
        items = (json.dumps(item).encode() for item in any_json(value))
    for each in items:
        item = bytes(each)
        if item[:1] == b"{":
            yield item
        else:
            file.reject(-1, "this item is not a JSON object that holds an event", item)


def _lists(value: bytes) -> tuple[Sequence[bytes], int]:
    """The lists of events inside an object that is little else, and how many lists are of other things."""
    found = list(_lists_in(value, _DEPTH))
    if not found:
        return [], 0
    keys = _keys(max((text for _, text in found), key=len))
    alike = [(name, text) for name, text in found if _share(keys, _keys(text)) > 0.5]
    if sum(len(text) for _, text in alike) <= len(value) / 2:
        return [], 0
    lists = [_named(*each) for each in alike] if len(alike) > 1 else [text for _, text in alike]
    return lists, len(found) - len(alike)


def _named(name: str, listed: bytes) -> bytes:
    """A list of objects, each with the list's name as its key."""
    try:
        items = VALUES.decode(listed)
    except BAD:
        return listed
    return b"[" + b",".join(_keyed(name, bytes(item)) for item in items) + b"]"


def _keyed(name: str, item: bytes) -> bytes:
    members = _members(item)
    return msgspec.json.encode({"key": name} | members) if members else item


def _lists_in(value: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
    """The lists of objects in an object with their names, as they come."""
    members = _members(value)
    texts = [bytes(raw) for raw in members.values()]
    if _are_keyed(texts):
        rows = [_keyed(name, text) for name, text in zip(members, texts, strict=True)]
        yield "", b"[" + b",".join(rows) + b"]"
        return
    for name, text in zip(members, texts, strict=True):
        if text[:1] == b"{" and depth > 1:
            yield from _lists_in(text, depth - 1)
        elif text[:1] == b"[" and text[1:].lstrip()[:1] == b"{":
            yield name, text


def _are_keyed(texts: Sequence[bytes]) -> bool:
    """Whether all members of an object are objects of one kind: rows, each under its key."""
    if len(texts) < _KEYED or any(text[:1] != b"{" for text in texts):
        return False
    first, *others = [_members(text).keys() for text in texts[:_LOOKED_AT]]
    # A table's columns hold rows under their numbers.
    return not any(map(str.isdecimal, first)) and all(_share(first, keys) > 0.5 for keys in others)


def _members(value: bytes) -> dict[str, Any]:
    try:
        members: dict[str, Any] = MEMBERS.decode(value)
    except BAD:
        return {}
    return members


def _keys(listed: bytes) -> set[str]:
    """The names in the first object of a list."""
    start = listed[:_LONGEST_ROW].decode("utf-8", "replace").lstrip("[ \t")
    try:
        row, _ = json.JSONDecoder().raw_decode(start)
    except (ValueError, RecursionError):
        return set()
    return set(row)


def _share(one: Collection[str], other: Collection[str]) -> float:
    """The share of names that two objects have in common, of the one that has fewer."""
    fewer = min(len(one), len(other))
    return len(set(one) & set(other)) / fewer if fewer else 0.0
