"""Faults on purpose: for a service, an event type, a share of events, or the broker itself.

Each ends by itself, is listed, and is noted on a channel of its own, ``faults``, so that a captured
log can be read against it. What strikes which event follows from the seed: see
:mod:`workbench.services.injection`.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from workbench.brokers import Outgoing
from workbench.choreography import Choreography, parse_duration
from workbench.errors import BrokerError, FaultError, PortTakenError
from workbench.events import Envelope, encode_payload, to_kafka
from workbench.services import channel_name, service_of
from workbench.services.injection import (
    DROP,
    DUPLICATE,
    ERROR,
    REORDER,
    SLOW,
    Injection,
    read_injections,
    write_injections,
)
from workbench.session.connection import Connection
from workbench.session.running import Running

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "workbench"
_STARTED, _ENDED = "FaultStarted", "FaultEnded"
_NOTE_AGAIN = 0.5
_LAST_NOTES_WITHIN = 3.0
BROKER_SHARE = 0.08
"""Of faults at random, the share that strikes the broker."""
_PORT_FREE_WITHIN = 30.0  # seconds, for a program that took it meanwhile
Duration = str | float


@dataclass
class Fault:
    """One fault: what, whom, since when; ``ended`` is ``None`` while it lasts."""

    id: int
    kind: str
    target: str
    started: datetime
    seconds: float
    settings: dict[str, Any] = field(default_factory=dict)
    ended: datetime | None = None


class Faults:
    """``wb.faults``: breaks things on purpose; shows, in a notebook, what is broken now.

    Attributes
    ----------
    seed
        Of all that is drawn by chance; the same seed gives the same faults.
    """

    def __init__(
        self,
        choreography: Choreography,
        connection: Connection,
        running: Running,
        say: Callable[[str], None],
    ) -> None:
        self.seed = 0
        self._choreography, self._connection, self._running = choreography, connection, running
        self._say = say
        self._lock = threading.RLock()
        self._ids = count(1)
        self._all: list[Fault] = []
        self._timers: dict[int, tuple[threading.Timer, Callable[[], None]]] = {}
        self._unsaid: list[Outgoing] = []
        self._writer: threading.Thread | None = None

    # --- services -------------------------------------------------------------------------

    def kill(self, service: str) -> Fault:
        """SIGKILL, as a crash: the service, or one instance of it, is restarted with back-off."""
        self._check(service, at_work=True)
        with self._striking("kill", service, 0) as fault:
            self._running.crash(service)
        return self._end(fault)

    def pause(self, service: str, seconds: Duration = "2s") -> Fault:
        """Freeze a service, or one instance of it, for a while (SIGSTOP)."""
        self._check(service, at_work=True)
        with self._striking("pause", service, parse_duration(seconds)) as fault:
            self._running.pause(service)
        return self._until(fault, lambda: self._running.resume(service))

    def slow(
        self,
        service: str,
        mean: Duration = "50ms",
        *,
        event_type: str | None = None,
        share: float = 1.0,
        seconds: Duration = "10s",
    ) -> Fault:
        """Delay reactions, by exponential delays of the given mean."""
        delay = parse_duration(mean)
        return self._inject(SLOW, service, seconds, event_type, share, delay=delay)

    def error_rate(
        self,
        service: str,
        share: float = 0.2,
        *,
        event_type: str | None = None,
        seconds: Duration = "10s",
    ) -> Fault:
        """Let a share of attempts fail."""
        return self._inject(ERROR, service, seconds, event_type, share)

    def duplicate(self, service: str, share: float = 0.2, *, seconds: Duration = "10s") -> Fault:
        """Send a share of a service's effects twice."""
        return self._inject(DUPLICATE, service, seconds, None, share)

    def reorder(self, service: str, share: float = 0.5, *, seconds: Duration = "10s") -> Fault:
        """Give a service a share of its polls in disorder."""
        return self._inject(REORDER, service, seconds, None, share)

    def drop_commits(self, service: str, share: float = 0.2, *, seconds: Duration = "10s") -> Fault:
        """Crash a service after a share of its polls, its effects sent and nothing committed.

        So they are sent again: whoever reads the channel sees them twice, unless ``delivery`` is
        ``"transactions"``.
        """
        return self._inject(DROP, service, seconds, None, share)

    def poison(self, event_type: str, n: int = 1) -> Fault:
        """Put records that are no events on an event type's channel."""
        self._connection.may_write("put poison on a channel")
        name = self._choreography.type_name(event_type)
        channel = channel_name(self._connection.namespace, self._choreography.channel(name))
        with self._striking("poison", name, 0, n=n) as fault:
            chance = random.Random(f"{self.seed}/poison/{fault.id}")
            batch = [
                Outgoing(
                    channel,
                    b"poison",
                    [("ce_type", name.encode())],
                    chance.randbytes(chance.randint(0, 99)),
                )
                for _ in range(n)
            ]
            self._send(batch)
        return self._end(fault)

    # --- the broker -----------------------------------------------------------------------

    def stop_broker(self, seconds: Duration = "3s") -> Fault:
        """Stop the local Kafka in good order, and start it again after a while."""
        server = self._server()
        with self._striking("stop broker", "broker", parse_duration(seconds)) as fault:
            server.stop()
        return self._until(fault, lambda: self._come_back(server))

    def kill_broker(self, seconds: Duration = "3s") -> Fault:
        """SIGKILL the local Kafka, and start it again after a while."""
        server = self._server()
        with self._striking("kill broker", "broker", parse_duration(seconds)) as fault:
            os.kill(server.pid, signal.SIGKILL)
        return self._until(fault, lambda: self._come_back(server))

    def restart_broker(self) -> Fault:
        """Stop the local Kafka, and start it at once."""
        return self.stop_broker(0)

    def pause_broker(self, seconds: Duration = "2s") -> Fault:
        """Freeze the local Kafka (SIGSTOP) for a while."""
        server = self._server()
        pid = server.pid
        with self._striking("pause broker", "broker", parse_duration(seconds)) as fault:
            os.kill(pid, signal.SIGSTOP)
        return self._until(fault, lambda: _continue(pid))

    # --- all of them ----------------------------------------------------------------------

    def active(self) -> list[Fault]:
        """Those that last."""
        with self._lock:
            return [fault for fault in self._all if fault.ended is None]

    def history(self) -> pd.DataFrame:
        """All there were: ``id``, ``kind``, ``target``, ``started``, ``ended``, ``settings``."""
        import pandas as pd

        columns = ["id", "kind", "target", "started", "ended", "settings"]
        with self._lock:
            rows = [[getattr(fault, name) for name in columns] for fault in self._all]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.astype(dict.fromkeys(("started", "ended"), "datetime64[ns, UTC]"))

    def end(self, fault: Fault | None = None) -> None:
        """End a fault now (all of them by default), and wait until it has."""
        with self._lock:
            wanted = [fault] if fault is not None else self.active()
            timers = [self._timers.pop(one.id) for one in wanted if one.id in self._timers]
        for timer, act in timers:
            timer.cancel()
            act()
        while any(one.ended is None for one in wanted):  # those that are ending by themselves
            time.sleep(0.02)

    def wait(self, timeout: float = 60.0) -> None:
        """Wait until every fault has ended by itself."""
        deadline = time.monotonic() + timeout
        while lasting := self.active():
            if time.monotonic() > deadline:
                kinds = ", ".join(f"{fault.kind} of {fault.target}" for fault in lasting)
                raise FaultError(f"after {timeout:g} s some faults still last: {kinds}.")
            time.sleep(0.05)

    def random(self, chance: random.Random, *, broker_share: float = BROKER_SHARE) -> Fault:
        """One fault of any kind, on anyone, drawn from ``chance``: for torture.

        Parameters
        ----------
        broker_share
            The share of faults that strike the broker, if it is a local one; one at a time.
        """
        services = [name for name, life in self._running.lives().items() if life.wanted]
        if not services:
            raise FaultError("no service runs: wb.start() first.")
        service = chance.choice(services)
        instance = chance.choice(self._running.labels(service))
        kinds: list[Callable[[], Fault]] = [
            lambda: self.kill(instance),
            lambda: self.pause(instance, chance.uniform(0.2, 1.5)),
            lambda: self.slow(service, chance.uniform(0.001, 0.02), share=0.3, seconds=1.0),
            lambda: self.error_rate(service, chance.uniform(0.05, 0.6), seconds=1.0),
            lambda: self.duplicate(service, chance.uniform(0.1, 1.0), seconds=1.5),
            lambda: self.reorder(service, seconds=1.5),
            lambda: self.drop_commits(service, chance.uniform(0.1, 0.5), seconds=1.0),
            lambda: self.poison(chance.choice(list(self._choreography.event_types))),
        ]
        whole = not any("broker" in fault.kind for fault in self.active())
        if self._connection.local_server and whole and chance.random() < broker_share:
            kinds = [
                lambda: self.stop_broker(chance.uniform(0.0, 1.0)),
                lambda: self.kill_broker(chance.uniform(0.0, 1.0)),
                self.restart_broker,
                lambda: self.pause_broker(chance.uniform(0.2, 2.0)),
            ]
        return chance.choice(kinds)()

    def __repr__(self) -> str:
        lasting = self.active()
        if not lasting:
            return f"no fault lasts; {len(self._all)} there were (wb.faults.history())"
        return "\n".join(
            f"{fault.kind} of {fault.target} since {fault.started:%H:%M:%S} UTC, "
            f"for {fault.seconds:g} s"
            for fault in lasting
        )

    # --- how ------------------------------------------------------------------------------

    def _inject(
        self,
        kind: str,
        service: str,
        seconds: Duration,
        event_type: str | None,
        share: float,
        *,
        delay: float = 0.0,
    ) -> Fault:
        self._check(service)
        if "/" in service:
            raise FaultError(
                f"{kind} strikes a service, not one instance: {service_of(service)!r}."
            )
        if not 0 < share <= 1:
            raise FaultError(f"a share is above 0 and at most 1, not {share}.")
        if event_type is not None:
            event_type = self._choreography.type_name(event_type)
        lasts = parse_duration(seconds)
        settings = {"share": share, "event_type": event_type} | ({"mean_s": delay} if delay else {})
        store = self._connection.store(service)
        with self._striking(kind, service, lasts, **settings) as fault, self._lock:
            now = time.time()
            injection = Injection(
                kind, now + lasts, f"{self.seed}/{fault.id}", share, event_type, delay
            )
            others = [other for other in read_injections(store) if other.until > now]
            write_injections(store, [*others, injection])

        def cease() -> None:
            with self._lock:
                left = [other for other in read_injections(store) if other != injection]
                write_injections(store, left)

        return self._until(fault, cease)

    def _check(self, service: str, *, at_work: bool = False) -> None:
        self._connection.may_write("break services")
        if service_of(service) not in self._running.lives():
            known = ", ".join(self._running.lives()) or "none yet"
            raise FaultError(f"{service!r} was not started (started so far: {known}).")
        labels = self._running.labels(service)  # which refuses an instance that there is not
        lives = {life.service: life for life in self._running.all_instances()}
        if at_work and not any(lives[label].up or lives[label].wanted for label in labels):
            raise FaultError(f"{service} is not running: there is nothing to break.")

    def _server(self) -> Any:
        _ = self._connection.broker  # which starts the local one, if none runs yet
        server = self._connection.local_server
        if server is None:
            raise FaultError(
                "only a local Kafka or RabbitMQ of this workbench can be broken: Workbench() or "
                "Workbench(broker='rabbitmq://') without an address, or "
                "Workbench(broker=LocalKafka().start())."
            )
        self._refuse_a_second()
        return server

    def _come_back(self, server: Any) -> None:
        """Start the local broker where it was, once its port is free: its clients know no other."""
        deadline = time.monotonic() + _PORT_FREE_WITHIN
        while True:
            try:
                server.start(same_port=True)
            except PortTakenError as error:
                if time.monotonic() > deadline:
                    raise FaultError(
                        f"another program has taken {self._connection.broker.address}, and the "
                        "services know no other address: end that program, then wb.faults.restart_broker()."
                    ) from error
                time.sleep(0.2)
            else:
                return

    def _refuse_a_second(self) -> None:
        """One fault of the broker at a time: a dead one can't be killed."""
        for fault in self.active():
            if fault.target == "broker":
                raise FaultError(
                    f"{fault.kind} lasts: it ends by itself {fault.seconds:g} s after it began "
                    "(wb.faults.wait())."
                )

    @contextlib.contextmanager
    def _striking(self, kind: str, target: str, seconds: float, **settings: Any) -> Iterator[Fault]:
        """A fault that begins; it has ended if it can't be brought about."""
        fault = Fault(next(self._ids), kind, target, datetime.now(UTC), seconds, settings)
        with self._lock:
            self._all.append(fault)
        self._note(_STARTED, fault)
        try:
            yield fault
        except BaseException:
            self._end(fault)
            raise

    def _until(self, fault: Fault, act: Callable[[], Any]) -> Fault:
        """Let a fault end by itself."""

        def end() -> None:
            with self._lock:
                self._timers.pop(fault.id, None)
            try:
                act()
            except Exception as error:  # noqa: BLE001 - it is on a thread of its own
                self._say(f"the fault {fault.kind} of {fault.target} could not be ended: {error}")
            self._end(fault)

        timer = threading.Timer(fault.seconds, end)
        timer.daemon = True
        with self._lock:
            self._timers[fault.id] = timer, end
        timer.start()
        return fault

    def _end(self, fault: Fault) -> Fault:
        with self._lock:
            fault.ended = datetime.now(UTC)
            self._note(_ENDED, fault)
        return fault

    def _note(self, type_: str, fault: Fault) -> None:
        """Put it on the timeline, as soon as the broker takes it."""
        data = {"fault": fault.id, "kind": fault.kind, "target": fault.target, **fault.settings}
        envelope = Envelope(
            id=str(uuid4()),
            source=SOURCE,
            type=type_,
            data=encode_payload(data),
            time=fault.ended or fault.started,
            subject=fault.target,
        )
        with self._lock:
            self._unsaid.append(Outgoing(self._connection.faults_channel, *to_kafka(envelope)))
            if self._writer is None or not self._writer.is_alive():
                self._writer = threading.Thread(target=self._write_notes, daemon=True)
                self._writer.start()

    def _write_notes(self) -> None:
        while True:
            with self._lock:
                batch = list(self._unsaid)
                if not batch:
                    self._writer = None
                    return
            try:
                self._connection.ensure_channels(self._connection.faults_channel)
                self._send(batch)
            except BrokerError:
                time.sleep(_NOTE_AGAIN)
                continue
            with self._lock:
                del self._unsaid[: len(batch)]

    def close(self) -> None:
        """End them all; what a dead broker has not noted by then stays unsaid."""
        self.end()
        self.flush(_LAST_NOTES_WITHIN)
        with self._lock:
            self._unsaid.clear()

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until all that happened so far is on the timeline."""
        writer = self._writer
        if writer is not None:
            writer.join(timeout)

    def _send(self, batch: list[Outgoing]) -> None:
        producer = self._connection.broker.producer()
        try:
            for answer in producer.send(batch):
                if isinstance(answer, BrokerError):
                    raise answer
        finally:
            producer.close()


def _continue(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
