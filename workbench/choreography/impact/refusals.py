"""What a new version would refuse of the payloads that were captured, and why.

Each payload is read as a service reads it: as the version that it names, through the upcasters
that lead on from there, with the defaults of every schema on the way, and validated by compiled
validators. Only what is refused is looked at closely.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import jsonschema_rs

from workbench.choreography.impact.cel_fields import joined
from workbench.choreography.versions import Step, Versions
from workbench.errors import EventError
from workbench.events import EventType, decode_payload
from workbench.events.compatibility.result import shown

SHOWN = 5
"""How many payloads of a group are named."""

MOST_GROUPS = 1000
"""No schema has more ways to refuse that a person would read; what is beyond is one group."""

_SHORT = 60
VALUES = re.compile(r'\{[^{}]*\}|\[[^\[\]]*\]|"(?:[^"\\]|\\.)*"|\b\d+(?:\.\d+)?\b')
"""What differs from payload to payload in a sentence about one."""
_MASK = "the value"


class Captured(NamedTuple):
    """A payload of a log, and where it stood; see :meth:`workbench.analysis.EventLog.payloads_of`.

    ``data`` is decoded JSON, or JSON as text or bytes.
    """

    id: str | None
    channel: str
    partition: int
    offset: int
    dataschema: str | None
    data: Any


class Refused(NamedTuple):
    """One payload that is refused: its event's id, where it stood, the field and what is in it."""

    id: str | None
    channel: str
    partition: int
    offset: int
    field: str
    value: str

    def __str__(self) -> str:
        place = f"{self.channel}[{self.partition}] at {self.offset}"
        return f"{self.id} ({place}): {self.field or 'the payload'} is {self.value}"


@dataclass(frozen=True)
class RefusalGroup:
    """Payloads that are refused for one reason.

    Attributes
    ----------
    field
        ``lines[].sku``; empty: the payload as a whole.
    reason
        Without the values, which differ: "the value is not of type "integer"".
    count
        How many payloads.
    first
        The first five, in the log's order.
    """

    field: str
    reason: str
    count: int
    first: tuple[Refused, ...]

    def __str__(self) -> str:
        place = f"`{self.field}`: " if self.field else ""
        return f"{self.count:,} payload{'s' if self.count != 1 else ''}: {place}{self.reason}"


@dataclass(frozen=True)
class Refusals:
    """What the new version would refuse of a log.

    Attributes
    ----------
    event_type
        Its name and version, as in ``OrderPlaced v3``.
    total, refused
        How many payloads there are, and how many of them would be refused.
    groups
        Those that are refused, by reason, the most first. A payload that is refused for two
        reasons is in two groups.
    read_as
        How they are read: "v1, by an upcaster to v2, as they stand to v3" → how many.
    """

    event_type: str
    total: int
    refused: int
    groups: tuple[RefusalGroup, ...]
    read_as: Mapping[str, int]

    def rows(self) -> list[dict[str, Any]]:
        """The first payloads of each group, one mapping each: ``pandas.DataFrame(….rows())``."""
        return [
            {"reason": group.reason, "count": group.count, **refused._asdict()}
            for group in self.groups
            for refused in group.first
        ]

    def as_dict(self) -> dict[str, Any]:
        """All of it as what JSON can say."""
        groups = [
            {**asdict(group), "first": [refused._asdict() for refused in group.first]}
            for group in self.groups
        ]
        return {**asdict(self), "groups": groups}

    def __str__(self) -> str:
        mark = "✗" if self.refused else "✓"
        share = f" ({self.refused / self.total:.2%})" if self.refused else ""
        said = f"{self.refused:,} of {self.total:,} captured payloads{share}"
        lines = [f"{mark} {self.event_type} would refuse {said}."]
        lines += [f"    {n:,} are {way}." for way, n in self.read_as.items()]
        for group in self.groups:
            lines.append(f"    ✗ {group}")
            lines += [f"        {refused}" for refused in group.first]
            if group.count > len(group.first):
                lines.append(f"        and {group.count - len(group.first):,} more")
        return "\n".join(lines)


def refusals(payloads: Iterable[Captured], versions: Versions) -> Refusals:
    """Read payloads as the version in use among ``versions``, and tell which it refuses."""
    return _Pass(versions).over(payloads)


