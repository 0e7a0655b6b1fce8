"""What happens if an event type gets a new schema: the question, put to a whole design."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol

from workbench.choreography.impact.emitters import TRIED, emitters
from workbench.choreography.impact.readers import Readers, Touched
from workbench.choreography.impact.refusals import Captured, decoded, refusals
from workbench.choreography.impact.result import Impact, Reason
from workbench.choreography.impact.trial import Sample
from workbench.choreography.upcaster import Upcaster
from workbench.choreography.versions import Versions
from workbench.errors import DesignError, EventError
from workbench.events import Event, EventType, examples

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

_SAMPLE = 200
"""Of a log, so many payloads are tried on guards and mappings."""


class Log(Protocol):
    """A captured log, as far as is asked of it: :class:`workbench.analysis.EventLog` is one."""

    def payloads_of(self, event_type: str) -> Iterable[Captured]:
        """The payloads of an event type, each event once."""


def impact(
    design: Choreography,
    name: str,
    new_schema: type[Event] | EventType | Mapping[str, Any],
    log: Log | None,
    touched: Touched | None,
) -> Impact:
    """See :meth:`Choreography.impact`."""
    olds, current = _olds(design, name)
    new = _new(current, new_schema, max(olds) + 1)
    before = design.versions(name)
    if current.version not in olds and dict(current.schema) == dict(new.schema):
        current = olds[max(olds)]  # the draft itself is asked about
        before = Versions(current, olds, design.upcasters.get(name))
    verdict = design.evolution_of(name).verdict(olds, new)
    upcasters, remarks = _upcasters(design, name, olds, new)
    after = Versions(new, olds, upcasters)
    if log is not None and not hasattr(log, "payloads_of"):
        raise DesignError(f"the log is an EventLog, not a {type(log).__name__}.")
    payloads = iter(() if log is None else log.payloads_of(name))
    sample = list(islice(payloads, _SAMPLE))
    samples = list(_samples(current, new, sample))
    readers = tuple(Readers(design, before, after, samples, touched or {}).all())
    if log is None and not all(reader.pinned for reader in readers):
        remarks += [reason for old in samples if old.both for reason in _unreadable(old, after)]
    return Impact(
        event_type=name,
        old=current,
        new=new,
        compatibility=verdict,
        readers=readers,
        emitters=tuple(emitters(design, current, new)),
        remarks=(*_key(current, new), *remarks),
        payloads=None if log is None else refusals(chain(sample, payloads), after),
    )


def _olds(design: Choreography, name: str) -> tuple[dict[int, EventType], EventType]:
    """The versions that stay, and the one in use.

    A draft is what the new schema replaces, unless nothing is released: then it is all there is.
    """
    current = design.event_types[design.type_name(name)]
    released = design.released.get(name, {})
    return dict(sorted((released or {current.version: current}).items())), current


def _new(
    current: EventType, given: type[Event] | EventType | Mapping[str, Any], version: int
) -> EventType:
    if isinstance(given, type) and issubclass(given, Event):
        given = given.event_type
    schema = given.schema if isinstance(given, EventType) else given
    if not isinstance(schema, Mapping):
        raise DesignError(
            f"the new {current.name} is a JSON Schema (a mapping), an Event class or an EventType, "
            f"not {type(given).__name__}."
        )
    if isinstance(given, EventType):
        version = max(version, given.version)
    new = EventType(current.name, schema, version)
    new.accepts({})  # compiles it: what is no schema is said here
    keys = [given.key] if isinstance(given, EventType) else []
    key = next((k for k in (*keys, current.key) if k is not None and k in new.properties), None)
    return replace(new, key=key)


def _key(old: EventType, new: EventType) -> Iterator[Reason]:
    if old.key is not None and new.key is None:
        text = (
            f"the key `{old.key}` is gone: events of one entity spread over the partitions, and "
            "their order is lost."
        )
        yield Reason("breaks", text)
    elif old.key != new.key:
        text = (
            f"the key was `{old.key}` and is `{new.key}`: order holds for other events than before."
        )
        yield Reason("check", text)


def _upcasters(
    design: Choreography, name: str, olds: Mapping[int, EventType], new: EventType
) -> tuple[dict[int, Upcaster], list[Reason]]:
    """The upcasters that lead on to the new version, and those that no longer can."""
    found, remarks = dict(design.upcasters.get(name, {})), []
    last = max(olds)
    for version in list(found):
        if version > last:
            del found[version]  # from a draft that is not to be
    if last in found:
        try:
            replace(found[last], old=olds[last], new=new)
        except DesignError as error:
            del found[last]
            remarks.append(
                Reason("breaks", f"the upcaster from v{last} can't lead to v{new.version}: {error}")
            )
    return found, remarks


def _samples(current: EventType, new: EventType, captured: Sequence[Captured]) -> Iterator[Sample]:
    """Captured payloads where there is a log, plausible old ones, and plausible new ones."""
    if captured:
        payloads = [(decoded(c.data), c.dataschema) for c in captured]
        yield Sample("captured events", payloads, both=True)
    for kind in (current, new):
        try:
            made = [(payload, kind.dataschema) for payload in examples(kind, TRIED)]
        except EventError:
            continue  # a schema that nothing was found for is judged by what it says alone
        which = "new" if kind is new else f"v{kind.version}"
        yield Sample(f"plausible {which} events", made, both=kind is current)


def _unreadable(sample: Sample, after: Versions) -> Iterator[Reason]:
    """What is wrong with old events for those who read the new version."""
    found: list[tuple[str, Any]] = []
    for payload, dataschema in sample.payloads:
        try:
            after.read(payload, dataschema)
        except EventError as error:
            found.append((str(error), payload))
    if found:
        why, payload = found[0]
        text = f"{len(found):,} of {len(sample.payloads):,} {sample.name} can't be read any more: "
        yield Reason("breaks", text + why, payload)
