"""Questions about what is in a log: its flows, their hops, and the paths that they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.analysis.asked import Asked

if TYPE_CHECKING:
    from workbench.analysis.answer import Answer


class LogQuestions(Asked):
    """The questions of what is in it that an event log answers."""

    def flows(self) -> Answer:
        """Describe each flow, in the order in which they started.

        Returns
        -------
        Answer
            ``correlation_id`` (str), ``started`` and ``ended`` (datetime64[ns, UTC]: its earliest
            and latest event), ``duration_ms`` (float64, milliseconds; null where an event says no
            time of its own), ``events``, ``duplicates``
            and ``dead_letters`` (int64), ``variant`` (category, as in ``variants()``),
            ``first_type`` and ``last_type`` (category, in causal order), ``services`` (category:
            who emitted its events, by name).
        """
        from workbench.analysis.answer import WithAnother
        from workbench.analysis.flows import part, whole
        from workbench.analysis.plots import plot_flows

        parts = self.parts(lambda index, _: part(index))
        return whole(parts, WithAnother(plot_flows, "flows", "variants", self.variants))

    def hops(self) -> Answer:
        """Describe each kind of hop (cause → effect), the most frequent first.

        In a log that tells no cause at all, causes are inferred (:meth:`with_causes`).

        Returns
        -------
        Answer
            ``cause_type`` and ``effect_type`` (str), ``service`` (str: who emitted the effect),
            ``n`` (int64: how many), and the time from cause to effect in milliseconds:
            ``mean_ms``, ``p50_ms``, ``p95_ms``, ``p99_ms``, ``max_ms`` (float64, interpolated
            linearly). A time below 0 means that the clocks of the two services differ. Only causes in the same flow
            count. Then what that is made of at the median, as far as the log tells (float64,
            milliseconds; null where it doesn't): ``sending_ms``, from the cause's time until the
            broker had it; ``waiting_ms``, from then until the effect's service began (a column
            ``started`` of the effect, or the time of a span with ``duration_ns``);
            ``processing_ms``, from then until the effect (of a span: until it ended).
        """
        from workbench.analysis.hops import part, whole

        return whole(self.parts(part, causal=True))

    def variants(self) -> Answer:
        """Describe the distinct paths that flows take, the most frequent first.

        Returns
        -------
        Answer
            ``variant`` (str, ``V1`` is the most frequent), ``path`` (str, in causal order:
            ``A → B + C ×2 → D``; effects set off side by side are joined by ``+`` and sorted by
            name; the middle of a path of more than 40 stages is left out and counted), ``flows``
            (int64), ``share`` (float64, of all flows, 0 to 1), ``events`` (int64, in each flow),
            ``median_ms`` (float64, duration in milliseconds), ``example`` (str, the correlation id
            of the first).
        """
        from workbench.analysis.answer import WithAnother
        from workbench.analysis.plots import plot_flows
        from workbench.analysis.variants import part, whole

        parts = self.parts(lambda index, _: part(index))
        return whole(parts, WithAnother(plot_flows, "variants", "flows", self.flows))
