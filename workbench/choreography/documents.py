"""Files that people write, as values that know where they stand: YAML and texts, never code."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from workbench.choreography.expression import Expression
from workbench.errors import DesignError, WorkbenchError
from workbench.events.files import read_text

Value = TypeVar("Value")


class Node:
    """A value of the document that knows where it stands."""

    def __init__(self, value: Any, file: str, field: str, line: int | None) -> None:
        self.value, self.file, self.field, self.line = value, file, field, line

    def error(self, message: str) -> DesignError:
        """The error to raise: a sentence with this place before it."""
        message = message if message.endswith((".", "?")) else message + "."
        return DesignError(message, file=self.file, line=self.line, field=self.field or None)

    def checked(self, make: Callable[[], Value]) -> Value:
        """What ``make`` gives, with this place added to what it raises."""
        try:
            return make()
        except WorkbenchError as error:
            raise self.error(str(error)) from error

    def get(self, name: str, *default: Any) -> Node:
        """The value under a name; without a ``default`` it must be there."""
        mapping = self._as(Mapping, "a mapping of names to values")
        if name not in mapping:
            if not default:
                raise self.error(f"{name!r} is missing")
            return Node(default[0], self.file, self._below(name), self.line)
        line = _line(lambda: mapping.lc.value(name), self.line)
        return Node(mapping[name], self.file, self._below(name), line)

    def mapping(self) -> dict[str, Node]:
        """Name → value, where this must be a mapping."""
        mapping = self._as(Mapping, "a mapping of names to values")
        found: dict[str, Node] = {}
        for name in mapping:
            if not isinstance(name, str):
                raise self.error(f"the name {name!r} must be a text")
            line = _line(lambda name=name: mapping.lc.key(name), self.line)  # type: ignore[misc]
            found[name] = Node(mapping[name], self.file, self._below(name), line)
        return found

    def items(self) -> list[Node]:
        """The entries, where this must be a list."""
        entries = self._as(list, "a list (lines beginning with '-')")
        return [
            Node(
                entry,
                self.file,
                f"{self.field}[{n}]",
                _line(lambda n=n: entries.lc.item(n), self.line),  # type: ignore[misc]
            )
            for n, entry in enumerate(entries)
        ]

    def numbered(self) -> dict[int, Node]:
        """A mapping of versions to values."""
        mapping = self._as(Mapping, "a mapping of versions to values, such as {2: ...}")
        found: dict[int, Node] = {}
        for name in mapping:
            version = int(name) if str(name).isdecimal() else name  # in JSON names are texts
            if isinstance(version, bool) or not isinstance(version, int):
                raise self.error(f"{name!r} is not a version: versions are whole numbers")
            line = _line(lambda name=name: mapping.lc.key(name), self.line)  # type: ignore[misc]
            found[version] = Node(mapping[name], self.file, self._below(str(name)), line)
        return found

    def texts(self) -> list[Node]:
        """One text, or a list of them."""
        return [self] if isinstance(self.value, str) else self.items()

    def text(self) -> str:
        """The text that this must be."""
        return str(self._as(str, "a text"))

    def only(self, known: set[str]) -> None:
        """Refuse names that mean nothing here."""
        for name, node in self.mapping().items():
            if name not in known:
                raise node.error(f"{name!r} is not known here (known: {', '.join(sorted(known))})")

    def number(self, *, whole: bool) -> Any:
        """The number that this must be."""
        what = "a whole number" if whole else "a number"
        number = self._as(int if whole else (int, float), what)
        if isinstance(number, bool):
            raise self.error(f"{self.field} must be {what}")
        return number

    def expression_or_constant(self) -> Any:
        """What a field is mapped to: CEL where it is a text, else the value itself."""
        if isinstance(self.value, str):
            return self.checked(lambda: Expression(str(self.value)))
        if self.value is None or isinstance(self.value, bool | int | float):
            return self.value
        raise self.error("write an expression in CEL, a number, true, false or null")

    def version_after(self, released: list[int]) -> int:
        """The version that this must be: one above those that are released."""
        version = self._as(int, "a whole number")
        if isinstance(version, bool) or version <= max(released, default=0):
            raise self.error(f"a draft's version must be above the released ones, not {version}")
        return int(version)

    def plain(self) -> Any:
        """The value as JSON has it: no types of ruamel's, no dates."""
        if isinstance(self.value, Mapping):
            return {name: node.plain() for name, node in self.mapping().items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.items()]
        if self.value is None or isinstance(self.value, bool):
            return self.value
        if isinstance(self.value, date):  # YAML 1.2 has no dates: it was a text
            return self.value.isoformat()
        if isinstance(self.value, str):
            return str(self.value)
        if isinstance(self.value, int):
            return int(self.value)
        if isinstance(self.value, float) and math.isfinite(self.value):
            return float(self.value)
        raise self.error("JSON has no such value; write a text, a number, true, false or null")

    def _below(self, name: str) -> str:
        return f"{self.field}.{name}" if self.field else name

    def _as(self, kind: type | tuple[type, ...], what: str) -> Any:
        if not isinstance(self.value, kind):
            raise self.error(f"{self.field or 'the file'} must be {what}")
        return self.value


def _line(place: Callable[[], Any], otherwise: int | None) -> int | None:
    """The line ruamel has for a place; it has none in defaults and under some tags."""
    try:
        return int(place()[0]) + 1
    except (AttributeError, KeyError, TypeError):
        return otherwise


def read_yaml(path: Path) -> Any:
    """The document in a YAML file, in ruamel's types, which know their lines.

    Raises
    ------
    DesignError
        It is not YAML, repeats a key, or holds an alias (that is how a small file becomes a huge
        document).
    """
    text = read_text(path)
    yaml = YAML(typ="rt", pure=True)  # the round-trip loader knows lines and builds no objects
    yaml.allow_duplicate_keys = False
    alias = _line_of_alias(text)
    if alias is not None:
        raise DesignError(
            "anchors and aliases (& and *) are not read in a design; write it out.",
            file=str(path),
            line=alias,
        )
    try:
        document = yaml.load(text)
        return {} if document is None else document
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        reason = (error.problem or "it can't be read").splitlines()[0]
        raise DesignError(f"not YAML: {reason}.", file=str(path), line=line) from error
    except RecursionError as error:
        raise DesignError("not YAML: nested too deeply.", file=str(path)) from error
    except (YAMLError, ValueError) as error:
        reason = (str(error) or "it can't be read").splitlines()[0]
        raise DesignError(f"not YAML: {reason}.", file=str(path)) from error


def _line_of_alias(text: str) -> int | None:
    from ruamel.yaml.tokens import AliasToken

    if "*" not in text:
        return None
    try:
        for token in YAML(pure=True).scan(text):
            if isinstance(token, AliasToken):
                return int(token.start_mark.line) + 1
    except (YAMLError, RecursionError):
        pass  # the loader says what is wrong, with its line
    return None


def yaml_text(document: Any) -> str:
    """Plain data as YAML that reads well in a diff."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = sys.maxsize  # ruamel loses one of two spaces where it wraps a text
    yaml.representer.ignore_aliases = lambda _: True
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
