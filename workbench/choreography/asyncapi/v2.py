"""AsyncAPI 2: others *publish* to a channel what the service receives, and *subscribe* to what it
sends.

https://www.asyncapi.com/docs/reference/specification/v2.6.0
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.choreography.asyncapi.parts import Channel, Operation, Parts, from_traits
from workbench.choreography.asyncapi.references import Documents
from workbench.choreography.documents import Node

_SENDS = {"publish": False, "subscribe": True}


def read_v2(documents: Documents, top: Node) -> Parts:
    """The channels and operations of a document."""
    parts = Parts()
    for address, node in top.get("channels", {}).mapping().items():
        node = documents.follow(node)
        channel = Channel(node, address, address)
        parts.channels.append(channel)
        for action, sends in _SENDS.items():
            operation = node.get(action, None)
            if operation.value is None:
                continue
            names: list[str] = []
            for name, message in _messages(documents, operation, f"{address}.{action}"):
                other = channel.messages.setdefault(name, message)
                if other.value is not message.value:
                    name = f"{name}.{action}.{len(names) + 1}"
                    channel.messages[name] = message
                names.append(name)
            parts.operations.append(Operation(operation, sends, channel, names))
    return parts


def _messages(documents: Documents, operation: Node, otherwise: str) -> Iterator[tuple[str, Node]]:
    """The messages of an operation, by the names that they or the references to them have."""
    reference = operation.get("message", None)
    if reference.value is None:
        return
    message = documents.follow(reference)
    one_of = message.get("oneOf", None)
    several = [reference] if one_of.value is None else one_of.items()
    named = operation.get("operationId", otherwise).text()
    for n, reference in enumerate(several, 1):
        message = documents.follow(reference)
        says = from_traits(documents, message, "name", traits_win=True)
        if says.value is None:
            says = message.get("messageId", None)
        pointer = reference.get("$ref", "").text().partition("#")[2].rpartition("/")[2]
        yield says.value or pointer or (named if len(several) == 1 else f"{named}.{n}"), message
