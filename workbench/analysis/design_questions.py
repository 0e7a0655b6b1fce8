"""Questions that hold a log against a design."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pandas as pd

from workbench.analysis.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from workbench.analysis.answer import Answer
    from workbench.analysis.conformance_part import ConformancePart
    from workbench.analysis.due import Rules
    from workbench.choreography import Choreography


class DesignQuestions(Asked):
    """The questions of what is due, and of clocks, that an event log answers."""

    _held_against: tuple[Rules, ConformancePart] | None = None

    def conformance(
        self,
        design: Choreography,
        *,
        per: Literal["kind", "flow"] = "kind",
        longer_than: pd.Timedelta | str = "0s",
    ) -> Answer:
        """Hold the log against a design: what is missing, and what the design doesn't have.

        An event is *explained* if its service has a reaction to its cause's type that emits its
        type, if its service publishes the type of its own accord, or if no service of the design
        emits it and it has no cause (it set off its flow). What is due is what the design makes
        certain (``workbench.analysis.due``): guards are not worked out, so that an effect behind
        one is due only where another reaction has the opposite guard. A dead letter explains what
        is missing, and an effect may be missing only once its delay is over.

        An event without a causation id has its cause inferred from the design: the nearest earlier
        event of its flow to which its service may have reacted.

        Parameters
        ----------
        per
            ``"kind"``: a row per kind of deviation; ``"flow"``: a row per flow.
        longer_than
            How long past its time an effect must be to be missed, up to the log's last event: it
            may be on its way still.

        Returns
        -------
        Answer
            Per kind, the most frequent first: ``kind`` (category: ``missing``: due and never came;
            ``unexpected``: a reaction, or a start, that the design doesn't have; ``wrong emitter``:
            by design other services emit that type; ``unknown type``; ``unknown service``: not of
            the design, and it reacts to something), ``service`` (str: who owes, or emitted),
            ``event_type`` (str: the cause's type; null if it has none), ``effect_type`` (str: what
            came, or should have: ``"PaymentReceived or PaymentDeclined"``), ``flows`` and
            ``events`` (int64: in how many, how often), ``example`` (str: the correlation id of the
            earliest).

            Per flow, in the order in which they started: ``correlation_id`` (str), ``fitness``
            (float64, 0 to 1: events explained and due effects that came, of all events and due
            effects; 1 where there are none), ``missing``, ``unexpected``, ``wrong_emitter``,
            ``unknown_type`` and ``unknown_service`` (int64: how many), ``given_up`` (int64:
            effects for which there is a dead letter instead), ``unjudged`` (int64: events whose
            cause is not in the log, which are taken for explained unless the wrong service
            emitted them), ``first_deviation`` (str, in words; null if there is none).

        Raises
        ------
        LogError
            ``design`` is none, ``per`` is neither of the two, or ``longer_than`` is not a length of
            time of 0 or more (a bare number isn't one: it has no unit).

        Notes
        -----
        The log remembers what it found for the design that it was held against last: to ask in
        sum, per flow and with another ``longer_than`` takes one pass over the events. A design that
        has changed since is held against the log anew.
        """
        from workbench.analysis.arguments import check_choice, check_design, nanoseconds_of
        from workbench.analysis.conformance import answer
        from workbench.analysis.conformance_part import ConformancePart
        from workbench.analysis.due import Rules
        from workbench.analysis.inference import untold

        check_design(design, "conformance")
        check_choice(per, "per", "conformance", ("kind", "flow"))
        least = pd.Timedelta(nanoseconds_of(longer_than, "longer_than", zero=True))
        rules = Rules.of(design)
        if self._held_against is None or self._held_against[0] != rules:
            parts = self.parts(
                lambda index, frame: ConformancePart.of(index, untold(index, frame), rules)
            )
            self._held_against = rules, ConformancePart.together(parts)
        _, found = self._held_against
        return answer(found, rules, least, per_flow=per == "flow")

    def stuck(
        self,
        expected: Choreography | Mapping[str, Collection[str]] | None = None,
        *,
        usually: float = 0.5,
        longer_than: pd.Timedelta | str = "0s",
    ) -> Answer:
        """List the events after which something was due that never came, longest waiting first.

        Parameters
        ----------
        expected
            What is due. A design: what it makes certain (as in :meth:`conformance`). A mapping:
            event type → the types of which at least one must follow. Without either the log itself
            says it, for each type of event and type of its cause: the effect that most often
            follows, or an alternative to it (which rarely comes of the same event), if it comes in
            more than ``usually`` of the flows that hold such an event; and effects that come
            beside it, if more than nine flows in ten have them (if more than half have, the sentence
            names them). In a log that tells no cause, each event is taken to follow the one before
            it. Causes that :meth:`with_causes` inferred
            from the log's own statistics don't count.
        usually
            Share of flows, 0 to 1.
        longer_than
            Leave out what has waited less, up to the log's last event, since it was due: it may be
            on its way still.

        Returns
        -------
        Answer
            One row per event that waits, and by a design per reaction that it waits for:
            ``correlation_id``, ``event_type``, ``waiting_for`` (str: like ``"PaymentReceived or
            PaymentDeclined"``), ``waiting_on`` (str: the service; without a design who has emitted
            that before, and null if none has), ``since`` (datetime64[ns, UTC]: the event's time),
            ``waited_s`` (float64, seconds up to the log's last record), ``last_type`` (str: the last
            event of the flow), ``dead_letter`` (str: why a service gave up on it; null if none
            did). An event that a service gave up on is listed until that service answers it,
            whatever is due.

            What came is what an event caused (by a mapping: or what came of that), and, later in
            its flow, an event of the type due of which nobody knows the cause: that answers one. So
            does, by what is usual, one whose cause is not in the flow and which usually comes of
            the type due, or of what comes of that: what is due came then, and is lost. Of several
            events in a flow to which the same is due each waits for its own answer if in most such flows that have an answer
            at all most of them have one; else one answer is enough, and a flow without any is
            listed once. By a design each waits.

        Raises
        ------
        LogError
            ``expected`` says nothing of what is due, ``usually`` is no share, or ``longer_than`` is
            not a length of time of 0 or more (a bare number isn't one: it has no unit).
        """
        from workbench.analysis.arguments import check_design, nanoseconds_of
        from workbench.analysis.inference import untold
        from workbench.analysis.stuck import part, tells_causes, ways, whole
        from workbench.analysis.stuck_rule import Rule, check_share
        from workbench.analysis.usually_due import WayCounts

        check_share(usually)
        least = pd.Timedelta(nanoseconds_of(longer_than, "longer_than", zero=True))
        if expected is None:
            counts = WayCounts.together(self.parts(lambda index, _: ways(index)))
            rule = Rule.usual(counts, usually)
        else:
            check_design(expected, "stuck", pairs=True)
            rule = Rule.of(expected)
            told = self.parts(lambda index, _: tells_causes(index, rule))
            rule = replace(rule, by_order=not any(told))
        parts = self.parts(lambda index, frame: part(index, untold(index, frame), rule))
        return whole(parts, rule, least, self.unread, is_part=self.is_part)

    def skew(self, *, per: Literal["pair", "service"] = "pair") -> Answer:
        """Find the clocks that differ: effects that stand before their causes.

        Parameters
        ----------
        per
            ``"pair"``: a row per pair of services; ``"service"``: a row per service, with the shift
            of its clock that :meth:`without_skew` makes.

        Returns
        -------
        Answer
            Per pair, those with the most effects before their causes first: ``cause_service`` and
            ``effect_service`` (str), ``n`` and ``negative`` (int64: hops, and how many of them are
            below 0), ``min_ms``, ``p50_ms`` and ``p95_ms`` (float64: from cause to effect, in
            milliseconds; the effect's clock is ahead of the cause's by at most ``min_ms``),
            ``offset_ms`` (float64: by how much it is ahead, estimated where each of the two reacts
            to the other: half the difference of the least latencies; else null) and ``within_ms``
            (float64: how far off that may be, half their sum; below 0 no constant offset explains
            the log), ``remaining`` (int64: how many stay below 0 without the skew).

            Per service, by name: ``service`` (str), ``shift_ns`` (int64: whole nanoseconds to add
            to its times at least), ``negative`` (int64: its effects that stand before their causes)
            and ``remaining`` (int64: those that still do with the shifts).

        Raises
        ------
        LogError
            ``per`` is neither of the two.

        Notes
        -----
        That no effect stands before its cause does not prove that clocks agree: a clock may be off
        by as much as hops take. The sentence says how far that is known: by how much more than the
        least a clock may be shifted before effects stand before their causes the other way round.
        """
        from workbench.analysis.arguments import check_choice
        from workbench.analysis.skew import Skew, part

        check_choice(per, "per", "skew", ("pair", "service"))
        return Skew(self.parts(part)).answer(per_service=per == "service")
