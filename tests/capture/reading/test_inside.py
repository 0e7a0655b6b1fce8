import json

import msgspec
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from workbench.capture.reading import inside
from workbench.capture.reading.inside import Inside

values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(json.dumps)
        | st.lists(st.tuples(st.sampled_from("ab"), inner).map(list), max_size=2)
    ),
    max_leaves=6,
)
paths = st.lists(st.sampled_from("ab"), max_size=3)


def step_by_step(value, path):
    for step in path:
        if isinstance(value, str) and value.startswith("{"):
            value = json.loads(value)
        if isinstance(value, list):
            value = dict(reversed(value))  # of two with the same name the first
        value = value.get(step) if isinstance(value, dict) else None
    return value


@given(st.lists(values, max_size=4), st.lists(paths, max_size=4), st.booleans())
def test_many_paths_give_what_each_row_gives_step_by_step(rows, some, raw):
    column = [msgspec.Raw(json.dumps(row).encode()) for row in rows] if raw else rows
    found = Inside({"x": column})
    for path in filter(None, some):
        assert found.at(("x", *path)) == [step_by_step(row, path) for row in rows]


def test_a_row_is_decoded_once_for_all_paths_into_it(monkeypatch):
    decoded = []
    plain = inside.python_values
    monkeypatch.setattr(inside, "python_values", lambda some: decoded.append(1) or plain(some))
    found = Inside({"x": [msgspec.Raw(b'{"a": {"b": 1, "c": 2}, "d": 3}')]})
    assert [found.at(("x", *path)) for path in ("ab", "ac", "d")] == [[1], [2], [3]]
    assert len(decoded) == 2  # x, and a in it


def test_a_column_itself_is_given_as_it_is():
    column = pa.array([1, 2])
    assert Inside({"x": column}).at(("x",)) is column
