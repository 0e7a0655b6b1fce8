"""What is read of a document, whatever its version: channels with messages, and operations."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.choreography.asyncapi.references import Documents
from workbench.choreography.documents import Node


@dataclass
class Channel:
    """Where messages travel; ``messages`` by the names they have on it, references followed."""

    node: Node
    key: str
    address: str
    messages: dict[str, Node] = field(default_factory=dict)


@dataclass
class Operation:
    """What the service that is described sends or receives: names of messages on a channel."""

    node: Node
    sends: bool
    channel: Channel
    messages: list[str]


@dataclass
class Parts:
    """The channels and the operations of a document."""

    channels: list[Channel] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)


def from_traits(documents: Documents, node: Node, name: str, *, traits_win: bool) -> Node:
    """A field of a message, its own or a trait's; the last trait that has it counts.

    In AsyncAPI 3 what the message says itself goes first, in 2 what its traits say.
    """
    traits = [documents.follow(trait) for trait in node.get("traits", []).items()]
    own_last = [node, *traits] if traits_win else [*traits, node]
    for one in reversed(own_last):
        found = one.get(name, None)
        if found.value is not None:
            return found
    return node.get(name, None)
