from __future__ import annotations

import pytest

from workbench.widgets.page import BAD, Message, sentence, shown
from workbench.widgets.rates import Rate
from workbench.widgets.text import compact, milliseconds, pretty


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (940, "940"),
        (9_999, "9,999"),
        (12_345, "12.3k"),
        (999_960, "1.0M"),
        (4_100_000, "4.1M"),
    ],
)
def test_counts_are_rounded_for_labels(number, text):
    assert compact(number) == text


def test_a_latency_has_its_unit():
    assert milliseconds(0.0042) == "+4.2 ms"
    assert milliseconds(1.25) == "+1.25 s"
    assert milliseconds(600) == "+10.0 min"


def test_a_huge_payload_is_shortened():
    assert len(pretty("x" * 100_000)) < 5_000


def test_a_sentence_is_escaped_and_trouble_carries_a_sign(lively):
    shown_text = sentence(lively, BAD)
    assert "<img" not in shown_text
    assert "⚠" in shown_text


def test_an_exception_in_a_callback_is_shown_in_the_widget(lively):
    message = Message()
    with shown(message):
        raise KeyError(lively)
    assert "KeyError" in message.value
    assert "<img" not in message.value


def test_a_rate_is_right_within_the_window_and_falls_to_zero():
    rate = Rate()
    rate.add(50, 10.0)
    rate.add(50, 10.5)
    assert rate.per_second(10.6) == 100
    assert rate.per_second(11.7) == 0
