"""The rule about old events on a channel that their reader can't read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from workbench.choreography.lint.graph import reactions_of
from workbench.choreography.lint.reading import upcaster_file
from workbench.choreography.lint.rule import Found, rule
from workbench.choreography.lint.trial import Trial, expressions_in
from workbench.choreography.versions import StepError, Versions

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

_TRIED = 10
"""On so many events of a version it is tried whether they can be read."""


@rule("old-events-unreadable", "warning")
def old_events_unreadable(design: Choreography) -> Iterator[Found]:
    """A reaction can't read events of an older released version: each would be a dead letter.

    They are still on the channel, or come from a service that is rolled out later. No upcaster
    leads from their version, and as they stand they do not fit the one that is read. A release
    that was forced leaves it so.

    About 10 events are made up from the schema of each released version that is older than the
    newest that the reaction reads, deprecated ones too, and are read as services read them. The
    newest version of which one can't be read is told. Where an upcaster leads from it and fails,
    `upcaster-fails` says so.

    Write the upcaster; give a new required field a default in the schema; or let the reaction read
    the older version too (`reads: [3, 4]`). If none of them is left on the channel, silence it and
    say so.
    """
    tried = Trial(len(design.event_types))
    known: dict[tuple[str, tuple[int, ...]], _Unreadable | None] = {}
    for subject, _, reaction in reactions_of(design):
        if reaction.compensates:  # it reads what its step has read
            continue
        name, versions = reaction.whenever, design.versions(reaction.whenever)
        if {*reaction.reads} - versions.known.keys():
            continue  # of a draft that is gone: it can't be started
        reads = versions.read_by(reaction)
        if (name, reads) not in known:
            released = design.released.get(name, {})
            older = sorted({*released} - {*reads}, reverse=True)
            found = (_unreadable(versions, n, reads, tried) for n in older if n < max(reads))
            known[name, reads] = next(filter(None, found), None)
        unreadable = known.get((name, reads))
        if unreadable is None:
            continue
        file = upcaster_file(versions, versions.known[unreadable.missing], design)
        read = " and ".join(f"v{n}" for n in sorted(reads))
        version = unreadable.version
        old = f"{name} v{version}"
        events = old if unreadable.always else f"Some {old} events"
        yield Found(
            subject,
            f"{events} can't be read by {subject}, which reads {read}: {unreadable.why}; write an "
            f"upcaster (events/{name}/{file}), or let it read v{version} too: old events on the "
            "channel would be dead letters.",
        )


class _Unreadable(NamedTuple):
    """A version that can't be read: always or sometimes, why, and where an upcaster must lead."""

    version: int
    always: bool
    why: str
    missing: int


def _unreadable(
    versions: Versions, version: int, reads: tuple[int, ...], tried: Trial
) -> _Unreadable | None:
    """Whether events of a version can't be read, for want of an upcaster."""
    old = versions.known[version]
    expressions = [e for u in versions.upcasters.values() for e in expressions_in(u.fields)]
    failed, count = list[StepError](), 0
    for payload in islice(tried.payloads(old, expressions), _TRIED):
        count += 1
        error = versions.failing_step(payload, version, reads)
        if error is not None and error.step.upcaster is None:
            failed.append(error)
    following = versions.after(failed[0].version) if failed else None
    if following is None:
        return None
    why = " ".join(str(failed[0]).split()).rstrip(".")
    return _Unreadable(version, len(failed) == count, why, following)
