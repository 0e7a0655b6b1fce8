"""Whatever a file holds, a format gives rows and what it rejects, and raises nothing."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.capture.columns import COLUMNS
from workbench.capture.formats import EVERY
from workbench.capture.formats.quoted_json import QuotedJson
from workbench.capture.formats.tables import JsonTables
from workbench.capture.formats.vertical_records import VerticalRecords
from workbench.capture.reading.foreign import Rejected

from .conftest import Text

HERE = Path(__file__).parent
FILES = {path.name: path.read_bytes() for path in sorted(HERE.iterdir()) if path.suffix != ".py"}
FILES["log.xes"] = b"""<?xml version="1.0"?><log><string key="workbench:json" value='["n"]'/><trace>
<string key="n" value="[1]"/>
<string key="concept:name" value="f"/><event><int key="offset" value="7"/><list key="l"><values>
<float key="x" value="1.5"/></values></list></event></trace></log>"""
ODD = [
    *[b"null", b"[]", b"{}", b'""', b"-1", b"1e400", b"9" * 25, b"NaN", b'"\\ud800"', b"true"],
    *[
        b"[" * 2000,
        b'{"a":' * 2000,
        b"\x00",
        b"\xff",
        b"\n",
        b"\t",
        b",",
        b'"',
        b"]",
        b"}",
        b"<",
        b"&",
    ],
]


def rows(format_, text):
    found = list(format_.rows(Text(text)))
    for row in found:
        if isinstance(row, Rejected):
            assert row.reason.endswith(".")
            assert isinstance(row.text, str)
            assert len(row.text) <= 1_000
            assert row.line == -1 or row.line >= 1
        else:
            # A table's columns are anybody's, and so is what was encoded twice.
            named_by_others = {JsonTables.name, QuotedJson.name, VerticalRecords.name}
            anybodys = format_.name in named_by_others
            assert row.keys() & (COLUMNS.keys() | {"stored_at"}) or anybodys
    return found


@st.composite
def mutated(draw):
    """One of the files, with pieces left out, repeated, or replaced by odd ones."""
    text = FILES[draw(st.sampled_from(sorted(FILES)))]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        piece = draw(st.sampled_from(ODD) | st.binary(max_size=5) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


VALUES = st.sampled_from([b"null", b"[]", b"{}", b'"x"', b"-1", b"1.5", b"true", b"[{}]", b"[7]"])


@st.composite
def retyped(draw):
    """One of the files, with values of other kinds after some of its names."""
    text = FILES[draw(st.sampled_from([name for name in sorted(FILES) if "json" in name]))]
    parts = text.split(b": ") if b": " in text else text.split(b'":')
    sign = b": " if b": " in text else b'":'
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(1, len(parts) - 1))
        parts[place] = draw(VALUES) + b", " + parts[place].partition(b",")[2].lstrip()
    return sign.join(parts)


@given(mutated())
def test_a_file_that_was_damaged_stops_nobody(text):
    for format_ in EVERY:
        if format_.recognises(Text(text).head()):
            rows(format_, text)


@given(retyped())
def test_a_value_of_another_kind_stops_nobody(text):
    for format_ in EVERY:
        if format_.recognises(Text(text).head()):
            rows(format_, text)


@settings(max_examples=20)
@given(st.binary(max_size=200) | mutated() | retyped())
def test_a_file_of_any_kind_stops_no_format(text):
    for format_ in EVERY:
        format_.recognises(text)
        rows(format_, text)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_recognised_by_one_format_or_by_none(known, name):
    expected = 0 if name == "README.md" else 1

    assert len(known(FILES[name])) == expected


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_head_may_be_cut_anywhere(name):
    for end in range(0, len(FILES[name]), 41):
        for format_ in EVERY:
            format_.recognises(FILES[name][:end])


@pytest.mark.parametrize(
    "text",
    [
        '{"id": "1", "type": "OrderPlaced", "source": "shop", "time": "2026-11-25"}',
        '{"ts": 1, "message": "plain", "level": "info"}',
        "id,type,source\n1,OrderPlaced,shop\n",
        "timestamp,partition,offset\n1,2,3\n",
        '[{"id": 1, "name": "x"}]',
        '{"data": [{"id": 1}]}',
        "<html><body>no log</body></html>",
        "just text",
        "",
        "\n\n",
    ],
)
def test_files_of_nobody_else_are_left_to_the_reader(known, text):
    assert known(text) == []
