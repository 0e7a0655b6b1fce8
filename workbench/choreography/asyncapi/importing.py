"""An AsyncAPI document as a design: ours whole, those of others as far as they say."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.choreography.asyncapi.names import EXTENSION, plain_name, split_message_name
from workbench.choreography.asyncapi.parts import Channel, Parts, from_traits
from workbench.choreography.asyncapi.payloads import payload_schema
from workbench.choreography.asyncapi.references import Documents
from workbench.choreography.asyncapi.v2 import read_v2
from workbench.choreography.asyncapi.v3 import read_v3
from workbench.choreography.documents import Node
from workbench.choreography.loading import event_settings, load_services, load_silenced
from workbench.choreography.loading_versions import load_evolution, load_policy, load_upcaster
from workbench.errors import DesignError
from workbench.events import EventType

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


def choreography_from_asyncapi(path: Path, root: Path, choreography: Choreography) -> Choreography:
    """Fill an empty choreography from a document; see :meth:`Choreography.from_asyncapi`."""
    documents = Documents(root)
    top = documents.open(path)
    try:
        _Import(documents, top, choreography).read()
    except RecursionError as error:
        raise DesignError("nested too deeply to be read.", file=str(path)) from error
    return choreography


class _Import:
    """One document on its way into a design."""

    def __init__(self, documents: Documents, top: Node, choreography: Choreography) -> None:
        self.documents, self.top, self.design = documents, top, choreography
        self.old = self._is_old()
        self.rest = top.get(EXTENSION, {})
        self.settings = event_settings(self.rest)
        self.parts: Parts = (read_v2 if self.old else read_v3)(documents, top)
        self.versions: dict[str, dict[int, EventType]] = {}
        """Event type → version → what it looks like."""
        self.upcasters: dict[tuple[str, int], Node] = {}
        """The event type and the version that it leads to → what is said of it."""
        self.taken: Counter[str] = Counter()
        """Name → how many numbers after it are taken."""
        self.names: dict[tuple[str, str], str] = {}
        """The channel's key and the message's name on it → event type."""
        self.homes: dict[str, dict[str, None]] = {}
        """Event type → the addresses of the channels it is on."""

    def _is_old(self) -> bool:
        version = self.top.get("asyncapi", None)
        if not isinstance(version.value, str):
            raise version.error("this is no AsyncAPI document: it does not say 'asyncapi: 3.1.0'")
        if not version.text().startswith(("2.", "3.")):
            raise version.error(f"AsyncAPI {version.text()} is not read; 2.x and 3.x are")
        return version.text().startswith("2.")

    def read(self) -> None:
        for channel in self.parts.channels:
            for name, message in channel.messages.items():
                self._event_type(channel, name, message)
        for name, node in self.settings.items():
            if name not in self.versions:
                raise node.error(f"there is no message of the event type {name}")
            if node.get("channel", None).value is not None:
                self.design.channels[name] = node.get("channel").text()
        for name in dict.fromkeys((*self.settings, *self.versions)):
            *older, self.design.event_types[name] = dict(
                sorted(self.versions[name].items())
            ).values()
            for event_type in older:  # only the newest may be a draft
                self.design.released.setdefault(name, {})[event_type.version] = event_type
        self._evolution()
        load_services(self.rest, self.design)
        self._contracts()
        for name, addresses in self.homes.items():
            self._channel(name, [*addresses])
        load_silenced(self.rest, self.design)

    # --- event types ----------------------------------------------------------------------

    def _event_type(self, channel: Channel, key: str, message: Node) -> None:
        """Note the event type that a message is: in a document of others, one on each channel."""
        own = message.get(EXTENSION, None)
        if own.value is None:
            name, version = self._free_name(channel, key)
        else:
            name, version = message.get("name").text(), own.get("version").number(whole=True)
        if version not in self.versions.get(name, {}):
            event_type = self._made(name, version, message, own)
            self.versions.setdefault(name, {})[version] = event_type
            if own.value is not None and own.get("released", False).value is True:
                self.design.released.setdefault(name, {})[version] = event_type
            if own.value is not None and own.get("upcaster", None).value is not None:
                self.upcasters[name, version] = own.get("upcaster")
        self.names[channel.key, key] = name
        self.homes.setdefault(name, {})[channel.address] = None

    def _free_name(self, channel: Channel, key: str) -> tuple[str, int]:
        """The name and the version that a message's name says, if no other message has them."""
        name, version = split_message_name(plain_name(key))
        if version in self.versions.get(name, {}):
            name = plain_name(f"{name}.{plain_name(channel.key)}")
        base = name
        while version in self.versions.get(name, {}):
            self.taken[base] += 1
            name = f"{base}_{self.taken[base] + 1}"
        return name, version

    def _made(self, name: str, version: int, message: Node, own: Node) -> EventType:
        schema = payload_schema(
            self.documents,
            message.get("payload", None),
            from_traits(self.documents, message, "schemaFormat", traits_win=self.old),
            own if own.value is not None else None,
        )
        key = self._key(name, version)
        event_type = message.checked(partial(EventType, name, schema, version))
        message.checked(partial(event_type.problem_with, {}))  # compiles the schema
        if key is None or key.value is None:
            return event_type
        return key.checked(partial(EventType, name, schema, version, key.text()))

    def _key(self, name: str, version: int) -> Node | None:
        """The key field of a version: it may have been another than it is now."""
        if name not in self.settings:
            return None
        others = self.settings[name].get("keys", {}).numbered()
        return others.get(version) or self.settings[name].get("key", None)

    def _evolution(self) -> None:
        """How the versions of event types follow each other."""
        if self.rest.get("policy", None).value is not None:
            self.design.policy = load_policy(self.rest.get("policy"))
        for name, node in self.settings.items():
            load_evolution(name, node, self.design)
        for (name, version), node in self.upcasters.items():
            load_upcaster(node, name, version, self.design)

    # --- who sends and receives, and where ------------------------------------------------

    def _contracts(self) -> None:
        """What the operations say beyond the reactions that are known."""
        for operation in self.parts.operations:
            own = operation.node.get(EXTENSION, None)
            named = self._title() if own.value is None else own.get("service")
            service = named.checked(partial(self.design.service, named.text()))
            types = (self.names[operation.channel.key, key] for key in operation.messages)
            if operation.sends:
                new = (name for name in types if name not in service.emits)
                service.publishes = (*service.publishes, *dict.fromkeys(new))
            else:
                new = (name for name in types if name not in service.consumes)
                service.hears = (*service.hears, *dict.fromkeys(new))

    def _title(self) -> Node:
        """What a document of others calls what it describes, as a service's name."""
        title = self.top.get("info").get("title")
        name = plain_name(title.text().replace(".", " "), instead="-").lower()
        return Node(name, title.file, title.field, title.line)

    def _channel(self, name: str, addresses: list[str]) -> None:
        """See to it that an event type is on the channels that it is on in the document."""
        if self.design.channels_of(name) == addresses:
            return
        if len(addresses) == 1:
            self.design.channels[name] = addresses[0]
            return
        # Several services emit it, each on its own channel: all but the one described are others.
        for address in addresses:
            if address not in self.design.channels_of(name):
                other = self.top.checked(partial(self.design.service, address))
                other.publishes = (*other.publishes, name)
