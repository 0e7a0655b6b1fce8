"""Reading Avro values of which a few bytes may stand for very much.

fastavro reads a value that is nested in itself without counting how deep: a few thousand bytes end
the whole process. Such schemas (trees, linked lists, arrays of nothing) are rare, and read here.
https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
"""

from __future__ import annotations

import struct
from typing import Any, Final

from workbench.capture.avro_logical import CONVERSIONS
from workbench.capture.avro_schema import ReadingSchema

_DEEPEST: Final = 200
"""orjson writes JSON that is nested 254 deep, and no deeper."""
_MOST_HOLLOW: Final = 100_000
"""Items without a byte, in one value."""
_LONG_BYTES: Final = 10


class NestedReader:
    """Reads one value.

    Parameters
    ----------
    schema
        What it was written with.
    data, start
        The bytes, and where the value begins in them.

    Attributes
    ----------
    at
        Where it ended.
    """

    def __init__(self, schema: ReadingSchema, data: bytes, start: int) -> None:
        self._schema, self._data, self.at = schema, data, start
        self._hollow = 0

    def read(self) -> Any:
        """The value, as JSON has it.

        Raises
        ------
        EOFError
            The bytes end too early.
        ValueError
            They are no such value, or one that is nested too deep.
        """
        return self._value(self._schema.root, 0)

    def _value(self, schema: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
        if isinstance(schema, list):
            return self._value(_chosen(schema, self._long()), depth)
        if isinstance(schema, str):
            schema = self._schema.named.get(schema, {"type": schema})
        kind = schema["type"]
        raw = self._of(kind, schema, depth)
        mark = schema.get("logicalType")
        return CONVERSIONS[f"{kind}-{mark}"](raw, schema) if mark else raw

    def _of(self, kind: str, schema: Any, depth: int) -> Any:
        if kind == "null":
            return None
        if kind == "boolean":
            return self._take(1) == b"\x01"
        if kind in ("int", "long"):
            return self._long()
        if kind in ("float", "double"):
            size, form = (4, "<f") if kind == "float" else (8, "<d")
            return struct.unpack(form, self._take(size))[0]
        if kind in ("bytes", "string"):
            raw = self._take(self._long())
            return raw if kind == "bytes" else raw.decode()
        if kind == "fixed":
            return self._take(schema["size"])
        if kind == "enum":
            return _chosen(schema["symbols"], self._long())
        if kind == "record":
            return {f["name"]: self._value(f["type"], depth + 1) for f in schema["fields"]}
        if kind == "map":
            return {
                self._of("string", None, 0): self._value(schema["values"], depth + 1)
                for count in self._blocks()
                for _ in range(count)
            }
        return self._items(schema["items"], depth + 1)

    def _items(self, schema: Any, depth: int) -> list[Any]:
        hollow = self._schema.is_hollow(schema)
        found: list[Any] = []
        for count in self._blocks():
            self._hollow += count if hollow else 0
            if self._hollow > _MOST_HOLLOW:
                raise ValueError(f"it holds more than {_MOST_HOLLOW:,} items of no bytes")
            found.extend(self._value(schema, depth) for _ in range(count))
        return found

    def _blocks(self) -> Any:
        """How many items each block has."""
        while count := self._long():
            if count < 0:
                self._long()  # the bytes that the block takes
            yield abs(count)

    def _long(self) -> int:
        value = 0
        for place in range(_LONG_BYTES):
            (byte,) = self._take(1)
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise ValueError("a whole number in it is too long")

    def _take(self, size: int) -> bytes:
        end = self.at + size
        if size < 0 or end > len(self._data):
            raise EOFError
        taken = self._data[self.at : end]
        self.at = end
        return taken


def _chosen(of: list[Any], index: int) -> Any:
    if not 0 <= index < len(of):
        raise ValueError("it names a branch or symbol that the schema does not have")
    return of[index]
