"""One object that ties the rooms together for a notebook or a script, and its parts."""

from workbench.session.progress import download_bar
from workbench.session.publishing import Published
from workbench.session.workbench import Workbench

__all__ = ["Published", "Workbench", "download_bar"]
