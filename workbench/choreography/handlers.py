"""What a Python handler's annotations say: which event it takes, which it may emit."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from workbench.errors import HandlerError
from workbench.events import Event

Emits = type[Event] | str | Iterable[type[Event] | str]


def taken_event(handler: Callable[..., Any], given: object) -> type[Event] | None:
    """The event class that the handler is called with; ``None``: with the payload as a dict.

    What its first parameter is annotated with; where that says nothing, the class given.
    """
    parameters = list(inspect.signature(handler).parameters.values())
    if not 1 <= len(parameters) <= 2:
        raise HandlerError(
            f"the handler {_name(handler)} takes {len(parameters)} parameters; "
            "it must take the event, or the event and the context: def react(event, ctx)."
        )
    hint = _hints(handler).get(parameters[0].name, given)
    return hint if isinstance(hint, type) and issubclass(hint, Event) else None


def annotated_effects(handler: Callable[..., Any]) -> list[type[Event]]:
    """The event classes in the return annotation, in its order.

    Unions, ``None``, and what a generator or list yields are all looked through.

    Raises
    ------
    HandlerError
        There is no return annotation, so what the handler emits is unknown.
    """
    hints = _hints(handler)
    if "return" not in hints:
        raise HandlerError(
            f"what {_name(handler)} emits is unknown: annotate what it returns "
            f"(def {_name(handler)}(event, ctx) -> StockReserved | None) "
            "or name it: on(..., emits=[StockReserved])."
        )
    found: list[type[Event]] = []
    _collect(hints["return"], found)
    return found


def may_be_silent(handler: Callable[..., Any]) -> bool:
    """Whether the return annotation allows for no effect: ``| None``, or any number of them."""
    hint = _hints(handler).get("return")
    if hint in (None, type(None)):
        return True
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return type(None) in typing.get_args(hint)
    return origin is not None


@cache
def takes_context(handler: Callable[..., Any]) -> bool:
    """Whether the handler wants the context as its second argument."""
    return len(inspect.signature(handler).parameters) == 2


def _collect(hint: Any, found: list[type[Event]]) -> None:
    if typing.get_origin(hint) is not None:
        for argument in typing.get_args(hint):
            _collect(argument, found)
    elif isinstance(hint, type) and issubclass(hint, Event) and hint not in found:
        found.append(hint)


def _hints(handler: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(handler)
    except NameError as error:
        raise HandlerError(
            f"the annotations of {_name(handler)} name {error.name!r}, which is not defined here; "
            "define the event first, or give on(...) the event and emits=[...]."
        ) from error


def _name(handler: Callable[..., Any]) -> str:
    return getattr(handler, "__name__", repr(handler))
