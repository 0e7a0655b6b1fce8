"""Whether a reader reads what a writer wrote: the Avro specification's schema resolution.

The rules are those of version 1.12, "Schema Resolution". They are ours because neither library
keeps them: ``avro.compatibility`` overlooks decimals, aliases that are relative to a namespace
and that a reader's union takes its *first* matching branch; fastavro takes an enum, a fixed and
a record of one name for the same type, and overlooks decimals. fastavro does prove a finding.

Logical types other than decimal are resolved by the types below them, as the specification
wants: that ``timestamp-millis`` read as ``timestamp-micros`` is another time is no finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from workbench.events.avro.schema import (
    ABSENT,
    AvroField,
    AvroType,
    TooDeepError,
    is_default,
    read_schema,
)
from workbench.events.avro.witness import Proof, Wrap, named, sample

PROMOTIONS = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}
"""What is written → what it may be read as, besides itself."""

_STEPS = 1_200_000


@dataclass(frozen=True)
class Finding:
    """Why a reader can't read what a writer may write.

    Attributes
    ----------
    pointer
        JSON pointer into the reader's schema.
    kind
        ``reader-field-missing-default``, ``invalid-default``, ``type-mismatch``,
        ``name-mismatch``, ``enum-symbols-missing``, ``fixed-size``, ``union-branch-missing``,
        ``decimal``, or ``undecided``: the schemas are too large or too deep to tell.
    sentence
        For a person.
    witness
        A datum that fastavro writes with the writer's schema and refuses to read with the
        reader's; ``None`` if that could not be shown.
    proved
        Whether that was shown: a witness may be ``None`` itself, which is Avro's null.
    """

    pointer: str
    kind: str
    sentence: str
    witness: Any = None
    proved: bool = False


def read_errors(writer: Any, reader: Any) -> list[Finding]:
    """Why a reader can't read what a writer may write; empty if it reads everything.

    Parameters
    ----------
    writer, reader
        Avro schemas: a mapping, a list (a union), the name of a primitive type, or JSON text.

    Raises
    ------
    EventError
        One of them is not an Avro schema; says which, where and why.

    Examples
    --------
    >>> read_errors("int", "double")
    []
    >>> [(found.kind, found.witness) for found in read_errors("string", "int")]
    [('type-mismatch', 'text')]
    """
    try:
        written, read = (
            read_schema(writer, "the writer's schema"),
            read_schema(reader, "the reader's schema"),
        )
        resolution = _Resolution(written, read)
        resolution.resolve(written, read, _Place("", (), lambda datum: datum))
        return resolution.proved()
    except TooDeepError:
        why = "a schema is nested deeper than 100 levels"
    except RecursionError:
        why = "the schemas are nested too deeply"
    except _OutOfStepsError:
        why = "the schemas are too large to be compared in time"
    return [Finding("", "undecided", f"Could not decide whether the reader reads it: {why}.")]


class _OutOfStepsError(Exception):
    pass


@dataclass(frozen=True)
class _Place:
    pointer: str
    path: tuple[str, ...]
    wrap: Wrap

    def __str__(self) -> str:
        return f"`{'.'.join(self.path)}`" if self.path else "the event"


class _Resolution:
    def __init__(self, writer: AvroType, reader: AvroType) -> None:
        self._roots = writer, reader
        self._findings: list[tuple[Finding, _Place, Callable[[], Any]]] = []
        self._seen: set[tuple[int, int]] = set()
        self._steps = _STEPS

    def resolve(self, written: AvroType, read: AvroType, place: _Place) -> None:
        if written.kind != "union":
            self._one(written, read, place)
            return
        for branch in written.inner:
            wrap = _after(place.wrap, branch)
            self._one(branch, read, _Place(place.pointer, place.path, wrap))

    def _one(self, written: AvroType, read: AvroType, place: _Place) -> None:
        if read.kind != "union":
            self._same(written, read, place)
            return
        for n, branch in enumerate(read.inner):
            if self._matches(written, branch):
                pointer = f"{place.pointer}/{n}"
                self._same(written, branch, _Place(pointer, place.path, place.wrap))
                return
        self._found(
            place.pointer,
            "union-branch-missing",
            f"{place} may be written as {written}, which is none of what the reader takes ({read}).",
            place,
            lambda: sample(written),
        )

    def _matches(self, written: AvroType, read: AvroType) -> bool:
        """Whether a branch of the reader's union is taken, though it may fail further inside."""
        self._steps -= 1
        if self._steps < 0:
            raise _OutOfStepsError
        if written.kind == "union" or read.kind == "union":
            return True
        if written.kind != read.kind:
            return read.kind in PROMOTIONS.get(written.kind, ())
        if written.kind in ("array", "map"):
            return self._matches(written.inner[0], read.inner[0])
        if written.name and not _same_name(written, read):
            return False
        return written.size == read.size and not _other_decimal(written, read)

    def _same(self, written: AvroType, read: AvroType, place: _Place) -> None:
        pair = id(written), id(read)
        if pair in self._seen:
            return
        self._seen.add(pair)
        self._steps -= 1
        if self._steps < 0:
            raise _OutOfStepsError
        if written.kind != read.kind:
            if read.kind not in PROMOTIONS.get(written.kind, ()):
                self._mismatch(written, read, place)
        elif written.kind in ("array", "map"):
            self._inner(written, read, place)
        elif written.name and not _same_name(written, read):
            self._found(
                f"{read.pointer}/name",
                "name-mismatch",
                f"{place} is written as {written} and read as {read}: the names must be the same, "
                f"or {written.name} an alias of the reader's.",
                place,
                lambda: sample(written),
            )
        elif written.kind == "record":
            self._record(written, read, place)
        elif written.kind == "enum":
            self._enum(written, read, place)
        elif written.size != read.size:
            self._found(
                f"{read.pointer}/size",
                "fixed-size",
                f"{place} is written with {written.size:,} bytes and read with {read.size:,}: "
                "the size of a fixed can't change.",
                place,
                lambda: sample(written),
            )
        elif _other_decimal(written, read):
            assert written.decimal is not None
            assert read.decimal is not None
            self._found(
                place.pointer,
                "decimal",
                "{} is written as decimal({}, {}) and read as decimal({}, {}): precision and scale "
                "must be the same.".format(place, *written.decimal, *read.decimal),
                place,
                lambda: sample(written),
            )

    def _mismatch(self, written: AvroType, read: AvroType, place: _Place) -> None:
        back = written.kind in PROMOTIONS.get(read.kind, ())
        hint = f" Only the reverse works: {read.kind} is read as {written.kind}." if back else ""
        self._found(
            place.pointer,
            "type-mismatch",
            f"{place} may be written as {written} and is read as {read}, which doesn't fit.{hint}",
            place,
            lambda: sample(written),
        )

    def _inner(self, written: AvroType, read: AvroType, place: _Place) -> None:
        word, before = ("items", "[]") if read.kind == "array" else ("values", "{}")
        path = (*place.path[:-1], (place.path[-1] if place.path else "") + before)
        wrap = _in_array(place.wrap) if read.kind == "array" else _in_map(place.wrap)
        inner = _Place(f"{place.pointer}/{word}", path, wrap)
        self.resolve(written.inner[0], read.inner[0], inner)

    def _enum(self, written: AvroType, read: AvroType, place: _Place) -> None:
        known = set(read.symbols)
        missing = [symbol for symbol in written.symbols if symbol not in known]
        if not missing or read.default is not ABSENT:
            return
        more = f" or {len(missing) - 1:,} more" if len(missing) > 1 else ""
        self._found(
            f"{read.pointer}/symbols",
            "enum-symbols-missing",
            f"{place} may be written as {missing[0]}{more}, which the reader's enum "
            f"{read.short_name} lacks: add it, or give that enum a default.",
            place,
            lambda: missing[0],
        )

    def _record(self, written: AvroType, read: AvroType, place: _Place) -> None:
        known = {one.name: one for one in written.fields}
        for one in read.fields:
            names = (one.name, *one.aliases)
            theirs = next((known[name] for name in names if name in known), None)
            path = (*place.path, one.name)
            if theirs is not None:
                wrap = _in_record(place.wrap, written, theirs)
                self.resolve(theirs.type, one.type, _Place(f"{one.pointer}/type", path, wrap))
                continue
            inner = _Place(one.pointer, path, place.wrap)
            if one.default is ABSENT:
                self._found(
                    one.pointer,
                    "reader-field-missing-default",
                    f"{inner} has no default: the reader can't fill it in where an event was "
                    "written without it; give it a default.",
                    inner,
                    lambda: sample(written),
                )
            elif not is_default(one.type, one.default):
                self._found(
                    f"{one.pointer}/default",
                    "invalid-default",
                    f"the default of {inner} is no value of its type ({one.type}): the reader "
                    "can't fill it in.",
                    inner,
                    lambda: sample(written),
                )

    def _found(
        self, pointer: str, kind: str, sentence: str, place: _Place, datum: Callable[[], Any]
    ) -> None:
        sentence = sentence[0].upper() + sentence[1:]
        self._findings.append((Finding(pointer, kind, sentence), place, datum))

    def proved(self) -> list[Finding]:
        """The findings, the first ones with a witness: as many as can be tried in good time."""
        if not self._findings:
            return []
        proof = Proof(*self._roots)
        for n, (finding, place, datum) in enumerate(self._findings[: proof.tries]):
            witness, proved = proof.witness(place.wrap, datum)
            found = replace(finding, witness=witness, proved=proved)
            self._findings[n] = found, place, datum
        return [finding for finding, _, _ in self._findings]


def _same_name(written: AvroType, read: AvroType) -> bool:
    return written.short_name == read.short_name or written.name in read.aliases


def _other_decimal(written: AvroType, read: AvroType) -> bool:
    both = written.decimal is not None and read.decimal is not None
    return both and written.decimal != read.decimal


def _after(wrap: Wrap, branch: AvroType) -> Wrap:
    return lambda datum: wrap(named(branch, datum))


def _in_array(wrap: Wrap) -> Wrap:
    return lambda datum: wrap([datum])


def _in_map(wrap: Wrap) -> Wrap:
    return lambda datum: wrap({"key": datum})


def _in_record(wrap: Wrap, record: AvroType, field: AvroField) -> Wrap:
    def whole(datum: Any) -> Any:
        others = {one.name: sample(one.type) for one in record.fields if one is not field}
        return wrap({one.name: others.get(one.name, datum) for one in record.fields})

    return whole
