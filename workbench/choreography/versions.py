"""The versions of one event type, and how a reader of one of them reads events of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.choreography.upcaster import Upcaster
from workbench.errors import DesignError, EventError
from workbench.events import EventType
from workbench.events.event_type import parse_dataschema
from workbench.events.problem import Problem

if TYPE_CHECKING:
    from workbench.choreography.reaction import Reaction


class Reading(NamedTuple):
    """A payload as it is read.

    Attributes
    ----------
    event_type
        The version it is read as.
    data
        The payload of that version, with its defaults.
    as_written
        Whether that is the payload as it travelled, untouched.
    """

    event_type: EventType
    data: Any
    as_written: bool = True


class Step(NamedTuple):
    """One step of reading a payload as another version.

    Attributes
    ----------
    event_type
        The version that it is read as.
    upcaster
        What makes it one; ``None``: it is read as it stands.
    """

    event_type: EventType
    upcaster: Upcaster | None


class Versions:
    """What is known of one event type: its versions, and the upcasters between them.

    An event that names an older version is read step by step: by an upcaster where there is one,
    else as it stands (which is what BACKWARD compatibility promises), each time with the defaults
    of the version it is read as filled in. An event of a newer version is read as it stands too
    (which is what FORWARD promises). Whatever comes out satisfies the schema it is read by.

    Attributes
    ----------
    name
        The event type's.
    current
        The version in use.
    known
        Version → event type: the released ones, and the one in use.
    upcasters
        Version → the upcaster from it to the next.
    """

    def __init__(
        self,
        current: EventType,
        released: Mapping[int, EventType] | None = None,
        upcasters: Mapping[int, Upcaster] | None = None,
    ) -> None:
        self.name, self.current = current.name, current.version
        known = {**(released or {}), current.version: current}
        self.known: dict[int, EventType] = dict(sorted(known.items()))
        self.upcasters: dict[int, Upcaster] = {}
        for version, upcaster in sorted((upcasters or {}).items()):
            following = self.after(version)
            if version in self.known and following is not None:
                # The draft may have changed since the upcaster was written.
                old, new = self.known[version], self.known[following]
                self.upcasters[version] = replace(upcaster, old=old, new=new)
        self._named: dict[str | None, EventType] = {k.dataschema: k for k in self.known.values()}

    def after(self, version: int) -> int | None:
        """The next version that is known."""
        return min((known for known in self.known if known > version), default=None)

    def version_of(self, dataschema: str | None) -> int | None:
        """The version that an event names; ``None`` if it names none that is known."""
        found = self._named.get(dataschema)
        return found.version if found else None

    def check(self, versions: Iterable[int]) -> None:
        """Raise a :class:`DesignError` for a version that there isn't."""
        version: Any
        for version in versions:
            if not isinstance(version, int) or version not in self.known:
                known = ", ".join(f"v{n}" for n in self.known)
                raise DesignError(f"there is no {self.name} v{version} (there is: {known}).")

    def read_by(self, reaction: Reaction) -> tuple[int, ...]:
        """The versions that a reaction to this event type reads.

        Those it states, as far as they are known; else that of its handler's event class; else
        the version in use.
        """
        stated = tuple(version for version in reaction.reads if version in self.known)
        if stated:
            return stated
        takes = getattr(reaction.takes, "event_type", None)
        if takes is not None and takes.version in self.known:
            return (takes.version,)
        return (self.current,)

    def read(self, data: Any, dataschema: str | None, reads: tuple[int, ...] = ()) -> Reading:
        """A payload as a reader of the versions ``reads`` (empty: the one in use) reads it.

        Raises
        ------
        EventError
            It does not satisfy the schema of the version it names, or can't be read as one of
            those; says which versions, why, and what to do.
        """
        written = self._named.get(dataschema)
        if written is None:
            return self._unversioned(data, dataschema, max(reads, default=self.current))
        problem = written.problem(data)
        if problem:
            raise problem.error()
        version = written.version
        if version in (reads or (self.current,)):
            return self._filled(written, data) if written.has_defaults else Reading(written, data)
        wanted = sorted(reads or (self.current,), reverse=True)
        found = self._converted(data, version, wanted)
        if isinstance(found, StepError):
            raise self._unreadable(version, wanted, found)
        return found

    def failing_step(self, data: Any, version: int, reads: tuple[int, ...]) -> StepError | None:
        """Where :meth:`read` fails for a payload of a version that is not among ``reads``."""
        found = self._converted(data, version, sorted(reads, reverse=True))
        return found if isinstance(found, StepError) else None

    def verify(self, data: Any, dataschema: str | None) -> None:
        """Raise an :class:`EventError` for a payload that is not of the version it names.

        One that names none that is known must be of the version in use.
        """
        problem = self._named.get(dataschema, self.known[self.current]).problem(data)
        if problem:
            raise problem.error()

    # --- how --------------------------------------------------------------------------------

    def _unversioned(self, data: Any, dataschema: str | None, target: int) -> Reading:
        """An event that names no version, or one that is not known here."""
        kind = self.known[target]
        filled = kind.with_defaults(data)
        problem = kind.problem(filled)
        if problem:
            named = parse_dataschema(dataschema)
            newer = named is not None and named[0] == self.name and named[1] > max(self.known)
            if named is not None and newer:
                raise problem.error(
                    f"{self.name} v{named[1]} is newer than what is known here "
                    f"(v{max(self.known)}), and can't be read as v{target} (",
                    "): start the service anew with the newer design, then redrive this.",
                )
            raise problem.error()
        return Reading(kind, filled, filled is data)

    def steps(self, version: int, target: int) -> list[Step]:
        """How a payload of one version is read as another; both are known. Empty: as it is."""
        found: list[Step] = []
        while version < target:
            if version in self.upcasters:
                upcaster = self.upcasters[version]
                found.append(Step(upcaster.new, upcaster))
            else:
                ahead = (n for n in self.upcasters if version < n < target)
                found.append(Step(self.known[min(ahead, default=target)], None))
            version = found[-1].event_type.version
        if version > target:
            found.append(Step(self.known[target], None))
        return found

    def _converted(self, data: Any, version: int, wanted: list[int]) -> Reading | StepError:
        """Read as one of these; the newest first, among those older than the event, too."""
        failed = []
        for target in [n for n in wanted if n > version] or wanted[:1]:
            try:
                return self._stepwise(data, version, target)
            except StepError as error:
                failed.append(error)
        return failed[0]

    def _stepwise(self, data: Any, version: int, target: int) -> Reading:
        """Read as a newer (or older) version: upcast where that is possible, else as it stands."""
        given = data
        for step in self.steps(version, target):
            kind, upcaster = step
            try:
                if upcaster is not None:
                    data = upcaster.upcast(data)
                else:
                    data = self._as_it_stands(data, version, kind.version)
            except EventError as error:
                raise StepError(version, step, error) from error
            version = kind.version
        return Reading(self.known[target], data, data is given)

    def _as_it_stands(self, data: Any, version: int, target: int) -> Any:
        filled = self.known[target].with_defaults(data)
        problem = self.known[target].problem(filled)
        if problem:
            raise problem.error(f"{self.name} v{version} as it stands is no ")
        return filled

    def _filled(self, kind: EventType, data: Any) -> Reading:
        filled = kind.with_defaults(data)
        problem = None if filled is data else kind.problem(filled)
        if problem:
            raise problem.error("with the defaults of its schema filled in: ")
        return Reading(kind, filled, filled is data)

    def _unreadable(self, version: int, wanted: list[int], failed: StepError) -> EventError:
        read = " and ".join(f"v{n}" for n in reversed(wanted))
        verb = "is" if len(wanted) == 1 else "are"
        way_out = f"let the reaction read v{version} too"
        if failed.step.upcaster is not None:
            way_out = f"mend the upcaster from v{failed.version}, or {way_out}"
        elif failed.version < failed.step.event_type.version:
            following = self.after(failed.version)
            way_out = f"write an upcaster from v{failed.version} to v{following}, or {way_out}"
        return Problem(str(failed).rstrip("."), failed.without_values.rstrip(".")).error(
            f"this is {self.name} v{version}, and only {read} {verb} read here (",
            f"): {way_out}.",
        )


class StepError(EventError):
    """A step from ``version`` failed; the message is why."""

    def __init__(self, version: int, step: Step, why: EventError) -> None:
        self.version, self.step = version, step
        super().__init__(str(why), without_values=why.without_values)
