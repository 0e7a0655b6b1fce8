"""Checks on a design: rules with a name, a severity, a sentence, a place and a passage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.choreography.lint import (  # noqa: F401 - each registers its rules
    cycles,
    failing,
    hearing,
    naming,
    ordering,
    payloads,
    reading,
    silencing,
    trying,
    unreadable,
    versions,
)
from workbench.choreography.lint.page import explained
from workbench.choreography.lint.rule import RULES, Rule
from workbench.choreography.lint.silencing import (
    checked_reason,
    checked_rule,
    checked_subject,
    with_reasons,
)
from workbench.choreography.places import Place, Places
from workbench.problems import SEVERITIES, Problem, Problems

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography

__all__ = [
    "RULES",
    "Rule",
    "checked_reason",
    "checked_rule",
    "checked_subject",
    "explained",
    "lint",
]


def lint(design: Choreography, *, silenced: bool = False) -> Problems:
    """What deserves a second look in a design, the worst first; see :meth:`Choreography.lint`."""
    found, places = Problems(), Places(design)
    for rule in RULES.values():
        for subject, message, place, severity in rule.check(design):
            file, line = place or places.of(subject) or Place()
            problem = Problem(rule.name, subject, message, severity or rule.severity, file, line)
            found.append(with_reasons(problem, design.silenced))
    found.sort(key=lambda problem: SEVERITIES.index(problem.severity))
    return found if silenced else Problems(p for p in found if p.silenced is None)
