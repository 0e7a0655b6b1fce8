from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from workbench import Event
from workbench.events import EventType, examples
from workbench.widgets.form_model import fields_of, read_form, text_of


class Speed(StrEnum):
    slow = "slow"
    fast = "fast"


class Address(BaseModel):
    street: str
    city: str = Field(min_length=3, max_length=20)


class Everything(Event, key="trip_id"):
    trip_id: UUID
    started_at: datetime
    speed: Speed
    address: Address
    tags: list[str]
    seats: int = Field(ge=2, le=3)
    price: Decimal
    score: float = Field(gt=0, lt=1)
    insured: bool
    country: str = Field(pattern="^[A-Z]{2}$")
    comment: str | None = None


def test_what_the_form_shows_reads_back_to_the_same_payload():
    event_type = Everything.event_type
    (payload,) = examples(event_type, seed=3)
    texts = {field.name: text_of(field, payload[field.name]) for field in fields_of(event_type)}
    assert read_form(event_type, texts) == (payload, {})


def texts(**changed):
    event_type = Everything.event_type
    (payload,) = examples(event_type, seed=3)
    return {f.name: text_of(f, payload[f.name]) for f in fields_of(event_type)} | changed


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("seats", "two", "'two' is not a whole number."),
        ("seats", "9", "9 is greater than the maximum of 3"),
        ("score", "nan", "'nan' is not a number"),
        ("address", "{", "not JSON: Expecting property name"),
        ("address", '{"street": "Mill Lane"}', '"city" is a required property'),
        ("tags", "[NaN]", "NaN is no number"),
        ("trip_id", "", "needed: fill it in."),
        ("trip_id", "17", 'is not a "uuid"'),
        ("price", "ten", "does not match"),
    ],
)
def test_what_is_wrong_is_one_sentence_beside_its_field(field, text, says):
    wrong = read_form(Everything.event_type, texts(**{field: text}))[1]
    assert list(wrong) == [field]
    assert says in wrong[field]
    assert "\n" not in wrong[field]


def test_an_optional_field_left_empty_is_left_out():
    payload, wrong = read_form(Everything.event_type, texts(comment=""))
    assert "comment" not in payload
    assert not wrong


def test_a_schema_with_bounds_that_no_value_can_meet_is_said_and_raises_nothing():
    event_type = EventType(
        "Odd",
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 4}}},
    )
    assert read_form(event_type, {"n": "5"})[1]


def test_any_schema_at_all_gets_a_form():
    schema = {
        "properties": {
            "x": True,
            "y": {},
            "z": {"type": ["integer", "null"]},
            "r": {"$ref": "#/no"},
        }
    }
    event_type = EventType("Loose", schema)
    kinds = {field.name: field.kind for field in fields_of(event_type)}
    assert kinds == {"x": "json", "y": "json", "z": "integer", "r": "json"}
