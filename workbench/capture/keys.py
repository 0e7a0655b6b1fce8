"""Keys of records as text, and back.

Most are text. What is no UTF-8 (numbers, UUIDs, Avro) is written in base64 behind a mark, so that two
keys stay two, and a replay sends the very bytes, to the very partition.
"""

from __future__ import annotations

import base64
from typing import Final

_MARK: Final = "base64:"


def key_text(key: bytes | None) -> str | None:
    """A key as text: ``b"o-1"`` is ``"o-1"``, ``bytes([128])`` is ``"base64:gA=="``."""
    if key is None:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return _MARK + base64.b64encode(key).decode()


def key_bytes(text: str | None) -> bytes | None:
    """The key of which :func:`key_text` made a text; a text that only looks like one stays what it is."""
    if text is None or not text.startswith(_MARK):
        return None if text is None else text.encode()
    try:
        key = base64.b64decode(text.removeprefix(_MARK), validate=True)
    except ValueError:
        return text.encode()
    return key if key_text(key) == text else text.encode()
