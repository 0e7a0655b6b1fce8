"""A design drawn in a few lines."""

import pytest

from workbench.choreography import Choreography
from workbench.events import Event, EventType

TEXT = {"type": "string"}


class Sketch:
    """A design under a rule: each event type has the field ``id``, its key, unless said."""

    def __init__(self):
        self.design = Choreography()

    def event(self, name, *, key="id", version=1, schema=None, **fields):
        fields = {"id": TEXT, **({key: TEXT} if key else {}), **fields}
        schema = schema or {"type": "object", "properties": fields}
        return self.design.event(EventType(name, schema, version, key))

    def reaction(self, service, whenever, *effects, **settings):
        """One that is data and copies the id; event types are made as they come."""
        for name in (whenever, *effects):
            if name not in self.design.event_types:
                self.event(name)
        emit = settings.pop("emit", {effect: {"id": "data.id"} for effect in effects})
        return self.design.service(service).whenever(whenever, emit=emit, **settings)

    def handler(self, service, whenever, *effects, silent=False, name="handle", **settings):
        """A Python handler, which may be silent or not."""
        for event in (whenever, *effects):
            if event not in self.design.event_types:
                self.event(event)

        def may_be_silent(event) -> None: ...
        def surely_emits(event) -> Event: ...

        handler = may_be_silent if silent else surely_emits
        on = self.design.service(service).on(whenever, emits=effects, name=name, **settings)
        on(handler)

    def found(self, rule):
        """Subject → sentence of what a rule finds."""
        return {p.subject: p.message for p in self.design.lint() if p.rule == rule}


@pytest.fixture
def sketch():
    return Sketch()
