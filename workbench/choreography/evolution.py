"""How an event type may change from version to version, and what was decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workbench.errors import DesignError
from workbench.events import Compatibility, EventType, check_compatibility
from workbench.events.compatibility import MODES, POLICIES


@dataclass(frozen=True)
class Evolution:
    """What a new version of an event type is held to, and what is known of the released ones.

    Attributes
    ----------
    mode
        One of ``workbench.events.compatibility.MODES``. BACKWARD: new readers read what old ones wrote; FORWARD: the reverse;
        FULL: both; ``_TRANSITIVE``: against every earlier version, not only the last; NONE: no
        check.
    policy
        ``"lenient"`` or ``"strict"``: how it is judged; see
        :func:`workbench.events.compatibility.check_compatibility`.
    deprecated
        Versions that nobody should use any more.
    forced
        Version → why it was released although the check refused it.

    Raises
    ------
    DesignError
        There is no such mode or policy, or a reason is empty.
    """

    mode: str = "BACKWARD"
    policy: str = "lenient"
    deprecated: frozenset[int] = frozenset()
    forced: Mapping[int, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise DesignError(
                f"there is no compatibility mode {self.mode!r}; it is one of {', '.join(MODES)}."
            )
        checked_policy(self.policy)
        if not isinstance(self.deprecated, Iterable):
            raise DesignError(
                f"deprecated lists versions, [1], and {self.deprecated!r} is no list."
            )
        object.__setattr__(self, "deprecated", frozenset(self.deprecated))
        for version, reason in self.forced.items():
            if not reason.strip():
                raise DesignError(f"v{version} was forced: say why.")

    @property
    def is_transitive(self) -> bool:
        """Whether a new version must get along with every earlier one."""
        return self.mode.endswith("_TRANSITIVE")

    def verdict(self, old: Mapping[int, EventType], new: EventType) -> Compatibility:
        """Whether a version gets along with earlier ones (version → event type), by these rules."""
        schemas = [dict(old[version].schema) for version in sorted(old)]
        return check_compatibility(schemas, dict(new.schema), mode=self.mode, policy=self.policy)


def checked_policy(policy: str) -> str:
    """The policy, if it is one."""
    if policy not in POLICIES:
        raise DesignError(f"there is no policy {policy!r}; it is lenient or strict.")
    return policy
