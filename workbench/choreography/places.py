"""Where the parts of a design stand on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.choreography.fields import fields_of
from workbench.events.json_lines import lines_of

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

FILE = "choreography.yaml"


class Place(NamedTuple):
    """A file, and a line in it from 1; each ``None`` where there is none."""

    file: str | None = None
    line: int | None = None


@dataclass
class Source:
    """The folder that a design was read from.

    Attributes
    ----------
    folder
        The design folder.
    lines
        The path of an entry of ``choreography.yaml`` (``events.OrderPlaced``) → its line, from 1.
    unchecked
        The released versions, by event type and number, that have no line in ``released.lock``.
    """

    folder: Path
    lines: dict[str, int] = field(default_factory=dict)
    unchecked: set[tuple[str, int]] = field(default_factory=set)


class Places:
    """Where the subjects of checks stand, as a design is now.

    A subject is an event type (``OrderPlaced``), a field of one (``OrderPlaced.email``), a
    service (``billing``), a reaction (``billing/charge``) or a channel.
    """

    def __init__(self, design: Choreography) -> None:
        self._design, self._source = design, design.source
        self._fields: dict[str, dict[str, Place]] = {}

    def of(self, subject: str) -> Place | None:
        """The place of a subject; ``None`` if the design has no such part.

        A part of a design that was made in Python has a place without a file.
        """
        design = self._design
        if subject in design.event_types:
            listed, schema = self.entry(f"events.{subject}"), self._schema(subject)
            return listed if listed.line or schema is None else Place(schema, 1)
        if subject in design.services:
            return self.entry(f"services.{subject}")
        service, _, name = subject.partition("/")
        if service in design.services and name in design.services[service].reactions:
            return self._at(design.services[service].reactions[name].line)
        for event_type, channel in design.channels.items():
            if channel == subject:
                return self.entry(f"events.{event_type}.channel")
        for name in design.event_types:
            if subject.startswith(f"{name}.") and subject in self._fields_of(name):
                return self._fields_of(name)[subject]
        return None

    def entry(self, path: str) -> Place:
        """Where an entry of ``choreography.yaml`` stands."""
        return self._at(self._source.lines.get(path) if self._source else None)

    def version(self, name: str, file: str) -> Place:
        """Where a file of an event type begins: ``1.json``, ``2.upcaster.yaml``."""
        path = self._source.folder / "events" / name / file if self._source else None
        return Place(str(path), 1) if path is not None and path.is_file() else Place()

    def _at(self, line: int | None) -> Place:
        return Place(str(self._source.folder / FILE), line) if self._source and line else Place()

    def _schema(self, name: str) -> str | None:
        """The file of the version in use."""
        if self._source is None:
            return None
        version = self._design.event_types[name].version
        file = "draft.json" if self._design.is_draft(name) else f"{version}.json"
        path = self._source.folder / "events" / name / file
        return str(path) if path.is_file() else None

    def _fields_of(self, name: str) -> dict[str, Place]:
        if name not in self._fields:
            file, lines = self._schema(name), {}
            pointers = {f.path: f.pointer for f in fields_of(self._design.event_types[name])}
            if file is not None:
                try:
                    lines = lines_of(Path(file).read_text("utf-8"), pointers.values())
                except (OSError, ValueError):  # it was changed since it was read
                    file = None
            self._fields[name] = {
                f"{name}.{path}": Place(file, lines.get(pointer))
                for path, pointer in pointers.items()
            }
        return self._fields[name]
