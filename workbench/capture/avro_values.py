"""Avro values as JSON text, read with the schema that they were written with.

Records and maps become objects, enums their symbol, and a union is the value alone, without the
name of its branch. Bytes and logical types: see :mod:`workbench.capture.avro_logical`. A float that is
not a finite number is written as :mod:`workbench.capture.json_text` says.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import orjson

from workbench.capture.avro_logical import CONVERSIONS
from workbench.capture.avro_nested import NestedReader
from workbench.capture.avro_schema import ReadingSchema
from workbench.capture.json_text import json_text
from workbench.errors import LogError, UndecodedError


class AvroReader:
    """Reads values that were written with one schema; its work on the schema is done once.

    Parameters
    ----------
    schema
        The decoded JSON of the schema.
    referenced
        The schemas that it refers to, and that those refer to.

    Raises
    ------
    LogError
        It is no Avro schema.
    """

    def __init__(self, schema: Any, referenced: Iterable[Any] = ()) -> None:
        from fastavro import parse_schema, schemaless_reader
        from fastavro.read import LOGICAL_READERS

        LOGICAL_READERS.update(CONVERSIONS)  # under names of our own
        self._schema = ReadingSchema(schema, referenced)
        try:
            self._parsed = parse_schema(self._schema.root)
        except Exception as error:  # whatever is wrong with it, and fastavro raises all sorts
            raise LogError(f"fastavro can't use it: {_line(error)}") from error
        self._read = schemaless_reader
        root = self._schema.root
        # Only what may not be finite needs more care than orjson takes.
        inexact = any(name in repr(root) for name in ("float", "double"))
        self._text = json_text if inexact else orjson.dumps
        self._bare = root if isinstance(root, dict) and root["type"] == "bytes" else None

    def json_text(self, value: bytes, start: int = 0) -> bytes:
        """The JSON text of a value.

        Raises
        ------
        UndecodedError
            The bytes are no value of this schema.
        """
        try:
            if self._bare is not None:  # Confluent's serializers write bytes as they are
                kind = f"bytes-{self._bare['logicalType']}"
                return json_text(CONVERSIONS[kind](value[start:], self._bare))
            if self._schema.bounded:
                stream = io.BytesIO(value)
                stream.seek(start)
                found = self._read(stream, self._parsed, None)
                end = stream.tell()
            else:
                reader = NestedReader(self._schema, value, start)
                found, end = reader.read(), reader.at
            text = self._text(found)
        except EOFError:
            raise UndecodedError("the bytes end before the value does") from None
        except UnicodeDecodeError:
            raise UndecodedError("a text in the value is not UTF-8") from None
        except Exception:  # noqa: BLE001 - fastavro raises all sorts on bad bytes
            raise UndecodedError("the bytes are no value of it") from None
        if end != len(value):
            raise UndecodedError("there are more bytes than the value takes")
        return text


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
