"""Texts as arrays of letters: told apart as Python tells them apart."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis.order import by_start
from workbench.analysis.texts import Texts

some = st.none() | st.text(max_size=20) | st.sampled_from(["a", "aa", "b" * 8, "ü" * 9])
texts = st.lists(some)
runs = st.lists(st.tuples(some, st.integers(1, 6)))
"""Texts, and how often each comes one after the other."""


@given(texts)
def test_texts_get_numbers_as_pandas_gives_them(values):
    column = pd.Series(values, dtype="str")
    codes, first = Texts.of(column).codes()
    expected, names = pd.factorize(column)
    assert codes.tolist() == expected.tolist()
    assert column.iloc[first].tolist() == names.tolist()


@given(runs)
def test_texts_that_are_those_of_the_row_before_get_their_numbers(values):
    column = pd.Series([text for text, n in values for _ in range(n)], dtype="str")
    codes, first = Texts.of(column).codes()
    expected, names = pd.factorize(column)
    assert codes.tolist() == expected.tolist()
    assert column.iloc[first].tolist() == names.tolist()


def test_texts_that_come_one_after_the_other_only_in_the_middle_get_their_numbers():
    column = pd.Series([f"id-{row}" for row in range(9_000)] * 2, dtype="str")
    column.iloc[7_000:16_000] = "again"
    codes, first = Texts.of(column).codes()
    expected, names = pd.factorize(column)
    assert codes.tolist() == expected.tolist()
    assert column.iloc[first].tolist() == names.tolist()


@given(texts)
def test_equal_texts_have_equal_hashes_and_a_missing_one_has_none(values):
    hashes = Texts.of(pd.Series(values, dtype="str")).hashes().tolist()
    known = {}
    for text, number in zip(values, hashes, strict=True):
        assert (number == 0) == (text is None)
        assert known.setdefault(text, number) == number
    assert len(set(known.values())) == len(known)


def test_texts_that_share_a_hash_are_told_apart_by_their_letters(monkeypatch):
    values = ["a", "b", None, "a", "c", "b"]
    told = Texts.hashes
    shared = np.array([7, 7, 0, 7, 7, 7], np.uint64)
    monkeypatch.setattr(Texts, "hashes", lambda it, seed=0: told(it, seed) if seed else shared)
    codes, first = Texts.of(pd.Series(values, dtype="str")).codes()
    assert codes.tolist() == [0, 1, -1, 0, 2, 1]
    assert first.tolist() == [0, 1, 4]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_part_of_an_arrow_array_and_one_in_pieces_are_read_alike(kind):
    whole = pa.array(["zero", "one", None, "two", "one"], kind)
    expected = Texts.of(pd.Series(["one", None, "two"], dtype="str")).hashes().tolist()
    assert Texts.of(whole.slice(1, 3)).hashes().tolist() == expected
    pieces = pd.Series(pd.array(pa.chunked_array([whole[1:3], whole[3:4]]), dtype="str"))
    assert Texts.of(pieces).hashes().tolist() == expected


names = st.sets(st.text("ab\0ü€😀", max_size=14), min_size=1)


@given(st.text("aü", max_size=10), names, st.data())
def test_flows_that_start_at_once_go_by_name(begin, names, data):
    names = [begin + name for name in data.draw(st.permutations(sorted(names)))]
    started = data.draw(st.lists(st.integers(0, 3), min_size=len(names), max_size=len(names)))
    column = pd.array(names, dtype="str")
    order = by_start(np.array(started, np.int64), column.take)
    assert order.tolist() == sorted(range(len(names)), key=lambda at: (started[at], names[at]))
