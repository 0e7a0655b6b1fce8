"""The kinds of file that are read: which one a file is, its first bytes tell.

Each kind gives batches: name → values, and how many rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from workbench.capture.formats import EVERY, FORMATS, PRINTED
from workbench.capture.json_text import any_json
from workbench.capture.reading.arrays import TEXT, Values
from workbench.capture.reading.arrow_columns import as_held
from workbench.capture.reading.csv_rows import unique
from workbench.capture.reading.csv_telling import csv_like, table_of_values
from workbench.capture.reading.dtypes import DTYPES
from workbench.capture.reading.foreign import Format, Rejected
from workbench.capture.reading.json_documents import events, is_wrapping
from workbench.capture.reading.json_rows import JsonColumns
from workbench.capture.reading.opening import OpenedFile
from workbench.capture.reading.text_lines import JSON_TAILS, LOGFMT, pairs_in_lines, share_of_tails
from workbench.errors import LogError

Batch = tuple[Mapping[str, Values], int]

_SOME: Final = 0.2
"""The share of lines that end in a JSON object from which on the others stand between them."""
_ROWS: Final = 16_384
"""Rows of a batch."""

_LIST: Final = re.compile(rb"\[\s*([\[{\]]|\Z)")
"""How a list of objects begins, or of lists; in text, a time may stand in brackets."""
_TAR: Final = slice(257, 262)
_PARQUET: Final = b"PAR1"
_IN_FOLDER: Final = re.compile(r"([A-Za-z_][\w.-]*)=(.+)")
_NULL_FOLDER: Final = "__HIVE_DEFAULT_PARTITION__"
_SCRIPT: Final = re.compile(
    rb"--|/\*|(INSERT|COPY|SET|BEGIN|CREATE|USE|DROP|PRAGMA)\s", re.IGNORECASE
)
_SQL: Final = re.compile(
    rb"^\s*(INSERT\s+INTO\s|COPY\s+\S+\s.*FROM\s+stdin)", re.IGNORECASE | re.MULTILINE
)
"""How a dump of a database begins, and what else stands in one."""
_SQLITE: Final = (
    "an SQLite database; give EventLog a table of it: "
    'EventLog(pd.read_sql("SELECT * FROM outbox", sqlite3.connect(path)))'
)
_HEAD: Final = 1 << 16
_LONG_HEAD: Final = 8 << 20
"""Bytes of the beginning that are looked at, and where that is all one line."""


class Kind(Protocol):
    """A kind of file."""

    name: str
    ours: bool
    """Whether its columns with our names are ours."""
    json_is_text: bool
    """Whether JSON in it is text: then a payload that is text is read as JSON where it is some."""
    untyped: bool
    """Whether all values in it are text."""

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give the rows; what can't be read is rejected on the file."""
        ...


