"""Writing a design folder that reads well in a diff, each file whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml.comments import CommentedSeq

from workbench.choreography.comments import with_comments_of
from workbench.choreography.documents import yaml_text
from workbench.choreography.duration import format_duration
from workbench.choreography.evolution import Evolution
from workbench.choreography.expression import Expression
from workbench.choreography.frozen import LOCK, changed, lock_text, read_lock, schema_sum
from workbench.choreography.loading_versions import UPCASTER
from workbench.choreography.places import FILE, Places
from workbench.choreography.retry_policy import RetryPolicy
from workbench.choreography.service import default_compensation_name, default_name
from workbench.errors import DesignError
from workbench.events.files import write_text

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography
    from workbench.choreography.reaction import Reaction
    from workbench.choreography.service import Service
    from workbench.events import EventType


def save_choreography(choreography: Choreography, folder: Path) -> Path:
    """Write a choreography to a folder; see :meth:`Choreography.save`."""
    text = yaml_text(design_document(choreography))
    file = folder / FILE
    files = {} if _says(folder, text) else {file: with_comments_of(file, text)}
    stale: list[Path] = []
    for name, event_type in choreography.event_types.items():
        home = folder / "events" / name
        for version, released in choreography.released.get(name, {}).items():
            path, text = home / f"{version}.json", _json(released.schema)
            if path.is_file() and json.loads(path.read_text("utf-8")) != released.schema:
                raise DesignError(
                    f"{name} v{version} is released and never changes, but the file on disk "
                    "differs from the version here; make it a new version.",
                    file=str(path),
                )
            if not path.is_file():
                files[path] = text
        _save_lock(name, home, choreography.released.get(name, {}), files)
        _save_upcasters(name, home, choreography, files, stale)
        if choreography.is_draft(name):
            files[home / "draft.json"] = _json(event_type.schema)
        else:
            stale.append(home / "draft.json")
    for path, text in files.items():
        write_text(path, text)
    for path in stale:
        path.unlink(missing_ok=True)
    if choreography.source is not None and choreography.source.folder == folder:
        choreography.source.unchecked.clear()
    return folder


def _says(folder: Path, text: str) -> bool:
    """Whether a folder's file says the same already: then it stays, with its comments."""
    from workbench.choreography.choreography import Choreography

    try:
        return yaml_text(design_document(Choreography.load(folder))) == text
    except DesignError:
        return False


def _save_lock(
    name: str, home: Path, released: Mapping[int, EventType], files: dict[Path, str]
) -> None:
    """Keep the sums of what is released; those on disk stay."""
    lock = home / LOCK
    known = read_lock(lock.read_text("utf-8"), str(lock)) if lock.is_file() else {}
    sums = {version: schema_sum(event_type.schema) for version, event_type in released.items()}
    for version, found in sums.items():
        if known.get(version, found) != found:
            raise changed(name, version, file=str(home / f"{version}.json"))
    if sums.keys() - known.keys():
        files[lock] = lock_text(known | sums)


def _save_upcasters(
    name: str, home: Path, choreography: Choreography, files: dict[Path, str], stale: list[Path]
) -> None:
    written = set()
    for upcaster in choreography.versions(name).upcasters.values():
        version = upcaster.new.version
        is_draft = version not in choreography.released.get(name, {})
        path = home / f"{'draft' if is_draft else version}{UPCASTER}"
        files[path] = with_comments_of(path, yaml_text(field_sources(upcaster.fields)))
        written.add(path)
    stale += [path for path in home.glob(f"*{UPCASTER}") if path not in written]


