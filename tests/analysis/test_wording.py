import pytest

from workbench.analysis.wording import length, number, percent


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (299 / 300, "99.7 %"),
        (0.995, "99.5 %"),
        (0.9999, "99.99 %"),
        (1 - 1e-9, "> 99.9999 %"),
        (1 / 300, "0.33 %"),
        (0.00001, "0.001 %"),
        (1e-9, "< 0.0001 %"),
        (0.994, "99 %"),
        (0.0996, "10 %"),
        (0.43, "43 %"),
        (1.5, "150 %"),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_is_100(share, text):
    assert percent(share) == text


def test_shares_that_add_up_to_all_but_the_rounding_are_all():
    assert sum([0.1] * 10) < 1
    assert percent(sum([0.1] * 10)) == "100 %"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (-0.0, "0 ms"),
        (1e-13, "0 ms"),
        (1e-9, "1 ns"),
        (250e-9, "250 ns"),
        (-20e-6, "-20 µs"),
        (2.5e-6, "2.5 µs"),
        (0.00099995, "1 ms"),
        (0.0042, "4.2 ms"),
        (0.04, "40 ms"),
        (59.99, "1 min"),
        (900, "15 min"),
        (-172_800, "-2 d"),
    ],
)
def test_lengths_are_told_down_to_nanoseconds(seconds, text):
    assert length(seconds) == text


def test_numbers_below_0_are_written_as_those_above():
    assert (number(5000), number(-5000)) == ("5,000", "-5,000")
    assert (number(4.25), number(-4.25)) == ("4.25", "-4.25")
