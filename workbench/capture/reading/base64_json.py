"""JSON that stands in base64, as record streams and REST proxies give what they can't know to be text.

Amazon's Kinesis and MSK hand it to functions so, Google's Pub/Sub in a message's ``data``, and
Confluent's REST Proxy in its embedded format ``binary``. Either alphabet of RFC 4648 is read.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any, Final

from workbench.capture.json_text import any_json

_BEGINNINGS: Final = ("ey", "ew", "e3", "Wy", "Ww", "W0", "W1", "W2", "W3", "Wz")
"""How ``{`` and ``[`` begin in base64, before what may follow them in JSON."""
_SHORTEST: Final = 8
_STANDARD: Final = str.maketrans("-_", "+/")


def json_in_base64(text: str) -> str | None:
    """The JSON object or array that a text is in base64, as text; ``None`` if it is none."""
    if not text.startswith(_BEGINNINGS) or len(text) < _SHORTEST:
        return None
    try:
        found = b64decode(
            text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True
        ).decode()
        value: Any = any_json(found)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found if isinstance(value, dict | list) else None