def field_sources(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What fields are mapped to, as it stands in a file."""
    return {
        name: field_sources(value) if isinstance(value, Mapping) else _source(value)
        for name, value in fields.items()
    }


def design_document(choreography: Choreography) -> dict[str, Any]:
    """What ``choreography.yaml`` holds, as plain data."""
    document: dict[str, Any] = {}
    if choreography.policy != "lenient":
        document["policy"] = choreography.policy
    events = event_settings(choreography, choreography.event_types)
    if events:
        document["events"] = events
    document["services"] = {
        name: [*_contract(service), *reaction_entries(choreography, service)]
        for name, service in choreography.services.items()
    }
    if choreography.invariants:
        document["invariants"] = {
            name: invariant.source for name, invariant in choreography.invariants.items()
        }
    silenced = silenced_entries(choreography)
    if silenced:
        document["silenced"] = silenced
    return document


def event_settings(choreography: Choreography, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The settings of some event types, beside their schemas."""
    events = {}
    for name in names:
        event_type = choreography.event_types[name]
        settings: dict[str, Any] = {
            "key": event_type.key,
            "keys": {
                version: released.key
                for version, released in sorted(choreography.released.get(name, {}).items())
                if released.key != event_type.key
            }
            or None,
            "channel": choreography.channels.get(name),
            **_evolution(choreography, name),
        }
        if choreography.is_draft(name):
            expected = max(choreography.released.get(name, {}), default=0) + 1
            if event_type.version != expected:
                settings["version"] = event_type.version
        events[name] = {field: value for field, value in settings.items() if value is not None}
    return events


def silenced_entries(choreography: Choreography) -> list[dict[str, str]]:
    """What is silenced, each as its entry in the file."""
    places = Places(choreography)
    return [
        {"rule": rule, **({"subject": subject} if subject else {}), "reason": reason}
        for (rule, subject), reason in choreography.silenced.items()
        if not subject or places.of(subject)  # else it has gone with its subject
    ]


def _evolution(choreography: Choreography, name: str) -> dict[str, Any]:
    """What differs from the usual."""
    found = choreography.evolution_of(name)
    return {
        "compatibility": found.mode if found.mode != Evolution().mode else None,
        "policy": found.policy if found.policy != choreography.policy else None,
        "deprecated": _on_one_line(sorted(found.deprecated)) or None,
        "forced": dict(sorted(found.forced.items())) or None,
    }


def _contract(service: Service) -> list[dict[str, Any]]:
    sides = {"hears": service.hears, "publishes": service.publishes}
    return [{side: list(names)} for side, names in sides.items() if names]


def reaction_entries(choreography: Choreography, service: Service) -> list[dict[str, Any]]:
    """The reactions of a service, each as its entry in the file."""
    written: list[dict[str, Any]] = []
    before: dict[str, Reaction] = {}
    # Compensations come last, as they are read, so that default names are the same then.
    for reaction in sorted(service.reactions.values(), key=lambda found: bool(found.compensates)):
        entry: dict[str, Any] = {}
        default = default_name(reaction.whenever, before)
        if reaction.compensates:
            default = default_compensation_name(reaction.compensates)
        if reaction.name != default:
            entry["name"] = reaction.name
        before[reaction.name] = reaction
        if reaction.compensates:
            entry["compensates"] = reaction.compensates
            entry["whenever"] = _one_or_several(reaction.failures)
        else:
            entry["whenever"] = reaction.whenever
        versions = choreography.versions(reaction.whenever)
        read = versions.read_by(reaction)  # also that of a handler's event class
        if not reaction.compensates and (reaction.reads or read != (versions.current,)):
            entry["reads"] = _on_one_line(read)
        if reaction.guard is not None:
            entry["if"] = reaction.guard.source
        if reaction.unless:
            entry["unless"] = _one_or_several(reaction.unless)
            entry["within"] = format_duration(reaction.within)
        if reaction.after:
            entry["after"] = format_duration(reaction.after)
        if reaction.failure_rate:
            entry["failure_rate"] = reaction.failure_rate
        if reaction.retry is not None:
            entry["retry"] = _retry(reaction.retry)
        if reaction.ordered:
            entry["ordered"] = True
        if reaction.mappings is None:
            entry["handler"] = "python"
            entry["emits"] = list(reaction.emits)
        else:
            entry["emit"] = {
                effect: {field: _source(value) for field, value in fields.items()}
                for effect, fields in reaction.mappings.items()
            }
        if reaction.writes:
            entry["writes"] = dict(reaction.writes)
        written.append(entry)
    return written


def _on_one_line(versions: Iterable[int]) -> CommentedSeq:
    sequence = CommentedSeq(versions)
    sequence.fa.set_flow_style()
    return sequence


def _retry(policy: RetryPolicy) -> dict[str, Any]:
    """What differs from the usual policy."""
    usual = RetryPolicy()
    entry: dict[str, Any] = {
        field.name: getattr(policy, field.name)
        for field in dataclasses.fields(policy)
        if getattr(policy, field.name) != getattr(usual, field.name)
    }
    for name in ("first_delay", "longest_delay"):
        if name in entry:
            entry[name] = format_duration(entry[name])
    if "later" in entry:
        entry["later"] = [format_duration(wait) for wait in entry["later"]]
    if "give_up_on" in entry:
        entry["give_up_on"] = list(entry["give_up_on"])
    return entry


def _one_or_several(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else [*names]


def _source(value: Any) -> Any:
    return value.source if isinstance(value, Expression) else value


def _json(schema: Any) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
