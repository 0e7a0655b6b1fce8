"""Reading what a design says of versions: evolution, sums, upcasters, and who reads which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.choreography.documents import Node
from workbench.choreography.evolution import checked_policy
from workbench.choreography.expression import Expression
from workbench.choreography.upcaster import Upcaster, check_source

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.events import EventType

EVOLUTION = {"compatibility", "policy", "deprecated", "forced"}
"""What an event type's entry may say of its versions."""

UPCASTER = ".upcaster.yaml"


def load_evolution(name: str, node: Node, choreography: Choreography) -> None:
    """Take over what an event type's entry says of its versions."""
    made = choreography.evolution_of(name)
    said = EVOLUTION & {*node.mapping()}
    for field in sorted(said):
        entry, setting = node.get(field), "mode" if field == "compatibility" else field
        value: Any
        if field == "deprecated":
            value = versions_of(entry, name, choreography)
        elif field == "forced":
            value = _forced(entry, name, choreography)
        else:
            value = entry.text()
        made = entry.checked(partial(replace, made, **{setting: value}))
    if said:
        choreography.evolution[name] = made


def load_policy(node: Node) -> str:
    """The policy of the whole design."""
    return node.checked(partial(checked_policy, node.text()))


def versions_of(node: Node, name: str, choreography: Choreography) -> tuple[int, ...]:
    """A list of versions of an event type."""
    return tuple(_version(entry, name, choreography) for entry in node.items())


def load_writes(node: Node, emits: tuple[str, ...], choreography: Choreography) -> dict[str, int]:
    """The versions in which a reaction writes its effects."""
    found = {}
    for effect, entry in node.mapping().items():
        if effect not in emits:
            raise entry.error(f"this reaction emits no {effect!r} (it emits: {', '.join(emits)})")
        found[effect] = _version(entry, effect, choreography)
    return found


def load_upcaster(node: Node, name: str, version: int, choreography: Choreography) -> None:
    """Take over the upcaster that leads to a version, from the one before it."""
    known = choreography.versions(name).known
    before = max((n for n in known if n < version), default=None)
    if version not in known or before is None:
        raise node.error(
            f"an upcaster leads to a version from the one before it, and {name} has no v{version}"
            if version not in known
            else f"{name} v{version} is the first version: there is none to read as it"
        )
    old, new = known[before], known[version]
    fields = {field: _field(entry, old) for field, entry in node.mapping().items()}
    for entry, target in _targets(node):  # one at a time, so that the line is known
        entry.checked(partial(Upcaster, old, new, target))
    choreography.upcasters.setdefault(name, {})[before] = Upcaster(old, new, fields)


def _field(node: Node, old: EventType) -> Any:
    if isinstance(node.value, Mapping):
        return {name: _field(entry, old) for name, entry in node.mapping().items()}
    value = node.expression_or_constant()
    if isinstance(value, Expression):
        node.checked(partial(check_source, value, old))
    return value


def _targets(node: Node) -> Iterator[tuple[Node, dict[str, Any]]]:
    """Each entry, nested ones too, with the field that it leads to: ``{"contact": {"email": …}}``."""
    for name, entry in node.mapping().items():
        within = isinstance(entry.value, Mapping)
        yield entry, {name: {} if within else None}
        if within:
            yield from ((inner, {name: target}) for inner, target in _targets(entry))


def _version(node: Node, name: str, choreography: Choreography) -> int:
    version = node.number(whole=True)
    node.checked(partial(choreography.versions(name).check, (version,)))
    return int(version)


def _forced(node: Node, name: str, choreography: Choreography) -> dict[int, str]:
    found = {}
    for version, entry in node.numbered().items():
        entry.checked(partial(choreography.versions(name).check, (version,)))
        found[version] = entry.text()
    return found
