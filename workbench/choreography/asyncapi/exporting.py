"""A design as an AsyncAPI document: the whole of it, or one service's side of it.

https://www.asyncapi.com/docs/reference/specification/v3.1.0
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workbench.choreography.asyncapi.bindings import (
    channel_bindings,
    message_bindings,
    receive_bindings,
    send_bindings,
)
from workbench.choreography.asyncapi.cloudevents import TRAIT, cloudevent_trait, own_headers
from workbench.choreography.asyncapi.dialect import schema_format
from workbench.choreography.asyncapi.names import EXTENSION, message_name, plain_name, reference
from workbench.choreography.saving import (
    event_settings,
    field_sources,
    reaction_entries,
    silenced_entries,
)
from workbench.errors import DesignError, EventError
from workbench.events import EventType, examples
from workbench.events.subschemas import with_references

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.service import Service

VERSION = "3.1.0"
"""The version of AsyncAPI that is written."""


def asyncapi_document(
    choreography: Choreography, service: str | None, title: str | None
) -> dict[str, Any]:
    """The document as plain data; see :meth:`Choreography.asyncapi`."""
    if service is not None and service not in choreography.services:
        known = ", ".join(choreography.services) or "none yet"
        raise DesignError(f"there is no service {service!r} in this design (it has: {known}).")
    return _Document(choreography, service).write(title or service or "choreography")


class _Document:
    """One document in the making."""

    def __init__(self, choreography: Choreography, service: str | None) -> None:
        self.design = choreography
        self.services = [*choreography.services] if service is None else [service]
        self.whole = service is None
        self.types = [
            name
            for name in choreography.event_types
            if service is None
            or name in choreography.services[service].consumes
            or name in choreography.services[service].emits
        ]
        self.homes = {name: self.design.channels_of(name) for name in self.types}
        self.keys: dict[str, str] = {}
        for channel in self._channels():
            self.keys[channel] = plain_name(channel, self.keys.values())

    def write(self, title: str) -> dict[str, Any]:
        versions = [version for name in self.types for version in self._versions(name)]
        return {
            "asyncapi": VERSION,
            "info": {
                "title": title,
                "version": "1.0.0",
                "description": "Events travel as CloudEvents 1.0 in binary mode.",
            },
            "defaultContentType": "application/json",
            "channels": {key: self._channel(channel) for channel, key in self.keys.items()},
            "operations": dict(self._operations()),
            "components": {
                "messages": {message_name(version): self._message(version) for version in versions},
                "messageTraits": {TRAIT: cloudevent_trait()},
                "schemas": {message_name(version): _payload(version) for version in versions},
            },
            EXTENSION: self._rest(),
        }

    def _rest(self) -> dict[str, Any]:
        """What AsyncAPI has no words for: guards, mappings, what causes what."""
        settings = event_settings(self.design, self.types)
        if not self.whole:  # who else emits an event, and so why it is on a channel, is not known
            settings = {
                n: {f: v for f, v in s.items() if f != "channel"} for n, s in settings.items()
            }
        rest: dict[str, Any] = {"events": settings}
        if self.design.policy != "lenient":
            rest["policy"] = self.design.policy
        rest["services"] = {
            name: reaction_entries(self.design, self.design.services[name])
            for name in self.services
        }
        if self.whole and self.design.invariants:
            rest["invariants"] = {n: i.source for n, i in self.design.invariants.items()}
        silenced = silenced_entries(self.design) if self.whole else []
        if silenced:
            rest["silenced"] = silenced
        plain: dict[str, Any] = _plain(rest)
        return plain

    # --- what happens ---------------------------------------------------------------------

    def _versions(self, name: str) -> list[EventType]:
        """Every version that a channel may hold: those released, and the one in use."""
        return [*self.design.versions(name).known.values()]

    def _message(self, event_type: EventType) -> dict[str, Any]:
        schema = event_type.schema
        own = {"version": event_type.version, "dialect": schema.get("$schema")}
        if event_type.version in self.design.released.get(event_type.name, {}):
            own["released"] = True
        if "$ref" in schema:
            own["reference"] = True
        for upcaster in self.design.versions(event_type.name).upcasters.values():
            if upcaster.new.version == event_type.version:
                own["upcaster"] = field_sources(upcaster.fields)
        texts = {
            "name": event_type.name,
            "title": f"{event_type.name} v{event_type.version}",
            "description": schema.get("description"),
        }
        return {
            **{name: text for name, text in texts.items() if isinstance(text, str)},
            "traits": [reference("components", "messageTraits", TRAIT)],
            "headers": own_headers(event_type),
            "payload": reference("components", "schemas", message_name(event_type)),
            **_examples(event_type),
            "bindings": message_bindings(event_type),
            EXTENSION: own,
        }

    # --- where it travels -----------------------------------------------------------------

    def _channels(self) -> list[str]:
        if self.whole:
            return self.design.all_channels()
        name = self.services[0]
        service = self.design.services[name]
        outputs = (self.design.channel(effect, name) for effect in service.emits)
        return list(dict.fromkeys((*self.design.inputs(name), *outputs)))

    def _on(self, channel: str, names: Iterable[str]) -> list[str]:
        return [name for name in names if channel in self.homes[name]]

    def _channel(self, channel: str) -> dict[str, Any]:
        on_it = (v for name in self._on(channel, self.types) for v in self._versions(name))
        messages = (message_name(version) for version in on_it)
        return {
            "address": channel,
            "messages": {name: reference("components", "messages", name) for name in messages},
            "bindings": channel_bindings(channel),
        }

    # --- who sends and receives -----------------------------------------------------------

    def _operations(self) -> Iterable[tuple[str, dict[str, Any]]]:
        for name in self.services:
            service = self.design.services[name]
            heard = [t for t in self.types if t in service.consumes]
            emitted = [t for t in self.types if t in service.emits]
            for channel, key in self.keys.items():
                received = self._on(channel, heard)
                sent = [t for t in emitted if self.design.channel(t, name) == channel]
                if received:
                    versions = [v for t in received for v in self._read(t, service)]
                    operation = self._operation("receive", name, key, versions)
                    yield f"{name}.receive.{key}", operation | {"bindings": receive_bindings(name)}
                if sent:
                    versions = [v for t in sent for v in self._written(t, service)]
                    operation = self._operation("send", name, key, versions)
                    yield f"{name}.send.{key}", operation | {"bindings": send_bindings(sent)}

    def _read(self, name: str, service: Service) -> list[EventType]:
        """The versions that a service's reactions read; all, where something else hears them."""
        reactions = [r for r in service.reactions.values() if not r.compensates]
        reading = [reaction for reaction in reactions if reaction.whenever == name]
        versions = self.design.versions(name)
        read = {version for reaction in reading for version in versions.read_by(reaction)}
        return [kind for version, kind in versions.known.items() if version in read or not reading]

    def _written(self, name: str, service: Service) -> list[EventType]:
        """The versions that a service's reactions write; all, where something else emits them."""
        emitting = [r for r in service.reactions.values() if name in r.emits]
        versions = self.design.versions(name)
        written = {reaction.writes.get(name, versions.current) for reaction in emitting}
        return [
            kind for version, kind in versions.known.items() if version in written or not emitting
        ]

    def _operation(
        self, action: str, service: str, key: str, versions: list[EventType]
    ) -> dict[str, Any]:
        messages = (message_name(version) for version in versions)
        return {
            "action": action,
            "title": f"{service} {'hears' if action == 'receive' else 'publishes'}",
            "channel": reference("channels", key),
            "messages": [reference("channels", key, "messages", name) for name in messages],
            EXTENSION: {"service": service},
        }


