"""Where a reader's schema refuses what a writer's allows, rule by rule.

A schema is the conjunction of its keywords, so it takes all that a writer writes if each of them
does. The comparison therefore goes down both schemas together: what the algebra of schemas proves
as a whole is done; what it doesn't is taken apart into keywords and parts, each proven by itself.
What is left over are the *gaps*. Recursive schemas are compared by coinduction: while a pair of
schemas is compared it is taken for granted, deeper down, that the pair holds (Amadio and Cardelli,
"Subtyping Recursive Types", 1993).
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from workbench.events.compatibility.algebra import MOST_LISTED, covers, missing
from workbench.events.compatibility.document import Document
from workbench.events.compatibility.expressions import not_covered
from workbench.events.compatibility.gaps import Gap, Wrap, at_name, at_place, at_rest
from workbench.events.compatibility.inlining import (
    Filling,
    Place,
    UndecidedError,
    filling_of,
    inlined,
    read_part,
    read_place,
)
from workbench.events.compatibility.lenience import without_undeclared
from workbench.events.compatibility.sameness import Sameness
from workbench.events.compatibility.schema import Schema, takes_anything
from workbench.events.compatibility.writers import Writer
from workbench.events.json_pointer import below
from workbench.events.patterns import matches

MOST_STEPS = 20_000
"""Comparisons of parts."""

LONGEST = 1.5
"""Seconds."""

_WITH_PARTS = {"properties", "items", "prefixItems", "patternProperties", "additionalProperties"}
_NO_RULES = {"$ref", "allOf", "default", "then", "else", "minContains", "maxContains"}
_PLAIN = {
    "type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern",
    "minLength", "maxLength", "format", "minItems", "maxItems", "uniqueItems", "minProperties",
}  # fmt: skip
_OF_PLAIN_OBJECTS = {"type", "properties", "required", "additionalProperties", "default"}
_BESIDE = {
    "if": ("then", "else"),
    "contains": ("minContains", "maxContains"),
    "additionalProperties": ("properties", "patternProperties"),
    "unevaluatedProperties": ("properties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"),
    "unevaluatedItems": ("prefixItems", "items", "contains", "allOf", "anyOf", "oneOf", "$ref"),
}


class Comparison:
    """One writer against one reader.

    Parameters
    ----------
    writer, reader
        Their schemas.
    lenient
        Whether an open writer is taken to write only what it declares.
    """

    def __init__(self, writer: Document, reader: Document, *, lenient: bool = False) -> None:
        self._writer, self._reader = Writer(writer, lenient=lenient), reader
        self._lenient = lenient
        self._same = Sameness(writer, reader)
        self._recursive = writer.is_recursive and reader.is_recursive
        self._assumed: set[str] = set()
        self._steps, self._until = 0, time.monotonic() + LONGEST

    def gaps(self) -> list[Gap]:
        """The rules of the reader that may refuse what the writer writes; empty: none does.

        Raises
        ------
        UndecidedError
            It took too long, or went too deep.
        """
        writer, reader = self._writer.document.root, self._reader.root
        filling = filling_of(self._reader)
        try:
            found = list(self._compare(writer, reader, "", lambda rule: rule, filling))
        except RecursionError as error:
            raise UndecidedError("its recursion goes too deep") from error
        unique = {(gap.pointer, gap.keyword, gap.name): gap for gap in reversed(found)}
        return list(reversed(unique.values()))

    # --- one place ------------------------------------------------------------------------

    def _compare(
        self, writer: Schema, reader: Schema, pointer: str, wrap: Wrap, filling: Filling
    ) -> Iterator[Gap]:
        self._steps += 1
        if self._steps > MOST_STEPS or time.monotonic() > self._until:
            raise UndecidedError("it takes too long")
        writer = self._writer.document.resolved(writer)
        reader = self._reader.resolved(reader)
        if writer is False or takes_anything(reader) or self._same.parts(writer, reader):
            return
        # Of two objects the parts are looked at first, since most are the same as ever.
        parted = "properties" in _keywords(reader) and "properties" in _keywords(writer)
        if not parted and self._is_proven(writer, reader, filling):
            return
        if self._recursive:
            pair = json.dumps([writer, reader], sort_keys=True, default=str)
            if pair in self._assumed:
                return
            self._assumed.add(pair)
        gaps = list(self._apart(writer, reader, pointer, wrap, filling))
        # What its properties may be, each by itself, is all there is to a plain object.
        whole = parted and not _is_plain(writer)
        if not (gaps and whole and self._is_proven(writer, reader, filling)):
            yield from gaps

    def _apart(
        self, writer: Schema, reader: Schema, pointer: str, wrap: Wrap, filling: Filling
    ) -> Iterator[Gap]:
        if reader is False:
            yield self._gap(pointer, "false", writer, reader, wrap, False)
            return
        branches = self._writer.branches(writer)
        if branches is not None:
            for branch in branches:
                for gap in self._compare(branch, reader, pointer, wrap, filling):
                    # Of a type it is told what all the alternatives were.
                    here = gap.keyword == "type" and gap.pointer == pointer
                    yield replace(gap, writer=writer) if here else gap
            return
        place = read_place(self._reader, reader, filling)
        for it in place.consequences():
            if not self._proves(writer, it.rule):
                keyword = "unfit" if it.name in place.unfit else it.keyword
                yield self._gap(pointer, keyword, writer, reader, wrap, it.rule, it.name)
        yield from self._rules(writer, reader, pointer, wrap, place)

    def _is_proven(self, writer: Schema, reader: Schema, filling: Filling) -> bool:
        """Whether the algebra proves it; of recursive schemas it isn't asked."""
        try:
            taken = inlined(self._reader, reader, filling=filling)
            written = inlined(self._writer.document, writer)
            if self._lenient:
                written = without_undeclared(written, taken)
            return covers(taken, written)
        except UndecidedError:
            return False

    def _rules(
        self, writer: Schema, reader: Mapping[str, Any], pointer: str, wrap: Wrap, place: Place
    ) -> Iterator[Gap]:
        """Each rule of a place by itself."""
        if "$ref" in reader:
            target = self._reader.targets[reader["$ref"]]
            yield from self._part(writer, target, _place_of(reader["$ref"], pointer), wrap, place)
        for n, part in enumerate(reader.get("allOf", ())):
            yield from self._part(writer, part, f"{pointer}/allOf/{n}", wrap, place)
        for keyword in reader:
            if keyword not in _NO_RULES and keyword not in _WITH_PARTS:
                yield from self._rule(keyword, writer, reader, pointer, wrap, place)
        may_be = self._writer.types(writer)
        if may_be is None or "object" in may_be:
            yield from self._properties(writer, reader, pointer, wrap, place)
        if may_be is None or "array" in may_be:
            yield from self._elements(writer, reader, pointer, wrap, place)

    def _part(
        self, writer: Schema, part: Schema, pointer: str, wrap: Wrap, place: Place
    ) -> Iterator[Gap]:
        """Rules that stand in a schema of their own, at the same place."""
        if takes_anything(part):
            return
        if part is False:
            yield self._gap(pointer, "false", writer, part, wrap, False)
            return
        yield from self._rules(writer, part, pointer, wrap, place)

    def _rule(
        self,
        keyword: str,
        writer: Schema,
        reader: Mapping[str, Any],
        pointer: str,
        wrap: Wrap,
        place: Place,
    ) -> Iterator[Gap]:
        """One keyword that isn't taken apart any further, except for names and alternatives."""
        if keyword == "required":
            for name in reader["required"]:
                if name in place.filled or name in self._writer.required(writer):
                    continue
                if name in place.unfit or name in place.unclear:
                    continue  # told already
                if not _is_plain(writer) and self._proves(writer, {"required": [name]}):
                    continue
                there = {"required": [name]}
                yield self._gap(pointer, keyword, writer, reader, wrap, there, name)
            return
        if keyword == "enum" and isinstance(writer, dict) and "enum" in writer:
            gone = missing(writer["enum"], reader["enum"])
            one_of_them = {"not": {"enum": gone[:MOST_LISTED]}}
            if gone and not self._proves(writer, one_of_them):
                yield self._gap(pointer, keyword, writer, reader, wrap, one_of_them)
            return
        if keyword in _PLAIN and self._same.values(_keywords(writer).get(keyword), reader[keyword]):
            return
        rule: Schema | None = None
        alone = {k: reader[k] for k in (keyword, *_BESIDE.get(keyword, ())) if k in reader}
        try:
            rule = read_part(self._reader, alone, place)
            if self._proves(writer, rule):
                return
        except UndecidedError:
            pass
        if keyword == "pattern":
            covered, beyond = self._beyond(writer, reader["pattern"])
            if covered:
                return
            if beyond is not None and not self._proves(writer, {"not": {"enum": [beyond]}}):
                rule = {"not": {"enum": [beyond]}}
        if keyword not in ("anyOf", "oneOf"):
            yield self._gap(pointer, keyword, writer, reader, wrap, rule)
            return
        found = self._alternatives(keyword, writer, reader[keyword], pointer, wrap)
        if found is None:
            yield self._gap(pointer, keyword, writer, reader, wrap, rule)
        else:
            yield from found

    def _beyond(self, writer: Schema, pattern: str) -> tuple[bool, str | None]:
        """Whether a pattern of the writer's is covered; if not, a text that it allows beyond."""
        texts = []
        for node in self._writer.document.conjuncts(writer):
            if "pattern" in node:
                with contextlib.suppress(ValueError):
                    texts.append(not_covered(node["pattern"], pattern))
        return None in texts, next((text for text in texts if text is not None), None)

    def _alternatives(
        self, keyword: str, writer: Schema, branches: list[Schema], pointer: str, wrap: Wrap
    ) -> list[Gap] | None:
        """The gaps to the one alternative that can be meant; ``None`` if there are several.

        Of ``oneOf`` no two may hold, so the others must be disjoint from what is written.
        """
        alike = [n for n, branch in enumerate(branches) if self._same_type(writer, branch)]
        meant = [n for n in alike if not self._is_disjoint(writer, branches[n])]
        if keyword == "oneOf" and len(meant) > 1:
            return None
        tries = []
        for n in meant or alike:
            before, there = set(self._assumed), below(pointer, keyword, n)
            tries.append(list(self._compare(writer, branches[n], there, wrap, Filling.NONE)))
            if not tries[-1]:
                return []  # this one takes it
            self._assumed = before  # what was taken for granted here may not hold
        return tries[0] if len(tries) == 1 else None

    def _same_type(self, writer: Schema, branch: Schema) -> bool:
        one = self._writer.types(writer)
        other = Writer(self._reader, lenient=False).types(branch)
        return one is None or other is None or bool(_kinds(one) & _kinds(other))

    def _is_disjoint(self, writer: Schema, branch: Schema) -> bool:
        """Whether it is proven that nothing that is written satisfies an alternative."""
        try:
            refused = inlined(self._reader, branch, bottom=True)
        except UndecidedError:
            return False
        return self._proves(writer, {"not": refused})

    # --- parts ----------------------------------------------------------------------------

    def _properties(
        self, writer: Schema, reader: Mapping[str, Any], pointer: str, wrap: Wrap, place: Place
    ) -> Iterator[Gap]:
        declared = reader.get("properties", {})
        for name, part in declared.items():
            there = below(pointer, "properties", name)
            inner = at_name(wrap, "properties", name)
            found = self._writer.property(writer, name)
            if not self._writer.declares(writer, name) and found is True:
                if not takes_anything(self._reader.resolved(part)):
                    yield self._below(there, "properties", writer, part, inner, place, name)
                continue
            yield from self._compare(found, part, there, inner, place.below.of(name))
        for pattern, part in reader.get("patternProperties", {}).items():
            there = below(pointer, "patternProperties", pattern)
            inner = at_name(wrap, "patternProperties", pattern)
            for name in filter(partial(matches, pattern), self._writer.declared(writer)):
                only, value = at_name(wrap, "properties", name), self._writer.property(writer, name)
                yield from self._compare(value, part, there, only, place.below.filling)
            same = self._writer.under_pattern(writer, pattern)
            for value in [same] if same is not None else self._writer.others(writer):
                yield from self._compare(value, part, there, inner, place.below.filling)
        if "additionalProperties" not in reader:
            return
        rest, beside = reader["additionalProperties"], list(reader.get("patternProperties", {}))

        covered = {
            "properties": dict.fromkeys(declared, True),
            "patternProperties": dict.fromkeys(beside, True),
        }

        def is_other(name: str) -> bool:
            return name not in declared and not any(matches(p, name) for p in beside)

        yield from self._other_properties(writer, rest, is_other, pointer, wrap, place, covered)

    def _other_properties(
        self,
        writer: Schema,
        rest: Schema,
        is_other: Callable[[str], bool],
        pointer: str,
        wrap: Wrap,
        place: Place,
        covered: Mapping[str, Any],
    ) -> Iterator[Gap]:
        """Properties that the reader has one rule for, ``rest``, whatever their names."""
        there = below(pointer, "additionalProperties")
        for name in filter(is_other, self._writer.declared(writer)):
            value = self._writer.property(writer, name)
            only = at_name(wrap, "properties", name)
            if rest is False:
                yield self._gap(there, "additionalProperties", value, rest, only, False, name)
            else:
                yield from self._compare(value, rest, there, only, place.below.filling)
        any_other = at_rest(wrap, covered, "additionalProperties")
        if rest is False:
            told = dict.fromkeys(self._writer.declared(writer), True)
            known = {**covered, "properties": {**told, **covered["properties"]}}
            if not self._proves(writer, {**known, "additionalProperties": False}):
                yield self._gap(there, "additionalProperties", writer, rest, any_other, False)
            return
        for value in self._writer.others(writer, but=covered["patternProperties"]):
            yield from self._compare(value, rest, there, any_other, place.below.filling)

    def _elements(
        self, writer: Schema, reader: Mapping[str, Any], pointer: str, wrap: Wrap, place: Place
    ) -> Iterator[Gap]:
        prefix = reader.get("prefixItems", ())
        for n, part in enumerate(prefix):
            there = below(pointer, "prefixItems", n)
            inner = at_place(wrap, n)
            yield from self._compare(
                self._writer.element(writer, n), part, there, inner, place.below.filling
            )
        if "items" not in reader:
            return
        longest = max(len(prefix), self._writer.prefix(writer))
        for n in range(len(prefix), longest + 1):  # the last stands for all that follow
            value, inner = self._writer.element(writer, n), at_place(wrap, n)
            yield from self._compare(
                value, reader["items"], f"{pointer}/items", inner, place.below.filling
            )

    # --- proofs and gaps ------------------------------------------------------------------

    def _proves(self, writer: Schema, rule: Schema) -> bool:
        """Whether the algebra proves one rule of what a writer's schema allows at a place."""
        try:
            written = inlined(self._writer.document, writer, bottom=True)
            if self._lenient:
                written = without_undeclared(written, rule)
            return covers(rule, written)
        except UndecidedError:
            return False

    def _gap(
        self,
        pointer: str,
        keyword: str,
        writer: Schema,
        reader: Schema,
        wrap: Wrap,
        rule: Schema | None,
        name: str = "",
    ) -> Gap:
        whole = None if rule is None else wrap(rule)
        return Gap(pointer, keyword, writer, reader, name, whole)

    def _below(
        self,
        pointer: str,
        keyword: str,
        writer: Schema,
        part: Schema,
        wrap: Wrap,
        place: Place,
        name: str,
    ) -> Gap:
        """A property that the writer doesn't declare: all the rules for it are one gap."""
        rule: Schema | None = None
        with contextlib.suppress(UndecidedError):
            rule = inlined(self._reader, part, filling=place.below.of(name))
        return self._gap(pointer, keyword, writer, part, wrap, rule, name)


def _is_plain(schema: Schema) -> bool:
    keywords = _keywords(schema)
    return keywords.keys() <= _OF_PLAIN_OBJECTS and keywords.get("type") == "object"


def _keywords(schema: Schema) -> Mapping[str, Any]:
    return schema if isinstance(schema, dict) else {}


def _kinds(types: set[str]) -> set[str]:
    return types | {"integer"} if "number" in types else types


def _place_of(key: str, otherwise: str) -> str:
    """The pointer that a reference's key names, where it is one into this document."""
    _, _, fragment = key.partition("#")
    return fragment if fragment.startswith("/") else otherwise
