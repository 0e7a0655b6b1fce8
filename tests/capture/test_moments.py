import re
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from workbench.errors import LogError, ServiceError
from workbench.moments import moment_of

NINE = pd.Timestamp("2026-11-23T09:00Z")


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-23 09:00",
        "2026-11-23T10:00+01:00",
        " 23 Nov 2026 09:00 ",
        "20261123T0900",
        datetime(2026, 11, 23, 9),  # noqa: DTZ001 - that is the question
        datetime(2026, 11, 23, 11, tzinfo=timezone(timedelta(hours=2))),
        NINE,
        np.datetime64("2026-11-23T09:00"),
    ],
    ids=str,
)
def test_a_time_is_utc_unless_it_says(given):
    found = moment_of(given)
    assert found == NINE
    assert found.tz is UTC


def test_a_day_is_its_beginning():
    assert moment_of(date(2026, 11, 23)) == moment_of("2026-11-23") == NINE.floor("D")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("14:20", "says no date: write a time"),
        ("2:20 pm", "says no date: write a time"),
        ("04.09.2026", "doesn't say which number is the month: write a time"),
        ("13-03-26", "doesn't say which number is the month: write a time"),
        (1790000500, "has no unit: write a time"),
        (np.float64("nan"), "has no unit: write a time"),
        (True, "has no unit: write a time"),
        ("now", "is not a time: write one"),
        ("Jan 5", "is not a time: write one"),
        ("2026-13-01", "is not a time: write one"),
        ("", "is not a time: write one"),
        (pd.NaT, "is not a time: write one"),
        ([NINE], "is not a time: write one"),
        (timedelta(seconds=5), "is not a time: write one"),
    ],
    ids=str,
)
def test_what_does_not_say_when_is_refused(given, why):
    said = re.escape(f"{given!r} {why} like '2026-11-23 09:00'.")
    with pytest.raises(LogError, match=f"^{said}$"):
        moment_of(given)
    with pytest.raises(ServiceError, match=f"^since={said}$"):
        moment_of(given, "since", ServiceError)
