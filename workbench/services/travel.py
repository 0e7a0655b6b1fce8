"""Sending a service to another process: what can travel, and the name of what can't.

Handlers travel by cloudpickle: functions and classes of a notebook or script go whole, with
*copies* of the globals they use; a global changed later in the notebook is not changed there
(use ``ctx.state``).
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import cloudpickle

from workbench.errors import HandlerError
from workbench.services.spec import ServiceSpec


def pack(spec: ServiceSpec, settings: dict[str, Any]) -> bytes:
    """A service and its broker's settings as bytes. They may hold secrets: never written down.

    Raises
    ------
    HandlerError
        Something that a handler uses can't travel; says which name.
    """
    try:
        return bytes(cloudpickle.dumps((spec, settings)))
    except Exception as error:
        for reaction in spec.reactions:
            for name, value in _used(reaction.handler):
                if not _travels(value):
                    raise HandlerError(
                        f"{spec.name}/{reaction.name} uses {name!r} ({type(value).__name__}), which "
                        "can't travel to another process: make it inside the handler, or keep "
                        "what is needed of it in ctx.state."
                    ) from error
        raise HandlerError(f"{spec.name} can't travel to another process: {error}.") from error


def unpack(packed: bytes) -> tuple[ServiceSpec, dict[str, Any]]:
    """What :func:`pack` packed."""
    spec, settings = cloudpickle.loads(packed)
    return spec, settings


def _used(handler: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of the globals and closure variables a function uses."""
    if not isinstance(handler, types.FunctionType):
        return
    for name in sorted(_names(handler.__code__)):
        if name in handler.__globals__:
            yield name, handler.__globals__[name]
    for name, cell in zip(handler.__code__.co_freevars, handler.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def _travels(value: Any) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:  # noqa: BLE001 - pickling runs anything
        return False
    return True
