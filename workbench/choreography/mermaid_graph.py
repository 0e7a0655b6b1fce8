"""A design as a Mermaid flowchart: which event sets off which service, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.choreography.reaction import Reaction
from workbench.mermaid import Mermaid, label

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


def mermaid_graph(choreography: Choreography) -> Mermaid:
    """Services are boxes, event types rounded; what is there for compensations alone is dashed."""
    types = {name: f"e{n}" for n, name in enumerate(choreography.event_types)}
    lines = ["flowchart LR"]
    lines += [f'    {node}(["{label(name)}"])' for name, node in types.items()]
    for n, (name, service) in enumerate(choreography.services.items()):
        lines.append(f'    s{n}["{label(name)}"]')
        edges: dict[tuple[str, str, str], None] = {}
        for reaction in service.reactions.values():
            edges |= dict.fromkeys(_edges(reaction, types, f"s{n}"))
        heard, published = (filter(types.get, x) for x in (service.hears, service.publishes))
        edges |= dict.fromkeys((types[cause], "-->", f"s{n}") for cause in heard)
        edges |= dict.fromkeys((f"s{n}", "-->", types[effect]) for effect in published)
        lines += [f"    {source} {arrow} {target}" for source, arrow, target in edges]
    lines += ["    classDef event fill:#fff4d6,stroke:#b8860b,color:#333"] if types else []
    lines += [f"    class {','.join(types.values())} event"] if types else []
    return Mermaid("\n".join(lines) + "\n")


def _edges(
    reaction: Reaction, types: dict[str, str], service: str
) -> Iterator[tuple[str, str, str]]:
    causes = reaction.failures if reaction.compensates else (reaction.whenever,)
    line = "-.->" if reaction.compensates else "-->"
    for cause in causes:
        if cause in types:
            yield types[cause], f"{line}{_note(_condition(reaction))}", service
    for effect in reaction.emits:
        if effect in types:
            after = f"after {_seconds(reaction.after)}" if reaction.after else ""
            yield service, f"{line}{_note(after)}", types[effect]


def _condition(reaction: Reaction) -> str:
    if reaction.compensates:
        return f"undo {reaction.compensates}"
    if reaction.unless:
        return f"unless {' or '.join(reaction.unless)} within {_seconds(reaction.within)}"
    return reaction.guard.source if reaction.guard is not None else ""


def _note(text: str) -> str:
    return f'|"{label(text)}"|' if text else ""


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:g} min"
