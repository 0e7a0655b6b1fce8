"""Record, read and write event logs: from a broker or a file to one DataFrame with standard columns."""

from workbench.capture.columns import COLUMNS, UNKNOWN, standard_frame
from workbench.capture.fetching import read_channels, read_range
from workbench.capture.finding import Found, find_alike, find_event, find_flow, identity, place_of
from workbench.capture.folder import CapturedFolder
from workbench.capture.live import LiveCapture
from workbench.capture.reading import LogMapping, Reading, from_frame, read, read_parts
from workbench.capture.recorder import record, record_to
from workbench.capture.replayer import replay
from workbench.capture.rows import row
from workbench.capture.schema_files import SchemaFiles
from workbench.capture.schema_registry import SchemaRegistry
from workbench.capture.schemas import Reference, Schema, Schemas, open_schemas
from workbench.capture.tapping import Tapping
from workbench.capture.wire_format import Decoder
from workbench.capture.writing import write_log

__all__ = [
    "COLUMNS",
    "UNKNOWN",
    "CapturedFolder",
    "Decoder",
    "Found",
    "LiveCapture",
    "LogMapping",
    "Reading",
    "Reference",
    "Schema",
    "SchemaFiles",
    "SchemaRegistry",
    "Schemas",
    "Tapping",
    "find_alike",
    "find_event",
    "find_flow",
    "from_frame",
    "identity",
    "open_schemas",
    "place_of",
    "read",
    "read_channels",
    "read_parts",
    "read_range",
    "record",
    "record_to",
    "replay",
    "row",
    "standard_frame",
    "write_log",
]