def kind_of(file: OpenedFile) -> Kind:
    """Find the kind of a file.

    Raises
    ------
    LogError
        It is none that is known, or damaged from its start.
    """
    with_magic = file.magic()
    if with_magic.startswith(_PARQUET):
        return Parquet()
    if with_magic.startswith((b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")):
        return ArrowFile()
    if with_magic.startswith(b"PK\x03\x04"):
        raise LogError(f"{file.name} can't be read: it is {_zipped(file.head(_HEAD))}.")
    head = file.head(_HEAD)
    if head.startswith(b"SQLite format 3\0"):
        raise LogError(f"{file.name} can't be read: it is {_SQLITE}.")
    if head[_TAR] == b"ustar":
        raise LogError(f"{file.name} can't be read: it is a tar archive; unpack it first.")
    if not head.strip() and len(head) < _HEAD:
        file.is_whole()
        return Nothing()
    for each in EVERY:
        if each.recognises(head):
            return Foreign(each, ours=each in FORMATS, untyped=each in PRINTED)
    start = head.lstrip()
    from_first, share = share_of_tails(head)
    is_text = from_first and share > 0.5  # [2026-11-23 12:00] {…}
    if start.startswith(b"{") or (_LIST.match(start) and not is_text):
        return _kind_of_json(file, head)
    if _SCRIPT.match(start) and _SQL.search(start):
        raise LogError(
            f"{file.name} can't be read: it is SQL; export the table as CSV with a header "
            "instead: in psql, \\copy outbox TO 'outbox.csv' CSV HEADER."
        )
    if (table := table_of_values(head)) is not None:
        return table
    first_has_pairs, most_have_pairs = pairs_in_lines(head)
    if not is_text and first_has_pairs and most_have_pairs:
        return LOGFMT
    # A comma between names and values in JSON is none of CSV; under a header JSON may be a value.
    kind = None if is_text else csv_like(head)
    if kind is not None:
        return kind
    if _some_object(head) or not start:
        return JsonLines()
    if share >= _SOME:
        return JSON_TAILS
    if most_have_pairs:  # below a line of other text, which is no header
        return LOGFMT
    if b"\0" in head:
        raise LogError(
            f"{file.name} can't be read: it is neither JSON, CSV, Parquet nor Arrow, "
            "nor a format of another tool that is known."
        )
    raise LogError(
        f"{file.name} can't be read: {'few lines' if share else 'no line'} of its beginning "
        f"{'end in a JSON object' if share else 'is a JSON object or ends in one'}, and it is "
        "no CSV with a header; take it apart with pandas (str.extract), and give EventLog the "
        "DataFrame. It begins " + repr(start[:60].decode("utf-8", "replace")) + "."
    )


def _zipped(head: bytes) -> str:
    """What a zip archive is, and what to do with it."""
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel workbook; save its sheet as CSV"
    return "a zip archive; unpack it first"


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet, by its first bytes."""
    return OpenedFile(path).magic().startswith(_PARQUET)


def _kind_of_json(file: OpenedFile, head: bytes) -> Kind:
    lines = [line for line in head.split(b"\n") if line and not line.isspace()]
    if len(lines) == 1 and len(head) >= _HEAD:
        head = file.head(_LONG_HEAD)
        lines = [line for line in head.split(b"\n", 2) if line and not line.isspace()]
    first = lines[0].strip()
    if _is_object(first):
        return JsonLines() if len(lines) > 1 or not is_wrapping(first) else JsonDocument()
    # A line that ends so goes on in the next, and so does one before a comma.
    goes_on = len(lines) > 1 and lines[1].lstrip().startswith(b",")
    goes_on |= len(lines) == 1 or first.endswith((b"{", b"[", b",")) or _is_list(first)
    return JsonDocument() if goes_on else JsonLines()


def _is_list(line: bytes) -> bool:
    try:
        value = any_json(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(any_json(line), dict)
    except (ValueError, RecursionError):
        return False


def _some_object(head: bytes) -> bool:
    """Whether some line is a whole event."""
    return any(line.lstrip()[:1] == b"{" and _is_object(line) for line in head.splitlines())


class Nothing:
    """A file that holds nothing."""

    name = "an empty file"
    ours = json_is_text = untyped = False

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give no rows."""
        file.notes.append(f"{file.name} is empty")
        yield from ()


class JsonLines:
    """One event a line."""

    name = "JSON lines"
    ours = json_is_text = untyped = False

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give its rows."""
        columns = JsonColumns(raw=("data",))
        for first, block in file.blocks():
            yield columns.columns(block, first, file.reject)


class JsonDocument:
    """One JSON document that holds all events, or documents one after the other."""

    name = "a JSON document"
    ours = json_is_text = untyped = False

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give its rows."""
        yield from batches_of(events(file), file)


def batches_of(lines: Iterator[bytes], file: OpenedFile) -> Iterator[Batch]:
    """Rows of events, each on a line, of which nobody knows where in the file it stood."""
    columns = JsonColumns(raw=("data",))
    while some := list(islice(lines, _ROWS)):
        yield columns.columns(b"\n".join(some), -1, lambda _, why, text: file.reject(-1, why, text))


class Foreign:
    """A format of another tool."""

    def __init__(self, of: Format, *, ours: bool, untyped: bool) -> None:
        self._of, self.ours = of, ours
        self.json_is_text = self.untyped = untyped
        self.name = of.name

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give its rows."""
        rows = self._rows(file)
        while some := list(islice(rows, _ROWS)):
            names = dict.fromkeys(chain.from_iterable(some))
            yield {name: [row.get(name) for row in some] for name in names}, len(some)

    def _rows(self, file: OpenedFile) -> Iterator[dict[str, Any]]:
        for row in self._of.rows(file):
            if isinstance(row, Rejected):
                file.reject(row.line, row.reason, row.text, is_row=row.is_row)
            else:
                yield row


class Parquet:
    """Apache Parquet."""

    name = "Parquet"
    ours = untyped = False
    json_is_text = True

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give its rows."""
        try:
            with pq.ParquetFile(file.path) as opened:
                for groups in _together(opened):
                    for batch in opened.iter_batches(_ROWS * 8, groups):
                        columns, height = _arrow_batch(batch, opened.schema_arrow)
                        yield {**_of_folders(file.path, height), **columns}, height
        except (pa.ArrowException, OSError) as error:
            raise LogError(f"{file.name} can't be read: {_first_line(error)}.") from error
        file.done()


class ArrowFile:
    """Arrow's own format, as file (Feather) or stream."""

    name = "Arrow"
    ours = untyped = False
    json_is_text = True

    def batches(self, file: OpenedFile) -> Iterator[Batch]:
        """Give its rows."""
        try:
            with pa.memory_map(str(file.path)) as opened:
                if file.magic().startswith(b"\xff\xff\xff\xff"):
                    stream = pa.ipc.open_stream(opened)
                    for batch in stream:
                        batch.validate(full=True)
                        yield _arrow_batch(batch, stream.schema)
                else:
                    reader = pa.ipc.open_file(opened)
                    for number in range(reader.num_record_batches):
                        batch = reader.get_batch(number)
                        batch.validate(full=True)  # it is read where it stands, whatever it holds
                        yield _arrow_batch(batch, reader.schema)
        except (pa.ArrowException, OSError) as error:
            raise LogError(f"{file.name} can't be read: {_first_line(error)}.") from error
        file.done()


def _of_folders(path: Path, height: int) -> dict[str, Values]:
    """The columns that a file's folders hold: ``tier=x/part-0.parquet``, as Hive and Spark write them."""
    found = (_IN_FOLDER.fullmatch(folder) for folder in path.parts[:-1])
    told = {each[1]: unquote(each[2]) for each in found if each}
    return {
        name: pa.array([None if value == _NULL_FOLDER else value] * height, TEXT)
        for name, value in told.items()
    }


def _together(opened: pq.ParquetFile) -> list[list[int]]:
    """The row groups that a batch may span: none if a nested column has a dictionary in each."""
    every = list(range(opened.num_row_groups))
    kinds = (field.type for field in opened.schema_arrow)
    one_by_one = any(pa.types.is_nested(kind) and _has_dictionary(kind) for kind in kinds)
    return [[group] for group in every] if one_by_one else [every]


def _has_dictionary(kind: pa.DataType) -> bool:
    inside = (kind.field(place).type for place in range(kind.num_fields))
    return pa.types.is_dictionary(kind) or any(map(_has_dictionary, inside))


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0].rstrip(".")


def _arrow_batch(batch: pa.RecordBatch, schema: pa.Schema) -> Batch:
    pairs = zip(unique(batch.schema.names), batch.columns, strict=True)
    columns: dict[str, Values] = {name: as_held(column) for name, column in pairs}
    note = (schema.metadata or {}).get(DTYPES.encode())
    if note is not None:
        columns[DTYPES] = pa.array([note.decode()] + [None] * (batch.num_rows - 1), TEXT)
    return columns, batch.num_rows
