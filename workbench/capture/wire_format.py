"""Values in Confluent's wire format, as JSON text.

A value begins with a byte 0 and the four bytes of its schema's id, big-endian; or a header
``__value_schema_id`` says which schema it is (a byte 1 and a GUID's sixteen), and the value stands
alone. Behind that stands what a serializer wrote: Avro, or JSON as it is. Protobuf puts the indexes of
the message before its bytes; it is told apart, and not decoded.
https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from workbench.brokers import Record
from workbench.capture.avro_values import AvroReader
from workbench.capture.json_text import any_json, json_text
from workbench.capture.schemas import AVRO, JSON, PROTOBUF, SchemaId, Schemas
from workbench.errors import EventError, LogError, UndecodedError

Headers = Sequence[tuple[str, bytes | None]]

VALUE_HEADER: Final = "__value_schema_id"
_BY_NUMBER, _BY_GUID = 0, 1
_NUMBER_BYTES, _GUID_BYTES = 5, 17
_MOST_INDEXES: Final = 100
_DEEPEST: Final = 200
"""As deep as an Avro value may be nested: what writes it again goes no deeper than 254."""


class Framed(NamedTuple):
    """What a value says of itself: its schema's id, and where in its bytes the rest begins."""

    schema_id: SchemaId
    start: int


class Decoder:
    """Decodes values, each schema being had and understood once. Several threads may share it.

    Parameters
    ----------
    schemas
        Where schemas are had from: see :func:`workbench.capture.open_schemas`.
    """

    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self._readers: dict[SchemaId, AvroReader | str | UndecodedError] = {}

    def __repr__(self) -> str:
        return f"Decoder({self.schemas!r})"

    def decode(
        self, values: Sequence[bytes | None], headers: Sequence[Headers] | None = None
    ) -> tuple[list[bytes | None], list[str | None]]:
        """The values of a batch as JSON texts, and of each why it isn't decoded (``None``: it is).

        A value that isn't decoded is a JSON text too: its bytes in base64. No value is no text.

        Parameters
        ----------
        values, headers
            In the same order; without headers, none has any.
        """
        texts: list[bytes | None] = []
        reasons: list[str | None] = []
        for place, value in enumerate(values):
            reason = None
            text = None
            if value is not None:
                try:
                    text = self.decode_one(value, headers[place] if headers is not None else ())
                except UndecodedError as error:
                    text, reason = base64_text(value), str(error)
            texts.append(text)
            reasons.append(reason)
        return texts, reasons

    def decode_one(self, value: bytes, headers: Headers = ()) -> bytes:
        """The JSON text of a value; one that is JSON already stays as it is.

        Raises
        ------
        UndecodedError
            It can't be decoded; the message is the reason.
        """
        framed = framing(value, headers)
        if framed is None:
            return _one_line(value, "the value is neither in Confluent's wire format nor JSON")
        schema_id, start = framed
        reader = self._readers.get(schema_id)
        if reader is None:
            reader = self._reader(schema_id)
        if isinstance(reader, UndecodedError):
            raise UndecodedError(str(reader))
        if isinstance(reader, AvroReader):
            try:
                return reader.json_text(value, start)
            except UndecodedError as error:
                raise UndecodedError(f"schema {schema_id} (Avro): {error}") from None
        if reader == JSON:
            return _one_line(value[start:], f"schema {schema_id} (JSON Schema): it is no JSON")
        indexes = _message_indexes(value, headers, start)
        raise UndecodedError(
            f"schema {schema_id} is Protobuf, which is not decoded (message {indexes})"
        )

    def _reader(self, schema_id: SchemaId) -> AvroReader | str | UndecodedError:
        schema = self.schemas.schema(schema_id)  # what can't be had now may be later
        made: AvroReader | str | UndecodedError
        if schema.kind == AVRO:
            others = self.schemas.referenced(schema)
            try:
                made = AvroReader(json.loads(schema.text), [json.loads(text) for text in others])
            except (LogError, ValueError, RecursionError) as error:
                why = str(error) if isinstance(error, LogError) else "it is no JSON"
                made = UndecodedError(f"schema {schema_id} can't be used: {why}")
        elif schema.kind in (JSON, PROTOBUF):
            made = schema.kind
        else:
            made = UndecodedError(f"schema {schema_id} is of a kind not known here: {schema.kind}")
        self._readers[schema_id] = made
        return made


