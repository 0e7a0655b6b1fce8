"""JSON payloads: Python values to bytes and back, losing no digit.

pydantic's own JSON codec is used for both ways: it keeps integers of any size, and writes
decimals and UUIDs as strings and times in ISO 8601.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from workbench.errors import EventError


def encode_payload(data: object) -> bytes:
    """The JSON bytes of a payload (a mapping, a model, or anything JSON can say).

    Raises
    ------
    EventError
        A value has no JSON form: NaN, infinity, or an object JSON doesn't know.
    """
    try:
        return to_json(data, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError) as error:
        raise EventError(f"the payload can't be written as JSON: {error}.") from error


def decode_payload(value: bytes) -> Any:
    """The value that JSON bytes stand for.

    Raises
    ------
    EventError
        The bytes are not JSON (or not UTF-8).
    """
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError as error:
        raise EventError(f"the payload is not JSON: {error}.") from error
