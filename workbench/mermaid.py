"""Mermaid text (https://mermaid.js.org): a picture that JupyterLab and GitHub draw from a few lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

MIME = "text/vnd.mermaid"
_UNSAFE = re.compile(r"[^\w .,:()/+=!?*'-]")
_LONGEST = 200
"""Letters of a label; names of designs and logs may be of any length."""


@dataclass(frozen=True)
class Mermaid:
    """A picture as text: drawn where it is a cell's result, pasted where GitHub draws it.

    Examples
    --------
    >>> picture = wb.choreography.mermaid()  # doctest: +SKIP
    >>> print(picture)  # between ```mermaid and ``` in any Markdown  # doctest: +SKIP
    """

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {MIME: self.text, "text/plain": self.text}


def label(text: str) -> str:
    """Any text as what Mermaid shows as just that: it is neither markup nor syntax, in one line.

    All but letters, digits and the harmless are written as entity codes, as
    https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters has them.
    """
    line = " ".join(text.split())
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST - 1]}…"
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", line) or " "
