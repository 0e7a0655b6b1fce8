import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.capture.json_text import any_json
from workbench.capture.reading import json_rows
from workbench.capture.reading.arrays import python_values
from workbench.capture.reading.json_rows import JsonColumns

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
objects = st.dictionaries(st.sampled_from(["id", "data", "a.b", "é", ""]), values, max_size=5)
lines = st.lists(
    objects.map(json.dumps)
    | objects.map(lambda row: json.dumps(row, indent=1))
    | st.tuples(objects, objects).map(lambda two: " ".join(map(json.dumps, two)))
    | st.sampled_from(["", "  ", "[1]", "7", '"x"', "{", '{"id": 01}', '{"id": 1e999}', "[" * 2000]),
    max_size=8,
)  # fmt: skip


def rows_of(block, columns=None):
    rejected = []
    columns = columns or JsonColumns(raw=("data",))
    found, height = columns.columns(block, 1, lambda line, why, text: rejected.append(line))
    cells = {name: python_values(column) for name, column in found.items()}
    return [{n: cells[n][row] for n in cells} for row in range(height)], rejected


def slowly(block):
    """Line by line, each by itself."""
    rows, rejected = [], []
    for number, line in enumerate(block.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = any_json(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            rejected.append(number)
    return rows, rejected


@settings(deadline=None, max_examples=150)
@given(lines)
def test_a_block_gives_what_its_lines_give_one_by_one(some):
    block = "\n".join(some).encode()
    rows, rejected = rows_of(block)
    wanted, bad = slowly(block)
    assert rejected == bad
    known = {name for row in wanted for name in row}
    assert repr([{n: v for n, v in row.items() if v is not None} for row in rows]) == repr(
        [{n: row[n] for n in rows[0] if row.get(n) is not None} for row in wanted]
    )
    assert not rows or known <= rows[0].keys()


def test_a_member_that_comes_late_is_a_column_and_null_before():
    columns = JsonColumns()
    first, _ = rows_of(b'{"a": 1}\n{"a": 2}\n', columns)
    then, _ = rows_of(b'{"a": 3}\n{"b": {"c": 1}}\n', columns)
    assert first == [{"a": 1}, {"a": 2}]
    assert then == [{"a": 3, "b": None}, {"a": None, "b": {"c": 1}}]


@pytest.mark.parametrize("where", ["first", "later"])
def test_members_beyond_the_widest_table_are_kept_in_one_column(monkeypatch, where):
    monkeypatch.setattr(json_rows, "_WIDEST", 3)
    columns = JsonColumns(raw=("data",))
    if where == "later":
        rows_of(b'{"id": 1}', columns)
    rows, rejected = rows_of(
        b'{"id": 1, "data": "x", "k1": 1}\n{"id": 2, "k2": 2, "k3": 3}\nx', columns
    )
    assert rows == [
        {"id": 1, "data": "x", "k1": 1, "more": None},
        {"id": 2, "data": None, "k1": None, "more": {"k2": 2, "k3": 3}},
    ]
    assert rejected == [3]
