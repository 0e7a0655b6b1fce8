"""Several sources read at once are one, and end together."""

import threading

import pytest

from workbench.capture.side_by_side import side_by_side


def numbers(begin, count):
    return lambda: iter(range(begin, begin + count))


def test_all_that_the_sources_give_is_given_each_in_its_order():
    found = list(side_by_side([numbers(0, 100), numbers(1_000, 50), numbers(2_000, 0)]))
    assert sorted(found) == [*range(100), *range(1_000, 1_050)]
    assert [n for n in found if n < 1_000] == list(range(100))


def test_the_error_of_one_ends_all_and_is_raised():
    def failing():
        yield 1
        raise ValueError("broken")

    def endless():
        while True:
            yield 0

    with pytest.raises(ValueError, match="broken"):
        list(side_by_side([failing, endless]))


def test_sources_are_closed_where_they_were_read_when_nobody_takes_any_more():
    closed = []

    def endless():
        made = threading.get_ident()
        try:
            while True:
                yield made
        finally:
            closed.append(made == threading.get_ident())

    given = side_by_side([endless, endless])
    next(given)
    given.close()
    assert closed == [True, True]
