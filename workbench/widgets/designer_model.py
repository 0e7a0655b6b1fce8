"""What the designer does to a design: every change can be undone, none is made by halves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench import look
from workbench.choreography import Choreography
from workbench.choreography.compensating import checked_compensation, following
from workbench.errors import DesignError
from workbench.widgets.field_kinds import FieldDraft, event_type_of, fields_of
from workbench.widgets.reaction_draft import ReactionDraft, draft_of, reaction_of, sentence_of
from workbench.widgets.table import Column, Row

if TYPE_CHECKING:
    from workbench.session import Workbench

DEFAULT_FOLDER = "designs/my-design"
EDIT = [{"name": "edit", "label": "Edit"}, {"name": "remove", "label": "Remove"}]
TYPE_COLUMNS: list[Column] = [
    {"key": "name", "label": "event type"},
    {"key": "version", "label": "version"},
    {"key": "key", "label": "key field", "mono": True},
    {"key": "fields", "label": "fields (? is optional)", "wrap": True},
    {"key": "actions", "label": ""},
]
SERVICE_COLUMNS: list[Column] = [
    {"key": "name", "label": "service"},
    {"key": "reaction", "label": "reaction", "wrap": True},
    {"key": "actions", "label": ""},
]
PROBLEM_COLUMNS: list[Column] = [
    {"key": "subject", "label": "where"},
    {"key": "message", "label": "what", "wrap": True},
]


class _Parts(NamedTuple):
    event_types: dict[str, Any]
    released: dict[str, Any]
    channels: dict[str, str]
    evolution: dict[str, Any]
    upcasters: dict[str, Any]
    reactions: dict[str, dict[str, Any]]


class DesignerModel:
    """Plain Python: the widget draws it, a test calls it. Works on the workbench's own design."""

    def __init__(self, wb: Workbench) -> None:
        self._wb = wb
        self._undo: list[tuple[str, _Parts]] = []

    @property
    def design(self) -> Choreography:
        """The design that is edited."""
        return self._wb.choreography

    # --- undoing --------------------------------------------------------------------------

    @property
    def last_change(self) -> str | None:
        """What :meth:`undo` would take back; ``None`` if there is nothing."""
        return self._undo[-1][0] if self._undo else None

    def undo(self) -> str:
        """Take back the last change; says which."""
        if not self._undo:
            raise DesignError("there is nothing to undo.")
        what, parts = self._undo.pop()
        self._restore(parts)
        return what

    @contextmanager
    def _change(self, what: str) -> Iterator[None]:
        """One change: can be undone, and leaves no trace if it fails."""
        before = self._parts()
        try:
            yield
        except Exception:
            self._restore(before)
            raise
        self._undo.append((what, before))

    def _parts(self) -> _Parts:
        design = self.design
        return _Parts(
            dict(design.event_types),
            {name: dict(versions) for name, versions in design.released.items()},
            dict(design.channels),
            dict(design.evolution),
            {name: dict(found) for name, found in design.upcasters.items()},
            {name: dict(service.reactions) for name, service in design.services.items()},
        )

    def _restore(self, parts: _Parts) -> None:
        design = self.design
        design.event_types = dict(parts.event_types)
        design.released = {name: dict(found) for name, found in parts.released.items()}
        design.channels = dict(parts.channels)
        design.evolution = dict(parts.evolution)
        design.upcasters = {name: dict(found) for name, found in parts.upcasters.items()}
        for name in list(design.services):
            if name not in parts.reactions:
                del design.services[name]
        for name, reactions in parts.reactions.items():
            design.service(name).reactions = dict(reactions)

    # --- event types ----------------------------------------------------------------------

    def type_problem(
        self, name: str, fields: Sequence[FieldDraft], key: str | None, editing: str | None
    ) -> str:
        """What is wrong with the form so far, in a sentence; empty if nothing is."""
        try:
            event_type_of(name, fields, key)
        except Exception as error:  # noqa: BLE001 - any error is the user's to see
            return str(error)
        if name != editing and name in self.design.event_types:
            return f"there is an event type {name} already; edit that one."
        return ""

    def put_type(
        self, name: str, fields: Sequence[FieldDraft], key: str | None, editing: str | None = None
    ) -> str:
        """Add an event type, or change the one called ``editing``; says what was done."""
        problem = self.type_problem(name, fields, key, editing)
        if problem:
            raise DesignError(problem)
        design = self.design
        before = design.event_types.get(editing or "")
        released = design.released.get(editing or "", {})
        if editing is not None and editing != name and released:
            raise DesignError(f"{editing} is released, so it keeps its name; add a new event type.")
        version = max(released) + 1 if released else 1
        made = event_type_of(name, fields, key, version=version, before=before)
        if before is not None and name == editing and _same(made, before):
            return f"{name} is as it was."
        with self._change(f"{'edit' if editing else 'add'} {name}"):
            if editing is not None and editing != name:
                self._rename(editing, name)
            design.event(made)
        if released:
            return (
                f"v{version - 1} of {name} is released and stays; this is the draft of v{version}."
            )
        return f"{name} was {'changed' if editing else 'added'}; it is a draft until released."

    def _rename(self, old: str, new: str) -> None:
        design = self.design
        design.event_types = {
            new if name == old else name: found for name, found in design.event_types.items()
        }
        if old in design.channels:
            design.channels[new] = design.channels.pop(old)
        if old in design.evolution:
            design.evolution[new] = design.evolution.pop(old)
        for service in design.services.values():
            for name, reaction in service.reactions.items():
                mappings = reaction.mappings
                if mappings is not None:
                    mappings = {new if e == old else e: fields for e, fields in mappings.items()}
                service.reactions[name] = replace(
                    reaction,
                    whenever=new if reaction.whenever == old else reaction.whenever,
                    emits=tuple(new if effect == old else effect for effect in reaction.emits),
                    failures=tuple(new if name_ == old else name_ for name_ in reaction.failures),
                    writes={new if e == old else e: n for e, n in reaction.writes.items()},
                    mappings=mappings,
                )
            service.hears = tuple(new if name == old else name for name in service.hears)
            service.publishes = tuple(new if name == old else name for name in service.publishes)

    def remove_type(self, name: str) -> str:
        """Take an event type away, once no reaction uses it."""
        users = [
            f"{service.name}/{reaction.name}"
            for service in self.design.services.values()
            for reaction in service.reactions.values()
            if name in (reaction.whenever, *reaction.emits, *reaction.failures, *reaction.unless)
        ]
        users += [
            service.name
            for service in self.design.services.values()
            if name in (*service.hears, *service.publishes)
        ]
        if users:
            raise DesignError(f"{name} is used by {', '.join(users)}; remove or edit that first.")
        with self._change(f"remove {name}"):
            del self.design.event_types[name]
            self.design.channels.pop(name, None)
            self.design.evolution.pop(name, None)
            self.design.upcasters.pop(name, None)
        return f"{name} was removed."

    def release(self, name: str) -> str:
        """Freeze an event type's version: it is written once and never changes."""
        with self._change(f"release {name}"):
            released = self.design.release(name)
        return f"{name} v{released.version} is released; save the design to keep it."

    # --- services and reactions -----------------------------------------------------------

    def add_service(self, name: str) -> str:
        """Add a service."""
        if name in self.design.services:
            raise DesignError(f"there is a service {name} already.")
        with self._change(f"add {name}"):
            self.design.service(name)
        return f"{name} was added; give it a reaction."

    def remove_service(self, name: str) -> str:
        """Take a service and all its reactions away."""
        life = self._wb.lives().get(name)
        if life is not None and life.up:
            raise DesignError(f'{name} is running; wb.stop("{name}") first.')
        with self._change(f"remove {name}"):
            del self.design.services[name]
        return f"{name} was removed, with its reactions."

    def put_reaction(self, draft: ReactionDraft) -> str:
        """Add a reaction, or replace the one being edited."""
        design = self.design
        if draft.service not in design.services:
            raise DesignError("choose the service that reacts; add one first if there is none.")
        service = design.services[draft.service]
        name = draft.name or _free_name(draft.whenever, service.reactions)
        made = reaction_of(draft, design, name)
        old = service.reactions.get(name)
        if old is not None:
            made = replace(
                made,
                failure_rate=old.failure_rate,
                retry=old.retry,
                ordered=old.ordered,
                unless=old.unless,
                within=old.within,
                compensates=old.compensates,
                failures=old.failures,
                reads=old.reads if made.whenever == old.whenever else (),
                # The form checks a mapping against the version in use, so that is what it writes.
                writes=old.writes if made.is_python and made.emits == old.emits else {},
                line=old.line,
            )
            if made.is_python and old.is_python:
                made = replace(made, handler=old.handler, takes=old.takes)
        if made.compensates:
            made = checked_compensation(draft.service, service.reactions, made)
        together = following(draft.service, service.reactions, made)
        with self._change(f"{'edit' if old else 'add'} {draft.service}/{name}"):
            service.reactions.update(together)
            for listener in design.listeners:
                listener(draft.service)
        return f"{draft.service}: {sentence_of(made)}."

    def remove_reaction(self, service: str, name: str) -> str:
        """Take a reaction away."""
        with self._change(f"remove {service}/{name}"):
            self.design.services[service].remove(name)
        return f"{service}/{name} was removed."

    def reaction(self, service: str, name: str) -> ReactionDraft:
        """A reaction as texts, to edit."""
        return draft_of(service, self.design.services[service].reactions[name])

    # --- saving ---------------------------------------------------------------------------

    @property
    def folder(self) -> str:
        """Where the design would be saved."""
        return str(self._wb.design_folder or DEFAULT_FOLDER)

    def save(self, folder: str) -> str:
        """Write the design folder; says what stands there now."""
        if not folder.strip():
            raise DesignError(f"say where: a folder such as {DEFAULT_FOLDER}.")
        path = self._wb.save(Path(folder.strip()).expanduser())
        drafts = [name for name in self.design.event_types if self.design.is_draft(name)]
        schemas = sum(1 for _ in path.rglob("*.json"))
        note = f" Drafts until released: {', '.join(drafts)}." if drafts else ""
        return f"Saved to {path.resolve()}: choreography.yaml and {schemas} schemas.{note}"

    # --- tables ---------------------------------------------------------------------------

    def type_rows(self) -> list[Row]:
        """One row an event type."""
        rows: list[Row] = []
        for name, event_type in self.design.event_types.items():
            draft = self.design.is_draft(name)
            release = {"name": "release", "label": "Release", "off": not draft}
            fields = fields_of(event_type)
            cells = {
                "name": name,
                "version": f"v{event_type.version}{' draft' if draft else ' released'}",
                "key": event_type.key or "–",
                "fields": ", ".join(f"{f.name}{'' if f.required else '?'}" for f in fields) or "–",
            }
            rows.append({"key": name, "cells": cells, "actions": [*EDIT, release]})
        return rows

    def service_rows(self) -> list[Row]:
        """One row a reaction, and one for a service that has none."""
        rows: list[Row] = []
        for name, service in self.design.services.items():
            for reaction in service.reactions.values():
                cells: dict[str, Any] = {
                    "name": name,
                    "reaction": sentence_of(reaction),
                }
                rows.append({"key": f"{name}/{reaction.name}", "cells": cells, "actions": EDIT})
            if not service.reactions:
                cells = {
                    "name": name,
                    "reaction": {"text": "reacts to nothing yet", "tone": "quiet"},
                }
                rows.append({"key": f"{name}/", "cells": cells, "actions": EDIT[1:]})
        return rows

    def problem_rows(self) -> list[Row]:
        """What deserves a second look, as the design stands; what is more than a note has a sign."""
        rows: list[Row] = []
        for n, problem in enumerate(self.design.lint()):
            sign = "" if problem.severity == "note" else f"{look.TROUBLE_SIGN} "
            cells = {"subject": f"{sign}{problem.subject}", "message": problem.message}
            rows.append({"key": f"{n}", "cells": cells})
        return rows


def _same(made: Any, before: Any) -> bool:
    ours, theirs = dict(made.schema), dict(before.schema)
    return made.key == before.key and {**ours, "title": ""} == {**theirs, "title": ""}


def _free_name(whenever: str, taken: dict[str, Any]) -> str:
    name, n = f"on_{whenever}", 2
    while name in taken:
        name, n = f"on_{whenever}_{n}", n + 1
    return name
