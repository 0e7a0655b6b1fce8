"""Which fields of an event a handler touches, seen while it runs.

The handler must not notice. A payload is handed over as a mapping that is a ``dict`` in every
respect, and notes what it is asked for. An event of a class stays the very object that it was: its
class is made to note which attributes of that object are looked up, as long as the handler runs.
What goes past Python (C code that reads a ``dict`` by itself, such as pydantic's or orjson's) is
not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

_MISSING: Any = object()
_AS_A_WHOLE = {"__dict__", "__iter__", "model_dump", "model_dump_json", "model_copy", "copy"}


class Touched:
    """What was touched of one event."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}
        self._whole: dict[str, None] = {}

    def fields(self) -> list[str]:
        """The paths, in the order in which they were touched; ``""`` is the whole event.

        A part that was looked up only on the way to one within it is left out.
        """
        if "" in self._whole:
            return [""]
        outer = list(self._whole)
        every = dict.fromkeys((*self._whole, *self._seen))
        return [
            path
            for path in every
            if not any(_is_within(path, whole) for whole in outer)
            and (path in self._whole or not any(_is_within(other, path) for other in every))
        ]

    def note(self, path: str) -> None:
        """A field was looked up."""
        self._seen[path] = None

    def note_all(self, path: str) -> None:
        """All of a part may have been looked at."""
        self._whole[path] = None

    @contextmanager
    def noting(self, event: Any) -> Iterator[Any]:
        """Give what the handler is to be called with, and note what it does with that."""
        if not isinstance(event, BaseModel):
            yield _noted(event, "", self)
            return
        paths: dict[int, str] = {}
        models: dict[int, BaseModel] = {}
        _collect(event, "", paths, models)
        undo = [_watch(kind, paths, self) for kind in {type(m): None for m in models.values()}]
        try:
            yield event
        finally:
            for restore in reversed(undo):
                restore()


def _is_within(path: str, outer: str) -> bool:
    return path.startswith((f"{outer}.", f"{outer}["))


# --- events of a class ----------------------------------------------------------------------


def _collect(value: Any, path: str, paths: dict[int, str], models: dict[int, BaseModel]) -> None:
    """Remember by its identity where each model stands in an event."""
    if isinstance(value, BaseModel) and id(value) not in models:
        paths[id(value)], models[id(value)] = path, value
        for name, part in value.__dict__.items():
            _collect(part, f"{path}.{name}" if path else name, paths, models)
    elif isinstance(value, list | tuple):
        for entry in value:
            _collect(entry, f"{path}[]", paths, models)


def _watch(kind: type[BaseModel], paths: dict[int, str], touched: Touched) -> Callable[[], None]:
    """Let a class note what is looked up in some of its objects; returns what ends that."""
    own = vars(kind).get("__getattribute__", _MISSING)
    inherited: Any = kind.__getattribute__
    fields = {*kind.model_fields}

    def noting(self: BaseModel, name: str) -> Any:
        path = paths.get(id(self))
        if path is not None:
            if name in fields:
                touched.note(f"{path}.{name}" if path else name)
            elif name in _AS_A_WHOLE:
                touched.note_all(path)
        return inherited(self, name)

    def restore() -> None:
        if own is _MISSING:
            type.__delattr__(kind, "__getattribute__")
        else:
            type.__setattr__(kind, "__getattribute__", own)

    type.__setattr__(kind, "__getattribute__", noting)
    return restore


# --- payloads -------------------------------------------------------------------------------


def _noted(value: Any, path: str, touched: Touched) -> Any:
    """A payload whose mappings note what they are asked for."""
    if isinstance(value, dict):
        below = {k: _noted(v, f"{path}.{k}" if path else k, touched) for k, v in value.items()}
        noted = _Payload(below)
        noted.at = touched, path
        return noted
    if isinstance(value, list):
        return [_noted(entry, f"{path}[]", touched) for entry in value]
    return value


class _Payload(dict[str, Any]):
    """A ``dict`` that notes what it is asked for; a copy of it, in whatever way, is a plain one."""

    __slots__ = ("at",)
    at: tuple[Touched, str]
    __hash__ = None

    def _field(self, name: Any) -> None:
        touched, path = self.at
        touched.note(f"{path}.{name}" if path else str(name))

    def _all(self) -> None:
        touched, path = self.at
        touched.note_all(path)

    def __len__(self) -> int:
        touched, path = self.at
        if path:  # a pattern asks for it, too, before it looks for its names
            touched.note(path)
        return super().__len__()

    def __getitem__(self, name: Any) -> Any:
        self._field(name)
        return super().__getitem__(name)

    def __contains__(self, name: Any) -> bool:
        self._field(name)
        return super().__contains__(name)

    def get(self, name: Any, default: Any = None) -> Any:
        self._field(name)
        return super().get(name, default)

    def pop(self, name: Any, *default: Any) -> Any:
        self._field(name)
        return super().pop(name, *default)

    def setdefault(self, name: Any, default: Any = None) -> Any:
        self._field(name)
        return super().setdefault(name, default)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._all()
        return dict, (dict(self),)


def _whole(name: str) -> Any:
    inherited = getattr(dict, name)

    def noting(self: _Payload, *given: Any, **named: Any) -> Any:
        self._all()
        return inherited(self, *given, **named)

    noting.__name__ = name
    return noting


for _name in (
    *("__iter__", "__reversed__", "__eq__", "__ne__", "__repr__", "__or__", "__ror__"),
    *("keys", "values", "items", "copy", "popitem"),
):
    setattr(_Payload, _name, _whole(_name))
