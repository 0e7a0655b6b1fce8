"""``Event``: an event type written as a pydantic model."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from workbench.events.event_type import DIALECT, EventType


class Event(BaseModel):
    """The base of event types in Python: a frozen pydantic model with a version and a key.

    Examples
    --------
    >>> class OrderPlaced(Event, version=1, key="order_id"):
    ...     order_id: str
    ...     quantity: int
    >>> OrderPlaced.event_type.name, OrderPlaced.event_type.key
    ('OrderPlaced', 'order_id')
    """

    model_config = ConfigDict(frozen=True)

    event_type: ClassVar[EventType]
    """The event type this class stands for: its name, version, key and JSON Schema."""

    def __init_subclass__(cls, *, version: int = 1, key: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)  # pydantic calls the next one when fields are known

    @classmethod
    def __pydantic_init_subclass__(
        cls, *, version: int = 1, key: str | None = None, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        schema = cls.model_json_schema(schema_generator=_WireSchema)
        cls.event_type = EventType(
            cls.__name__, {"$schema": DIALECT, **schema}, version=version, key=key, model=cls
        )


class _WireSchema(GenerateJsonSchema):
    """The schema of what travels: decimals are strings there, so that no digit is lost."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002
        pattern = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"
        return {"type": "string", "format": "decimal", "pattern": pattern}
