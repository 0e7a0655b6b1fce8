"""A reaction: whenever an event of a type happens (and a guard holds), then … ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.choreography.expression import Expression
from workbench.choreography.retry_policy import RetryPolicy


@dataclass(frozen=True)
class Reaction:
    """What a service does about an event type; event storming calls it a policy.

    Attributes
    ----------
    name
        Unique within its service; part of the ids of its effects, so it should not change.
    whenever
        The event type's name; of a compensation: what its step reacts to.
    emits
        The names of the event types it may emit.
    guard
        Reacts only to events for which it holds; ``None``: to all.
    unless
        Event types whose coming, in the same flow, makes it needless; reacts when none of them has
        come ``within`` seconds of the event. Empty: reacts at once.
    within
        Seconds, with ``unless``.
    after
        Seconds between the reaction and its effects.
    mappings
        For a reaction that is data: effect type → field → expression or constant.
        ``None`` for a Python handler.
    handler
        The Python function; ``None`` while unbound. Not part of equality: a design on disk
        says only that there is one.
    takes
        The event class the handler's first parameter is annotated with, if any.
    failure_rate
        Share of attempts that fail on purpose, 0 to 1: for seeing what failure does.
    retry
        How it is tried again when it fails; ``None``: as the workbench says.
    ordered
        Whether a key's later events wait behind one that failed, until it is done or given up.
    compensates
        The reaction of the same service, its step, that it undoes; empty: it undoes none.
    failures
        Event types that make it undo its step, with ``compensates``.
    reads
        The versions of ``whenever`` that it reads; empty: that of its handler's event class, else
        the version in use.
    writes
        Event type → the version of it that is emitted; those that are absent: as the handler's
        event says, else the version in use.
    may_be_silent
        Whether a Python handler may emit nothing, by its annotation (``| None``, or a generator).
    line
        Where it stands in ``choreography.yaml``, from 1; ``None`` if made in Python.
    """

    name: str
    whenever: str
    emits: tuple[str, ...] = ()
    guard: Expression | None = None
    after: float = 0.0
    mappings: Mapping[str, Mapping[str, Expression | Any]] | None = None
    handler: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    takes: type | None = field(default=None, compare=False, repr=False)
    failure_rate: float = 0.0
    retry: RetryPolicy | None = None
    ordered: bool = False
    unless: tuple[str, ...] = ()
    within: float = 0.0
    compensates: str = ""
    failures: tuple[str, ...] = ()
    reads: tuple[int, ...] = ()
    writes: Mapping[str, int] = field(default_factory=dict, hash=False)
    may_be_silent: bool = field(default=False, compare=False, repr=False)
    line: int | None = field(default=None, compare=False, repr=False)

    @property
    def is_python(self) -> bool:
        """Whether a Python handler decides what it emits, rather than mappings."""
        return self.mappings is None

    @property
    def registration(self) -> str:
        """How a Python handler is registered for it, as a call of its service."""
        if self.compensates:
            return f'compensates("{self.compensates}")'
        return f'on("{self.whenever}")'
