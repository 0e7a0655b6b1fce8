"""Questions about flows: what to speed up, what changed, what sets some apart, what is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.analysis.asked import Asked

if TYPE_CHECKING:
    from workbench.analysis.answer import Answer


class FlowQuestions(Asked):
    """The questions about flows that an ``EventLog`` answers."""

    def critical_path(self, correlation_id: str | None = None) -> Answer:
        """Find the chains of causes that make flows as long as they are: what to speed up.

        A flow's critical path is the chain of causes that ends at its latest event. It starts at
        an event whose cause the flow doesn't hold, mostly the flow's first. In a log that tells no
        cause at all, causes are inferred, and the sentence says so.

        Parameters
        ----------
        correlation_id
            One flow, to see its path; without it all flows are summed up by kind of hop.

        Returns
        -------
        Answer
            Of all flows, one row per kind of hop on their paths, that which would save most first:
            ``cause_type``, ``effect_type``, ``service`` (str: who emitted the effect; null
            ``cause_type``: the time from a flow's first event to the first of its path), ``n``
            (int64: hops on paths), ``flows`` (int64: paths that it is on), ``total_ms`` (float64,
            milliseconds on all paths), ``share`` (float64, of the time of all flows, 0 to 1),
            ``mean_ms`` (float64, milliseconds a hop), ``saves_ms`` and ``saves_share`` (float64:
            how much sooner all flows together would end if hops of this kind took half as long).

            Of one flow, one row per event of its path: ``event_type``, ``service``,
            ``cause_type`` (str; null for the first), ``from_ms`` and ``to_ms`` (float64: from the
            cause to this event, in milliseconds since the flow's first event), ``latency_ms``
            (float64), ``share`` (float64, of the flow's duration), ``saves_ms`` (float64: as
            above, in this flow), ``id`` (str). Times are null where an event says none of its own,
            and then so are all shares and what would be saved.

        Raises
        ------
        LogError
            The log holds no event of that flow.

        Notes
        -----
        What is saved is recomputed for each flow: every hop of the kind takes half as long, on the
        path and off it, what follows happens as much sooner, and the flow ends with its then latest
        event. So another chain that is nearly as long bounds it, and the savings of two kinds don't
        add up. An event without a known cause stays where it is; a hop that ends before it starts
        keeps its length, and moves with its cause. Of a path of more than 32 kinds the 32 that take
        most are tried.
        """
        from workbench.analysis import critical_path
        from workbench.analysis.inference import with_causes

        if correlation_id is None:
            parts = self.parts(lambda index, _: critical_path.part(index), causal=True)
            return critical_path.whole(parts)
        log = self.flow(correlation_id)
        index = log.index
        if not self.tells_causes:
            index = with_causes(index, log.frame, self.habits)
        ids = log.frame["id"].to_numpy(dtype=object)[index.row]
        return critical_path.one(index, ids)

    def compare(self, other: Asked) -> Answer:
        """Compare this log with a later one: what changed, by how much, and how surely.

        Parameters
        ----------
        other
            The log after the change, a deployment say; this one is that before it.

        Returns
        -------
        Answer
            One row for each thing compared, the surest and largest change first (by the bound of
            its interval that is nearer to 0): ``what`` (str: ``"variant"``, ``"type"``,
            ``"service"``, ``"hop"`` or ``"flow"``), ``name`` (str: a path as in ``variants()``;
            ``"A → B (service)"``; ``"duration"`` of flows), ``n_before`` and ``n_after`` (int64:
            flows that hold it; of a hop how many; of the duration all flows), ``before`` and
            ``after`` (float64: share of flows, 0 to 1; of hops and durations the median, in
            milliseconds), ``effect`` (float64: the difference of the shares; of hops and durations
            Cliff's delta, the probability that one after takes longer than one before, less that
            it takes less; both -1 to 1; null for a hop that one log doesn't have), ``low`` and
            ``high`` (float64: the bounds of the effect), ``verdict`` (str: ``"new"``,
            ``"vanished"``, ``"more"``, ``"fewer"``, ``"slower"``, ``"faster"``, of which the last
            four may be ``"slightly …"``; ``"no change"``: the interval holds 0; ``"times not
            known"``: both logs have such hops, and one says no time of them; ``"too few to
            tell"``: only in one log, but that may be chance).

        Raises
        ------
        LogError
            ``other`` is no log.

        Notes
        -----
        The intervals hold all together with 95 % confidence (Bonferroni), so of logs between which
        nothing changed 19 in 20 show nothing. Shares: Newcombe's hybrid score interval (1998);
        times: Newcombe's interval of the Mann-Whitney statistic (2006); see
        :mod:`workbench.analysis.intervals`. Both take flows, and hops, as independent of each
        other. Slight is a share that changed by less than 1 %, and a Cliff's delta of less than
        0.147 (Romano, 2006). Paths beyond the 200 most frequent are compared as one.
        """
        from workbench.analysis import compare
        from workbench.analysis.arguments import check_log

        check_log(other, "compare")
        before, after = (log.parts(compare.part, causal=True) for log in (self, other))
        return compare.whole(before, after)

    def explain(self, flows: Any) -> Answer:
        """Find what sets some flows apart from the rest: the attribute that tells most comes first.

        Parameters
        ----------
        flows
            Which: correlation ids; or a mask, one boolean for each row of ``flows()``; or a table
            or a log with a column ``correlation_id``, such as ``log.stuck()``.

        Returns
        -------
        Answer
            One row per condition, at most 50: ``attribute`` (str: ``"data.…"``, a path into the
            payload; ``"headers.…"`` and other columns; ``"partition"``, ``"channel"``; ``"version"``,
            the column ``dataschema``; or of the flow as a whole ``"type"``, ``"service"``,
            ``"variant"``), ``event_type`` (str: of the event that has it; null for a flow as a
            whole), ``condition`` (str: ``"== 'DE'"``, ``"in ('AT', 'DE')"``, ``"> 100"``, ``"is
            not None"``: with the attribute before it, as :meth:`EventLog.where` takes it), ``inside``
            and ``outside`` (int64: flows asked about, and others, for which it holds),
            ``inside_share`` and
            ``outside_share`` (float64, of those looked at, 0 to 1), ``lift`` (float64: their
            ratio), ``score`` (float64: bits of information, 0 to 1), ``by_chance`` (float64: how
            likely a split so uneven is to be found among the conditions tried if nothing sets the
            flows apart; at most that). Of conditions that hold for the same flows one is listed.

        Raises
        ------
        LogError
            None of the flows is in the log, or the mask doesn't fit it.

        Notes
        -----
        A condition holds for a flow if it holds for any of its events of that type (``is None`` for
        what the payload says is null; ``where`` finds what lacks it, too). An attribute that says no
        more than the event's time is left out, as the time is, and so is what a standard column was
        read of. One that stands on events of several types and says the same on all of a flow's is
        the flow's (``event_type`` is null). A condition's score is
        the information gain, were both sides equally large; ``by_chance`` is Fisher's exact test
        times the number of conditions tried (Bonferroni; each attribute, and on it single values,
        groups of values and thresholds, may err equally often), among all flows and among those
        that have such an event, whichever is likelier. A value must be shared by 3 flows.

        What is stuck lacks later events, and so all that these would have held. So where fewer of
        the flows asked about have an event, a condition on it is scored by no more than what it
        adds to that; and ``"variant"``, and a ``"type"`` or ``"service"`` that they have more
        rarely, follow behind all else that is not chance. What may be chance comes last. On
        each side whole flows of up to 100,000 events are looked at, of each its first 1,000; of
        more, a sample is drawn by a hash of the correlation id, and the sentence says so.
        """
        from workbench.analysis import explain
        from workbench.analysis.attributes import attributes, drawn

        flows = explain.ids_of(flows, self.flows)
        lots = self.parts(lambda index, _: explain.lots(index, flows))
        figures, upto = explain.counted(lots, flows), drawn(lots)
        parts = self.parts(
            lambda index, frame: attributes(index, frame, explain.asked_about(index, flows), upto)
        )
        return explain.whole(parts, *figures, mapped=self.mapped)

    def anomalies(self) -> Answer:
        """List the flows that are unlike the rest, the most unusual first.

        Returns
        -------
        Answer
            One row per finding, at most 100; a flow may have several, of different kinds:
            ``correlation_id`` (str), ``what`` (str: ``"hop"``: one took unusually long, or short;
            ``"duration"``: the flow did, among those on its path; ``"repeats"``: a type came
            unusually often; ``"variant"``: few flows take its path; ``"burst"``: unusually many
            flows started with this one, the first of them), ``name`` (str: the hop, type or path;
            else empty), ``score`` (float64: how unusual, in standard deviations of a normal
            distribution; below 0: unusually short), ``evidence`` (str: in words), ``duration_ms``
            (float64, milliseconds: of the flow).

        Notes
        -----
        Times and counts are judged by the distance of their logarithm from the median of their
        kind, in kinds of at least 30, measured by the distance of its 95th percentile (of a larger
        kind of its 99.9th, where that is more): see :func:`workbench.analysis.unusual.how_far_out`.
        A finding lies at least 3.5 standard deviations out, and so far that among as many values
        chance alone would show one in 1 of 20 logs (Bonferroni). A path is rare if 1 % of all
        flows, at most, take it or one as rare; its score is the normal deviation as rare as that.
        Starts are counted in slots of 20 on average. A hop of no time or less is not judged: it
        speaks of clocks.
        """
        from workbench.analysis import anomalies

        return anomalies.whole(self.parts(lambda index, _: anomalies.part(index), causal=True))
