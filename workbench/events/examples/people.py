"""The people of a payload: a made-up e-mail address is that of the person named nearest to it."""

from __future__ import annotations

import copy
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from workbench.events.examples.plausible import FAMILY, GIVEN, PERSON, Plausible

Path = tuple[str | int, ...]


class _Found(NamedTuple):
    """An object in a payload, and the way to it."""

    path: Path
    fields: dict[str, Any]


def with_own_emails(payload: Any, plausible: Plausible) -> Any:
    """A payload with the addresses that ``plausible`` made derived from the names in it.

    The person is the one whose name shares most of the way to the address. A name in one item of
    a list says nothing of addresses outside it, nor one outside of addresses in it. The payload
    that is given stays as it is.
    """
    if not plausible.emails:
        return payload
    made = copy.deepcopy(payload)
    found = list(_objects(made, ()))
    people = [(one.path, name) for one in found if (name := _person(one.fields, plausible))]
    for path, fields in found:
        shared = [(_shared(path, place), name) for place, name in people]
        near = [(n, name) for n, name in shared if n is not None]
        if not near:
            continue
        name = max(near, key=lambda one: one[0])[1]
        for field, value in fields.items():
            if isinstance(value, str) and value in plausible.emails:
                fields[field] = f"{name}@{value.partition('@')[2]}"
    return made


def _objects(value: Any, path: Path) -> Iterator[_Found]:
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        yield _Found(path, value)
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, one in inner:
        if isinstance(one, dict | list):
            yield from _objects(one, (*path, name))


def _person(fields: Mapping[str, Any], plausible: Plausible) -> str:
    """The name that an object gives to a person, as an address has it; empty: none."""
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    by_kind = {id(plausible.kind(name)): value for name, value in reversed(texts.items())}
    names = [by_kind.get(id(kind), "") for kind in (PERSON, GIVEN, FAMILY)]
    text = names[0] or " ".join(names[1:])
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return ".".join(re.findall("[a-z]+", plain.replace("'", "")))


def _shared(one: Path, other: Path) -> int | None:
    """How much of the way two places share; ``None`` if one is in an item and the other is not."""
    pairs = zip(one, other, strict=False)
    n = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    return None if any(isinstance(part, int) for part in (*one[n:], *other[n:])) else n
