"""Reading a design folder: data only, never code, every mistake with its file, line and field."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.choreography.compensating import checked_compensation
from workbench.choreography.documents import Node, read_yaml
from workbench.choreography.duration import parse_duration
from workbench.choreography.expression import Expression
from workbench.choreography.frozen import LOCK, changed, read_lock, schema_sum
from workbench.choreography.invariant import Invariant
from workbench.choreography.loading_versions import (
    EVOLUTION,
    UPCASTER,
    load_evolution,
    load_policy,
    load_upcaster,
    load_writes,
    versions_of,
)
from workbench.choreography.reaction import Reaction
from workbench.choreography.retry_policy import RetryPolicy
from workbench.choreography.service import default_compensation_name, default_name
from workbench.errors import DesignError, WorkbenchError
from workbench.events import EventType
from workbench.events.files import read_json, read_text

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.service import Service

FILE = "choreography.yaml"
_TOP = {"events", "services", "invariants", "policy"}
_EVENT = {"key", "channel", "version"} | EVOLUTION
_REACTION = {
    "name", "whenever", "if", "after", "emit", "emits", "handler", "failure_rate", "retry", "ordered",
    "unless", "within", "reads", "writes",
}  # fmt: skip
_COMPENSATION = (_REACTION | {"compensates"}) - {"if", "unless", "within", "reads"}
_CONTRACT = {"hears", "publishes"}
_SECONDS = {"first_delay", "longest_delay"}
_RETRY = {field.name for field in dataclasses.fields(RetryPolicy)}


def load_choreography(folder: Path, choreography: Choreography) -> Choreography:
    """Fill an empty choreography from a folder; see :meth:`Choreography.load`."""
    path = folder / FILE
    if not path.is_file():
        raise DesignError(f"there is no {FILE} in {folder}; is this a design folder?")
    document = Node(read_yaml(path), str(path), "", 1)
    document.only(_TOP)
    policy = document.get("policy", None)
    if policy.value is not None:
        choreography.policy = load_policy(policy)
    settings = event_settings(document)
    _load_event_types(folder / "events", settings, choreography)
    for name, node in settings.items():
        if name not in choreography.event_types:
            raise node.error(f"there is no schema for {name} in {folder / 'events' / name}")
        channel = node.get("channel", None)
        if channel.value is not None:
            choreography.channels[name] = channel.text()
        load_evolution(name, node, choreography)
    load_services(document, choreography)
    return choreography


def event_settings(document: Node) -> dict[str, Node]:
    """What the document says of event types, beside their schemas."""
    settings = document.get("events", {}).mapping()
    for node in settings.values():
        node.only(_EVENT)
    return settings


def load_services(document: Node, choreography: Choreography) -> None:
    """Add the document's services and invariants to a choreography that has its event types."""
    for name, node in document.get("services", {}).mapping().items():
        service = node.checked(partial(choreography.service, name))
        for entry in sorted(node.items(), key=_is_compensation):  # after the steps they undo
            if _is_contract(entry):
                _contract(entry, choreography, service)
                continue
            reaction = _reaction(entry, choreography, service.reactions)
            if reaction.name in service.reactions:
                raise entry.error(f"{name} has two reactions named {reaction.name!r}")
            if reaction.compensates:
                check = partial(checked_compensation, name, service.reactions, reaction)
                reaction = entry.get("compensates").checked(check)
            service.reactions[reaction.name] = reaction
    for name, node in document.get("invariants", {}).mapping().items():
        choreography.invariants[name] = node.checked(partial(Invariant, node.text()))


def _load_event_types(
    folder: Path, settings: Mapping[str, Node], choreography: Choreography
) -> None:
    order = {name: n for n, name in enumerate(settings)}
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in sorted(paths, key=lambda path: order.get(path.name, len(order))):
        if not path.is_dir() or path.name.startswith("."):
            continue
        key_node = settings[path.name].get("key", None) if path.name in settings else None
        key = key_node.text() if key_node is not None and key_node.value is not None else None
        versions = sorted(int(file.stem) for file in path.glob("*.json") if file.stem.isdigit())
        sums = _sums(path, versions)
        for version in versions:
            file = path / f"{version}.json"
            event_type = _event_type(file, version, key, key_node)
            if sums.get(version, schema_sum(event_type.schema)) != schema_sum(event_type.schema):
                raise changed(path.name, version, file=str(file))
            choreography.released.setdefault(path.name, {})[version] = event_type
            choreography.event_types[path.name] = event_type
        draft = path / "draft.json"
        if draft.is_file():
            version = versions[-1] + 1 if versions else 1
            if path.name in settings:
                version = settings[path.name].get("version", version).version_after(versions)
            choreography.event_types[path.name] = _event_type(draft, version, key, key_node)
        _load_upcasters(path, choreography)


def _sums(folder: Path, versions: list[int]) -> dict[int, str]:
    lock = folder / LOCK
    sums = read_lock(read_text(lock), str(lock)) if lock.is_file() else {}
    for version in sums:
        if version not in versions:
            raise DesignError(
                f"{folder.name} v{version} is released, but there is no {version}.json: restore it "
                "(from version control).",
                file=str(lock),
            )
    return sums


