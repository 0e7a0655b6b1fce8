"""Reading event logs that anybody wrote: opening, guessing the format and the mapping, columns."""

from workbench.capture.reading.arrow_columns import frame_as_held
from workbench.capture.reading.log_mapping import LogMapping
from workbench.capture.reading.mapping import Given
from workbench.capture.reading.reader import Reading, from_frame, no_rejects, read, read_parts

__all__ = [
    "Given",
    "LogMapping",
    "Reading",
    "frame_as_held",
    "from_frame",
    "no_rejects",
    "read",
    "read_parts",
]
