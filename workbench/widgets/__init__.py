"""Widgets for a notebook: the designer, the publisher and the live monitor.

Each is thin: a view model in plain Python (``*_model.py``) holds what is shown and does what is
asked; the widget draws it.
"""

from workbench.widgets.designer import Designer
from workbench.widgets.monitor import Monitor
from workbench.widgets.publisher import Publisher

__all__ = ["Designer", "Monitor", "Publisher"]
