"""Asking about one flow or one event: where the answers are drawn from, and how far the reading is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.choreography import Choreography
from workbench.errors import LogError
from workbench.services import Clock
from workbench.session.connection import Connection
from workbench.session.progress import counted
from workbench.session.publishing import Published
from workbench.session.running import Running

if TYPE_CHECKING:
    from workbench.events import Envelope
    from workbench.session.evidence import Sources
    from workbench.session.flow import Flow
    from workbench.session.why import Why


class Asking:
    """Answers :meth:`Workbench.flow` and :meth:`Workbench.why`; for any thread."""

    def __init__(
        self, choreography: Choreography, connection: Connection, running: Running
    ) -> None:
        self._choreography, self._connection, self._running = choreography, connection, running

    def flow(self, named: str | Envelope | Published, *, personal: bool, progress: bool) -> Flow:
        """See :meth:`Workbench.flow`."""
        from workbench.session.flow import follow

        with counted("flow", "events", shown=progress) as advance:
            return follow(self._sources(), named, self._channels(), advance, personal=personal)

    def why(
        self, event: str | Envelope | Published, service: str, *, personal: bool, progress: bool
    ) -> Why:
        """See :meth:`Workbench.why`."""
        from workbench.session.why import why

        self._running.check(service)
        with counted("why", "events", shown=progress) as advance:
            return why(
                self._sources(), event, service, self._channels(), advance, personal=personal
            )

    def _channels(self) -> list[str]:
        connection = self._connection
        wanted = {*connection.captured_channels(), *connection.all_channels()}
        there = sorted(wanted & connection.broker.channels())
        if not there:
            where = (
                f"the namespace {connection.namespace!r}"
                if connection.namespace
                else "no namespace"
            )
            raise LogError(
                f"there is none of the design's channels on {connection.broker!r} in {where}: name the "
                "namespace that it runs in (Workbench(..., namespace=...), or --namespace), or start "
                "it first."
            )
        return there

    def _sources(self) -> Sources:
        from workbench.session.evidence import Sources

        return Sources(
            self._choreography,
            self._connection.broker,
            self._connection.namespace,
            self._connection.folder,
            self._running.all_instances,
            Clock().now,
            self._running.older,
        )
