"""How this room talks: it draws nothing and prints nothing, it calls whom it was given."""

from __future__ import annotations

import logging
from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one sentence that a person should see: print it, log it, or show it in a widget."""

Progress = Callable[[int, int, str], None]
"""Takes ``(done, total, sentence)``, both in bytes; may be called from several threads in turn."""


def log_it(sentence: str) -> None:
    """Say a sentence where nobody asked to hear it: to the log of this package."""
    logging.getLogger(__package__).warning(sentence)
