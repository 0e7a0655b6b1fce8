"""JSON text and back, losing nothing: by orjson where it can, by Python's json where it can't.

JSON has no word for what is not a finite number; such a value is written as Python's ``json`` writes
it: ``NaN``, ``Infinity``. Whole numbers of any size keep every digit.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

_DIGITS_TO_0: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19
"""orjson reads a whole number beyond 64 bits as a float: texts with so many digits go to json."""
_PLAIN: Final = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""Refuse what orjson would turn into JSON that does not come back as it was."""


def json_text(value: Any) -> bytes:
    """Write a value as JSON, by orjson where it loses nothing; it writes NaN as null.

    Raises
    ------
    TypeError, ValueError, RecursionError
        The value is not JSON.
    """
    try:
        text = orjson.dumps(value, option=_PLAIN)
    except TypeError:
        _check(value)
        return json.dumps(value).encode()
    lossless = b"null" not in text or orjson.loads(text) == value
    return text if lossless else json.dumps(value).encode()


def any_json(text: bytes | str) -> Any:
    """Read JSON, and what Python's ``json`` takes for it too (NaN, lone surrogates).

    Raises
    ------
    ValueError, RecursionError
        It is not JSON.
    """
    line = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if _LONG_NUMBER in line.translate(_DIGITS_TO_0):
        return json.loads(line, parse_int=_whole)
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        # NaN, Infinity and lone surrogates, or the better error message
        return json.loads(line, parse_int=_whole)


def _whole(digits: str) -> int | str:
    """A whole number; of more digits than Python reads, as text."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


_MOST_DIGITS: Final = 640
"""The least that ``sys.set_int_max_str_digits`` may be set to."""


def _check(value: Any) -> None:
    """Refuse what json would write as something else: a key that is not text, above all."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("the keys of an object must be text")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _check(item)
