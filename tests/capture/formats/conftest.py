"""Files of other tools, as the reader hands them to a format."""

from pathlib import Path

import msgspec
import pytest

from workbench.capture.formats import EVERY
from workbench.capture.json_text import any_json
from workbench.capture.reading.foreign import Rejected

HERE = Path(__file__).parent


class Text:
    """A source that is in memory."""

    def __init__(self, text, name="a file"):
        self.name = name
        whole = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
        self.text = b"\n".join(map(as_utf8, whole.split(b"\n")))

    def head(self, size=65536):
        return self.text[:size]

    def lines(self):
        for number, line in enumerate(self.text.split(b"\n"), start=1):
            line = line.removesuffix(b"\r")
            if line:
                yield number, line

    def document(self):
        return self.text


def as_utf8(line):
    """As the reader has it: a line that is no UTF-8 is one in Windows-1252."""
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace").encode()
    return line


def plain(value):
    """A row, or a cell, with everything decoded."""
    if isinstance(value, msgspec.Raw):
        return any_json(bytes(value))
    if isinstance(value, dict):
        return {name: plain(cell) for name, cell in value.items()}
    return value


@pytest.fixture
def text_of():
    """The bytes of a file that stands here."""
    return lambda name: (HERE / name).read_bytes()


@pytest.fixture
def known():
    """The formats that recognise a text, by name."""

    def names(text):
        head = Text(text).head()
        return [format_.name for format_ in EVERY if format_.recognises(head)]

    return names


@pytest.fixture
def read(known):
    """The rows and the rejected of a text, in the one format that recognises it."""

    def rows(text, name=None):
        if name is None:
            (name,) = known(text)
        format_ = next(format_ for format_ in EVERY if format_.name == name)
        found = list(format_.rows(Text(text)))
        events = [plain(row) for row in found if not isinstance(row, Rejected)]
        return events, [row for row in found if isinstance(row, Rejected)]

    return rows
