"""XES: read as others write it, and written so that they read it."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.capture import standard_frame
from workbench.capture.writing import write_log

FOREIGN = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<!-- by hand -->
<log xes.version="1.0" xes.features="nested-attributes" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <global scope="event"><string key="concept:name" value="nothing"/></global>
  <classifier name="Activity" keys="concept:name lifecycle:transition"/>
  <string key="concept:name" value="orders of a day"/>
  <trace>
    <string key="concept:name" value="o-1"/>
    <string key="region" value="Zürich"/>
    <event>
      <string key="concept:name" value="OrderPlaced"/>
      <date key="time:timestamp" value="2026-11-25T10:00:00.123+01:00"/>
      <string key="org:resource" value="shop"/>
      <string key="lifecycle:transition" value="complete"/>
      <int key="quantity" value="2"/>
      <float key="total" value="99.5"/>
      <boolean key="gift" value="true"/>
      <id key="identity:id" value="6f1b0e9c-0000-4000-8000-000000000001"/>
      <list key="items"><values>
        <string key="item" value="a"/>
        <string key="item" value="b"/>
      </values></list>
      <float key="cost:total" value="3"><string key="cost:currency" value="EUR"/></float>
    </event>
    <event>
      <string key="concept:name" value="Line&#10;&lt;two&gt;"/>
      <int key="quantity" value="many"/>
      <float key="total" value="NaN"/>
      <boolean key="gift" value="perhaps"/>
    </event>
  </trace>
  <trace><event><string key="concept:name" value="Lost"/></event></trace>
  <event><string key="concept:name" value="Outside"/></event>
</log>
"""


def test_a_log_as_others_write_it(read):
    rows, rejected = read(FOREIGN)

    assert not rejected
    assert rows == [
        {
            "correlation_id": "o-1",
            "type": "OrderPlaced",
            "time": "2026-11-25T10:00:00.123+01:00",
            "source": "shop",
            "id": "6f1b0e9c-0000-4000-8000-000000000001",
            "data": {
                "lifecycle:transition": "complete",
                "quantity": 2,
                "total": 99.5,
                "gift": True,
                "items.item": ["a", "b"],
                "cost:total": 3.0,
                "cost:total.cost:currency": "EUR",
            },
            "trace": {"region": "Zürich"},
        },
        {
            "correlation_id": "o-1",
            "type": "Line\n<two>",
            "data": {"quantity": "many", "total": "NaN", "gift": "perhaps"},
            "trace": {"region": "Zürich"},
        },
        {"correlation_id": None, "type": "Lost", "data": {}},
        {"correlation_id": None, "type": "Outside", "data": {}},
    ]


def test_a_log_on_one_line_and_with_prefixed_names(read):
    text = FOREIGN.replace("\n", " ")

    assert len(read(text)[0]) == 4


def test_a_torn_log_gives_the_events_that_are_whole(read):
    cut = FOREIGN[: FOREIGN.index('<int key="quantity" value="many"')]

    rows, (rejected,) = read(cut)

    assert [row["type"] for row in rows] == ["OrderPlaced"]
    assert rejected.reason.startswith("from here on this can't be read as XML: no element found: ")


def test_entities_are_refused(read):
    bomb = """<?xml version="1.0"?>
<!DOCTYPE log [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<log><trace><string key="concept:name" value="&b;"/></trace></log>"""

    rows, (rejected,) = read(bomb)

    assert not rows
    assert rejected.line == 2
    assert rejected.reason == "from here on this can't be read as XML: EntitiesForbidden."


def test_an_event_whose_place_is_none_is_rejected(read):
    text = (
        '<log><trace><event><int key="offset" value="-2"/></event>'
        '<event><string key="concept:name" value="A"/></event></trace></log>'
    )

    rows, (rejected,) = read(text)

    assert [row["type"] for row in rows] == ["A"]
    assert rejected.reason == (
        "this event can't be read: its offset is not between 0 and 9,223,372,036,854,775,807."
    )


def log():
    """Two flows that overlap, one event of none, and columns of their own."""
    return standard_frame(
        pd.DataFrame(
            {
                "id": ["a", "b", "c", "d"],
                "type": ["OrderPlaced", "OrderPlaced", None, 'Say "hi" & <bye>\n'],
                "source": ["shop", "shop", "inventory", None],
                "time": pd.to_datetime(
                    [
                        "2026-11-25T09:00:00.000000001Z",
                        "2026-11-25T09:00:01Z",
                        "2026-11-25T09:00:02Z",
                        "2026-11-25T09:00:03Z",
                    ],
                    format="ISO8601",
                ),
                "broker_time": pd.to_datetime(
                    [None, "2026-11-25T09:00:01.5Z", None, None], utc=True
                ),
                "correlation_id": ["f1", "f2", "f1", None],
                "causation_id": [None, None, "a", None],
                "channel": ["orders", "orders", "stock", None],
                "partition": [0, 1, None, None],
                "offset": [5, 7, None, None],
                "data": [{"total": 1.5}, None, ["x", "\x00"], "text"],
                "attempt": [1, 2, 3, 4],
                "ratio": [0.1, np.nan, 1e300, -0.0],
                "late": [True, False, True, False],
                "note": ["n", None, "tab\tend", "\x00"],
                "headers": [{"x": ["1", None]}, None, {}, {"n": 12345678901234567890123}],
            }
        )
    )


