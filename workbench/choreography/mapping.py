"""What a mapping makes of an event: the payload of one effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.choreography.expression import Expression, fit
from workbench.events import EventType


def mapped(fields: Mapping[str, Any], data: Any, view: Any, effect: EventType) -> dict[str, Any]:
    """The payload of an effect.

    Parameters
    ----------
    fields
        Field of the effect → :class:`Expression` or constant.
    data, view
        The event's payload, as it is read and as CEL sees it (see ``cel_view``).
    effect
        The effect's type, in the version that is written.

    Raises
    ------
    ExpressionError
        An expression fails on this event.
    """
    made: dict[str, Any] = {}
    for field, value in fields.items():
        if isinstance(value, Expression):
            value = fit(value.value(data, view), effect.properties.get(field, {}))
            if value is None and field not in effect.schema.get("required", ()):
                continue  # an absent optional field stays absent
        made[field] = value
    return made
