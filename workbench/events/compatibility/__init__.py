"""Whether events of one version can be read by those who know another."""

from workbench.events.compatibility.checking import POLICIES, check_compatibility
from workbench.events.compatibility.result import Change, Compatibility
from workbench.events.compatibility.sides import MODES

__all__ = ["MODES", "POLICIES", "Change", "Compatibility", "check_compatibility"]
