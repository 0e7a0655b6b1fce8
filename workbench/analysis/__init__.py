"""Ask an event log: flows, hops, variants, and what is stuck."""

from workbench.analysis.log import EventLog

__all__ = ["EventLog"]
