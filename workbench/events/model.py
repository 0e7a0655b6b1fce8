"""``Event``: an event type written as a pydantic model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from workbench.events.event_type import DIALECT, EventType
from workbench.events.masking import Masking


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

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What its repr shows: personal values are masked, and what holds one is as it travels."""
        names = {name: field.alias or name for name, field in type(self).model_fields.items()}
        shown = self.model_dump(mode="json", by_alias=True)
        masked = Masking([self.event_type]).mask(shown).payload
        for name, value in super().__repr_args__():
            travels = names.get(name or "", "")
            hidden = travels in masked and masked[travels] != shown[travels]
            yield name, masked[travels] if hidden else value


class _WireSchema(GenerateJsonSchema):
    """The schema of what travels: decimals are strings there, so that no digit is lost."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002
        pattern = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"
        return {"type": "string", "format": "decimal", "pattern": pattern}
