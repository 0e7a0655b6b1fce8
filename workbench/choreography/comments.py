"""What people wrote beside the YAML of a design stays when the file is written again.

The new text is made as ever; then each comment of the file as it was (and each empty line) is put
where its entry stands now. Comments are not left to ruamel's own round trip: it hangs those
between two entries on the last value *before* them, so that adding a name to an event type would
put it below what was said of the next one.

What is said of an entry goes when the entry goes: beside it, inside it, and right above it. What
an empty line keeps apart from it, or what is indented deeper than it, stays.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from workbench.choreography.documents import read_yaml
from workbench.errors import DesignError
from workbench.events.files import read_text

MAX_CHARACTERS = 200_000
"""A longer file is written again without its comments: placing them takes seconds."""


def with_comments_of(path: Path, text: str) -> str:
    """The YAML ``text`` with the comments of the file that it is to replace.

    It is ``text`` itself where there is no such file, where it can't be read or is longer than
    ``MAX_CHARACTERS``, and where the two together would not say exactly what ``text`` says.
    """
    try:
        before = read_text(path).removeprefix("\ufeff")
        if max(len(before), len(text)) > MAX_CHARACTERS:
            return text
        read_yaml(path)  # refuses what is no YAML, or holds aliases
        new = _Text(text)
        found = _merged(_Text(before), new)
        YAML(typ="rt", pure=True).load(found)  # as the design will be read
        return found if _value(_compose(found)) == _value(new.root) else text
    except (DesignError, YAMLError, ValueError, RuntimeError, *_FAULTS):
        return text


_FAULTS = (AssertionError, AttributeError, LookupError, TypeError)
"""What ruamel raises where it has not thought of a comment."""


class _Text:
    """A YAML text as lines, with the places of its values."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.root = _compose(text)
        self.scalars = sorted(_scalars(self.root))

    def line_of(self, node: Any) -> int:
        """The number of the line where a node begins."""
        return bisect_right(self.starts, node.start_mark.index) - 1

    def in_a_value(self, line: int, column: int) -> bool:
        """Whether a place is inside a text or a number."""
        index = self.starts[line] + column
        n = bisect_right(self.scalars, (index, len(self.lines) + self.starts[-1])) - 1
        return n >= 0 and self.scalars[n][0] <= index < self.scalars[n][1]

    def comment(self, line: int) -> tuple[str, str]:
        """A line as what stands before its comment, and the comment."""
        words = self.lines[line]
        column = words.find("#")
        while column >= 0:
            if words[:column][-1:] in ("", " ", "\t") and not self.in_a_value(line, column):
                return words[:column].rstrip(), words[column:].rstrip()
            column = words.find("#", column + 1)
        return words.rstrip(), ""

    def indent(self, line: int) -> int:
        return _indent(self.lines[line])


@dataclass
class _Entry:
    """A name or an item of the old text: its line, and the line where it stands now."""

    line: int
    is_name: bool
    now: int | None


def _merged(old: _Text, new: _Text) -> str:
    entries: dict[int, list[_Entry]] = {}
    for entry in _entries(old, new, old.root, new.root):
        entries.setdefault(entry.line, []).append(entry)
    above: dict[int, list[str]] = {}
    beside: dict[int, list[str]] = {}
    waiting: list[str] = []  # lines of comments, and empty ones, since the last entry
    first, last = True, None  # the last: where what stands on a line of no entry belongs
    for line in range(len(old.lines)):
        words, comment = old.comment(line)
        if not words and not old.in_a_value(line, 0):
            waiting.append(old.lines[line].rstrip())
            continue
        here = entries.get(line, [])
        if here:
            now = here[0].now
            if now is not None:
                shift = new.indent(now) - old.indent(line)
                above.setdefault(now, []).extend(_shifted(each, shift) for each in waiting)
                waiting = []
            elif not first:  # what is above the first entry is about the file
                waiting = _apart(waiting, old.indent(line))
            first = False
            name = next((entry for entry in here if entry.is_name), here[0])
            last = name.now if name.now is not None else now
        if comment and last is not None:
            place = above if new.in_a_value(last, len(new.lines[last])) else beside
            place.setdefault(last, []).append(comment)
    written: list[str] = []
    for line, words in enumerate(new.lines[:-1]):
        written += above.get(line, [])
        written.append("  ".join([words, *beside.get(line, [])]))
    while waiting and not waiting[-1]:
        waiting.pop()
    return "\n".join([*written, *waiting, ""])


def _apart(waiting: list[str], indent: int) -> list[str]:
    """What stays of the lines above an entry that is gone."""
    kept = len(waiting)
    while kept and waiting[kept - 1] and _indent(waiting[kept - 1]) <= indent:
        kept -= 1
    return waiting[:kept]


def _shifted(line: str, by: int) -> str:
    words = line.lstrip()
    return " " * max(_indent(line) + by, 0) + words if words else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _entries(old: _Text, new: _Text, was: Any, now: Any) -> Iterator[_Entry]:
    """Each name and item below a node, in the order of the old text."""
    if isinstance(was, MappingNode):
        there = {}
        if isinstance(now, MappingNode):
            there = {_value(name): (name, value) for name, value in now.value}
        for name, value in was.value:
            name_now, value_now = there.get(_value(name), (None, None))
            yield _Entry(old.line_of(name), True, name_now and new.line_of(name_now))
            yield from _entries(old, new, value, value_now)
    elif isinstance(was, SequenceNode):
        items = now.value if isinstance(now, SequenceNode) else []
        pairs = _pairs([_value(item) for item in was.value], [_value(item) for item in items])
        for n, item in enumerate(was.value):
            item_now = items[pairs[n]] if n in pairs else None
            yield _Entry(old.line_of(item), False, item_now and new.line_of(item_now))
            yield from _entries(old, new, item, item_now)


def _pairs(was: list[Any], now: list[Any]) -> dict[int, int]:
    """Which item has become which: equal, beginning alike, or changed in its place."""
    pairs: dict[int, int] = {}
    for kind, i, i_end, j, j_end in SequenceMatcher(None, was, now).get_opcodes():
        free = dict.fromkeys(reversed(range(j, j_end)))
        if kind == "replace":
            begins = {_beginning(now[n]): n for n in free}
            for n in range(i, i_end):
                if _beginning(was[n]) in begins:
                    pairs[n] = begins.pop(_beginning(was[n]))
                    del free[pairs[n]]
        if i_end - i == j_end - j:
            same = zip(range(i, i_end), range(j, j_end), strict=True)
            pairs |= {n: m for n, m in same if n not in pairs and m in free}
    return pairs


def _beginning(value: Any) -> Any:
    """The first name of a mapping and its value, such as ``name: ship``; else all of it."""
    kind, parts = value
    return parts[:1] if kind == "mapping" else value


def _value(node: Any) -> Any:
    """What a node says, in order, as a value to compare."""
    if isinstance(node, MappingNode):
        return "mapping", tuple((_value(name), _value(value)) for name, value in node.value)
    if isinstance(node, SequenceNode):
        return "list", tuple(_value(item) for item in node.value)
    return node and (str(node.tag), node.value)


def _scalars(node: Any) -> Iterator[tuple[int, int]]:
    if isinstance(node, ScalarNode):
        yield node.start_mark.index, node.end_mark.index
    elif isinstance(node, MappingNode):
        for pair in node.value:
            for each in pair:
                yield from _scalars(each)
    elif isinstance(node, SequenceNode):
        for each in node.value:
            yield from _scalars(each)


def _compose(text: str) -> Any:
    return YAML(typ="safe", pure=True).compose(text)
