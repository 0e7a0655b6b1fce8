"""The design: event types, the services that react to them, and the channels between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.choreography.compensating import Reach
from workbench.choreography.evolution import Evolution, checked_policy
from workbench.choreography.invariant import Invariant
from workbench.choreography.places import Source
from workbench.choreography.reaction import Reaction
from workbench.choreography.service import Service
from workbench.choreography.upcaster import Upcaster, compiled
from workbench.choreography.versions import Versions
from workbench.errors import DesignError
from workbench.events import Event, EventType, examples
from workbench.mermaid import Mermaid
from workbench.problems import Problems

if TYPE_CHECKING:
    from workbench.choreography.impact import Impact, Log, Touched


class Choreography:
    """Services, event types and channels together.

    Attributes
    ----------
    event_types
        Name → the version in use: the draft where there is one, else the newest released.
    released
        Name → version → event type, as frozen on disk.
    services
        Name → :class:`Service`.
    policy
        How new versions are judged unless their event type says otherwise: ``"lenient"`` or
        ``"strict"``.
    evolution
        Event type name → :class:`Evolution`, where it says something; see :meth:`evolution_of`.
    upcasters
        Event type name → version → the :class:`Upcaster` from it to the next version.
    channels
        Event type name → channel, where the design overrides the default.
    invariants
        Name → what must hold of the services' states at rest.
    silenced
        Rule and subject (empty: everywhere) → why :meth:`lint` says nothing of it.
    source
        The folder it was read from; ``None`` if made in Python. Not part of equality.
    listeners
        Called with a service's name whenever one of its reactions is added or replaced.
    """

    def __init__(self) -> None:
        self.event_types: dict[str, EventType] = {}
        self.released: dict[str, dict[int, EventType]] = {}
        self.services: dict[str, Service] = {}
        self.policy = "lenient"
        self.evolution: dict[str, Evolution] = {}
        self.upcasters: dict[str, dict[int, Upcaster]] = {}
        self.channels: dict[str, str] = {}
        self.invariants: dict[str, Invariant] = {}
        self.silenced: dict[tuple[str, str], str] = {}
        self.source: Source | None = None
        self.listeners: list[Callable[[str], None]] = []
        self._reach: Reach | None = None

    # --- building -------------------------------------------------------------------------

    def event(self, event_type: type[Event] | EventType) -> EventType:
        """Add an event type, or replace the draft of the same name.

        A released version that is not the newest is known already, and changes nothing.

        Raises
        ------
        DesignError
            That version is released already, with another schema: it never changes. Or it is no
            event type.
        """
        found = getattr(event_type, "event_type", event_type)
        if not isinstance(found, EventType):
            raise DesignError(
                f"{found!r} is no event type: give a class of Event's, or an EventType."
            )
        frozen = self.released.get(found.name, {}).get(found.version)
        if frozen is not None and frozen != found:
            raise DesignError(
                f"{found.name} v{found.version} is released and never changes; "
                f"make this version={max(self.released[found.name]) + 1}."
            )
        used = self.event_types.get(found.name)
        if frozen is None or used is None or used.version <= found.version:
            self.event_types[found.name] = found
        return found

    def service(self, name: str) -> Service:
        """The service of that name, made if it is new."""
        given: Any = name
        if not isinstance(given, str) or given not in self.services:
            self.services[name] = Service(name, self)
        return self.services[name]

    def invariant(self, name: str, equation: str) -> Invariant:
        """Declare what must hold once everything has come to rest; see :class:`Invariant`.

        Examples
        --------
        >>> design = Choreography()
        >>> design.invariant("stock", "state.inventory.reserved == state.orders.units")
        Invariant('state.inventory.reserved == state.orders.units')
        """
        self.invariants[name] = Invariant(equation)
        return self.invariants[name]

    def silence(self, rule: str, subject: str, reason: str) -> None:
        """Let :meth:`lint` say nothing of a rule about a subject, for a reason.

        Parameters
        ----------
        rule
            Its name: ``"nobody-hears"``.
        subject
            What it is about, as the finding has it: ``"OrderShipped"``; empty: everywhere.
        reason
            Why it is right as it is.

        Raises
        ------
        DesignError
            There is no such rule or subject, or no reason.
        """
        from workbench.choreography.lint import checked_reason, checked_rule, checked_subject

        about = checked_rule(rule), checked_subject(self, subject)
        self.silenced[about] = checked_reason(reason)

    def type_name(self, event: type[Event] | str) -> str:
        """The name of an event class (added if it is new here) or of a known event type."""
        if isinstance(event, type):
            return self.event(event).name
        given: Any = event
        if isinstance(given, str) and given in self.event_types:
            return given
        if isinstance(given, EventType):
            raise DesignError(f"name the event type by {given.name!r}, or by its class.")
        known = ", ".join(self.event_types) or "none yet"
        raise DesignError(f"there is no event type {event!r} in this design (it has: {known}).")

    # --- versions -------------------------------------------------------------------------

    def evolution_of(self, name: str) -> Evolution:
        """What new versions of an event type are held to, the design's policy included."""
        return self.evolution.get(name) or Evolution(policy=checked_policy(self.policy))

    def evolve(
        self,
        name: str,
        *,
        mode: str | None = None,
        policy: str | None = None,
        deprecated: Iterable[int] | None = None,
    ) -> Evolution:
        """Say what new versions of an event type are held to; what isn't given stays.

        Raises
        ------
        DesignError
            There is no such event type, mode, policy or version.

        Examples
        --------
        >>> design = Choreography()
        >>> _ = design.event(EventType("OrderPlaced", {}))
        >>> design.evolve("OrderPlaced", mode="FULL").mode
        'FULL'
        """
        known = self.versions(name)
        given: dict[str, Any] = {"mode": mode, "policy": policy, "deprecated": deprecated}
        changes = {setting: value for setting, value in given.items() if value is not None}
        made = replace(self.evolution_of(name), **changes)
        known.check(tuple(made.deprecated))
        self.evolution[name] = made
        return made

    def versions(self, name: str) -> Versions:
        """The versions of an event type, and how one is read as another."""
        current = self.event_types[self.type_name(name)]
        return Versions(current, self.released.get(name), self.upcasters.get(name))

    def check_versions(self, reaction: Reaction) -> None:
        """Raise a :class:`DesignError` if a reaction reads or writes a version there isn't."""
        if reaction.reads and reaction.whenever:
            self.versions(reaction.whenever).check(reaction.reads)
        for effect, version in reaction.writes.items():
            self.versions(effect).check((version,))

    def event_type(self, name: str, version: int | None = None) -> EventType:
        """A version of an event type: the one in use, unless another is asked for.

        Raises
        ------
        DesignError
            There is no such event type, or no such version of it.
        """
        current = self.event_types[self.type_name(name)]
        if version is None or version == current.version:
            return current
        known = self.versions(name)
        known.check((version,))
        return known.known[version]

    def upcaster(self, name: str, version: int, fields: Mapping[str, Any]) -> Upcaster:
        """Say how a version of an event type is read as the next one.

        Parameters
        ----------
        name
            The event type.
        version
            The older version.
        fields
            Field of the next version → CEL over ``data``, the payload of the older one (or a
            constant, or a mapping of such). Fields of the same name are carried over.

        Raises
        ------
        DesignError
            There is no such version or none after it, the next one has no such field, or an
            expression does not compile.

        Examples
        --------
        >>> design.upcaster("OrderPlaced", 1, {"currency": "'EUR'"})  # doctest: +SKIP
        """
        given: Any = fields
        if not isinstance(given, Mapping):
            raise DesignError(f'an upcaster says fields, {{"currency": "\'EUR\'"}}, not {given!r}.')
        known = self.versions(name)
        known.check((version,))
        following = known.after(version)
        if following is None:
            raise DesignError(
                f"{name} v{version} is the newest: an upcaster leads from a version to the next."
            )
        made = Upcaster(known.known[version], known.known[following], compiled(fields))
        self.upcasters.setdefault(name, {})[version] = made
        return made

    def release(self, name: str, *, force: bool = False, reason: str | None = None) -> EventType:
        """Make the draft of an event type its next version, which never changes.

        The draft must get along with the released versions, as the event type's mode and policy
        say (see :meth:`evolution_of`). :meth:`save` writes it, once and for good.

        Parameters
        ----------
        name
            The event type.
        force
            Release it although it is refused.
        reason
            Why, with ``force``; it is kept in :attr:`evolution`.

        Raises
        ------
        IncompatibleError
            It is refused; says what breaks. Nothing is changed.
        DesignError
            There is no such event type, or no draft of it; or a reason is missing.
        """
        from workbench.choreography.releasing import release

        return release(self, self.type_name(name), force=force, reason=reason)

    def is_draft(self, name: str) -> bool:
        """Whether the version in use is not released yet."""
        return self.event_types[self.type_name(name)].version not in self.released.get(name, {})

    # --- reading --------------------------------------------------------------------------

    def emitters(self, event_type: str) -> list[str]:
        """The services that may emit an event type."""
        return [name for name, service in self.services.items() if event_type in service.emits]

    def consumers(self, event_type: str) -> list[str]:
        """The services that react to an event type."""
        return [name for name, service in self.services.items() if event_type in service.consumes]

    def channel(self, event_type: str, emitter: str | None = None) -> str:
        """The channel an event goes to: overridden, its emitter's, or one of its own.

        Without an ``emitter`` (published by hand) the first service that emits it stands in.
        """
        if event_type in self.channels:
            return self.channels[event_type]
        if emitter is None or emitter not in self.services:
            emitter = next(iter(self.emitters(event_type)), None)
        return emitter or event_type

    def channels_of(self, event_type: str) -> list[str]:
        """Every channel that events of a type may be found on."""
        emitters: list[str | None] = [*self.emitters(event_type)] or [None]
        return list(dict.fromkeys(self.channel(event_type, emitter) for emitter in emitters))

    def inputs(self, service: str) -> list[str]:
        """The channels a service must read to hear all it reacts to."""
        if service not in self.services:
            known = ", ".join(self.services) or "none yet"
            raise DesignError(f"there is no service {service!r} in this design (it has: {known}).")
        consumed = self.services[service].consumes
        return list(dict.fromkeys(c for name in consumed for c in self.channels_of(name)))

    def all_channels(self) -> list[str]:
        """Every channel of the design, dead letters left out."""
        return list(dict.fromkeys(c for name in self.event_types for c in self.channels_of(name)))

    def reach(self) -> Reach:
        """What its events can lead to: read anew only when a reaction has changed."""
        services = list(self.services.values())
        reactions = tuple(r for service in services for r in list(service.reactions.values()))
        if self._reach is None or self._reach.reactions != reactions:
            self._reach = Reach(reactions)
        return self._reach

    def expected_effects(self) -> dict[str, tuple[str, ...]]:
        """Event type → the event types of which at least one must follow.

        Reactions with a guard or to an absence, compensations, and handlers that may stay silent
        are left out: that they emit nothing says nothing.
        """
        expected: dict[str, list[str]] = {}
        for service in self.services.values():
            for reaction in service.reactions.values():
                sure = reaction.guard is None and not reaction.may_be_silent and not reaction.unless
                if reaction.emits and sure and not reaction.compensates:
                    expected.setdefault(reaction.whenever, []).extend(reaction.emits)
        return {name: tuple(dict.fromkeys(effects)) for name, effects in expected.items()}

    def lint(self, *, silenced: bool = False) -> Problems:
        """What deserves a second look, the worst first; none of it stops it from being saved.

        Parameters
        ----------
        silenced
            Lists what is silenced too, with the reasons.
        """
        from workbench.choreography.lint import lint

        return lint(self, silenced=silenced)

    def examples(
        self,
        event_type: type[Event] | str,
        n: int = 1,
        seed: int = 0,
        *,
        version: int | None = None,
    ) -> list[Any]:
        """Plausible payloads of an event type; see :func:`workbench.events.examples`.

        Parameters
        ----------
        event_type, n, seed
            As there.
        version
            By default the version in use.

        Raises
        ------
        DesignError
            There is no such event type, or no such version of it.
        EventError
            No payload was found that keeps every rule of its schema.
        """
        return examples(self.event_type(self.type_name(event_type), version), n, seed)

    def impact(
        self,
        event_type: type[Event] | str,
        new_schema: type[Event] | EventType | Mapping[str, Any],
        log: Log | None = None,
        *,
        touched: Touched | None = None,
    ) -> Impact:
        """What happens if an event type gets a new schema: who reads it, who breaks, and why.

        Guards and mappings are read, and tried on plausible payloads (on those of the log, too).
        Handlers are never called: what they read is known from their annotations and their source,
        and from what they were seen to touch while they ran. Nothing in the design changes.

        Parameters
        ----------
        event_type
            Its name, or the class in use.
        new_schema
            A JSON Schema, an event class or an event type; it is taken for the next version.
        log
            A captured log, such as an ``EventLog``: how many of its payloads would be refused.
        touched
            ``service/reaction`` → the fields that its handler was seen to touch, as
            ``wb.touched()`` has it.

        Returns
        -------
        What was found, which prints as an explanation; ``.breaks`` is the short answer.

        Raises
        ------
        DesignError
            There is no such event type.
        EventError
            The new schema isn't one.

        Examples
        --------
        >>> print(design.impact("OrderPlaced", {"properties": {}}))  # doctest: +SKIP
        """
        from workbench.choreography.impact import impact

        return impact(self, self.type_name(event_type), new_schema, log, touched)

    def mermaid(self) -> Mermaid:
        """The design as a picture in text, which JupyterLab and GitHub draw."""
        from workbench.choreography.mermaid_graph import mermaid_graph

        return mermaid_graph(self)

    # --- contracts ------------------------------------------------------------------------

    def asyncapi(self, service: str | None = None, *, title: str | None = None) -> dict[str, Any]:
        """The design as an AsyncAPI 3.1 document, in plain data.

        Guards, mappings and what causes what, for which AsyncAPI has no words, stand under
        ``x-choreography`` in those of ``choreography.yaml``.

        Parameters
        ----------
        service
            Its side alone: what it hears and publishes; by default the whole design.
        title
            Default: the service's name, or ``choreography``.

        Raises
        ------
        DesignError
            There is no such service, or a schema refers to something outside itself.
        """
        from workbench.choreography.asyncapi import asyncapi_document

        return asyncapi_document(self, service, title)

    @classmethod
    def from_asyncapi(cls, path: str | Path, *, root: str | Path | None = None) -> Choreography:
        """Read an AsyncAPI document, 3.x or 2.6, in YAML or JSON; fetches and runs nothing.

        An export of ours gives the design again. A document of others says what a service hears
        (``receive``) and publishes (``send``), not why: it becomes a service without reactions,
        named after its title. Servers, security, headers and bindings are left out.

        Parameters
        ----------
        path
            The document.
        root
            References to files may lead into this folder; by default the document's own.

        Raises
        ------
        DesignError
            Says the file, the line and the field that can't be read, and why.
        """
        from workbench.choreography.asyncapi import choreography_from_asyncapi

        path = Path(path)
        return choreography_from_asyncapi(path, Path(root or path.parent), cls())

    def save_schemas(self, folder: str | Path, schema_format: str = "json-schema") -> list[Path]:
        """Write each version of each event type to a file of its own: ``OrderPlaced.v1.json``.

        :meth:`EventType.from_json_schema` and :meth:`EventType.from_avro` read them.

        Parameters
        ----------
        folder
            Made if it is not there.
        schema_format
            ``"json-schema"`` or ``"avro"`` (``.avsc``; see :mod:`workbench.events.conversion`).

        Raises
        ------
        DesignError, EventError
            An event type can't be said in Avro, or a file can't be written; in the first case
            nothing is.
        """
        from workbench.choreography.schema_export import save_schemas

        return save_schemas(self, Path(folder), schema_format)

    def python_source(self) -> str:
        """The event types as Python source: pydantic models that subclass :class:`Event`.

        Each accepts the payloads of the version in use; what pydantic has no words for stands in
        its JSON Schema all the same. Needs ``choreography-workbench[models]``.

        Raises
        ------
        DesignError, EventError
            The generator is not installed, or an event type can't be said in Python.
        """
        from workbench.choreography.python_models import python_source

        return python_source(self)

    # --- on disk --------------------------------------------------------------------------

    @classmethod
    def load(cls, folder: str | Path) -> Choreography:
        """Read a design folder; runs no code from it.

        Raises
        ------
        DesignError
            Says the file, the line and the field that can't be read, and why.
        """
        from workbench.choreography.loading import load_choreography

        return load_choreography(Path(folder), cls())

    def save(self, folder: str | Path) -> Path:
        """Write the design folder, each file whole or not at all.

        Raises
        ------
        DesignError
            A released version on disk differs from the one here.
        """
        from workbench.choreography.saving import save_choreography

        return save_choreography(self, Path(folder))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choreography) and self._parts() == other._parts()

    __hash__ = None  # type: ignore[assignment]

    def _parts(self) -> Mapping[str, Any]:
        return {
            "event_types": self.event_types,
            "released": self.released,
            "evolution": {name: self.evolution_of(name) for name in self.event_types},
            "upcasters": {
                name: {version: upcaster.fields for version, upcaster in found.items()}
                for name, found in self.upcasters.items()
                if found
            },
            "services": self.services,
            "channels": self.channels,
            "invariants": self.invariants,
            "silenced": self.silenced,
        }

    def __repr__(self) -> str:
        return f"Choreography({len(self.event_types)} event types, services={list(self.services)})"
