"""Record, read and write event logs: from a broker or a file to one DataFrame with standard columns."""

from workbench.capture.columns import COLUMNS, UNKNOWN, dead_letter_reason, standard_frame
from workbench.capture.jsonl import read_jsonl, write_jsonl

__all__ = [
    "COLUMNS",
    "UNKNOWN",
    "dead_letter_reason",
    "read_jsonl",
    "standard_frame",
    "write_jsonl",
]