def _plain(value: Any) -> Any:
    """Data as JSON has it, where the names in an object are texts."""
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


def _payload(event_type: EventType) -> dict[str, Any]:
    """The schema as it stands in the document, its references pointing to where it stands now."""
    name, schema = message_name(event_type), event_type.schema
    marked = schema_format(schema)
    home = f"#/components/schemas/{name}" + ("/schema" if marked else "")

    def moved(target: str) -> str:
        if target != "#" and not target.startswith("#/"):
            raise DesignError(
                f"{name} refers to {target!r}, which AsyncAPI can't say: write it into the schema's "
                "$defs and refer to '#/$defs/...'."
            )
        return home + target[1:]

    written: dict[str, Any] = with_references(schema, moved)
    if "$ref" in written:  # else it would be taken for a reference to elsewhere, and no more
        written["allOf"] = [{"$ref": written.pop("$ref")}, *written.get("allOf", [])]
    data = next((t for t in _references(written) if not t.startswith(home)), None)
    if data is not None:
        raise DesignError(f"{name} holds data that reads like a reference, {data!r}: leave it out.")
    if marked:
        return {"schemaFormat": marked, "schema": written}
    written.pop("$schema", None)
    return written


def _references(value: Any) -> Iterator[str]:
    """Whatever a reader of the document takes for a reference."""
    if isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
        yield value["$ref"]
    entries = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping | list | tuple):
        for entry in entries:
            yield from _references(entry)


def _examples(event_type: EventType) -> dict[str, Any]:
    """A plausible payload, the same each time; nothing where there is none."""
    try:
        return {"examples": [{"payload": payload} for payload in examples(event_type)]}
    except EventError:
        return {}
