"""A service: an autonomous consumer and producer, and the reactions it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.choreography.compensating import checked_compensation, following, notices
from workbench.choreography.duration import parse_duration
from workbench.choreography.expression import Expression
from workbench.choreography.handlers import (
    Emits,
    annotated_effects,
    may_be_silent,
    taken_event,
)
from workbench.choreography.reaction import Reaction
from workbench.choreography.retry_policy import RetryPolicy
from workbench.errors import DesignError, HandlerError
from workbench.events import Event, EventType

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

Handler = TypeVar("Handler", bound=Callable[..., Any])
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Service:
    """One service of a choreography; made by :meth:`Choreography.service`.

    Attributes
    ----------
    name
        Also its consumer group and the ``source`` of what it emits.
    reactions
        Name → :class:`Reaction`, in the order they were added.
    hears, publishes
        Event types of its contract that no reaction accounts for: another team's service says
        what it hears and publishes, not why; and what sets off a flow comes from outside.
    """

    def __init__(self, name: str, choreography: Choreography) -> None:
        given: Any = name
        if not isinstance(given, str) or not _NAME.fullmatch(name):
            raise DesignError(
                f"{name!r} can't name a service: use letters, digits, '-' and '_', such as "
                "inventory."
            )
        self.name = name
        self.reactions: dict[str, Reaction] = {}
        self.hears: tuple[str, ...] = ()
        self.publishes: tuple[str, ...] = ()
        self._choreography = choreography

    @property
    def consumes(self) -> tuple[str, ...]:
        """The event types it has a reaction to, or waits for."""
        heard = (
            r.failures if r.compensates else (r.whenever, *r.unless)
            for r in self.reactions.values()
        )
        undone = notices(self._choreography, self.reactions)
        return tuple(
            dict.fromkeys(name for names in (*heard, undone, self.hears) for name in names)
        )

    @property
    def emits(self) -> tuple[str, ...]:
        """The event types it may emit."""
        emitted = (reaction.emits for reaction in self.reactions.values())
        return tuple(dict.fromkeys(name for names in (*emitted, self.publishes) for name in names))

    def on(
        self,
        event: type[Event] | str | None = None,
        *,
        emits: Emits | None = None,
        guard: str | None = None,
        after: str | float = 0,
        failure_rate: float = 0.0,
        retry: RetryPolicy | None = None,
        ordered: bool = False,
        unless: type[Event] | str | Sequence[type[Event] | str] = (),
        within: str | float = 0,
        reads: Iterable[int] = (),
        writes: Mapping[str, int] | None = None,
        name: str | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a Python handler: ``@inventory.on(OrderPlaced)``.

        The function takes the event (and the context) and returns, or yields, its effects. The
        event is of the class that is named here or by its annotation; where only a type's name is
        known, or the annotation is another (``event: dict``), it is the payload as a dict.
        Registering the same name again replaces the reaction, so a notebook cell can be run
        twice. In a design that says ``handler: python``, this binds it.

        Parameters
        ----------
        event
            The event class or the name of a known event type; by default the class that the
            first parameter is annotated with.
        emits
            What it may emit; by default read from the return annotation.
        guard
            CEL; the handler is called only for events for which it holds.
        after
            How long after the reaction its effects happen: ``"50ms"``, or seconds.
        failure_rate
            Share of attempts that fail on purpose, 0 to 1.
        retry
            How it is tried again when it fails; by default as the workbench says.
        ordered
            A key's later events wait behind one that failed, until it is done or given up.
        unless, within
            Reacts to the absence of an event: only if none of the types ``unless`` has come in
            the same flow ``within`` a time (``"15min"``, or seconds) of this one.
        reads
            The versions of the event type that it reads; an event of another version is read as
            the newest of these that upcasters lead to. By default that of the event class, else
            the version in use.
        writes
            Event type → the version of it that is emitted, where that is not the one in use.
        name
            Default: the function's name.

        Raises
        ------
        HandlerError, DesignError
            The annotations don't say what it takes or emits, or an event type is unknown.
        """

        def register(handler: Handler) -> Handler:
            takes = taken_event(handler, given=event)
            whenever = event if event is not None else takes
            if whenever is None:
                raise HandlerError(
                    f"what {handler.__name__} reacts to is unknown: say it, "
                    f"@{self.name}.on(OrderPlaced), or annotate its first parameter."
                )
            reacts_to = self._choreography.type_name(whenever)
            if takes is not None and takes.event_type.name != reacts_to:
                raise HandlerError(
                    f"{self.name}/{name or handler.__name__} takes {takes.event_type.name}, but "
                    f"reacts to {reacts_to}: annotate it with {reacts_to}."
                )
            effects = annotated_effects(handler) if emits is None else emits
            self.put(
                Reaction(
                    name=name or handler.__name__,
                    whenever=reacts_to,
                    emits=self._names(effects),
                    guard=Expression(guard) if guard is not None else None,
                    after=parse_duration(after),
                    failure_rate=failure_rate,
                    retry=retry,
                    ordered=ordered,
                    unless=self._names(unless),
                    within=parse_duration(within),
                    reads=_listed(reads, "'reads'"),
                    writes=_written(writes),
                    handler=handler,
                    takes=takes,
                    may_be_silent=may_be_silent(handler),
                )
            )
            return handler

        return register

    def whenever(
        self,
        event: type[Event] | str,
        *,
        emit: Mapping[str, Mapping[str, Any]],
        guard: str | None = None,
        after: str | float = 0,
        failure_rate: float = 0.0,
        retry: RetryPolicy | None = None,
        ordered: bool = False,
        unless: type[Event] | str | Sequence[type[Event] | str] = (),
        within: str | float = 0,
        reads: Iterable[int] = (),
        writes: Mapping[str, int] | None = None,
        name: str | None = None,
    ) -> Reaction:
        """Add a reaction that is data: for each effect type, field → CEL text or constant.

        The same as an entry of ``choreography.yaml``; see :meth:`on` for the parameters.
        """
        whenever = self._choreography.type_name(event)
        mappings = self._mappings(emit)
        reaction = Reaction(
            name=name or default_name(whenever, self.reactions),
            whenever=whenever,
            emits=tuple(mappings),
            guard=Expression(guard) if guard is not None else None,
            after=parse_duration(after),
            mappings=mappings,
            failure_rate=failure_rate,
            retry=retry,
            ordered=ordered,
            unless=self._names(unless),
            within=parse_duration(within),
            reads=_listed(reads, "'reads'"),
            writes=_written(writes),
        )
        self.put(reaction)
        return reaction

    def compensates(
        self,
        step: str,
        *,
        when: type[Event] | str | Sequence[type[Event] | str] = (),
        emits: Emits | None = None,
        after: str | float = 0,
        failure_rate: float = 0.0,
        retry: RetryPolicy | None = None,
        ordered: bool = False,
        writes: Mapping[str, int] | None = None,
        name: str | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register what undoes a step: ``@billing.compensates("charge", when=[ShippingFailed])``.

        When one of the failures comes in a flow in which this service has done the step, the
        function is called with the event that the *step* reacted to (``ctx.failure`` is the
        failure), once for each time that the step was done, and after all that was done later on
        the way to the failure has been undone. It must emit something: that is how the services
        that come before it learn that it is their turn.

        Parameters
        ----------
        step
            The name of a reaction of this service that emits something.
        when
            The event types that are failures; may be left out where the design on disk says it.
        emits, after, failure_rate, retry, ordered, writes, name
            As for :meth:`on`.

        Raises
        ------
        HandlerError, DesignError
            There is no such step, it has another compensation, or the annotations don't say what
            is emitted.
        """

        def register(handler: Handler) -> Handler:
            undone = self.reactions.get(step)
            effects = annotated_effects(handler) if emits is None else emits
            self.put(
                Reaction(
                    name=name or handler.__name__,
                    whenever="",
                    emits=self._names(effects),
                    after=parse_duration(after),
                    failure_rate=failure_rate,
                    retry=retry,
                    ordered=ordered,
                    compensates=step,
                    failures=self._names(when),
                    writes=_written(writes),
                    handler=handler,
                    takes=taken_event(handler, given=undone.takes if undone else None),
                    may_be_silent=may_be_silent(handler),
                )
            )
            return handler

        return register

    def compensate(
        self,
        step: str,
        *,
        when: type[Event] | str | Sequence[type[Event] | str],
        emit: Mapping[str, Mapping[str, Any]],
        after: str | float = 0,
        failure_rate: float = 0.0,
        retry: RetryPolicy | None = None,
        ordered: bool = False,
        writes: Mapping[str, int] | None = None,
        name: str | None = None,
    ) -> Reaction:
        """Add a compensation that is data; ``data`` is that of the event the step reacted to.

        The same as an entry of ``choreography.yaml``; see :meth:`compensates` for the parameters.
        """
        mappings = self._mappings(emit)
        reaction = Reaction(
            name=name or default_compensation_name(step),
            whenever="",
            emits=tuple(mappings),
            after=parse_duration(after),
            mappings=mappings,
            failure_rate=failure_rate,
            retry=retry,
            ordered=ordered,
            compensates=step,
            failures=self._names(when),
            writes=_written(writes),
        )
        self.put(reaction)
        return self.reactions[reaction.name]

    def _mappings(
        self, emit: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, Expression | Any]]:
        given: Any = emit
        if not isinstance(given, Mapping) or not all(map(_is_mapping, given.values())):
            raise DesignError(
                f"{self.name}: 'emit' says the fields of each effect, "
                f'{{"OrderPaid": {{"order_id": "data.order_id"}}}}, and {emit!r} does not.'
            )
        return {
            self._choreography.type_name(effect): {
                field: Expression(value) if isinstance(value, str) else value
                for field, value in fields.items()
            }
            for effect, fields in emit.items()
        }

    def _names(self, events: type[Event] | str | Iterable[type[Event] | str]) -> tuple[str, ...]:
        alone = isinstance(events, str | type | EventType)
        several = (events,) if alone else _listed(events, "what is said of event types")
        return tuple(self._choreography.type_name(event) for event in several)

    def remove(self, reaction: str) -> Reaction:
        """Take a reaction away; gives it back, so that it can be put back with :meth:`put`."""
        if reaction not in self.reactions:
            known = ", ".join(self.reactions) or "none"
            raise DesignError(f"{self.name} has no reaction {reaction!r} (it has: {known}).")
        for other in self.reactions.values():
            if other.compensates == reaction:
                raise DesignError(
                    f"{self.name}/{reaction} is compensated by {other.name}: remove that first."
                )
        return self.reactions.pop(reaction)

    def put(self, reaction: Reaction) -> None:
        """Add a reaction as it stands, replacing one of the same name.

        A Python handler for a reaction that the design on disk only announces
        (``handler: python``) takes that reaction's place and keeps its name and settings.
        """
        rate: Any = reaction.failure_rate
        if not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise DesignError(
                f"{self.name}/{reaction.name}: a failure rate is from 0 to 1, not {rate!r}."
            )
        if not isinstance(reaction.retry, RetryPolicy | None):
            raise DesignError(
                f"{self.name}/{reaction.name}: retry is a RetryPolicy, and "
                f"{reaction.retry!r} is none."
            )
        if bool(reaction.unless) != (reaction.within > 0):
            raise DesignError(
                f"{self.name}/{reaction.name}: 'unless' and 'within' go together: whenever "
                "OrderPlaced, unless PaymentReceived within 15min."
            )
        for effect in reaction.writes:
            if effect not in reaction.emits:
                raise DesignError(
                    f"{self.name}/{reaction.name} says in which version it writes {effect}, but "
                    f"emits {', '.join(reaction.emits) or 'nothing'}."
                )
        self._choreography.check_versions(reaction)
        if reaction.handler is not None:
            announced = self._announced(reaction)
            if announced is not None:
                emits = announced.emits or reaction.emits
                reaction = replace(
                    announced,
                    handler=reaction.handler,
                    takes=reaction.takes,
                    emits=emits,
                    reads=announced.reads or reaction.reads,
                    writes=announced.writes or reaction.writes,
                    may_be_silent=reaction.may_be_silent,
                )
        if reaction.compensates:
            reaction = checked_compensation(self.name, self.reactions, reaction)
        self.reactions.update(following(self.name, self.reactions, reaction))
        concerned = {self.name: None}
        if reaction.compensates:  # the others listen for what it undoes
            services = self._choreography.services.values()
            others = (s.name for s in services if any(r.compensates for r in s.reactions.values()))
            concerned |= dict.fromkeys(others)
        for listener in self._choreography.listeners:
            for name in concerned:
                listener(name)

    def _announced(self, reaction: Reaction) -> Reaction | None:
        """The reaction of the design on disk that a handler is for, if any.

        The one of the same name; else the one bound to a function of this name before (a cell
        run again); else the only one to this event type that is still unbound.
        """
        if reaction.name in self.reactions:
            same = self.reactions[reaction.name]
            bindable = same.line is not None and same.is_python
            return same if bindable and same.compensates == reaction.compensates else None
        others = [
            other
            for other in self.reactions.values()
            if other.line is not None
            and other.is_python
            and other.compensates == reaction.compensates
            and (other.whenever == reaction.whenever or other.compensates)
        ]
        for other in others:
            if other.handler is not None and other.handler.__name__ == reaction.name:
                return other
        unbound = [other for other in others if other.handler is None]
        return unbound[0] if len(unbound) == 1 else None

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Service)
            and self.name == other.name
            and self.reactions == other.reactions
            and {*self.hears} == {*other.hears}
            and {*self.publishes} == {*other.publishes}
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Service({self.name!r}, reactions={list(self.reactions)})"


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _listed(given: Any, what: str) -> tuple[Any, ...]:
    """What was given, which must be a list."""
    if not isinstance(given, Iterable):
        raise DesignError(f"{what} is a list, and {given!r} is none.")
    return tuple(given)


def _written(given: Any) -> dict[str, int]:
    if not isinstance(given, Mapping | None):
        raise DesignError(f"'writes' says versions, {{\"OrderPaid\": 2}}, and {given!r} does not.")
    return dict(given or {})


def default_compensation_name(step: str) -> str:
    """The name of a compensation that has none: ``undo_charge``."""
    return f"undo_{step}"


def default_name(whenever: str, taken: Mapping[str, Reaction]) -> str:
    """The name of a reaction that has none: ``on_OrderPlaced``, then ``on_OrderPlaced_2``, …"""
    name, n = f"on_{whenever}", 2
    while name in taken:
        name, n = f"on_{whenever}_{n}", n + 1
    return name