def _load_upcasters(folder: Path, choreography: Choreography) -> None:
    for file in sorted(folder.glob(f"*{UPCASTER}")):
        stem, name = file.name.removesuffix(UPCASTER), folder.name
        node = Node(read_yaml(file), str(file), "", 1)
        if name not in choreography.event_types:
            raise node.error(f"there is no schema for {name} in {folder}")
        if stem == "draft" and choreography.is_draft(name):
            version = choreography.event_types[name].version
        elif stem.isdecimal():
            version = int(stem)
        else:
            raise node.error(
                f"an upcaster's file is named after the version that it leads to, such as 2{UPCASTER}"
                f", or draft{UPCASTER} if there is a draft"
            )
        load_upcaster(node, name, version, choreography)


def _event_type(path: Path, version: int, key: str | None, key_node: Node | None) -> EventType:
    schema = read_json(path)
    if not isinstance(schema, dict):
        raise DesignError("a JSON Schema of an event must be an object.", file=str(path))
    name = path.parent.name
    try:
        event_type = EventType(name, schema, version)
        event_type.problem_with({})  # compiles the schema, so that a bad one is said here
    except WorkbenchError as error:
        raise DesignError(str(error), file=str(path)) from error
    if key is None or key_node is None:
        return event_type
    return key_node.checked(lambda: EventType(name, schema, version, key))


def _reaction(node: Node, choreography: Choreography, taken: Mapping[str, Reaction]) -> Reaction:
    undoes = _is_compensation(node)
    node.only(_COMPENSATION if undoes else _REACTION)
    step = node.get("compensates").text() if undoes else ""
    whenever_node = node.get("whenever")
    causes = whenever_node.texts() if undoes else [whenever_node]
    types = tuple(c.checked(partial(choreography.type_name, c.text())) for c in causes)
    whenever = "" if undoes else types[0]
    guard = node.get("if", None)
    handler = node.get("handler", None)
    emit = node.get("emit", None)
    if (handler.value is None) == (emit.value is None):
        raise node.error("a reaction needs either 'emit' (mappings) or 'handler: python'")
    mappings: dict[str, dict[str, Any]] | None = None
    writes: dict[str, int] = {}
    if emit.value is not None:
        mappings = {}
        effects = emit.mapping()
        for effect, fields in effects.items():
            fields.checked(partial(choreography.type_name, effect))
        writes = load_writes(node.get("writes", {}), tuple(effects), choreography)
        for effect, fields in effects.items():
            known = choreography.event_type(effect, writes.get(effect)).properties
            mappings[effect] = {}
            for field, value in fields.mapping().items():
                if known and field not in known:
                    raise value.error(
                        f"{effect} has no field {field!r} (it has: {', '.join(known)})"
                    )
                mappings[effect][field] = value.expression_or_constant()
        emits = tuple(mappings)
    else:
        if handler.value != "python":
            raise handler.error("the only handler a file can announce is 'python'")
        emits = tuple(
            entry.checked(partial(choreography.type_name, entry.text()))
            for entry in node.get("emits", []).items()
        )
        writes = load_writes(node.get("writes", {}), emits, choreography)
    after = node.get("after", 0)
    rate = node.get("failure_rate", 0)
    if isinstance(rate.value, bool) or not isinstance(rate.value, int | float):
        raise rate.error("a failure rate is a number from 0 to 1")
    if not 0 <= rate.value <= 1:
        raise rate.error(f"a failure rate is from 0 to 1, not {rate.value}")
    ordered = node.get("ordered", False)
    if not isinstance(ordered.value, bool):
        raise ordered.error("'ordered' is true or false")
    unless = node.get("unless", []).texts()
    within = node.get("within", 0)
    if bool(unless) != bool(within.value):
        raise node.error("'unless' and 'within' go together")
    name = node.get("name", None)
    default = default_compensation_name(step) if undoes else default_name(whenever, taken)
    return Reaction(
        name=name.text() if name.value is not None else default,
        whenever=whenever,
        emits=emits,
        guard=guard.checked(lambda: Expression(guard.text())) if guard.value is not None else None,
        after=after.checked(lambda: parse_duration(after.value)),
        mappings=mappings,
        failure_rate=float(rate.value),
        retry=_retry(node.get("retry", None)),
        ordered=ordered.value,
        unless=tuple(t.checked(partial(choreography.type_name, t.text())) for t in unless),
        within=within.checked(lambda: parse_duration(within.value)),
        compensates=step,
        failures=types if undoes else (),
        reads=versions_of(node.get("reads", []), whenever, choreography) if whenever else (),
        writes=writes,
        line=node.line,
    )


def _is_contract(node: Node) -> bool:
    return isinstance(node.value, Mapping) and not _CONTRACT.isdisjoint(node.value)


def _contract(node: Node, choreography: Choreography, service: Service) -> None:
    node.only(_CONTRACT)
    for side, names in node.mapping().items():
        found = (t.checked(partial(choreography.type_name, t.text())) for t in names.texts())
        setattr(service, side, tuple(dict.fromkeys((*getattr(service, side), *found))))


def _is_compensation(node: Node) -> bool:
    return isinstance(node.value, Mapping) and "compensates" in node.value


def _retry(node: Node) -> RetryPolicy | None:
    if node.value is None:
        return None
    node.only(_RETRY)
    settings: dict[str, Any] = {}
    for name, entry in node.mapping().items():
        if name == "later":
            waits = (wait.checked(partial(parse_duration, wait.value)) for wait in entry.items())
            settings[name] = tuple(waits)
        elif name == "give_up_on":
            settings[name] = tuple(error.text() for error in entry.items())
        elif name in _SECONDS:
            settings[name] = entry.checked(partial(parse_duration, entry.value))
        else:
            settings[name] = entry.number(whole=name == "attempts")
    return node.checked(lambda: RetryPolicy(**settings))
