"""A design's event types as Python source: pydantic models that subclass :class:`workbench.Event`."""

from workbench.choreography.python_models.generating import python_source

__all__ = ["python_source"]
