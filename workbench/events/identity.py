"""Who an event is: derived ids for effects, and keys in one canonical text form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring_ascii
from typing import Any
from uuid import UUID

_EFFECTS = UUID("6f0c2c5e-9f0b-5d7e-8a55-3f1c9d2b7a10").bytes
"""The UUIDv5 namespace of effect ids; it never changes, or redelivered effects would differ."""

_LONGEST_EXPONENT = 100
"""Beyond it a decimal is written with an exponent: ``1e999999999`` has a billion digits."""


def effect_id(source: str, cause_id: str, service: str, reaction: str, place: int) -> str:
    """The id of an effect, derived from its cause, so that a repeat is the same event.

    ``source`` and ``cause_id`` identify the cause; ``place`` counts the effects of one
    reaction to it from 0. UUID version 5 (RFC 9562, section 5.5).
    """
    texts = ", ".join(map(encode_basestring_ascii, (source, cause_id, service, reaction)))
    return derived_uuid(_EFFECTS, f"[{texts}, {place}]")


def derived_uuid(namespace: bytes, name: str) -> str:
    """The text of a UUID version 5 (RFC 9562, section 5.5), as :func:`uuid.uuid5` gives it."""
    text = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def canonical_key(value: Any, schema: Mapping[str, Any] | None = None) -> str | None:
    """The text form of a key field's JSON value: one entity, one text, one partition.

    ``3``, ``3.0`` and, for a decimal field, ``"3.00"`` are all ``3``; a UUID is lower case
    with hyphens. ``schema`` is the field's JSON Schema, which says what a string holds.
    ``None`` stays ``None``: an event without a key.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _decimal_text(Decimal(repr(value)))
    if not isinstance(value, str):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    format_ = (schema or {}).get("format")
    try:
        if format_ == "uuid":
            return str(UUID(value))
        if format_ == "decimal":
            return _decimal_text(Decimal(value))
    except (ValueError, InvalidOperation):
        pass  # not what its schema says: the text itself still names the entity
    return value


def _decimal_text(number: Decimal) -> str:
    if not number.is_finite():
        return str(number)
    if number and abs(number.adjusted()) > _LONGEST_EXPONENT:
        _, digits, exponent = number.as_tuple()
        text = "".join(map(str, digits))
        short = text.rstrip("0")
        return f"{'-' * (number < 0)}{short}E{int(exponent) + len(text) - len(short)}"
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
