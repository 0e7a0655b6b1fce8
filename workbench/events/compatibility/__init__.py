"""Whether events of one version can be read by those who know another."""

from workbench.events.compatibility.checking import MODES, POLICIES, check_compatibility
from workbench.events.compatibility.result import Change, Compatibility

__all__ = ["MODES", "POLICIES", "Change", "Compatibility", "check_compatibility"]
