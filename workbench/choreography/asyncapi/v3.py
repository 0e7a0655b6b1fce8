"""AsyncAPI 3: channels hold messages, operations pick from them.

https://www.asyncapi.com/docs/reference/specification/v3.1.0
"""

from __future__ import annotations

from workbench.choreography.asyncapi.parts import Channel, Operation, Parts
from workbench.choreography.asyncapi.references import Documents
from workbench.choreography.documents import Node


def read_v3(documents: Documents, top: Node) -> Parts:
    """The channels and operations of a document."""
    parts = Parts()
    for key, node in top.get("channels", {}).mapping().items():
        parts.channels.append(_channel(documents, key, documents.follow(node)))
    for node in top.get("operations", {}).mapping().values():
        parts.operations += _operation(documents, documents.follow(node), parts)
    return parts


def _channel(documents: Documents, key: str, node: Node) -> Channel:
    address = node.get("address", None)
    channel = Channel(node, key, key if address.value is None else address.text())
    for name, message in node.get("messages", {}).mapping().items():
        channel.messages[name] = documents.follow(message)
    return channel


def _operation(documents: Documents, node: Node, parts: Parts) -> list[Operation]:
    action = node.get("action")
    if action.text() not in {"send", "receive"}:
        raise action.error(f"an action is send or receive, not {action.value!r}")
    sends = action.value == "send"
    found = [_side(documents, node, parts, sends=sends)]
    if node.get("reply", None).value is not None:
        reply = documents.follow(node.get("reply"))
        if reply.get("channel", None).value is not None:
            found.append(_side(documents, reply, parts, sends=not sends))
    return found


def _side(documents: Documents, node: Node, parts: Parts, *, sends: bool) -> Operation:
    """What an operation says, or its reply: a channel and messages, by default all on it."""
    reference = node.get("channel")
    target = documents.follow(reference)
    channel = next((c for c in parts.channels if c.node.value is target.value), None)
    if channel is None:
        raise reference.error("an operation's channel must be one of the document's channels")
    if node.get("messages", None).value is None:
        return Operation(node, sends, channel, [*channel.messages])
    names = [_name(documents, channel, message) for message in node.get("messages").items()]
    return Operation(node, sends, channel, names)


def _name(documents: Documents, channel: Channel, reference: Node) -> str:
    """Which message of a channel is meant: by its name there, else by what it is."""
    target = documents.follow(reference).value
    same = [name for name, node in channel.messages.items() if node.value is target]
    said = reference.get("$ref", "").text().rpartition("/")[2].replace("~1", "/")
    if not same:
        raise reference.error(f"{said!r} is no message of the channel {channel.key!r}")
    return said if said in same else same[0]
