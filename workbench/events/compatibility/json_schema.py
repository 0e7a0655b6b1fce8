"""JSON Schemas compared: the sides that the mode asks for, and what to say of their gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.errors import EventError
from workbench.events.compatibility.comparing import Comparison
from workbench.events.compatibility.document import Document, read_schema
from workbench.events.compatibility.gaps import Gap
from workbench.events.compatibility.inlining import UndecidedError
from workbench.events.compatibility.pointers import written_pointer
from workbench.events.compatibility.proving import Proof
from workbench.events.compatibility.result import NEW_READERS, Change, Compatibility
from workbench.events.compatibility.schema import IncomparableError, Schema
from workbench.events.compatibility.sentences import field_of, kind, sentence
from workbench.events.compatibility.sides import Side, sides_of
from workbench.events.compatibility.writers import Writer
from workbench.events.json_pointer import below

FORMAT = "json-schema"


def check_json_schema(olds: list[Any], new: Any, mode: str, policy: str) -> Compatibility:
    """See :func:`workbench.events.check_compatibility`."""
    lenient = policy == "lenient"
    try:
        sides = list(sides_of(*_documents(olds, new), mode))
        gaps = [_gaps(side, lenient=lenient) for side in sides if side.counts]
    except (IncomparableError, UndecidedError) as error:
        why = str(error).rstrip(".")
        return Compatibility(mode == "NONE", mode, policy, FORMAT, why, lambda: [_undecided(why)])
    return Compatibility(
        not any(gaps), mode, policy, FORMAT, "", lambda: list(_changes(sides, lenient=lenient))
    )


def _documents(olds: Sequence[Any], new: Any) -> tuple[list[Document], Document]:
    name = "the old schema" if len(olds) == 1 else "old schema {}"
    whats = [*(name.format(n) for n in range(1, len(olds) + 1)), "the new schema"]
    found: list[Document] = []
    too_much: IncomparableError | None = None
    for schema, what in zip([*olds, new], whats, strict=True):
        try:
            found.append(_read(schema, what))
        except IncomparableError as error:
            too_much = too_much or error  # what is no schema at all is said first
    if too_much is not None:
        raise too_much
    return found[:-1], found[-1]


def _read(schema: Any, what: str) -> Document:
    document = read_schema(schema, what)
    try:
        document.root  # noqa: B018 - follows its references
    except IncomparableError:
        raise
    except EventError as error:
        raise EventError(f"{what} can't be read: {error}") from error
    return document


def _gaps(side: Side[Document], *, lenient: bool) -> list[Gap]:
    return Comparison(side.writer, side.reader, lenient=lenient).gaps()


def _changes(sides: list[Side[Document]], *, lenient: bool) -> Iterator[Change]:
    told: set[tuple[str, str]] = set()
    for side in sides:
        try:
            gaps = _gaps(side, lenient=lenient)
        except UndecidedError as error:
            if side.counts:
                yield _undecided(str(error))
            continue
        writer = Writer(side.writer, lenient=lenient)
        proof = Proof(side.writer, side.reader, lenient=lenient)
        for gap in gaps:
            known = not gap.name or writer.declares(gap.writer, gap.name)
            witness, proved = proof.witness(gap)
            text = sentence(gap, side, known=known, lenient=lenient, proved=proved)
            if not proved:
                text += (
                    " (No payload was found that proves it; what is not proven counts as broken.)"
                )
            name = kind(gap, side.whom, known=known)
            told.add((side.whom, _path(gap)))
            pointer = written_pointer(side.reader.raw, _path(gap))
            yield Change(pointer, name, side.counts, side.whom, text, witness, proved, side.version)
    last = sides[-1]  # old readers of the last version: the schemas before and after
    yield from _harmless(last.reader.root, last.writer.root, "", {place for _, place in told})


def _path(gap: Gap) -> str:
    """Of the property, where a rule is about one."""
    if not gap.name or gap.keyword == "properties":
        return gap.pointer
    return below(gap.pointer.removesuffix("/additionalProperties"), "properties", gap.name)


def _harmless(old: Schema, new: Schema, pointer: str, told: set[str]) -> Iterator[Change]:
    """Properties that came or went, and hurt nobody."""
    before, after = _properties(old), _properties(new)
    for name in [*before, *(n for n in after if n not in before)]:
        path = below(pointer, "properties", name)
        if name in before and name in after:
            yield from _harmless(before[name], after[name], path, told)
        elif not any(known == path or known.startswith(path + "/") for known in told):
            what = "was added" if name in after else "is gone"
            change = "property-added" if name in after else "property-removed"
            yield Change(path, change, False, "", f"`{field_of(path)}` {what}, which hurts nobody.")


def _properties(schema: Schema) -> Mapping[str, Any]:
    return schema.get("properties", {}) if isinstance(schema, Mapping) else {}


def _undecided(why: str) -> Change:
    text = f"could not decide: {why.rstrip('.')}; this counts as not compatible."
    return Change("", "undecided", True, NEW_READERS, text)
