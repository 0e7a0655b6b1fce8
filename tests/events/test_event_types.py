"""Event types: written as a class or as a JSON Schema, and what their payloads may be."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from uuid import UUID

import jsonschema_rs
import pytest
from pydantic import BaseModel, Field, ValidationError

from workbench.errors import EventError
from workbench.events import Event, EventType, decode_payload, encode_payload


class Size(Enum):
    SMALL = "S"
    LARGE = "L"


class Address(BaseModel):
    street: str
    city: str = "Zürich"


class Line(BaseModel):
    sku: str
    price: Decimal
    tags: list[str] = []


class OrderPlaced(Event, version=2, key="order_id"):
    """Everything a payload may hold."""

    order_id: UUID
    total: Decimal
    placed_at: datetime
    size: Size
    address: Address
    lines: list[Line]
    quantity: int = Field(ge=1)
    note: str | None = None
    discount: Decimal | None = None


ORDER = OrderPlaced(
    order_id=UUID("6F0C2C5E-9f0b-5d7e-8a55-3f1c9d2b7a10"),
    total=Decimal("12345678901234567890.123456789012345678"),
    placed_at=datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
    size=Size.LARGE,
    address=Address(street="Bahnhofstraße 1"),
    lines=[Line(sku="a", price=Decimal("0.10")), Line(sku="b", price=Decimal("1E+3"), tags=["😀"])],
    quantity=2**70,
)


def test_a_class_has_an_event_type_with_its_name_version_key_and_schema():
    event_type = OrderPlaced.event_type
    assert (event_type.name, event_type.version, event_type.key) == ("OrderPlaced", 2, "order_id")
    assert event_type.dataschema == "urn:event:OrderPlaced:2"
    assert event_type.model is OrderPlaced


def test_its_schema_is_valid_json_schema_2020_12():
    schema = OrderPlaced.event_type.schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate(schema)
    assert schema["required"] == [
        "order_id", "total", "placed_at", "size", "address", "lines", "quantity"
    ]  # fmt: skip


def test_decimals_travel_as_strings_only():
    assert OrderPlaced.event_type.properties["total"]["type"] == "string"
    assert OrderPlaced.event_type.properties["total"]["format"] == "decimal"
    payload = {**decode_payload(encode_payload(ORDER)), "total": 1.5}
    assert "total: 1.5 is not of type" in OrderPlaced.event_type.problem_with(payload)


def test_every_kind_of_field_round_trips_with_every_digit():
    value, _ = OrderPlaced.event_type.encode(ORDER)
    assert OrderPlaced.model_validate_json(value) == ORDER
    again = OrderPlaced.model_validate_json(value)
    assert str(again.total) == "12345678901234567890.123456789012345678"
    assert again.placed_at.utcoffset() == timedelta(hours=2)


def test_what_is_absent_is_as_good_as_null_where_it_is_optional():
    payload = decode_payload(encode_payload(ORDER))
    for name in ("note", "discount"):
        del payload[name]
    assert OrderPlaced.event_type.problem_with(payload) is None
    assert OrderPlaced.model_validate(payload).note is None


def test_events_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        ORDER.quantity = 3


def test_a_wrong_key_is_named_with_the_fields_there_are():
    expected = "^Wrong v1: the key field 'order_idd' is not a field of the event .its fields: order_id, n.[.]$"
    with pytest.raises(EventError, match=expected):

        class Wrong(Event, version=1, key="order_idd"):
            order_id: str
            n: int


@pytest.mark.parametrize(
    "name", ["", "1st", "Order Placed", "a/b", "../x", "Ünï", "a" * 101, "x\n"]
)
def test_a_name_that_can_not_travel_is_refused(name):
    with pytest.raises(EventError, match="can't name an event type: use letters, digits"):
        EventType(name, {})


def test_versions_count_from_1():
    with pytest.raises(EventError, match="OrderPlaced: versions count from 1, and 0 is not one"):
        EventType("OrderPlaced", {}, version=0)


@pytest.mark.parametrize("schema", [True, None, "{}", ["id"], OrderPlaced])
def test_an_events_schema_is_an_object(schema):
    with pytest.raises(EventError, match=r"^U: an event's schema must be an object, such as"):
        EventType("U", schema, key="id")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": None}, "None can't name an event type"),
        ({"name": OrderPlaced}, "can't name an event type"),
        ({"version": "2"}, "versions count from 1, and '2' is not one"),
        ({"version": None}, "versions count from 1, and None is not one"),
        ({"key": ["id"]}, r"the key field \['id'\] is not a field"),
        ({"schema": {"properties": ["id"]}, "key": "id"}, r"is not a field .*its fields: none"),
    ],
)
def test_what_an_event_type_is_made_of_is_checked(arguments, error):
    with pytest.raises(EventError, match=error):
        EventType(**{"name": "U", "schema": {}} | arguments)


def test_a_payload_that_is_not_decoded_is_of_no_type():
    assert not OrderPlaced.event_type.accepts(ORDER)
    assert "the payload is no decoded JSON" in OrderPlaced.event_type.problem_with(ORDER)


def test_a_subclass_is_an_event_type_of_its_own():
    class Base(Event, version=1, key="id"):
        id: str

    class Special(Base, version=3, key="code"):
        code: int

    assert Base.event_type.name == "Base"
    assert (Special.event_type.name, Special.event_type.version) == ("Special", 3)
    assert Special.event_type.key_of({"id": "x", "code": 7}) == "7"


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"id": {"type": "string", "format": "uuid"}},
    "type": "object",
    "properties": {
        "order_id": {"$ref": "#/$defs/id", "description": "ours"},
        "quantity": {"type": "integer", "minimum": 1},
        "at": {"type": "string", "format": "date-time"},
    },
    "required": ["order_id"],
    "additionalProperties": False,
}


@pytest.fixture
def placed():
    return EventType("OrderPlaced", SCHEMA, key="order_id")


def test_an_event_type_can_be_a_json_schema(placed):
    payload = {"order_id": "6F0C2C5E9F0B5D7E8A553F1C9D2B7A10", "quantity": 1}
    payload["order_id"] = str(UUID(payload["order_id"]))
    value, data = placed.encode(payload)
    assert decode_payload(value) == data == payload
    assert placed.properties["order_id"] == {
        "type": "string",
        "format": "uuid",
        "description": "ours",
    }


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, 'OrderPlaced v1: the payload: "order_id" is a required property'),
        ({"order_id": "x"}, 'OrderPlaced v1: order_id: "x" is not a "uuid"'),
        ({"order_id": str(UUID(int=1)), "quantity": 0}, "OrderPlaced v1: quantity: 0 is less than"),
        (
            {"order_id": str(UUID(int=1)), "extra": 0},
            "OrderPlaced v1: the payload: Additional prop",
        ),
        (
            {"order_id": str(UUID(int=1)), "at": "soon"},
            'OrderPlaced v1: at: "soon" is not a "date-time"',
        ),
        ([], 'OrderPlaced v1: the payload: [] is not of type "object"'),
        (None, 'OrderPlaced v1: the payload: null is not of type "object"'),
    ],
)
def test_a_payload_that_is_not_of_the_type_is_said_with_the_field(placed, payload, expected):
    assert placed.problem_with(payload).startswith(expected)
    with pytest.raises(EventError) as raised:
        placed.encode(payload)
    assert str(raised.value).startswith(expected)
    assert str(raised.value).endswith(".")


def test_a_long_problem_is_shortened(placed):
    assert len(placed.problem_with({"order_id": "x" * 10_000})) < 400


def test_what_is_no_json_schema_is_said():
    broken = EventType("OrderPlaced", {"type": "strnig"})
    with pytest.raises(EventError, match="OrderPlaced v1: not a JSON Schema: "):
        broken.problem_with({})


def test_a_schema_elsewhere_is_never_fetched():
    remote = EventType("OrderPlaced", {"$ref": "http://127.0.0.1:9/schema.json"})
    with pytest.raises(
        EventError, match=r"OrderPlaced v1: not a JSON Schema: .*127.0.0.1:9/schema.json"
    ):
        remote.problem_with({})


def test_references_in_a_circle_end():
    schema = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    circle = EventType("OrderPlaced", {**schema, "properties": {"x": {"$ref": "#/$defs/a"}}})
    assert circle.properties


def test_an_event_type_travels_by_pickle(placed):
    placed.problem_with({})
    again = pickle.loads(pickle.dumps(placed))
    assert again == placed
    assert again.problem_with({}) == placed.problem_with({})


def test_the_same_schema_is_the_same_type_whether_it_came_from_a_class_or_not():
    from_class = OrderPlaced.event_type
    assert from_class == EventType("OrderPlaced", from_class.schema, 2, "order_id")
    assert from_class != EventType("OrderPlaced", from_class.schema, 3, "order_id")


def test_the_event_type_of_the_base_class_is_none_of_a_kind():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert ORDER.placed_at > moment
