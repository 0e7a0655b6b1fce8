"""Questions about the traffic of a log: how much, how often again, how far out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.analysis.asked import Asked

if TYPE_CHECKING:
    import pandas as pd

    from workbench.analysis.answer import Answer
    from workbench.analysis.latency import By as Grouping
    from workbench.analysis.throughput import By


class TrafficQuestions(Asked):
    """The questions about traffic that an event log answers, each an :class:`Answer`."""

    def throughput(self, every: pd.Timedelta | str | None = None, *, by: By = "type") -> Answer:
        """Count the events over time, by type or by source, each event once.

        Parameters
        ----------
        every
            Length of time to count in, like ``"10s"``; without it one from a millisecond to 52
            weeks that divides the time in which nearly all events came into 200 or fewer.
        by
            ``"type"`` or ``"source"``.

        Returns
        -------
        Answer
            One row for each step of time and name that has events, in order of time, then name:
            ``start`` (datetime64[ns, UTC]: where the step begins, a multiple of its length since
            1970), ``type`` or ``source`` (category), ``events`` (int64), ``per_s`` (float64: events
            per second over that step). The sentence says the peak and the gaps, steps in a row
            without any event. Events without a flow count too.

        Raises
        ------
        LogError
            ``every`` is not a length of time above 0 (a bare number isn't one: it has no unit), or
            ``by`` is neither of the two.
        """
        from workbench.analysis import throughput
        from workbench.analysis.arguments import nanoseconds_of

        throughput.check(by)
        step = None if every is None else nanoseconds_of(every, "every")
        return throughput.whole(
            self.parts(lambda index, frame: throughput.part(index, frame, by, step)), by, step
        )

    def duplicates(self) -> Answer:
        """List what came again: the same event, or the same effect under another id.

        Returns
        -------
        Answer
            One row for each repetition, in order of the first's time. ``kind`` (category: ``"same
            id"``, the same source and id again; ``"retry channel"``, the same on a channel that is
            named for retries, so on purpose; ``"same effect"``, another id, but the flow, cause,
            type, source and payload of an event before it, so most likely work done twice),
            ``correlation_id``, ``type``, ``source``, ``id`` (str and category), ``again_id`` (str:
            the repetition's), ``time`` (datetime64[ns, UTC]: of the first), ``apart_ms`` (float64:
            milliseconds from the first to the repetition, by the broker's time if both have one,
            else by the events'), and where the two stood: ``channel``, ``partition``, ``offset``
            and ``again_channel``, ``again_partition``, ``again_offset`` (-1 if unknown).

        Notes
        -----
        Payloads are compared as text. Effects without a payload are not compared; the sentence
        says how many there are. A service that emits two equal effects on purpose is listed, too.
        """
        from workbench.analysis import duplicates

        return duplicates.whole(self.parts(duplicates.part))

    def retries(self) -> Answer:
        """Count what was tried more than once, by service and type, the most attempts first.

        Returns
        -------
        Answer
            ``service`` (str: who tried), ``type`` (str: of the event it tried; null if none is
            known), ``told_by`` (str: ``"attempts"``, the log's column of that name says how often;
            ``"retry channel"``, counted from the records there; ``"same effect"``, inferred from
            effects that came again under another id), ``events`` (int64: how many were tried more
            than once), ``attempts`` (int64: in all), ``most`` (int64: at one event), ``gave_up``
            (int64: how many of the events ended as a dead letter), ``first`` and ``last``
            (datetime64[ns, UTC]: of the records that tell; by the broker's time where it is
            known), ``example`` and ``example_flow`` (str: the event with the most attempts). An
            event whose retries and whose effects both tell has a row for each.
        """
        from workbench.analysis import retries

        return retries.whole(self.parts(retries.part))

    def dead_letters(self) -> Answer:
        """Describe what services gave up on, by cause, the most frequent first.

        Returns
        -------
        Answer
            ``service``, ``reaction``, ``error_type``, ``message`` (str: as the reason says,
            "service/reaction: error type: message"; what it doesn't say is null, and numbers and
            ids in the message are ``…``, so that letters of one cause stand together), ``n`` and
            ``flows`` (int64: how many letters, of how many flows), ``first`` and ``last``
            (datetime64[ns, UTC]: when they were given up on, by the broker's time, else by the
            event's), ``redriven`` (int64: how many were handed back later: on a retry channel of
            that service, or as an event ``DeadLetterRedriven`` or ``DeadLetterEdited`` says),
            ``answered`` (int64: of how many the service has an effect after all), ``example`` and
            ``example_flow`` (str: the event and the flow of the first). One captured twice counts
            once.
        """
        from workbench.analysis import dead_letters

        return dead_letters.whole(self.parts(dead_letters.part))

    def disorder(self) -> Answer:
        """List the keys whose events stand in another order than they happened, the worst first.

        A key is the log's column ``key`` if it has one, else ``subject``, else the correlation id.
        Only events whose offset is known can be looked at.

        Returns
        -------
        Answer
            One row for each key, kind and channel: ``key`` (str), ``kind`` (category: ``"late"``,
            on a partition behind an event of the key that happened later; ``"effect first"``, on a
            partition before its own cause; ``"two partitions"``, the key is on more partitions of
            the channel than one), ``channel`` (category), ``n`` (int64: how many events; of two
            partitions, how many partitions), ``worst_ms`` (float64: milliseconds by which the
            worst of them happened before what stands ahead of it; 0 for two partitions),
            ``example`` (str: the id of the worst).
        """
        from workbench.analysis import disorder

        key = disorder.most_telling(self.parts(disorder.key_column))
        parts = self.parts(lambda index, frame: disorder.part(index, frame, key), by=key)
        return disorder.whole(parts, key)

    def orphans(self) -> Answer:
        """List the events that name a cause which is not in their flow, in order of time.

        Returns
        -------
        Answer
            ``correlation_id`` (str), ``type`` and ``source`` (category), ``id`` (str), ``time``
            (datetime64[ns, UTC]), ``causation_id`` (str: what it names), ``where`` (category:
            ``"in another flow"``; ``"in no flow"``; ``"in some flow"``, while the event itself is
            in none; ``"before the log's start"``, not in the log, and so early that it is likely
            cut off: no later after the log's start than twice what nearly all events of its type
            take since their cause; else ``"not in the log"``), ``cause_flow`` (str) and
            ``cause_type`` (category: of the cause, if it is in the log; of causes in several flows
            the first by name).
        """
        from workbench.analysis import orphans

        found = self.parts(orphans.part)
        ids = orphans.ids_named(found)
        sought = self.parts(lambda i, f: orphans.sought(i, f, ids))
        return orphans.whole(found, sought, self.unread)

    def loops(self, *, burst: int = 10, within: pd.Timedelta | str = "1s") -> Answer:
        """Describe what goes round in circles, and the bursts of one step, the longest first.

        Parameters
        ----------
        burst, within
            A storm is at least ``burst`` events of one type, source and payload (of events without
            a payload: type, source and cause) in one flow,
            repetitions of one id included, each at most ``within`` after the one before, by the
            broker's time where it is known.

        Returns
        -------
        Answer
            ``kind`` (str: ``"loop"`` of types that cause themselves again, or ``"storm"``),
            ``path`` (str: ``A → B → A``, from the name that sorts first; of a storm, the type),
            ``service`` (str: who emitted a storm; null for a loop), ``n`` (int64: events that
            repeat one above them; of storms, events in all), ``flows`` (int64), ``longest``
            (int64: times round in a row; of storms, events), ``took_ms`` (float64: how long that
            took), ``first`` (datetime64[ns, UTC]: when it was first met), ``example`` (str: the
            flow with the longest). Loops of up to 64 steps are found.

        Raises
        ------
        LogError
            ``within`` is not a length of time above 0, or ``burst`` is less than 2.
        """
        from workbench.analysis import loops
        from workbench.analysis.arguments import check_count, nanoseconds_of

        gap = nanoseconds_of(within, "within")
        check_count(burst, "burst", 2, "a burst is of 2 events or more.")
        return loops.whole(self.parts(lambda index, frame: loops.part(index, frame, burst, gap)))

    def hot_keys(self, top: int = 20) -> Answer:
        """Name the keys, flows and partitions with the most events.

        Parameters
        ----------
        top
            How many of each kind are named, at most; 1 or more.

        Returns
        -------
        Answer
            The keys (the log's column ``key``, if it has one), then the flows, then each channel's
            partitions, those with the most events first: ``what`` (category: ``"key"``,
            ``"correlation id"`` or ``"partition"``), ``channel`` (str: of partitions), ``name``
            (str), ``events`` (int64), ``share`` (float64, 0 to 1: of the events of all of its kind
            and channel), ``times_mean`` (float64: events against the mean of its kind and
            channel), ``of`` (int64: how many there are; of partitions, up to the highest number
            seen).

        Raises
        ------
        LogError
            ``top`` is less than 1.
        """
        from workbench.analysis import hot_keys
        from workbench.analysis.arguments import check_count

        check_count(top, "top", 1, "of each kind 1 or more can be named.")
        return hot_keys.whole(self.parts(hot_keys.part), top)

    def fan_out(self) -> Answer:
        """Describe how many effects an event of each type has, the type with the most first.

        Returns
        -------
        Answer
            ``type`` (str), ``events`` (int64: how many in flows), ``without`` (int64: how many of
            them have no effect), ``mean`` (float64), ``min`` (int64), ``p50`` and ``p95`` (float64,
            interpolated linearly), ``max`` (int64): effects of one event; ``example`` (str: the
            flow of the earliest event that has the most). Only effects in the same flow count.
        """
        from workbench.analysis import fan_out

        return fan_out.whole(self.parts(lambda index, _: fan_out.part(index), causal=True))

    def latency(
        self,
        between: tuple[str, str] | str = ("OrderPlaced", "OrderShipped"),
        then: str | None = None,
        *,
        by: Grouping | None = None,
    ) -> Answer:
        """Measure how long flows take from their first event of one type to their first of another.

        First is meant in causal order.

        Parameters
        ----------
        between, then
            The two types, one after the other or as a pair.
        by
            ``"variant"`` or ``"hour"`` (in which the flow had the event to start from) to measure
            groups of flows as well.

        Returns
        -------
        Answer
            A row for all flows that have the first type, then, if asked for, one for each group:
            hours in order, variants with the most flows first. ``group`` (str: ``"all flows"``, the
            hour in UTC like ``"2026-11-23 12:00"``, or the path of the variant), ``flows`` (int64:
            with the first type), ``arrived`` (int64: that have the other too), ``never`` (int64:
            that have not), ``before`` (int64: of those arrived, where the other has the earlier
            time), and of those arrived, in milliseconds, ``p50_ms``, ``p95_ms``, ``p99_ms``,
            ``max_ms`` (float64, interpolated linearly; null if there are none), ``slowest`` (str:
            the correlation id of the slowest; null if there are none).

        Raises
        ------
        LogError
            These are not two types, no flow has an event of such a type, or ``by`` is neither of the
            two.
        """
        from workbench.analysis import latency

        types = latency.two_types(between, then)
        latency.check_grouping(by)
        return latency.whole(self.parts(lambda index, _: latency.part(index, types, by)), types, by)
