"""A rule: a name, a severity, a passage for the docs, and the check itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from workbench.choreography.places import Place
from workbench.errors import DesignError
from workbench.problems import Severity

if TYPE_CHECKING:
    from workbench.choreography.choreography import Choreography


class Found(NamedTuple):
    """What a check finds: about what, in which sentence, and where if not where that stands.

    ``severity``: how bad this one is, if not as bad as its rule says.
    """

    subject: str
    message: str
    place: Place | None = None
    severity: Severity | None = None


Check = Callable[["Choreography"], Iterable[Found]]

RULES: dict[str, Rule] = {}
"""Name → rule, in the order of the docs."""


@dataclass(frozen=True)
class Rule:
    """One thing that a design is checked for.

    Attributes
    ----------
    name
        Such as ``key-changes``.
    severity
        ``error``: it can't work; ``warning``: a reviewer would ask; ``note``: worth knowing. A
        finding may be less bad.
    check
        Finds it; its docstring is the rule's passage in the docs.
    """

    name: str
    severity: Severity
    check: Check

    @property
    def passage(self) -> str:
        """What it is, why it hurts and what to do, in Markdown; its first line says it shortly."""
        return inspect.getdoc(self.check) or ""


def rule(name: str, severity: Severity) -> Callable[[Check], Check]:
    """Make a check one of the :data:`RULES`."""

    def register(check: Check) -> Check:
        RULES[name] = Rule(name, severity, check)
        return check

    return register


def named(name: str) -> Rule:
    """The rule of that name.

    Raises
    ------
    DesignError
        There is none.
    """
    if name not in RULES:
        raise DesignError(f"there is no rule {name!r} (there are: {', '.join(RULES)}).")
    return RULES[name]
