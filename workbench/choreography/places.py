"""Where the parts of a design stand on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.choreography.fields import fields_of
from workbench.events.json_lines import line_of

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
    """

    folder: Path
    lines: dict[str, int] = field(default_factory=dict)

    def entry(self, path: str) -> Place | None:
        """Where an entry of ``choreography.yaml`` stands; ``None`` if it is not in there."""
        line = self.lines.get(path)
        return Place(str(self.folder / FILE), line) if line else None

    def schema(self, name: str, version: int | str, pointer: str = "") -> Place | None:
        """Where a part of an event type's schema stands; ``None`` if it has no file."""
        path = self.folder / "events" / name / f"{version}.json"
        try:
            text = path.read_text("utf-8") if pointer else ""
        except (OSError, ValueError):
            return None
        return Place(str(path), line_of(text, pointer)) if path.is_file() else None


def place_of(design: Choreography, subject: str) -> Place | None:
    """Where a subject of a check stands; ``None`` if the design has no such part.

    A subject is an event type (``OrderPlaced``), a field of one (``OrderPlaced.email``), a
    service (``billing``), a reaction (``billing/charge``) or a channel. A part of a design that
    was made in Python has a place without a file.
    """
    source = design.source or Source(Path())
    if subject in design.event_types:
        return source.entry(f"events.{subject}") or _schema(design, source, subject) or Place()
    if subject in design.services:
        return source.entry(f"services.{subject}") or Place()
    service, _, name = subject.partition("/")
    reaction = design.services[service].reactions.get(name) if service in design.services else None
    if reaction is not None:
        at = Place(str(source.folder / FILE), reaction.line)
        return at if design.source and reaction.line else Place()
    for event_type, channel in design.channels.items():
        if channel == subject:
            return source.entry(f"events.{event_type}.channel") or Place()
    return _field(design, source, subject)


def _field(design: Choreography, source: Source, subject: str) -> Place | None:
    for name, event_type in design.event_types.items():
        if subject.startswith(f"{name}."):
            for found in fields_of(event_type):
                if f"{name}.{found.path}" == subject:
                    return _schema(design, source, name, found.pointer) or Place()
    return None


def _schema(design: Choreography, source: Source, name: str, pointer: str = "") -> Place | None:
    if design.source is None:
        return None
    version = "draft" if design.is_draft(name) else design.event_types[name].version
    return source.schema(name, version, pointer)
