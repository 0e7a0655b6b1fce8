"""One flow as a Mermaid sequence diagram: who told whom what, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.analysis.reasons import who_gave_up
from workbench.errors import LogError
from workbench.mermaid import Mermaid, label

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.analysis.index import FlowIndex

MOST = 200
"""Events of a flow that are drawn; more is a picture of nothing."""


def mermaid_sequence(index: FlowIndex, shown: Callable[[str], str] = str) -> Mermaid:
    """Draw the flow of an index that holds just one.

    An event is an arrow from its source to each service that answered it, with the milliseconds
    since the flow began; one that nobody answered is a note. Where a service gave up, it says so:
    why, as ``shown`` gives it.

    Raises
    ------
    LogError
        There is not one flow, or it is too long to be looked at.
    """
    if index.flows != 1:
        raise LogError(
            f"a sequence diagram shows one flow, and here are {index.flows:,}: "
            "log.flow(correlation_id).mermaid()."
        )
    if len(index.row) > MOST:
        raise LogError(
            f"this flow has {len(index.row):,} events, and a picture of more than {MOST} shows "
            "nothing: log.frame lists them."
        )
    source = index.source_names[index.source]
    people = {name: f"p{n}" for n, name in enumerate(dict.fromkeys(source.tolist()))}
    given_up: dict[int, list[str]] = {}
    for event, reason in zip(index.copy_event[index.dead].tolist(), index.reason, strict=True):
        given_up.setdefault(event, []).append(reason)
        people.setdefault(_who(reason), f"p{len(people)}")
    lines = ["sequenceDiagram"]
    lines += [f"    participant {id_} as {label(name)}" for name, id_ in people.items()]
    began = index.time.min()
    for event in range(len(index.row)):
        me = people[source[event]]
        since = (index.time[event] - began) / 1e6
        what = f"{label(index.type_names[index.type[event]])} +{since:,.0f} ms"
        answered = dict.fromkeys(source[np.flatnonzero(index.cause == event)].tolist())
        lines += [f"    {me}->>{people[other]}: {what}" for other in answered]
        for reason in given_up.get(event, ()):
            service = people[_who(reason)]
            lines.append(f"    {me}-x{service}: {what}")
            lines.append(f"    Note over {service}: gave up: {label(shown(reason))}")
        if not answered and event not in given_up:
            lines.append(f"    Note over {me}: {what}")
    for reason in given_up.get(-1, ()):  # on an event that is not in the log
        lines.append(f"    Note over {people[_who(reason)]}: gave up: {label(shown(reason))}")
    return Mermaid("\n".join(lines) + "\n")


def _who(reason: str) -> str:
    return who_gave_up(reason) or "an unknown service"
