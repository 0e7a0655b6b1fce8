"""What is measured, as Prometheus' metric families: read anew at each scrape.

Where OpenTelemetry's messaging metrics have a name for the very thing, it is that name in
Prometheus' form; else ours, which begin with ``choreography_``. ``messaging.client.consumed.messages``
is what was given to reactions: what the inbox keeps from them, duplicates, is not in it.

What the broker has to tell is left out when it does not answer in time: all else is in files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from workbench.brokers import Broker
from workbench.choreography import Choreography
from workbench.errors import ServiceError
from workbench.services import Life, consumer_lag, dead_letter_channel, status
from workbench.services.processing import BOUNDS, Attempted
from workbench.session.metrics import ServiceMetrics
from workbench.session.open_letters import OpenLetters
from workbench.session.patiently import Patiently

PATIENCE = 2.0
"""Seconds that a scrape waits for the broker; Prometheus itself waits for ten."""
_COUNTERS = (
    (
        status.CONSUMED,
        "messaging_client_consumed_messages_total",
        "Events met for the first time, each once, however many reactions there are.",
    ),
    (
        status.HANDLED,
        "choreography_handled_events_total",
        "Events dealt with, for each reaction.",
    ),
    (
        status.EMITTED,
        "choreography_emitted_events_total",
        "Effects put into the outbox.",
    ),
    (
        status.RETRIES,
        "choreography_retries_total",
        "Attempts after the first.",
    ),
    (
        status.DEAD,
        "choreography_dead_lettered_events_total",
        "Events given up on, for each reaction.",
    ),
    (
        status.DUPLICATES,
        "choreography_duplicate_events_total",
        "Events skipped as already handled, for each reaction.",
    ),
    (
        status.IGNORED,
        "choreography_ignored_events_total",
        "Events of a type that the service has no use for.",
    ),
    (
        status.GUARDED,
        "choreography_guarded_events_total",
        "Events turned away by a guard, for each reaction.",
    ),
    (
        status.PARKED,
        "choreography_parked_events_total",
        "Events that had to wait behind an earlier one of their key.",
    ),
    (
        status.ARMED,
        "choreography_armed_events_total",
        "Events whose reaction waits for the absence of another, or has waited for it.",
    ),
)
_OF_CONSUMED = tuple(
    what for what, _, _ in _COUNTERS if what not in (status.EMITTED, status.IGNORED)
)


class WorkbenchCollector(Collector):
    """Everything that is measured of a design's services.

    The broker and the folder are given once: a workbench that is closed is not brought back to
    life by being scraped.
    """

    def __init__(
        self,
        choreography: Choreography,
        broker: Broker,
        namespace: str,
        folder: Path,
        lives: Callable[[], Mapping[str, Life]],
    ) -> None:
        self._choreography, self._folder, self._lives = choreography, folder, lives
        letters = OpenLetters()

        def open_letters() -> dict[str, int]:
            channels = {
                dead_letter_channel(namespace, name): name for name in list(choreography.services)
            }
            found = letters.count(broker, channels)
            return {name: found[channel] for channel, name in channels.items()}

        self._lags = Patiently(lambda: consumer_lag(broker, choreography, namespace))
        self._letters = Patiently(open_letters)

    def collect(self) -> Iterator[Metric]:
        """The metric families, one after the other."""
        services = list(self._choreography.services.values())
        found, readable = [], {}
        for service in services:
            try:
                found.append(ServiceMetrics.read(service, self._folder))
            except ServiceError:
                readable[service.name] = 0
            else:
                readable[service.name] = 1
        yield from _counters(found)
        yield _durations(found)
        yield _left(found)
        yield _gauge(
            "choreography_file_readable", "Whether its file can be read: 1 or 0.", readable
        )
        lives = self._lives()
        yield from _of_lives({one.name: lives.get(one.name, Life(one.name)) for one in services})
        yield from self._of_the_broker()

    def _of_the_broker(self) -> Iterator[Metric]:
        lags = self._lags.answer(PATIENCE)
        letters = self._letters.answer(PATIENCE) if lags is not None else None
        up = GaugeMetricFamily(
            "choreography_broker_up",
            "Whether the broker answers in time: 1 or 0. If not, what it tells is left out.",
            value=lags is not None,
        )
        yield up
        yield _gauge(
            "choreography_lag_events",
            "Events on the service's channels that it has not committed yet.",
            lags or {},
        )
        yield _gauge(
            "choreography_open_dead_letters",
            "Dead letters that wait for a decision.",
            letters or {},
        )


def _counters(found: Iterable[ServiceMetrics]) -> Iterator[Metric]:
    totals: Counter[tuple[str, str, str]] = Counter()
    for one in found:
        # From 0 on: who counts increases must not miss the first.
        own = [(what, name) for what in _OF_CONSUMED for name in one.consumes]
        own += [(status.EMITTED, name) for name in one.emits]
        totals.update({(what, one.service, name): 0 for what, name in own})
        for (what, event_type), n in one.measured.counts.items():
            totals[what, one.service, event_type] += n
    for what, name, text in _COUNTERS:
        family = CounterMetricFamily(name, text, labels=("service", "event_type"))
        for (counted, service, event_type), n in totals.items():
            if counted == what:
                family.add_metric((service, event_type), n)
        yield family


def _durations(found: Iterable[ServiceMetrics]) -> Metric:
    family = HistogramMetricFamily(
        "messaging_process_duration_seconds",
        "How long attempts took: guard, handler and the making of effects, not their sending.",
        labels=("service", *Attempted._fields),
    )
    names = [*map(str, BOUNDS), "+Inf"]
    for one in found:
        for what, histogram in one.measured.processing.items():
            buckets = list(zip(names, histogram.cumulative(), strict=True))
            family.add_metric((one.service, *what), buckets, histogram.seconds)
    return family


def _left(found: Iterable[ServiceMetrics]) -> Metric:
    family = GaugeMetricFamily(
        "choreography_left_to_do",
        "What is in the service's file and still to be done: effects to be sent, retries, parked "
        "events, timers.",
        labels=("service", "what"),
    )
    for one in found:
        for what, n in one.measured.left._asdict().items():
            family.add_metric((one.service, what), n)
    return family


def _of_lives(lives: Mapping[str, Life]) -> Iterator[Metric]:
    yield _gauge(
        "choreography_service_up",
        "Whether the service runs and listens: 1 or 0.",
        {name: life.state == "running" for name, life in lives.items()},
    )
    yield _gauge(
        "choreography_service_instances",
        "Instances of the service that are up.",
        {name: life.instances if life.up else 0 for name, life in lives.items()},
    )
    crashes = CounterMetricFamily(
        "choreography_service_crashes_total",
        "How often an instance of the service ended unasked, since this workbench was made.",
        labels=("service",),
    )
    for name, life in lives.items():
        crashes.add_metric((name,), life.crashes)
    yield crashes


def _gauge(name: str, text: str, values: Mapping[str, float]) -> Metric:
    """A gauge of each service."""
    family = GaugeMetricFamily(name, text, labels=("service",))
    for service, value in values.items():
        family.add_metric((service,), value)
    return family
