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
from workbench.choreography.lint import checked_reason, checked_rule, checked_subject
from workbench.choreography.loading_versions import (
    EVOLUTION,
    UPCASTER,
    load_evolution,
    load_policy,
    load_upcaster,
    load_writes,
    versions_of,
)
from workbench.choreography.places import FILE, Source
from workbench.choreography.reaction import Reaction
from workbench.choreography.retry_policy import RetryPolicy
from workbench.choreography.service import default_compensation_name, default_name
from workbench.errors import DesignError, WorkbenchError
from workbench.events import EventType
from workbench.events.files import read_json, read_text

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.service import Service

_TOP = {"events", "services", "invariants", "policy", "silenced"}
_SILENCED = {"rule", "subject", "reason"}
_EVENT = {"key", "keys", "channel", "version"} | EVOLUTION
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
    unchecked = _load_event_types(folder / "events", settings, choreography)
    for name, node in settings.items():
        if name not in choreography.event_types:
            raise node.error(f"there is no schema for {name} in {folder / 'events' / name}")
        channel = node.get("channel", None)
        if channel.value is not None:
            choreography.channels[name] = channel.text()
        load_evolution(name, node, choreography)
    load_services(document, choreography)
    choreography.source = Source(folder, _lines(document), unchecked)
    load_silenced(document, choreography)
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


def load_silenced(document: Node, choreography: Choreography) -> None:
    """Add what the document silences to a choreography that has all the rest."""
    for entry in document.get("silenced", []).items():
        _load_silencing(entry, choreography)


def _lines(document: Node) -> dict[str, int]:
    """Where the event types, their channels and the services stand."""
    parts = [*document.get("events", {}).mapping().values()]
    parts += [node.get("channel") for node in parts if "channel" in node.value]
    parts += document.get("services", {}).mapping().values()
    return {part.field: part.line for part in parts if part.line is not None}


def _load_silencing(entry: Node, choreography: Choreography) -> None:
    entry.only(_SILENCED)
    rule, subject, reason = entry.get("rule"), entry.get("subject", ""), entry.get("reason")
    about = (
        rule.checked(lambda: checked_rule(rule.text())),
        subject.checked(lambda: checked_subject(choreography, subject.text())),
    )
    if about in choreography.silenced:
        raise entry.error("the same is silenced twice")
    choreography.silenced[about] = reason.checked(lambda: checked_reason(reason.text()))
    if choreography.source is not None and entry.line is not None:
        choreography.source.lines[f"silenced.{'.'.join(about)}"] = entry.line


def _load_event_types(
    folder: Path, settings: Mapping[str, Node], choreography: Choreography
) -> set[tuple[str, int]]:
    """Add the event types; returns the released versions that have no sum."""
    unchecked: set[tuple[str, int]] = set()
    order = {name: n for n, name in enumerate(settings)}
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in sorted(paths, key=lambda path: order.get(path.name, len(order))):
        if not path.is_dir() or path.name.startswith("."):
            continue
        key = settings[path.name].get("key", None) if path.name in settings else None
        versions = sorted(int(file.stem) for file in path.glob("*.json") if file.stem.isdecimal())
        keys = _other_keys(settings.get(path.name), versions)
        sums = _sums(path, versions)
        unchecked |= {(path.name, version) for version in versions if version not in sums}
        draft = path / "draft.json"
        for version in versions:
            file = path / f"{version}.json"
            in_use = draft if draft.is_file() else path / f"{versions[-1]}.json"
            if version in keys:
                event_type = _event_type(file, version, keys[version])
            else:
                event_type = _event_type(file, version, key, in_use)
            if sums.get(version, schema_sum(event_type.schema)) != schema_sum(event_type.schema):
                raise changed(path.name, version, file=str(file))
            choreography.released.setdefault(path.name, {})[version] = event_type
            choreography.event_types[path.name] = event_type
        if draft.is_file():
            version = versions[-1] + 1 if versions else 1
            if path.name in settings:
                version = settings[path.name].get("version", version).version_after(versions)
            choreography.event_types[path.name] = _event_type(draft, version, key)
        _load_upcasters(path, choreography)
    return unchecked


def _other_keys(settings: Node | None, versions: list[int]) -> dict[int, Node]:
    """The key fields of released versions that have another than the version in use."""
    keys = {} if settings is None else settings.get("keys", {}).numbered()
    for version, node in keys.items():
        if version not in versions:
            raise node.error(f"v{version} is not a released version")
    return keys


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


def read_schema(path: Path) -> dict[str, Any]:
    """The JSON Schema in a file; whether it is one is not looked at yet.

    Raises
    ------
    DesignError
        It can't be read, or is no JSON object; says where.
    """
    schema = read_json(path)
    if not isinstance(schema, dict):
        raise DesignError("a JSON Schema of an event must be an object.", file=str(path))
    return schema


def _event_type(
    path: Path, version: int, key: Node | None, in_use: Path | None = None
) -> EventType:
    """The version in a file; ``in_use``: the file of the version whose key this is, if another."""
    schema = read_schema(path)
    name = path.parent.name
    try:
        event_type = EventType(name, schema, version)
        event_type.problem_with({})  # compiles the schema, so that a bad one is said here
    except WorkbenchError as error:
        raise DesignError(str(error), file=str(path)) from error
    if key is None or key.value is None:
        return event_type
    field = key.text()
    try:
        return EventType(name, schema, version, field)
    except WorkbenchError as error:
        message = str(error).rstrip(".")
        if in_use is not None and _has_field(in_use, field):
            first = next(iter(event_type.properties), "null")
            message += (
                f"; a version that goes by another field says so: keys: {{{version}: {first}}}"
            )
        raise key.error(message) from error


def _has_field(path: Path, field: str) -> bool:
    """Whether a schema that may be wrong itself has a field."""
    try:
        return field in EventType(path.parent.name, read_schema(path)).properties
    except WorkbenchError:
        return False


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
