"""How records are kept in a service's file, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import orjson


def pack_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Headers as one value: Latin-1 has a letter for every byte, so poison stays what it was."""
    return orjson.dumps(
        [(name, text.decode("latin-1") if text is not None else None) for name, text in headers]
    )


def unpack_headers(packed: bytes) -> list[tuple[str, bytes | None]]:
    """What :func:`pack_headers` packed."""
    return [
        (name, text.encode("latin-1") if text is not None else None)
        for name, text in orjson.loads(packed)
    ]
