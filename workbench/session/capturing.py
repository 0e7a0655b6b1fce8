"""What a workbench captures: its channels or others, a part of them, once or live, into memory or a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

from workbench.brokers import Position
from workbench.errors import BrokerError, LogError
from workbench.session.progress import counted, ticking

if TYPE_CHECKING:
    from workbench.analysis import EventLog
    from workbench.capture import CapturedFolder, LiveCapture, Tapping
    from workbench.capture.asked import When
    from workbench.session.connection import Connection
    from workbench.session.faults import Faults

Path = str | os.PathLike[str]


class Capturing:
    """The part of a :class:`Workbench` that captures."""

    connection: Connection
    _faults: Faults | None = None

    def _told(self, sentence: str) -> None:
        raise NotImplementedError

    @overload
    def capture(
        self,
        *,
        channels: str | Iterable[str] | None = None,
        pattern: str | None = None,
        since: When | None = None,
        until: When | None = None,
        start: Mapping[Position, int] | None = None,
        stop: Mapping[Position, int] | None = None,
        last: int | None = None,
        to: None = None,
        schemas: object = None,
        progress: bool = True,
    ) -> EventLog: ...

    @overload
    def capture(
        self,
        *,
        channels: str | Iterable[str] | None = None,
        pattern: str | None = None,
        since: When | None = None,
        until: When | None = None,
        start: Mapping[Position, int] | None = None,
        stop: Mapping[Position, int] | None = None,
        last: None = None,
        to: Path,
        schemas: object = None,
        progress: bool = True,
    ) -> CapturedFolder: ...

    def capture(
        self,
        *,
        channels: str | Iterable[str] | None = None,
        pattern: str | None = None,
        since: When | None = None,
        until: When | None = None,
        start: Mapping[Position, int] | None = None,
        stop: Mapping[Position, int] | None = None,
        last: int | None = None,
        to: Path | None = None,
        schemas: object = None,
        progress: bool = True,
    ) -> EventLog | CapturedFolder:
        """What stands on channels now, as an event log; by default the design's and their dead letters.

        The end of each partition is taken once, at the beginning: what is sent meanwhile is not in it.
        No group is joined and nothing committed. Interrupt it, and it stops.

        Parameters
        ----------
        channels
            Others than the design's: one or several, as the cluster names them.
        pattern
            The channels whose names fit, ``"orders.*"``, as a shell would choose files.
        since, until
            From the first event at or after a time of the broker's to the last before another: a
            ``datetime``, or a text in ISO 8601. Without a zone it is UTC.
        start, stop
            Offsets for single partitions, which win over the times: ``start`` is read, ``stop`` not.
            A ``stop`` behind the end is the end.
        last
            Of all that, only the newest so many: by broker time, of all channels together.
        to
            A folder of Parquet files to write, instead of a log in memory; it may be larger than memory.
            Stopped or killed at any moment, the same call goes on where the files end, and later it adds
            what has come since; no event is there twice. ``EventLog.read(folder)`` reads it.
        schemas
            The address of a schema registry, or a folder of files: decodes Avro, as of
            :func:`workbench.capture.open_schemas`.

        Returns
        -------
        EventLog or CapturedFolder
            A log; with ``to`` what the folder holds by now.

        Raises
        ------
        LogError
            No channel fits, an argument is not what it must be, the broker stops giving events, or
            the folder holds something else.

        Examples
        --------
        >>> wb.capture(last=10_000)  # doctest: +SKIP
        >>> wb.capture(pattern="shop.*", to="shop-log")  # doctest: +SKIP
        """
        from workbench.analysis import EventLog
        from workbench.capture import record, record_to
        from workbench.capture.asked import count_of

        last = count_of("last", last)
        names = self._chosen(channels, pattern)
        if to is not None and last is not None:
            raise LogError("last= is of a log in memory: for a folder say since= or start=.")
        span: dict[str, Any] = {"since": since, "until": until, "start": start, "stop": stop}
        broker = self.connection.broker
        with counted("capture", "events", shown=progress) as advance:
            span |= {"schemas": schemas, "progress": advance}
            if to is None:
                return EventLog(record(broker, names, **span, last=last, lost=self._tell_lost))
            folder = record_to(broker, names, to, **span)
        for sentence in folder.what_is_lost():
            self._told(sentence)
        return folder

    def _tell_lost(self, place: Position, begin: int, end: int) -> None:
        self._told(
            f"{place}: the broker deleted offsets {begin:,} to {end - 1:,} while they were to be read "
            "(retention)."
        )

    def capture_live(
        self,
        *,
        channels: str | Iterable[str] | None = None,
        pattern: str | None = None,
        since: When | None = None,
        start: Mapping[Position, int] | None = None,
        to: Path | None = None,
        schemas: object = None,
        progress: bool = True,
    ) -> LiveCapture[Any]:
        """Capture what comes from now on (or since a time), in the background, until it is stopped.

        ``live.count`` and ``live.rate`` tell how it goes; ``live.stop()`` returns the log, with all that
        was on the channels at that moment. In a ``with`` block it is stopped at the end, and
        ``live.result`` is the log. With ``to``, it is what the folder holds: a folder that a capture has
        begun is gone on with from where it ends, so that nothing is left out in between.

        Parameters
        ----------
        channels, pattern, start, to, schemas
            As of :meth:`capture`. Channels that are made later are not read.
        since
            A time of the broker's to begin at, instead of now; as of :meth:`capture`.

        Examples
        --------
        >>> with wb.capture_live() as live:  # doctest: +SKIP
        ...     wb.publish(OrderPlaced(order_id="o-1"))
        >>> live.result.flows()  # doctest: +SKIP
        """
        from workbench.analysis import EventLog
        from workbench.capture import CapturedFolder, LiveCapture
        from workbench.capture.cutting import Cut, beginning
        from workbench.capture.recorder import decoder_of, frame_of, gone_on_with

        names = self._chosen(channels, pattern)
        broker = self.connection.broker
        first = beginning(broker, names, since=since, start=start)
        how: dict[str, Any] = {"decoder": decoder_of(schemas)}
        if to is None:
            how["told"] = ticking("capture", "events", shown=progress)
            return LiveCapture(broker, first, lambda found: EventLog(frame_of(found)), **how)
        folder = CapturedFolder.open(to, broker.cluster_id)
        # A partition of a channel that the folder has is new since, and wanted from its beginning.
        known = {place.channel for place in folder.next}
        new = [p for p in first if p not in folder.next and p.channel in known]
        if new:
            begin = broker.begin_offsets(names)
            first |= {p: begin[p] for p in new if p not in (start or {})}
        endless = Cut(first, {place: max(offset, 1 << 62) for place, offset in first.items()})
        rest = gone_on_with(broker, folder, endless, names)
        folder.begin(rest.first)
        for sentence in folder.what_is_lost():
            self._told(sentence)
        how["told"] = ticking("capture", "events", shown=progress)
        return LiveCapture(broker, rest.first, folder.write, lost=folder.note_lost, **how)

    def capture_tap(
        self,
        exchange: str | Iterable[str] | Mapping[str, str | Iterable[str]],
        routing_key: str | Iterable[str] = "#",
        *,
        url: str | None = None,
        limit: int | None = None,
        seconds: float | None = None,
        queue: str | None = None,
        max_length: int = 100_000,
        schemas: object = None,
    ) -> Tapping[EventLog]:
        """Listen to exchanges of a RabbitMQ, whoever publishes there, until it is stopped.

        ``with wb.capture_tap("orders", "order.*", url="rabbitmq://...") as tap: ...``, and then
        ``tap.stop()`` is the log. It takes a queue of its own, and none of anybody else's messages.

        Parameters
        ----------
        url
            Of another RabbitMQ than the workbench's own.
        exchange, routing_key, limit, seconds, queue, max_length, schemas
            As of :class:`workbench.capture.Tapping`.

        Raises
        ------
        BrokerError
            This workbench is read-only or is on no RabbitMQ, or that one has no such exchange.
        LogError
            No exchange is named, or a bound is not above 0.
        """
        from workbench.analysis import EventLog
        from workbench.brokers.rabbitmq import RabbitMQBroker
        from workbench.capture import Tapping

        if self.connection.readonly:
            raise BrokerError(
                "this workbench is read-only: it can't put the queue of a tap on a RabbitMQ."
            )
        broker = self.connection.broker if url is None else RabbitMQBroker(url)
        if not isinstance(broker, RabbitMQBroker):
            raise BrokerError(
                f"a tap listens to a RabbitMQ, and this workbench is on {broker.kind}: name one by "
                "url='rabbitmq://user:password@host:port/vhost'."
            )
        return Tapping(
            broker,
            exchange,
            routing_key,
            limit=limit,
            seconds=seconds,
            queue=queue,
            max_length=max_length,
            schemas=schemas,
            made=EventLog,
        )

    def _chosen(self, channels: str | Iterable[str] | None, pattern: str | None) -> list[str]:
        if channels is not None and pattern is not None:
            raise LogError("channels= and pattern= are two ways to say which: give one of them.")
        from workbench.capture.asked import names_of

        if self._faults is not None:
            self._faults.flush()
        if pattern is not None:
            from workbench.capture.cutting import matching

            return matching(self.connection.broker, pattern)
        if channels is None:
            return self.connection.captured_channels()
        names = names_of("channels", channels)
        there = self.connection.broker.channels()
        for name in names:
            if name not in there:
                listed = ", ".join(sorted(there)) or "none"
                raise LogError(f"there is no channel {name!r} on the broker; there are: {listed}.")
        return names
