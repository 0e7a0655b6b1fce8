"""What is wrong with a condition that can't be read, and what to write instead of it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from workbench.analysis.condition_words import (
    column_text,
    dotted,
    nearest,
    path_text,
    restored,
    without_texts,
)
from workbench.analysis.wording import cut

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from workbench.analysis.condition_words import Path

EXAMPLE: Final = "type == 'OrderPlaced' and data.total > 100"
_SHOWN: Final = 40
"""Letters of a condition that show a place in it."""
_FRAME: Final = "EventLog(log.frame[log.frame['type'].str.contains('Order', na=False)])"
_INSTEAD: Final = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (r"\.?[$@#]", "a name with other letters inside JSON stands in quotes, data['$id']"),
        ("=", "write == to compare"),
        ("<>", "write !="),
        ("&", "write and"),
        (r"\|", "write or"),
        ("!", "write not, and != to compare"),
        (r"(AND|OR|NOT|IN|IS)\b", "write and, or, not, in and is in small letters"),
        (r"(?i)i?like\b", f"a part of a text is looked for in the frame, {_FRAME}"),
        (r"(?i)between\b", "write 10 <= data.total <= 20"),
    )
)
"""What a condition can't be read at, and what to do."""
_WORDS: Final = {
    "null": "write `is None` or `is not None`",
    "none": "write `is None` or `is not None`",
    "true": "write True, as in data.paid == True",
    "false": "write False, as in data.paid == False",
}
_HYPHENS: Final = re.compile(r"[^\W\d][\w-]*(\.[\w-]+)*")


def no_text(condition: object) -> str:
    """Say what is wrong with a condition that is no text."""
    return (
        f'a condition is a text, like "{EXAMPLE}", and not a value of type '
        f"{type(condition).__name__}. With a mask of rows: EventLog(log.frame[mask])."
    )


def unreadable(
    condition: str,
    error: Exception,
    text: str,
    names: Mapping[str, str],
    columns: Collection[str],
) -> str:
    """Say where a condition can't be read, and what to write there.

    Parameters
    ----------
    condition
        As it was given.
    error
        What Python's reader says.
    text, names
        The condition as that reader was given it, and what its identifiers stand for.
    columns
        Of the log.
    """
    if not text:
        return f'a condition is missing: write one, like "{EXAMPLE}".'
    said = f"the condition {condition!r} can't be read"
    if not isinstance(error, SyntaxError) or error.lineno is None:
        return f"{said}: {str(error) or type(error).__name__}."
    rest = _rest(text, error.lineno, error.offset or 0)
    if not rest:
        return f"{said}: something is missing at its end."
    why = _odd_letters(text, columns, error.msg) or _instead(rest) or error.msg
    return f"{said} at {cut(restored(rest, names), _SHOWN)!r}: {why}."


def _rest(text: str, line: int, place: int) -> str:
    """A condition from where it can't be read on; both count from 1, and a place of 0 is the end."""
    left = "\n".join(text.split("\n")[line - 1 :])
    return left[place - 1 :] if place else ""


def _instead(rest: str) -> str | None:
    return next((advice for pattern, advice in _INSTEAD if pattern.match(rest)), None)


def _odd_letters(text: str, columns: Collection[str], why: str) -> str | None:
    """What to do about a name with odd letters that stands in a condition as it is."""
    told = without_texts(text)
    odd = [name for name in columns if re.search(r"\W", name) and _stands_in(name, told)]
    if not odd and not why.startswith("invalid character"):
        return None
    shown = column_text(max(odd, key=len)) if odd else "like `Gebühr (€)`"
    return f"a name with other letters stands in backticks, {shown}"


def _stands_in(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def no_column(
    name: str,
    path: Path,
    columns: Collection[str],
    theirs: Mapping[str, str],
    *,
    is_value: bool,
) -> str:
    """Say that a log has no such column, and which may be meant.

    Parameters
    ----------
    name, path
        What was asked for.
    columns
        Of the log.
    theirs
        Names in the file that was read → our columns.
    is_value
        Whether it stands where a value is expected, and so may be a text.
    """
    said = f"there is no column {name!r} in this log"
    word = None if path else _WORDS.get(name.casefold())
    if word:
        return f"{said}: {word}."
    if is_value:
        said += f" (text stands in quotes: {_as_text(name, path)!r})"
    if whole := dotted([name, *path], columns):
        return f"{said}: did you mean {path_text(str(whole[0]), whole[1:])}?"
    if name in theirs:
        ours = theirs[name]
        return f"{said}: it was read as {ours}, so write {path_text(ours, path)}."
    if near := nearest(name, columns):
        return f"{said}: did you mean {path_text(near, path)}?"
    return f"{said}: it has {', '.join(map(column_text, columns))}"


def _as_text(name: str, path: Path) -> str:
    return ".".join([name, *(step for step in path if isinstance(step, str))])


def value_wanted(node: ast.expr) -> str | None:
    """Say what to write instead of a name in a list of values, if one is in it."""
    inside = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []
    name = next((each.id for each in inside if isinstance(each, ast.Name)), None)
    if name is None:
        return None
    if name.casefold() in _WORDS:
        return f"write {name.title().replace('Null', 'None')}"
    return f"text stands in quotes: {name!r}"


def hyphenated(text: str | None, columns: Collection[str], *, is_value: bool) -> str | None:
    """Say how to write a name with a hyphen, if that is what a part of a condition is."""
    if text is None or "-" not in text or not _HYPHENS.fullmatch(text):
        return None
    name, *path = text.split(".")
    if is_value and name not in columns:
        return f"text stands in quotes: {text!r}"
    whole = dotted([name, *path], columns) or [name, *path]
    return f"with a hyphen in its name it is {path_text(str(whole[0]), whole[1:])}"
