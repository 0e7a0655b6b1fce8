"""What AWS calls our topics and queues, which cluster this is, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from uuid import uuid4

from workbench.brokers.aws.connecting import Connection
from workbench.brokers.aws.names import topic_name

_REGISTRY = "choreography-workbench"
"""A topic to which nothing is sent: its tag names the generation of the cluster."""
_GENERATION = "generation"


class Account:
    """One region of one account. For any thread."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @cached_property
    def _registry(self) -> str:
        return str(self.sns("create_topic", Name=_REGISTRY)["TopicArn"])

    @property
    def number(self) -> str:
        """The account's number."""
        return self._registry.split(":")[4]

    @property
    def generation(self) -> str:
        """Says which of the clusters that were ever here this is."""
        found = self._tagged()
        if found is None:
            tag = {"Key": _GENERATION, "Value": uuid4().hex[:12]}
            self.sns("tag_resource", ResourceArn=self._registry, Tags=[tag])
            found = self._tagged() or tag["Value"]  # as another process may have tagged it, too
        return found

    def _tagged(self) -> str | None:
        tags = self.sns("list_tags_for_resource", ResourceArn=self._registry)["Tags"]
        return next((str(tag["Value"]) for tag in tags if tag["Key"] == _GENERATION), None)

    def topic_arn(self, channel: str) -> str:
        """What AWS calls a channel's topic."""
        return f"{self._topics}:{topic_name(channel)}"

    def any_topic_arn(self, end: str) -> str:
        """A pattern for the topics of this account and region whose name has this end."""
        return f"{self._topics}:*{end}"

    def queue_arn(self, name: str) -> str:
        """What AWS calls a queue."""
        partition = self._registry.split(":")[1]
        return f"arn:{partition}:sqs:{self.connection.region}:{self.number}:{name}"

    @property
    def _topics(self) -> str:
        return self._registry.rpartition(":")[0]

    def pages(self, operation: str) -> Iterator[Any]:
        """All that a listing of SNS gives, page by page."""
        token: dict[str, str] = {}
        while True:
            page = self.sns(operation, **token)
            for found in page.values():
                if isinstance(found, list):
                    yield from found
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def sns(self, operation: str, **arguments: Any) -> Any:
        """Ask SNS; errors as :meth:`Connection.call` says."""
        return self.connection.call("sns", operation, **arguments)

    def sqs(self, operation: str, **arguments: Any) -> Any:
        """Ask SQS; errors as :meth:`Connection.call` says."""
        return self.connection.call("sqs", operation, **arguments)
