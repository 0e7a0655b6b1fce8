"""A datum that a writer writes and a reader refuses, proved by doing both with fastavro."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from workbench.events.avro.schema import AvroType, plain_schema

Wrap = Callable[[Any], Any]
"""Puts a datum where it stands in a whole event."""

_LARGEST = 10_000
_LETTERS = 500_000
_SAMPLES: dict[str, Any] = {
    "null": None, "boolean": True, "int": 7, "long": 7, "float": 1.5, "double": 1.5,
    "bytes": b"text", "string": "text", "array": [], "map": {},
}  # fmt: skip


class NoSampleError(Exception):
    """No datum, or only a very large one, has the type."""


def sample(kind: AvroType) -> Any:
    """A small datum of a type; branches of unions are named, as fastavro takes them.

    Raises
    ------
    NoSampleError
        There is none, or only a large one.
    """
    return _Sampler().make(kind)


class _Sampler:
    def __init__(self) -> None:
        self._inside: set[str] = set()
        self._left = _LARGEST

    def make(self, kind: AvroType) -> Any:
        self._left -= 1 + kind.size
        if self._left < 0 or kind.name in self._inside:
            raise NoSampleError
        if kind.kind == "union":
            return self._branch(kind)
        if kind.kind == "enum":
            if not kind.symbols:
                raise NoSampleError
            return kind.symbols[0]
        if kind.kind == "fixed":
            return b"\0" * kind.size
        if kind.kind == "record":
            self._inside.add(kind.name)
            try:
                return {f.name: self.make(f.type) for f in kind.fields}
            finally:
                self._inside.discard(kind.name)
        made = _SAMPLES[kind.kind]
        return made.copy() if isinstance(made, (list, dict)) else made

    def _branch(self, union: AvroType) -> Any:
        for branch in sorted(union.inner, key=lambda one: one.kind != "null"):
            try:
                return named(branch, self.make(branch))
            except NoSampleError:
                continue
        raise NoSampleError


def named(branch: AvroType, datum: Any) -> Any:
    """A datum of one branch of a union, as fastavro takes it."""
    return (branch.name or branch.kind, datum)


class Proof:
    """Writes with one schema and reads with another.

    ``tries`` is how often that can be done in well under a second.
    """

    def __init__(self, writer: AvroType, reader: AvroType) -> None:
        import fastavro

        written, read = plain_schema(writer), plain_schema(reader)
        self.tries = max(1, _LETTERS // (len(str(written)) + len(str(read))))
        self._writer, self._reader = (
            fastavro.parse_schema(_boxed(schema), _ignore_default_error=True)
            for schema in (written, read)
        )

    def refuses(self, datum: Any) -> bool:
        """Whether the writer writes the datum and the reader then raises an error."""
        import fastavro

        written = io.BytesIO()
        try:
            fastavro.schemaless_writer(written, self._writer, {"datum": datum})
        except Exception:  # noqa: BLE001 - whatever it is, it was not written
            return False
        written.seek(0)
        try:
            fastavro.schemaless_reader(written, self._writer, self._reader)
        except Exception:  # noqa: BLE001 - fastavro refuses with errors of many kinds
            return True
        return False

    def witness(self, wrap: Wrap, datum: Callable[[], Any]) -> tuple[Any, bool]:
        """The datum in a whole event, and ``True`` if it is refused: else no more than ``None``."""
        try:
            whole = wrap(datum())
        except (NoSampleError, RecursionError):
            return None, False
        for one in (_without_names(whole), whole):
            if self.refuses(one):
                return one, True
        return None, False


def _boxed(schema: Any) -> Any:
    """In a record of its own: fastavro's errors on a large union are 100 MB of text otherwise."""
    return {"type": "record", "name": "Box_", "fields": [{"name": "datum", "type": schema}]}


def _without_names(datum: Any) -> Any:
    if isinstance(datum, tuple):
        return _without_names(datum[1])
    if isinstance(datum, list):
        return [_without_names(one) for one in datum]
    if isinstance(datum, dict):
        return {name: _without_names(one) for name, one in datum.items()}
    return datum
