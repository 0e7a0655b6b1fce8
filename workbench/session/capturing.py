"""What a workbench captures: its channels or others, a part of them, once or live, into memory or a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

from workbench.brokers import Position
from workbench.errors import LogError
from workbench.session.progress import counted, ticking

if TYPE_CHECKING:
    from workbench.analysis import EventLog
    from workbench.capture import CapturedFolder, LiveCapture
    from workbench.capture.cutting import Cut
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
        since: datetime | None = None,
        until: datetime | None = None,
        start: Mapping[Position, int] | None = None,
        stop: Mapping[Position, int] | None = None,
        last: int | None = None,
        to: None = None,
        progress: bool = True,
    ) -> EventLog: ...

    @overload
    def capture(
        self,
        *,
        channels: str | Iterable[str] | None = None,
        pattern: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        start: Mapping[Position, int] | None = None,
        stop: Mapping[Position, int] | None = None,
        last: None = None,
        to: Path,
        progress: bool = True,
    ) -> CapturedFolder: ...

    def capture(
        self,
        *,
        channels: str | Iterable[str] | None = None,
        pattern: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        start: Mapping[Position, int] | None = None,
        stop: Mapping[Position, int] | None = None,
        last: int | None = None,
        to: Path | None = None,
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
            From the first event at or after a time of the broker's to the last before another.
        start, stop
            Offsets for single partitions, which win over the times: ``start`` is read, ``stop`` not.
        last
            Of all that, only the newest so many: by broker time, of all channels together.
        to
            A folder of Parquet files to write, instead of a log in memory; it may be larger than memory.
            Stopped or killed at any moment, the same call goes on where the files end, and later it adds
            what has come since; no event is there twice. ``EventLog.read(folder)`` reads it.

        Returns
        -------
        EventLog or CapturedFolder
            A log; with ``to`` what the folder holds by now.

        Raises
        ------
        LogError
            No channel fits, the broker stops giving events, or the folder holds something else.

        Examples
        --------
        >>> wb.capture(last=10_000)  # doctest: +SKIP
        >>> wb.capture(pattern="shop.*", to="shop-log")  # doctest: +SKIP
        """
        from workbench.analysis import EventLog
        from workbench.capture import record

        names = self._chosen(channels, pattern)
        if to is not None and last is not None:
            raise LogError("last= is of a log in memory: for a folder say since= or start=.")
        span: dict[str, Any] = {"since": since, "until": until, "start": start, "stop": stop}
        with counted("capture", "events", shown=progress) as advance:
            if to is None:
                frame = record(self.connection.broker, names, **span, last=last, progress=advance)
                return EventLog(frame)
            from workbench.capture.cutting import cut
            from workbench.capture.decoding import decoded
            from workbench.capture.fetching import read_batches

            chosen = cut(self.connection.broker, names, **span)
            folder, rest = self._folder(to, chosen)
            batches = read_batches(self.connection.broker, *rest, progress=advance)
            for _ in folder.write(decoded(batches)):
                pass
        return folder

    def capture_live(
        self,
        *,
        channels: str | Iterable[str] | None = None,
        pattern: str | None = None,
        since: datetime | None = None,
        start: Mapping[Position, int] | None = None,
        to: Path | None = None,
        progress: bool = True,
    ) -> LiveCapture[Any]:
        """Capture what comes from now on (or since a time), in the background, until it is stopped.

        ``live.count`` and ``live.rate`` tell how it goes; ``live.stop()`` returns the log, with all that
        was on the channels at that moment. In a ``with`` block it is stopped at the end, and
        ``live.result`` is the log. With ``to``, it is what the folder holds: a folder that a capture has
        begun is gone on with from where it ends, so that nothing is left out in between.

        Parameters
        ----------
        channels, pattern, start, to
            As of :meth:`capture`. Channels that are made later are not read.
        since
            A time of the broker's to begin at, instead of now.

        Examples
        --------
        >>> with wb.capture_live() as live:  # doctest: +SKIP
        ...     wb.publish(OrderPlaced(order_id="o-1"))
        >>> live.result.flows()  # doctest: +SKIP
        """
        from workbench.analysis import EventLog
        from workbench.capture import LiveCapture
        from workbench.capture.cutting import Cut
        from workbench.capture.recorder import frame_of

        names = self._chosen(channels, pattern)
        broker = self.connection.broker
        first = broker.offsets_at(names, since) if since else broker.end_offsets(names)
        first |= {Position(*place): offset for place, offset in (start or {}).items()}
        bar = ticking("capture", "events", shown=progress)
        if to is None:
            return LiveCapture(broker, first, lambda found: EventLog(frame_of(found)), told=bar)
        ends = {place: max(offset, 1 << 62) for place, offset in first.items()}
        folder, rest = self._folder(to, Cut(first, ends))

        def written(found: Iterator[Any]) -> CapturedFolder:
            for _ in folder.write(found):
                pass
            return folder

        return LiveCapture(broker, rest.first, written, told=bar)

    def _chosen(self, channels: str | Iterable[str] | None, pattern: str | None) -> list[str]:
        if channels is not None and pattern is not None:
            raise LogError("channels= and pattern= are two ways to say which: give one of them.")
        if self._faults is not None:
            self._faults.flush()
        if pattern is not None:
            from workbench.capture.cutting import matching

            return matching(self.connection.broker, pattern)
        if channels is None:
            return self.connection.captured_channels()
        names = [channels] if isinstance(channels, str) else sorted(set(channels))
        there = self.connection.broker.channels()
        for name in names:
            if name not in there:
                listed = ", ".join(sorted(there)) or "none"
                raise LogError(f"there is no channel {name!r} on the broker; there are: {listed}.")
        return names

    def _folder(self, path: Path, chosen: Cut) -> tuple[CapturedFolder, Cut]:
        """A folder to go on with, and what is not in it yet; says what can't be had any more."""
        from workbench.capture import CapturedFolder

        broker = self.connection.broker
        folder = CapturedFolder.open(path, broker.cluster_id)
        rest = folder.rest(chosen, broker.begin_offsets({place.channel for place in chosen.first}))
        for place, (begin, end) in sorted(folder.lost.items()):
            self._told(
                f"{place.channel}[{place.partition}]: offsets {begin:,} to {end - 1:,} are gone from the "
                f"broker (retention), and not in {folder.path}."
            )
        return folder, rest