def read_back(read, path):
    text = path.read_bytes()
    rows, rejected = read(gzip.decompress(text) if path.suffix == ".gz" else text)
    assert not rejected
    return rows


@pytest.mark.parametrize("name", ["log.xes", "log.xes.gz"])
def test_what_is_written_is_read_again(read, tmp_path, name):
    frame = log()

    rows = read_back(read, write_log(frame, tmp_path / name))

    again = standard_frame(rows)
    wanted = frame.iloc[[0, 2, 1, 3]].reset_index(drop=True)
    wanted["note"] = wanted["note"].replace({"\x00": "\ufffd"})
    for column in wanted.columns:
        pd.testing.assert_series_equal(
            again[column], wanted[column], check_dtype=False, check_categorical=False
        )


def test_a_log_of_nothing_is_a_log(read, tmp_path):
    rows = read_back(read, write_log(standard_frame([]), tmp_path / "log.xes"))

    assert rows == []


def test_pm4py_reads_what_is_written(tmp_path):
    pm4py = pytest.importorskip("pm4py")
    frame = log()

    found = pm4py.read_xes(str(write_log(frame, tmp_path / "log.xes")))

    assert list(found["case:concept:name"].fillna("none")) == ["f1", "f1", "f2", "none"]
    assert list(found["org:resource"].fillna("none")) == ["shop", "inventory", "shop", "none"]
    assert list(found["time:timestamp"].dt.second) == [0, 2, 1, 3]
    assert found["concept:name"].iloc[2] == "OrderPlaced"


def test_what_pm4py_writes_is_read(read, tmp_path):
    pm4py = pytest.importorskip("pm4py")
    cases = pd.DataFrame(
        {
            "case:concept:name": ["f1", "f1", "f2"],
            "case:region": ["eu", "eu", "us"],
            "concept:name": ["OrderPlaced", "StockReserved", "OrderPlaced"],
            "time:timestamp": pd.to_datetime(["2026-11-25T09:00:00.123456Z"] * 3),
            "org:resource": ["shop", "inventory", "shop"],
            "total": [1.5, 2.5, 3.5],
        }
    )
    pm4py.write_xes(cases, str(tmp_path / "theirs.xes"))

    rows, rejected = read((tmp_path / "theirs.xes").read_bytes())

    assert not rejected
    assert [(row["correlation_id"], row["type"], row["source"]) for row in rows] == [
        ("f1", "OrderPlaced", "shop"),
        ("f1", "StockReserved", "inventory"),
        ("f2", "OrderPlaced", "shop"),
    ]
    assert [row["data"]["total"] for row in rows] == [1.5, 2.5, 3.5]
    assert [row["trace"] for row in rows] == [{"region": "eu"}, {"region": "eu"}, {"region": "us"}]
    assert {pd.Timestamp(row["time"]) for row in rows} == {
        pd.Timestamp("2026-11-25T09:00:00.123456Z")
    }


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(
    st.lists(
        st.tuples(texts, st.none() | texts, texts, st.integers(0, 2**62)), min_size=1, max_size=20
    )
)
def test_any_text_comes_back_but_for_what_xml_cannot_hold(read, tmp_path, events):
    frame = standard_frame(
        pd.DataFrame(
            {
                "id": [str(place) for place in range(len(events))],
                "type": pd.Series([event[0] for event in events], dtype="object"),
                "correlation_id": pd.Series([event[1] for event in events], dtype="str"),
                "time": pd.to_datetime([event[3] for event in events], utc=True),
                "data": [{"text": event[2]} for event in events],
            }
        )
    )

    rows = read_back(read, write_log(frame, tmp_path / "log.xes"))

    found = {row["id"]: row for row in rows}
    for place, (type_, flow, text, time) in enumerate(events):
        row = found[str(place)]
        assert row["type"] == held(type_)
        assert row["correlation_id"] == (None if flow is None else held(flow))
        assert row["data"] == {"text": text}
        assert pd.Timestamp(row["time"]).value == time


def held(text):
    return "".join(
        letter
        if letter in "\t\n\r" or "\x20" <= letter <= "\ufffd" or letter >= "\U00010000"
        else "\ufffd"
        for letter in text
    )
