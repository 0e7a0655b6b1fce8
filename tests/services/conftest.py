"""A design on the in-memory broker, run step by step in virtual time."""

from __future__ import annotations

import random
from pathlib import Path
from uuid import uuid4

import pytest

from workbench import Workbench
from workbench.brokers import MemoryBroker, Outgoing, Position
from workbench.choreography import Choreography
from workbench.events import DeadLetter, Envelope, Retry, from_kafka, to_kafka
from workbench.services import (
    AT_LEAST_ONCE,
    InlineRunner,
    RetryPolicy,
    VirtualClock,
    consumer_lag,
    dead_letter_channel,
    group_member,
    input_channels,
    read_counts,
    read_state,
    retry_channel,
    service_spec,
)
from workbench.services.telemetry import observers_of


class Stage:
    """One design at work: publish, run, look."""

    def __init__(
        self,
        design: Choreography,
        folder: Path,
        retry: RetryPolicy,
        delivery: str,
        observers=observers_of,
        **settings,
    ) -> None:
        self.design, self.folder, self.retry, self.delivery = design, folder, retry, delivery
        self.settings = settings
        self.clock = VirtualClock()
        self.broker = MemoryBroker(now=lambda: self.clock.now().timestamp())
        self.said: list[str] = []
        self.runner = InlineRunner(
            folder,
            self.broker,
            self.said.append,
            clock=self.clock,
            threaded=False,
            observers=observers,
        )
        own = [
            kind("", name)
            for kind in (dead_letter_channel, retry_channel)
            for name in design.services
        ]
        self.broker.ensure_channels(dict.fromkeys([*design.all_channels(), *own], 3))

    def start(self, *names, kill_at=None, instance=1):
        for name in names or self.design.services:
            spec = service_spec(
                self.design,
                name,
                namespace="",
                folder=self.folder,
                retry=self.retry,
                delivery=self.delivery,
                instance=instance,
                **self.settings,
            )
            self.runner.start(spec, kill_at=kill_at)
        return self

    def run(self):
        self.runner.run_until_idle()
        return self

    def run_rounds(self, n):
        for _ in range(n):
            self.runner._round()
        return self

    def envelope(self, event, **settings):
        settings = {"source": "shop", "time": self.clock.now()} | settings
        return Envelope.first(type(event).event_type, event, **settings)

    def publish(self, *events, **settings):
        for event in events:
            self.put(self.envelope(event, **settings))
        return self

    def put(self, envelope):
        self.raw(self.design.channel(envelope.type), *to_kafka(envelope))

    def raw(self, channel, key, headers, value):
        (landed,) = self.broker.producer().send([Outgoing(channel, key, headers, value)])
        return landed

    def records(self, channel):
        ends = self.broker.end_offsets([channel])
        return self.broker.reader(dict.fromkeys(ends, 0)).poll(0)

    def events(self, channel):
        """The envelopes on a channel, by partition and offset."""
        return [from_kafka(record.headers, record.value) for record in self.records(channel)]

    def payload(self, record):
        return from_kafka(record.headers, record.value).payload()

    def store(self, service):
        """A running service's file."""
        return self.runner._workers[service].store

    def retries(self, service):
        """What a service has handed back to itself."""
        return [Retry.from_headers(r.headers) for r in self.records(retry_channel("", service))]

    def letters(self, service):
        """The dead letters of a service."""
        found = self.records(dead_letter_channel("", service))
        return [DeadLetter.from_headers(record.headers) for record in found]

    def state(self, service):
        return read_state(self.folder / f"{service}.sqlite")

    def counts(self, service):
        totals = {}
        for (what, _), n in read_counts(self.folder / f"{service}.sqlite").items():
            totals[what] = totals.get(what, 0) + n
        return totals

    def output(self, service):
        return self.runner.output_path(service).read_text("utf-8")

    def lag(self, service):
        return consumer_lag(self.broker, self.design, "")[service]

    def rewind(self, service):
        """As if the group's offsets were reset: everything is delivered again."""
        inputs = input_channels(self.design, "", service)
        group = self.broker.consumer(service, inputs, group_member(service, 1))
        group.commit({Position(*position): 0 for position in group.assigned()})


@pytest.fixture
def stage(tmp_path):
    """Makes a :class:`Stage` of a design."""
    made = []

    def make(design, retry=None, delivery=AT_LEAST_ONCE, **settings):
        random.seed(7)
        retry = retry or RetryPolicy(attempts=3, later=())
        folder = tmp_path / f"stage-{len(made)}"
        made.append(Stage(design, folder, retry, delivery, **settings))
        return made[-1]

    yield make
    for one in made:
        one.runner.close()


@pytest.fixture
def said():
    """What the workbenches of ``on_kafka`` have said."""
    return []


@pytest.fixture
def on_kafka(kafka, tmp_path, said):
    """Makes workbenches on the shared Kafka, each in a namespace of its own unless told otherwise."""
    made = []

    def make(design, **settings):
        settings.setdefault("namespace", f"t{uuid4().hex[:10]}")
        wb = Workbench(
            design,
            bootstrap_servers=kafka.bootstrap_servers,
            folder=tmp_path,
            say=said.append,
            **settings,
        )
        made.append(wb)
        return wb

    yield make
    for wb in made:
        wb.close()
