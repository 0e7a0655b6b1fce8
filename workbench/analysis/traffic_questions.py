"""Questions about the traffic of a log: how much, how often again, how far out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from workbench.analysis.answer import Answer
    from workbench.analysis.latency import By as Grouping
    from workbench.analysis.throughput import By


class TrafficQuestions:
    """The questions about traffic that an event log answers, each an :class:`Answer`."""

    index: Any
    _frame: pd.DataFrame

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
            ``every`` is not a length of time above 0, or ``by`` is neither of the two.
        """
        from workbench.analysis import throughput

        throughput.check(by)
        step = throughput.step_of(every)
        return throughput.whole([throughput.part(self.index, self._frame, by, step)], by, step)

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

        return duplicates.whole([duplicates.part(self.index, self._frame)])

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

        return fan_out.whole([fan_out.part(self.index)])

    def latency(
        self,
        between: tuple[str, str] = ("OrderPlaced", "OrderShipped"),
        *,
        by: Grouping | None = None,
    ) -> Answer:
        """Measure how long flows take from their first event of one type to their first of another.

        First is meant in causal order.

        Parameters
        ----------
        between
            The two types.
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
            No flow has an event of such a type, or ``by`` is neither of the two.
        """
        from workbench.analysis import latency

        latency.check(between, by)
        return latency.whole([latency.part(self.index, between, by)], between, by)
