"""The time that a line of a text log says before its message, in the forms of logging libraries.

Which form a file has, its first lines tell. Where two forms stand in a line, the one that tells more
counts. A year that a form leaves out (RFC 3164, section 4.1.2; klog) is the last one in which the
line is not younger than the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_LOOKED_AT: Final = 200
_BEFORE: Final = 120
"""Letters of a line in which its time begins, at the latest."""

_CLOCK: Final = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
_ZONE: Final = r"(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\b|\s[A-Z]{2,4}T\b)?"


@dataclass(frozen=True)
class Form:
    """A way to write the time of a line.

    Attributes
    ----------
    pattern
        Finds it, as its first group.
    yearless
        How ``datetime`` reads its month and day, if it says no year.
    """

    pattern: re.Pattern[str]
    yearless: str | None = None

    def of(self, head: str) -> str | None:
        """The time of a line."""
        found = self.pattern.search(head[: _BEFORE + 40])
        return found[1] if found and found.start() <= _BEFORE else None


_FORMS: Final = (
    Form(
        re.compile(rf"(?<!\d)(\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?{_ZONE})(?!\d)")
    ),
    Form(re.compile(rf"(?<!\d)(\d{{4}}/\d\d/\d\d[T ]{_CLOCK}{_ZONE})(?!\d)")),
    Form(re.compile(rf"(?<!\d)(\d\d/[A-Z][a-z]{{2}}/\d{{4}}[: ]{_CLOCK}{_ZONE})(?!\d)")),
    Form(re.compile(rf"(?<!\d)(\d\d?[./]\d\d?[./]\d{{4}},? {_CLOCK}{_ZONE})(?!\d)")),
    Form(
        re.compile(rf"(?<![A-Za-z])([A-Z][a-z]{{2}}  ?\d\d? {_CLOCK})(?!\d)"), "%Y %b %d %H:%M:%S"
    ),
    Form(re.compile(rf"(?<![A-Za-z])[IWEFD](\d{{4}} {_CLOCK})(?!\d)"), "%Y %m%d %H:%M:%S"),
    Form(re.compile(r"(?<![\w.])(1\d{9}(?:\.\d+|\d{3}(?:\d{3}){0,2})?)(?![\w.])")),
)


def form_of(heads: Sequence[str]) -> Form | None:
    """The form in which most lines of a file say their time; ``None`` if they don't."""
    some = heads[:_LOOKED_AT]
    return next((f for f in _FORMS if 2 * sum(f.of(h) is not None for h in some) > len(some)), None)


def reader_of(form: Form, changed: float) -> Callable[[str], str | None]:
    """What reads the time of a line, as text.

    Parameters
    ----------
    changed
        When the file was last changed, in seconds since 1970.
    """
    if form.yearless is None:
        return form.of
    layout, latest = form.yearless, datetime.fromtimestamp(changed, UTC) + timedelta(days=1)

    def read(head: str) -> str | None:
        text = form.of(head)
        return None if text is None else _with_year(text, layout, latest)

    return read


def _with_year(text: str, layout: str, latest: datetime) -> str | None:
    whole, _, fraction = text.replace(",", ".").partition(".")
    for year in range(
        latest.year, latest.year - 5, -1
    ):  # the 29th of February is not in every year
        try:
            moment = datetime.strptime(f"{year} {whole}", layout).replace(tzinfo=UTC)
        except ValueError:
            continue
        if moment <= latest:
            return f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{fraction}" if fraction else "")
    return None
