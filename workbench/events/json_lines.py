"""On which line of a JSON text a part of it stands."""

from __future__ import annotations

import json
import re

_PART = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def line_of(text: str, pointer: str) -> int | None:
    r"""The line, from 1, of what a JSON pointer (RFC 6901) names; ``None`` if it is not there.

    Of a member of an object: the line of its name.

    Examples
    --------
    >>> line_of('{"properties": {\n  "email": {"type": "string"}}}', "/properties/email")
    2
    """
    wanted = [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]
    if not wanted:
        return 1
    path: list[str | int | None] = []  # an object that waits for a name ends it with None
    begins = False
    line, seen = 1, 0
    for match in _PART.finditer(text):
        part = match[0]
        line, seen = line + text.count("\n", seen, match.start()), match.start()
        last = path[-1] if path else None
        here = begins and part not in "]}"
        if path and last is None and part.startswith('"'):
            path[-1] = json.loads(part, strict=False)
            here = True
        if here and len(path) == len(wanted) and [str(step) for step in path] == wanted:
            return line
        begins = part == "["
        if part in ("{", "["):
            path.append(None if part == "{" else 0)
        elif part in ("}", "]"):
            if not path:
                return None
            path.pop()
        elif part == "," and path:
            path[-1], begins = (last + 1, True) if isinstance(last, int) else (None, False)
    return None