def framing(value: bytes, headers: Headers = ()) -> Framed | None:
    """What a value and its headers say of its schema; ``None``: it is in no wire format.

    Raises
    ------
    UndecodedError
        The header is there, but names no schema.
    """
    for name, text in headers:
        if name == VALUE_HEADER:
            return Framed(_named_by(text or b""), 0)
    if value[:1] == b"\0" and len(value) >= _NUMBER_BYTES:
        return Framed(int.from_bytes(value[1:_NUMBER_BYTES], "big"), _NUMBER_BYTES)
    return None


def payload_of(
    record: Record, decoder: Decoder | None, otherwise: Callable[[], Any]
) -> tuple[Any, str | None]:
    """The payload of a record, and why it is none.

    With a decoder, a value in wire format is decoded, or is base64 with the reason. Any other is what
    ``otherwise`` makes of it; where that raises an ``EventError``, it is the value's text. A record
    without a value has no payload: an event needs none.
    """
    value = record.value
    if value is None:
        return None, None
    try:
        if decoder is not None and framing(value, record.headers) is not None:
            return any_json(decoder.decode_one(value, record.headers)), None
    except UndecodedError as error:
        return b64encode(value).decode(), str(error)
    try:
        return otherwise(), None
    except EventError as error:
        return value.decode("utf-8", "backslashreplace"), str(error)


def base64_text(value: bytes) -> bytes:
    """Bytes as a JSON text: base64 in quotes."""
    return b'"' + b64encode(value) + b'"'


def _named_by(header: bytes) -> SchemaId:
    if header[:1] == bytes([_BY_GUID]) and len(header) >= _GUID_BYTES:
        return UUID(bytes=header[1:_GUID_BYTES])
    if header[:1] == bytes([_BY_NUMBER]) and len(header) >= _NUMBER_BYTES:
        return int.from_bytes(header[1:_NUMBER_BYTES], "big")
    raise UndecodedError(f"the header {VALUE_HEADER} names no schema")


def _one_line(text: bytes, otherwise: str) -> bytes:
    """JSON text without line breaks, and else as it is."""
    try:
        found = any_json(text)
        if text.count(b"[") + text.count(b"{") > _DEEPEST and _is_deep(found):
            raise UndecodedError(f"it is JSON that is nested deeper than {_DEEPEST} levels")
        if b"\n" not in text and b"\r" not in text:
            text.decode()
            return text
    except (ValueError, RecursionError):
        raise UndecodedError(otherwise) from None
    try:
        return msgspec.json.format(text, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return json_text(found)  # NaN, and what else only Python's json takes


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [inner for each in level for inner in _inside(each)]
    return bool(level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _message_indexes(value: bytes, headers: Headers, start: int) -> str:
    """Which message of a Protobuf schema it is: ``1.0`` is the first in the second."""
    data, at = value, start
    if start == 0:  # they stand in the header then
        data = next((text or b"" for name, text in headers if name == VALUE_HEADER), b"")
        at = _GUID_BYTES if data[:1] == bytes([_BY_GUID]) else _NUMBER_BYTES
    try:
        count, at = _whole_number(data, at)
        if not 0 <= count <= _MOST_INDEXES:
            return "?"
        indexes = []
        for _ in range(count):
            index, at = _whole_number(data, at)
            indexes.append(str(index))
    except IndexError:
        return "?"
    return ".".join(indexes) or "0"


def _whole_number(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag varint, and where it ends."""
    value = place = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << place
        at, place = at + 1, place + 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
