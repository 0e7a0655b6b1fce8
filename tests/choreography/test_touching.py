"""What a handler is seen to touch; and that it does not notice."""

import copy
import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from workbench import Event
from workbench.choreography.touching import Touched

DATA = {
    "id": "o-1",
    "who": {"city": "x", "zip": "y"},
    "lines": [{"sku": "s", "n": 1}],
    "note": None,
}


class Who(BaseModel):
    city: str
    zip: str


class Line(BaseModel):
    sku: str
    n: int


class Placed(Event):
    id: str
    who: Who
    lines: list[Line]
    note: str | None = None
    total: Decimal = Decimal(1)

    @property
    def short(self) -> str:
        return self.id[:2]


def seen(event, look):
    touched = Touched()
    with touched.noting(event) as noted:
        result = look(noted)
    return touched.fields(), result


def match_mapping(event):
    match event:
        case {"id": found, "who": {"city": city}}:
            return found, city


def match_class(event):
    match event:
        case Placed(id=found, who=Who(city=city)):
            return found, city


@pytest.mark.parametrize(
    ("look", "fields"),
    [
        (lambda e: e["id"], ["id"]),
        (lambda e: e["who"]["city"], ["who.city"]),
        (lambda e: [line["sku"] for line in e["lines"]], ["lines[].sku"]),
        (lambda e: len(e["lines"]), ["lines"]),
        (lambda e: e.get("gone", 3), ["gone"]),
        (lambda e: "note" in e, ["note"]),
        (lambda e: bool(e["who"]), ["who"]),
        (lambda e: {**e["who"]}, ["who"]),
        (match_mapping, ["id", "who.city"]),
        (lambda e: isinstance(e, dict), []),
        (dict, [""]),
        (lambda e: {**e}, [""]),
        (lambda e: e | {"a": 1}, [""]),
        (json.dumps, [""]),
        (lambda e: e == DATA, [""]),
        (str, [""]),
        (lambda e: list(e.items()), [""]),
        (lambda e: pickle.loads(pickle.dumps(e)), [""]),
        (copy.deepcopy, [""]),
    ],
)
def test_a_payload_notes_what_it_is_asked_for_and_answers_as_a_dict_would(look, fields):
    found, result = seen(DATA, look)
    assert sorted(found) == fields
    assert result == look(DATA)
    assert type(result) is type(look(DATA)) or isinstance(result, dict)


def test_a_copy_in_whatever_way_is_a_plain_dict_and_the_payload_stays_as_it_was():
    def change(event):
        event["id"] = "other"
        return [type(pickle.loads(pickle.dumps(event))["who"]), type(copy.deepcopy(event)["who"])]

    before = copy.deepcopy(DATA)
    assert seen(DATA, change)[1] == [dict, dict]
    assert before == DATA


@pytest.mark.parametrize(
    ("look", "fields"),
    [
        (lambda e: e.id, ["id"]),
        (lambda e: e.who.city, ["who.city"]),
        (lambda e: [line.sku for line in e.lines], ["lines[].sku"]),
        (lambda e: e.short, ["id"]),
        (match_class, ["id", "who.city"]),
        (lambda e: isinstance(e, Placed) and type(e) is Placed, []),
        (lambda e: e.event_type, []),
        (lambda e: e.model_dump(), [""]),
        (lambda e: e.model_dump_json(), [""]),
        (lambda e: e.who.model_dump(), ["who"]),
        (lambda e: e == PLACED, [""]),
        (repr, [""]),
        (lambda e: pickle.loads(pickle.dumps(e)), [""]),
        (lambda e: e.model_copy(), [""]),
    ],
)
def test_an_event_of_a_class_stays_the_very_object_and_its_class_notes(look, fields):
    found, result = seen(PLACED, look)
    assert found == fields
    assert result == look(PLACED)


PLACED = Placed.model_validate(DATA)


def test_other_events_of_the_class_are_not_watched_and_the_class_is_as_before_afterwards():
    other = Placed.model_validate(DATA)
    assert seen(PLACED, lambda e: (other.id, other.who.city))[0] == []
    with pytest.raises(ZeroDivisionError):
        seen(PLACED, lambda e: 1 / 0)
    assert "__getattribute__" not in vars(Placed)
    assert "__getattribute__" not in vars(Who)


class Own(Event):
    id: str

    def __getattribute__(self, name: str) -> Any:
        return "mine" if name == "id" else super().__getattribute__(name)


def test_a_class_with_its_own_way_of_looking_up_keeps_it():
    before = vars(Own)["__getattribute__"]
    assert seen(Own(id="1"), lambda e: e.id) == (["id"], "mine")
    assert vars(Own)["__getattribute__"] is before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), JSON))
def test_any_payload_is_equal_to_itself_and_written_the_same(data):
    def look(event):
        return (
            json.dumps(event),
            repr(event),
            event == data,
            list(event),
            sorted(event.items(), key=str),
        )

    assert seen(data, look)[1] == look(data)
