"""Reading event logs that anybody wrote: opening, guessing the format and the mapping, columns."""

from workbench.capture.reading.given_tables import ArrowTable, frame_as_held, table_in
from workbench.capture.reading.log_mapping import LogMapping
from workbench.capture.reading.mapping import Given
from workbench.capture.reading.reader import Reading, from_frame, no_rejects, read, read_parts

__all__ = [
    "ArrowTable",
    "Given",
    "LogMapping",
    "Reading",
    "frame_as_held",
    "from_frame",
    "no_rejects",
    "read",
    "read_parts",
    "table_in",
]
