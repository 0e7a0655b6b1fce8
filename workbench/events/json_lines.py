"""On which lines of a JSON text its parts stand."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from workbench.events.json_pointer import below

_PART = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def lines_of(text: str, pointers: Collection[str]) -> dict[str, int]:
    r"""JSON pointer (RFC 6901) → its line, from 1, for those of ``pointers`` that are in a text.

    Of a member of an object: the line of its name.

    Examples
    --------
    >>> lines_of('{"properties": {\n  "email": {"type": "string"}}}', ["/properties/email"])
    {'/properties/email': 2}
    """
    wanted = {*pointers}
    found = {"": 1} if "" in wanted else {}
    outer: list[tuple[str, int | None]] = []  # of what is open: its pointer; which entry it is at
    pointer = ""
    begins = False  # a name, or an entry of a list
    line, seen = 1, 0
    for match in _PART.finditer(text):
        part = match[0]
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        if begins and part not in "]}":
            home, n = outer[-1]
            name = str(json.loads(part, strict=False)) if n is None else str(n)
            pointer = below(home, name)
            if pointer in wanted:
                found.setdefault(pointer, line)
        begins = False
        if part in ("{", "["):
            outer.append((pointer, None if part == "{" else 0))
            begins = True
        elif part in ("}", "]"):
            if not outer:
                break
            outer.pop()
        elif part == "," and outer:
            home, n = outer[-1]
            outer[-1], begins = (home, None if n is None else n + 1), True
    return found
