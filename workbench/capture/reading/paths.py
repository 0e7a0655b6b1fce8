"""Paths into nested JSON: ``headers.x-request-id``, and what stands there in a row.

A path's steps are names of members, joined by dots. A key that itself holds a dot wins over a
member: ``service.name`` is the key of that name, if there is one. In quotes a name is taken as it
stands: ``attributes."service.name"``.

A step goes into an object; into a list of names and values, which is how many tools write headers
(``[["a", "1"]]``, ``[{"key": "a", "value": "1"}]``, ``[{"headerName": "a", "headerValue": "1"}]``,
``[{"a": [49]}]``); and into text that is a JSON object, also in base64, or ends in one, or is names and
values itself (``a=1 b=2``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from workbench.capture.json_text import any_json
from workbench.capture.reading.base64_json import json_in_base64
from workbench.capture.reading.logfmt import several_pairs_in
from workbench.capture.reading.object_tails import object_in
from workbench.capture.reading.time_objects import plain_time
from workbench.capture.reading.traceparent import trace_id

Path = tuple[str, ...]

_STEP: Final = re.compile(r'"([^"]*)"|\'([^\']*)\'|([^.]+)')
_QUOTED: Final = re.compile(r'"[^"]*"|\'[^\']*\'')
_DEEPEST: Final = 5
_WIDEST: Final = 400
"""Members of an object that are looked at; one with more is a table of its own, not a record."""

_NAMED: Final = ("header", "field", "attribute", "property", "param", "tag", "label")
NAMES: Final = (
    "key", "name", "k", "n", *_NAMED, *(f"{each}name" for each in _NAMED), *(f"{each}key" for each in _NAMED)
)  # fmt: skip
"""What the name is called in a list of names and values, in any case."""

VALUES: Final = ("value", "v", "val", "stringvalue", *(f"{each}value" for each in _NAMED))
"""What the value is called there."""


def shown(path: Path) -> str:
    """Write a path as it may be given in a mapping."""
    return ".".join(f'"{step}"' if "." in step or not step else step for step in path)


def resolve(text: str, known: Iterable[Path]) -> Path | None:
    """Find the path that a text means among those that are known; the longest keys win."""
    tokens = [
        next((g for g in found.groups() if g is not None), "") for found in _STEP.finditer(text)
    ]
    quoted = [found.group(3) is None for found in _STEP.finditer(text)]
    every = {path[:end] for path in known for end in range(1, len(path) + 1)}
    if (text,) in every:
        return (text,)
    if lacks_step(text):
        return None
    return next(_readings((), tokens, quoted, every), None)


def lacks_step(text: str) -> bool:
    """Whether there is nothing between two dots of a path, or before or behind one."""
    return not all(_QUOTED.sub("quoted", text).split("."))


def _readings(
    begun: Path, tokens: list[str], quoted: list[bool], known: set[Path]
) -> Iterator[Path]:
    if not tokens:
        yield begun
        return
    for taken in range(len(tokens), 0, -1):
        if taken > 1 and any(quoted[:taken]):
            continue
        path = (*begun, ".".join(tokens[:taken]))
        if path in known:
            yield from _readings(path, tokens[taken:], quoted[taken:], known)


def members(value: Any) -> Mapping[str, Any] | None:
    """What a step can go into: an object, names and values, or text that says either."""
    if isinstance(value, dict):
        return _attributes(value) or value
    if isinstance(value, str):
        return _said_in(value)
    if not isinstance(value, list) or not value or len(value) > _WIDEST:
        return None
    found: dict[str, Any] = {}
    for item in value:
        pair = _pair(item)
        if pair is None:
            return None
        found.setdefault(*pair)
    return found


def _said_in(text: str) -> Mapping[str, Any] | None:
    if text[:1] == "{":
        return _object(text)
    if text.rstrip()[-1:] == "}":
        return object_in(text)
    if (decoded := json_in_base64(text)) is not None:
        return _object(decoded)
    pairs, others = several_pairs_in(text) or ({}, text)
    return pairs if 2 * len(others) < len(text) else None


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        inside = any_json(text)
    except (ValueError, RecursionError):
        return None
    return inside if isinstance(inside, dict) else None


def _attributes(inside: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The attributes of a message as SQS and SNS write them, each with its kind, as names and values."""
    found = {}
    for name, each in inside.items():
        if not isinstance(each, dict) or len(each) > _PARTS:
            return None
        called = {part.lower(): value for part, value in each.items()}
        kind = called.get("datatype", called.get("type"))
        value = called.get("stringvalue", called.get("value", called.get("binaryvalue")))
        if value is None or kind not in _KINDS:
            return None
        found[name] = value
    return found


_KINDS: Final = ("String", "String.Array", "Number", "Binary")
_PARTS: Final = 5
"""Of a message's attribute, at most: its kind, and its value as a string, bytes or lists of them."""


def _pair(item: Any) -> tuple[str, Any] | None:
    if isinstance(item, list):
        return (item[0], item[1]) if len(item) == 2 and isinstance(item[0], str) else None
    if not isinstance(item, dict) or len(item) > 3:
        return None
    if len(item) == 1 and _is_bytes(*item.values()):
        [(header, value)] = item.items()
        return header, bytes(byte % 256 for byte in value).decode("utf-8", "replace")
    called = {each.lower().replace("_", ""): each for each in item}
    name = next(
        (called[n] for n in NAMES if n in called and isinstance(item[called[n]], str)), None
    )
    value = next((called[each] for each in VALUES if each in called), None)
    return None if name is None or value is None else (item[name], item[value])


def _is_bytes(value: Any) -> bool:
    """Whether it is bytes as numbers, signed or not: Lambda gives Kafka's headers so."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(type(byte) is int and -128 <= byte < 256 for byte in value)
    )


def leaves(rows: Iterable[Mapping[str, Any]]) -> dict[Path, list[Any]]:
    """Every path in some rows → its values, one a row; ``None`` where a row has nothing there.

    Objects are there as well as their members; those that are times, as counts; of a ``traceparent``
    there is its trace.
    """
    found: dict[Path, list[Any]] = {}
    height = 0
    for height, row in enumerate(rows, start=1):
        for path, value in _walk((), row):
            values = found.setdefault(path, [])
            values.extend([None] * (height - 1 - len(values)))
            values[height - 1 :] = [value]
    for values in found.values():
        values.extend([None] * (height - len(values)))
    return found


def _walk(begun: Path, inside: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for name, value in inside.items():
        path = (*begun, name)
        yield path, trace_id(plain_time(value))
        deeper = members(value) if len(path) < _DEEPEST else None
        if deeper is not None and len(deeper) <= _WIDEST:
            yield from _walk(path, deeper)