class _Pass:
    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self._target = versions.known[versions.current]
        self._ways: dict[str | None, tuple[EventType | None, list[Step]]] = {}
        self._judges: dict[int, Any] = {}
        self._groups: dict[tuple[str, str], list[Refused]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def over(self, payloads: Iterable[Captured]) -> Refusals:
        total = refused = 0
        read_as: Counter[str | None] = Counter()
        for captured in payloads:
            total += 1
            dataschema = captured.dataschema
            read_as[dataschema] += 1
            reasons = self._reasons(decoded(captured.data), dataschema)
            if reasons:
                refused += 1
                self._note(captured, reasons)
        groups = [
            RefusalGroup(*key, count, tuple(self._groups[key]))
            for key, count in self._counts.most_common()
        ]
        ways: Counter[str] = Counter()
        for named, n in read_as.items():
            ways[self._told(named)] += n
        name = f"{self._target.name} v{self._target.version}"
        return Refusals(name, total, refused, tuple(groups), dict(ways.most_common()))

    def _way(self, dataschema: str | None) -> tuple[EventType | None, list[Step]]:
        """The version that events name, and the steps by which it is read; each found once."""
        if dataschema not in self._ways:
            version = self._versions.version_of(dataschema)
            if version is None:
                self._ways[dataschema] = None, [Step(self._target, None)]
            else:
                steps = self._versions.steps(version, self._target.version)
                self._ways[dataschema] = self._versions.known[version], steps
        return self._ways[dataschema]

    def _told(self, dataschema: str | None) -> str:
        written, steps = self._way(dataschema)
        if written is None:
            text = "of no version that is known here, read"
        else:
            text = f"v{written.version}, read"
        for kind, upcaster in steps:
            how = "by an upcaster" if upcaster is not None else "as they stand"
            text += (
                f" {how} as v{kind.version}"
                if text.endswith("read")
                else (f", then {how} as v{kind.version}")
            )
        return text if steps else text.removesuffix(", read")

    def _reasons(self, data: Any, dataschema: str | None) -> list[_Fault]:
        """Why a payload is refused; empty if it is not."""
        written, steps = self._way(dataschema)
        if written is not None and not written.accepts(data):
            return self._faults(written, data)
        for kind, upcaster in steps:
            if upcaster is not None:
                try:
                    data = upcaster.upcast(data)
                except EventError as error:
                    text = VALUES.sub("…", str(error).rstrip("."))
                    return [_Fault("", "", text, data)]
                continue
            data = kind.with_defaults(data)
            if not kind.accepts(data):
                return self._faults(kind, data)
        return []

    def _faults(self, kind: EventType, data: Any) -> list[_Fault]:
        if kind.version not in self._judges:
            self._judges[kind.version] = jsonschema_rs.validator_for(
                dict(kind.schema), validate_formats=True, mask=_MASK
            )
        judge = self._judges[kind.version]
        other = f" (v{kind.version})" if kind is not self._target else ""
        return [fault for error in judge.iter_errors(data) for fault in _faults(error, other)]

    def _note(self, captured: Captured, faults: list[_Fault]) -> None:
        for key, fault in {(fault.field, fault.reason): fault for fault in faults}.items():
            if key not in self._groups and len(self._groups) >= MOST_GROUPS:
                key = "", "other reasons"
            self._counts[key] += 1
            first = self._groups.setdefault(key, [])
            if len(first) < SHOWN:
                value = "missing" if fault.value is _MISSING else shown(fault.value, _SHORT)
                first.append(Refused(*captured[:4], fault.place, value))


class _Fault(NamedTuple):
    field: str
    place: str
    reason: str
    value: Any


_MISSING: Any = object()


def _faults(error: Any, other: str) -> Iterator[_Fault]:
    """What one error says, by field; places in lists are left out of the field's name."""
    path = list(error.instance_path)
    reason = f"{_shortened(error.message, 200)}{other}"
    named: list[str] = []
    if error.kind.name == "required":
        named, reason = [error.kind.property], f"it must be there{other}"
    elif error.kind.name == "additionalProperties":
        named, reason = error.kind.unexpected, f"there must be no such field{other}"
    for name in named:
        place = _place([*path, name])
        value = error.instance.get(name, _MISSING)
        yield _Fault(_field(place), place, reason, value)
    if not named:
        place = _place(path)
        yield _Fault(_field(place), place, reason, error.instance)


def _place(path: list[str | int]) -> str:
    found = ""
    for part in path:
        found = f"{found}[{part}]" if isinstance(part, int) else joined(found, part)
    return found


def _field(place: str) -> str:
    return re.sub(r"\[\d+\]", "[]", place)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def decoded(data: Any) -> Any:
    """A payload that was kept as JSON text; a text that is no JSON is the payload itself."""
    if not isinstance(data, str | bytes):
        return data
    try:
        return decode_payload(data.encode() if isinstance(data, str) else data)
    except EventError:
        return data if isinstance(data, str) else data.decode("utf-8", "replace")
