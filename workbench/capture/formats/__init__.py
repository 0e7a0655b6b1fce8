"""The formats in which other tools write event logs; the first that knows a file reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workbench.capture.reading.foreign import Format

FORMATS: Final[tuple[Format, ...]] = ()
