"""What a check finds, and how it is told: as text, as JSON, or as GitHub annotations."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

Severity = Literal["error", "warning", "note"]
Format = Literal["text", "json", "github"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


@dataclass(frozen=True)
class Problem:
    """One finding: which rule, where it applies, how bad it is, and a sentence.

    Attributes
    ----------
    rule
        The rule's name: ``key-changes``.
    subject
        What it is about: an event type, a field of one, a service, a reaction or a channel.
    message
        One sentence.
    severity
        ``error``: it can't work; ``warning``: a reviewer would ask; ``note``: worth knowing.
    file, line
        Where it stands; ``None`` where it is not on disk. Lines count from 1.
    silenced
        The reason for which it was silenced; ``None``: it was not.
    """

    rule: str
    subject: str
    message: str
    severity: Severity = "warning"
    file: str | None = None
    line: int | None = None
    silenced: str | None = None

    def __str__(self) -> str:
        place = "".join(f"{part}:" for part in (self.file, self.line) if part is not None)
        text = f"{place} " if place else ""
        text += f"{self.severity}: {self.message} [{self.rule}]"
        if self.silenced is not None:
            text += f" silenced: {self.silenced}"
        return printable(text).rstrip()


class Problems(list[Problem]):
    """All that a check found; prints as one line for each, and how many there are."""

    def at_least(self, severity: Severity) -> Problems:
        """Those as bad as ``severity`` or worse that nobody has silenced."""
        counted = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return Problems(p for p in self if p.severity in counted and p.silenced is None)

    def __repr__(self) -> str:
        return "\n".join([*map(str, self), self._total()])

    def _total(self) -> str:
        still = [problem.severity for problem in self if problem.silenced is None]
        counts = [(still.count(severity), severity) for severity in SEVERITIES]
        said = [f"{n:,} {name}{'s' if n > 1 else ''}" for n, name in counts if n]
        if len(self) > len(still):
            said.append(f"{len(self) - len(still):,} silenced")
        return ", ".join(said) if said else "✓ nothing to remark"


def render(problems: Iterable[Problem], form: Format = "text") -> str:
    """All problems in one of the formats that ``--format`` takes.

    ``json`` is an object with the list ``problems``, each with the fields of :class:`Problem`.
    ``github`` is a workflow command a line, which GitHub shows beside the changed lines:
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    if form == "json":
        listed = [asdict(problem) for problem in problems]
        return json.dumps({"problems": listed}, indent=2, ensure_ascii=False)
    if form == "github":
        return "\n".join(_annotation(problem) for problem in problems)
    return repr(Problems(problems))


def printable(text: str) -> str:
    """A text on one line, with nothing in it that moves a terminal's cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _annotation(problem: Problem) -> str:
    if problem.silenced is not None:
        problem = replace(
            problem, severity="note", message=f"{problem.message} Silenced: {problem.silenced}"
        )
    parts = {
        "file": _in_repository(problem.file) if problem.file else None,
        "line": problem.line,
        "title": f"{problem.rule} ({problem.subject})",
    }
    properties = ",".join(f"{name}={_property(v)}" for name, v in parts.items() if v is not None)
    return f"::{_LEVELS[problem.severity]} {properties}::{_data(problem.message)}"


def _in_repository(file: str) -> str:
    """A path as GitHub wants it: from the root of the repository that is checked out."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    path = Path(file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: object) -> str:
    return _data(str(value)).replace(":", "%3A").replace(",", "%2C")
