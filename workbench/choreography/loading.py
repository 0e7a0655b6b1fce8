"""Reading a design folder: data only, never code, every mistake with its file, line and field."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from workbench.choreography.compensating import checked_compensation
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

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

MAX_BYTES = 5_000_000
"""A design file larger than this is a mistake, not a design."""

_TOP = {"events", "services", "invariants", "policy", "silenced"}
_SILENCED = {"rule", "subject", "reason"}
_EVENT = {"key", "keys", "channel", "version"} | EVOLUTION
_REACTION = {
    "name", "whenever", "if", "after", "emit", "emits", "handler", "failure_rate", "retry", "ordered",
    "unless", "within", "reads", "writes",
}  # fmt: skip
_COMPENSATION = (_REACTION | {"compensates"}) - {"if", "unless", "within", "reads"}
_SECONDS = {"first_delay", "longest_delay"}
_RETRY = {field.name for field in dataclasses.fields(RetryPolicy)}
Value = TypeVar("Value")


def load_choreography(folder: Path, choreography: Choreography) -> Choreography:
    """Fill an empty choreography from a folder; see :meth:`Choreography.load`."""
    path = folder / FILE
    if not path.is_file():
        raise DesignError(f"there is no {FILE} in {folder}; is this a design folder?")
    document = _Node(_read_yaml(path), str(path), "", 1)
    document.only(_TOP)
    policy = document.get("policy", None)
    if policy.value is not None:
        choreography.policy = load_policy(policy)
    settings = document.get("events", {}).mapping()
    for node in settings.values():
        node.only(_EVENT)
    _load_event_types(folder / "events", settings, choreography)
    for name, node in settings.items():
        if name not in choreography.event_types:
            raise node.error(f"there is no schema for {name} in {folder / 'events' / name}")
        channel = node.get("channel", None)
        if channel.value is not None:
            choreography.channels[name] = channel.text()
        load_evolution(name, node, choreography)
    for name, node in document.get("services", {}).mapping().items():
        service = node.checked(partial(choreography.service, name))
        for entry in sorted(node.items(), key=_is_compensation):  # after the steps they undo
            reaction = _reaction(entry, choreography, service.reactions)
            if reaction.name in service.reactions:
                raise entry.error(f"{name} has two reactions named {reaction.name!r}")
            if reaction.compensates:
                check = partial(checked_compensation, name, service.reactions, reaction)
                reaction = entry.get("compensates").checked(check)
            service.reactions[reaction.name] = reaction
    for name, node in document.get("invariants", {}).mapping().items():
        choreography.invariants[name] = node.checked(partial(Invariant, node.text()))
    choreography.source = Source(folder, _lines(document))
    for entry in document.get("silenced", []).items():
        _load_silencing(entry, choreography, choreography.source)
    return choreography


def _lines(document: _Node) -> dict[str, int]:
    """Where the event types, their channels and the services stand."""
    parts = [*document.get("events", {}).mapping().values()]
    parts += [node.get("channel") for node in parts if "channel" in node.value]
    parts += document.get("services", {}).mapping().values()
    return {part.field: part.line for part in parts}


def _load_silencing(entry: _Node, choreography: Choreography, source: Source) -> None:
    entry.only(_SILENCED)
    rule, subject, reason = entry.get("rule"), entry.get("subject", ""), entry.get("reason")
    about = (
        rule.checked(lambda: checked_rule(rule.text())),
        subject.checked(lambda: checked_subject(choreography, subject.text())),
    )
    if about in choreography.silenced:
        raise entry.error("the same is silenced twice")
    choreography.silenced[about] = reason.checked(lambda: checked_reason(reason.text()))
    source.lines[f"silenced.{'.'.join(about)}"] = entry.line


def _load_event_types(
    folder: Path, settings: Mapping[str, _Node], choreography: Choreography
) -> None:
    order = {name: n for n, name in enumerate(settings)}
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in sorted(paths, key=lambda path: order.get(path.name, len(order))):
        if not path.is_dir() or path.name.startswith("."):
            continue
        key = settings[path.name].get("key", None) if path.name in settings else None
        versions = sorted(int(file.stem) for file in path.glob("*.json") if file.stem.isdecimal())
        keys = _other_keys(settings.get(path.name), versions)
        sums = _sums(path, versions)
        for version in versions:
            file = path / f"{version}.json"
            event_type = _event_type(file, version, keys.get(version, key))
            if sums.get(version, schema_sum(event_type.schema)) != schema_sum(event_type.schema):
                raise changed(path.name, version, file=str(file))
            choreography.released.setdefault(path.name, {})[version] = event_type
            choreography.event_types[path.name] = event_type
        draft = path / "draft.json"
        if draft.is_file():
            version = versions[-1] + 1 if versions else 1
            if path.name in settings:
                version = settings[path.name].get("version", version).version_after(versions)
            choreography.event_types[path.name] = _event_type(draft, version, key)
        _load_upcasters(path, choreography)


def _other_keys(settings: _Node | None, versions: list[int]) -> dict[int, _Node]:
    """The key fields of released versions that have another than the version in use."""
    keys = {} if settings is None else settings.get("keys", {}).numbered()
    for version, node in keys.items():
        if version not in versions:
            raise node.error(f"v{version} is not a released version")
    return keys


def _sums(folder: Path, versions: list[int]) -> dict[int, str]:
    lock = folder / LOCK
    sums = read_lock(_read_text(lock), str(lock)) if lock.is_file() else {}
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
        node = _Node(_read_yaml(file), str(file), "", 1)
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
    try:
        schema = json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise DesignError(f"not JSON: {error.msg}.", file=str(path), line=error.lineno) from error
    except RecursionError as error:
        raise DesignError("nested too deeply to be a schema.", file=str(path)) from error
    if not isinstance(schema, dict):
        raise DesignError("a JSON Schema of an event must be an object.", file=str(path))
    return schema


def _event_type(path: Path, version: int, key: _Node | None) -> EventType:
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
    return key.checked(lambda: EventType(name, schema, version, field))


def _reaction(node: _Node, choreography: Choreography, taken: Mapping[str, Reaction]) -> Reaction:
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


def _is_compensation(node: _Node) -> bool:
    return isinstance(node.value, Mapping) and "compensates" in node.value


def _retry(node: _Node) -> RetryPolicy | None:
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


class _Node:
    """A value of a document that knows where it stands."""

    def __init__(self, value: Any, file: str, field: str, line: int) -> None:
        self.value, self.file, self.field, self.line = value, file, field, line

    def error(self, message: str) -> DesignError:
        message = message if message.endswith((".", "?")) else message + "."
        return DesignError(message, file=self.file, line=self.line, field=self.field or None)

    def checked(self, make: Callable[[], Value]) -> Value:
        """What ``make`` gives, with this place added to what it raises."""
        try:
            return make()
        except WorkbenchError as error:
            raise self.error(str(error)) from error

    def get(self, name: str, *default: Any) -> _Node:
        mapping = self._as(Mapping, "a mapping of names to values")
        if name not in mapping:
            if not default:
                raise self.error(f"{name!r} is missing")
            return _Node(default[0], self.file, self._below(name), self.line)
        line = _line(lambda: mapping.lc.value(name), self.line)
        return _Node(mapping[name], self.file, self._below(name), line)

    def mapping(self) -> dict[str, _Node]:
        mapping = self._as(Mapping, "a mapping of names to values")
        found: dict[str, _Node] = {}
        for name in mapping:
            if not isinstance(name, str):
                raise self.error(f"the name {name!r} must be a text")
            line = _line(lambda name=name: mapping.lc.key(name), self.line)  # type: ignore[misc]
            found[name] = _Node(mapping[name], self.file, self._below(name), line)
        return found

    def items(self) -> list[_Node]:
        entries = self._as(list, "a list (lines beginning with '-')")
        return [
            _Node(
                entry,
                self.file,
                f"{self.field}[{n}]",
                _line(lambda n=n: entries.lc.item(n), self.line),  # type: ignore[misc]
            )
            for n, entry in enumerate(entries)
        ]

    def numbered(self) -> dict[int, _Node]:
        """A mapping of versions to values."""
        mapping = self._as(Mapping, "a mapping of versions to values, such as {2: ...}")
        found: dict[int, _Node] = {}
        for version in mapping:
            if isinstance(version, bool) or not isinstance(version, int):
                raise self.error(f"{version!r} is not a version: versions are whole numbers")
            line = _line(lambda v=version: mapping.lc.key(v), self.line)  # type: ignore[misc]
            found[version] = _Node(mapping[version], self.file, self._below(str(version)), line)
        return found

    def texts(self) -> list[_Node]:
        """One text, or a list of them."""
        return [self] if isinstance(self.value, str) else self.items()

    def text(self) -> str:
        return str(self._as(str, "a text"))

    def only(self, known: set[str]) -> None:
        for name, node in self.mapping().items():
            if name not in known:
                raise node.error(f"{name!r} is not known here (known: {', '.join(sorted(known))})")

    def number(self, *, whole: bool) -> Any:
        what = "a whole number" if whole else "a number"
        number = self._as(int if whole else (int, float), what)
        if isinstance(number, bool):
            raise self.error(f"{self.field} must be {what}")
        return number

    def expression_or_constant(self) -> Any:
        if isinstance(self.value, str):
            return self.checked(lambda: Expression(str(self.value)))
        if self.value is None or isinstance(self.value, bool | int | float):
            return self.value
        raise self.error("write an expression in CEL, a number, true, false or null")

    def version_after(self, released: list[int]) -> int:
        version = self._as(int, "a whole number")
        if isinstance(version, bool) or version <= max(released, default=0):
            raise self.error(f"a draft's version must be above the released ones, not {version}")
        return int(version)

    def _below(self, name: str) -> str:
        return f"{self.field}.{name}" if self.field else name

    def _as(self, kind: type | tuple[type, ...], what: str) -> Any:
        if not isinstance(self.value, kind):
            raise self.error(f"{self.field or 'the file'} must be {what}")
        return self.value


def _line(place: Callable[[], Any], otherwise: int) -> int:
    """The line ruamel has for a place; it has none in defaults and under some tags."""
    try:
        return int(place()[0]) + 1
    except (AttributeError, KeyError, TypeError):
        return otherwise


def _read_yaml(path: Path) -> Any:
    text = _read_text(path)
    yaml = YAML(typ="rt", pure=True)  # the round-trip loader knows lines and builds no objects
    yaml.allow_duplicate_keys = False
    alias = _line_of_alias(text)
    if alias is not None:
        raise DesignError(
            "anchors and aliases (& and *) are not read in a design; write it out.",
            file=str(path),
            line=alias,
        )
    try:
        document = yaml.load(text)
        return {} if document is None else document
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        reason = (error.problem or "it can't be read").splitlines()[0]
        raise DesignError(f"not YAML: {reason}.", file=str(path), line=line) from error
    except (YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise DesignError(f"not YAML: {reason}.", file=str(path)) from error


def _line_of_alias(text: str) -> int | None:
    from ruamel.yaml.tokens import AliasToken

    try:
        for token in YAML(pure=True).scan(text):
            if isinstance(token, AliasToken):
                return int(token.start_mark.line) + 1
    except (YAMLError, RecursionError):
        pass  # the loader says what is wrong, with its line
    return None


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DesignError(
                f"{size:,} bytes is too large for a design file (at most {MAX_BYTES:,}).",
                file=str(path),
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DesignError(f"not UTF-8 text (at byte {error.start}).", file=str(path)) from error
    except OSError as error:
        raise DesignError(f"can't be read: {error.strerror}.", file=str(path)) from error
