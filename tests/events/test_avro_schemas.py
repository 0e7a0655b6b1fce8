"""Event types as Avro schemas and back, judged by fastavro."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal
from uuid import UUID

import fastavro
import pytest
from fastavro.schema import to_parsing_canonical_form
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from workbench.errors import DesignError, EventError
from workbench.events import Event, EventType, check_compatibility
from workbench.events.conversion import schema_from_avro


class Kind(Enum):
    GIFT = "GIFT"
    OWN = "OWN"


class Line(BaseModel):
    sku: str
    pieces: int
    parts: list["Line"] = []


class Ordered(Event, version=3, key="id"):
    """Somebody has ordered."""

    id: UUID
    at: datetime
    day: date
    total: Decimal
    kind: Kind
    way: Literal["post", "van"]
    lines: list[Line]
    first: Line
    tags: dict[str, int]
    weight: float
    ready: bool
    note: str | None = None
    rank: int | str = 3
    limit: float | None


ORDER = Ordered(
    id=UUID(int=7),
    at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    day=date(2026, 1, 2),
    total=Decimal("19.90"),
    kind=Kind.GIFT,
    way="van",
    lines=[Line(sku="a", pieces=2, parts=[Line(sku="b", pieces=1)])],
    first=Line(sku="a", pieces=2),
    tags={"loud": 1},
    weight=2.5,
    ready=True,
    limit=None,
)


def round_trip(avro, record):
    file = io.BytesIO()
    fastavro.writer(file, fastavro.parse_schema(avro), [record], strict=True)
    file.seek(0)
    return next(iter(fastavro.reader(file)))


def test_an_event_is_written_and_read_by_avro_without_loss():
    record = ORDER.model_dump() | {"total": "19.90", "kind": "GIFT"}
    read = round_trip(Ordered.event_type.avro_schema(), record)
    assert Ordered.model_validate(read) == ORDER
    assert read["at"] == ORDER.at
    assert read["id"] == ORDER.id


def test_the_rules_of_conversion():
    avro = Ordered.event_type.avro_schema()
    assert (avro["name"], avro["version"], avro["key"]) == ("Ordered", 3, "id")
    assert avro["doc"] == "Somebody has ordered."
    fields = {field["name"]: field for field in avro["fields"]}
    assert fields["id"]["type"] == {"type": "string", "logicalType": "uuid"}
    assert fields["at"]["type"] == {"type": "long", "logicalType": "timestamp-micros"}
    assert fields["day"]["type"] == {"type": "int", "logicalType": "date"}
    assert fields["total"]["type"] == "string"
    assert fields["kind"]["type"] == {"type": "enum", "name": "Kind", "symbols": ["GIFT", "OWN"]}
    assert fields["way"]["type"]["name"] == "OrderedWay"
    assert fields["first"]["type"] == "Line"
    assert fields["lines"]["type"]["items"]["fields"][2]["type"] == {
        "type": "array", "items": "Line"
    }  # fmt: skip
    assert fields["tags"]["type"] == {"type": "map", "values": "long"}
    assert fields["note"] == {"name": "note", "type": ["null", "string"], "default": None}
    assert fields["rank"] == {"name": "rank", "type": ["long", "string"], "default": 3}
    assert fields["limit"] == {"name": "limit", "type": ["double", "null"]}


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
AVRO = {
    "type": "record",
    "name": "Moved",
    "namespace": "com.acme.stock",
    "doc": "Goods moved.",
    "aliases": ["com.acme.stock.Shifted"],
    "fields": [
        {"name": "amount", "type": DECIMAL, "doc": "In euro."},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "small", "type": "int", "default": 4},
        {"name": "ratio", "type": "float", "aliases": ["quota"], "order": "ignore"},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
        {"name": "raw", "type": "bytes", "default": "\u00ff"},
        {
            "name": "side",
            "type": {
                "type": "enum",
                "name": "com.acme.Side",
                "symbols": ["L", "R"],
                "default": "L",
            },
            "default": "R",
        },
        {"name": "again", "type": ["null", "com.acme.Side", "Hash"], "default": None},
        {"name": "next", "type": ["null", "Moved"], "default": None},
        {"name": "odd", "type": {"type": "string", "logicalType": "unheard-of"}},
        {"name": "nothing", "type": "null", "default": None},
    ],
}


@pytest.fixture
def moved(tmp_path):
    (tmp_path / "moved.avsc").write_text(json.dumps(AVRO))
    return EventType.from_avro(tmp_path / "moved.avsc")


def test_an_avro_schema_that_is_read_and_written_again_is_the_same(moved, tmp_path):
    assert moved.name == "com.acme.stock.Moved"
    again = moved.avro_schema()
    assert to_parsing_canonical_form(again) == to_parsing_canonical_form(AVRO)
    fields = {field["name"]: field for field in again["fields"]}
    for field in AVRO["fields"]:
        if field["name"] in {"amount", "at", "clock", "small", "ratio", "raw", "nothing"}:
            assert fields[field["name"]] == field
    assert fields["side"]["type"]["default"] == "L"
    assert again["aliases"] == AVRO["aliases"]
    (tmp_path / "again.avsc").write_text(json.dumps(again))
    assert EventType.from_avro(tmp_path / "again.avsc") == moved


def test_what_was_avro_is_a_json_schema_that_checks_payloads(moved):
    good = {
        "amount": "1.50", "at": "2026-01-01T00:00:00Z", "clock": "10:00:00", "ratio": 1.5,
        "hash": "AAAAAA==", "side": "L", "odd": "x", "next": None,
    }  # fmt: skip
    assert moved.problem_with(good) is None
    assert "side" in moved.problem_with(good | {"side": "M"})
    assert "small" in moved.problem_with(good | {"small": 2**31})
    assert "required" in moved.problem_with({})
    assert "next" in moved.problem_with(good | {"next": {}})


def test_name_version_and_key_may_be_given_or_stand_in_the_file(tmp_path):
    path = tmp_path / "moved.avsc"
    path.write_text(json.dumps(AVRO | {"version": 2, "key": "small"}))
    read = EventType.from_avro(path)
    assert (read.version, read.key) == (2, "small")
    given = EventType.from_avro(path, name="Moved", version=5, key="hash")
    assert (given.name, given.version, given.key) == ("Moved", 5, "hash")


primitives = st.sampled_from(
    ["null", "boolean", "int", "long", "float", "double", "bytes", "string",
     {"type": "int", "logicalType": "date"}, {"type": "string", "logicalType": "uuid"},
     {"type": "long", "logicalType": "timestamp-millis"}, DECIMAL]
)  # fmt: skip


@st.composite
def avro_types(draw, known, depth=0, *, in_union=False):
    """Any Avro type; names are made up as they are needed, or used again."""
    kinds = ["plain"] * 3 + ["name", "array", "map", "enum", "fixed", "record"]
    kind = draw(st.sampled_from(kinds + ["union"] * (not in_union)))
    if kind == "name":
        return draw(st.sampled_from(known))
    if depth > 3 or kind == "plain":
        return draw(primitives)
    if kind in {"array", "map"}:
        within = draw(avro_types(known, depth + 1))
        return {"type": kind, "items" if kind == "array" else "values": within}
    if kind == "union":
        first = draw(avro_types(known, depth + 1, in_union=True))
        return [first, "null"] if first != "null" else ["null", "string"]
    name = f"ns.T{len(known)}"
    known.append(name)
    if kind == "enum":
        return {"type": "enum", "name": name, "symbols": ["X", "Y"]}
    if kind == "fixed":
        return {"type": "fixed", "name": name, "size": 3}
    fields = [
        {"name": f"f{n}", "type": draw(avro_types(known, depth + 1))}
        for n in range(draw(st.integers(0, 3)))
    ]
    return {"type": "record", "name": name, "fields": fields}


@given(data=st.data())
def test_any_avro_record_is_the_same_after_json_schema_and_back(data):
    known = ["ns.Top"]
    fields = [
        {"name": f"f{n}", "type": data.draw(avro_types(known))}
        for n in range(data.draw(st.integers(1, 4)))
    ]
    avro = {"type": "record", "name": "ns.Top", "fields": fields}
    name, schema = schema_from_avro(avro)
    again = EventType(name, schema).avro_schema()
    assert to_parsing_canonical_form(again) == to_parsing_canonical_form(avro)
    assert schema_from_avro(again) == (name, schema)


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ({"type": "object"}, r"Odd v1 is not written as Avro: an event in Avro is a record"),
        ({"properties": {"a": {}}}, r"a: Avro has no type for any value; say which 'type'"),
        ({"properties": {"a": True}}, r"a: Avro has no type for any value"),
        ({"properties": {"a-b": {"type": "null"}}}, r"a-b: Avro takes no field like 'a-b'"),
        ({"properties": {"a": {"type": "array"}}}, r"a: an array in Avro has one schema for all"),
        ({"properties": {"a": {"type": "array", "prefixItems": [{}]}}}, r"a: an array in Avro"),
        ({"properties": {"a": {"type": "object"}}}, r"a: an object in Avro has either 'properties'"),
        (
            {"properties": {"a": {"properties": {}, "additionalProperties": {"type": "null"}}}},
            r"a: a record in Avro has no fields beside those it names",
        ),
        (
            {"properties": {"a": {"anyOf": [{"type": "array", "items": {"type": t}} for t in ("null", "string")]}}},
            r"a: a union in Avro holds only one array",
        ),
        (
            {"properties": {"a": {"type": "string", "format": "date", "default": "2026-01-01"}}},
            r"a: its default '2026-01-01' has no form in Avro; require the field, or drop it",
        ),
        (
            {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}},
            r"it goes on for ever, or nests too deeply",
        ),
        (
            {
                "properties": {"a": {"$ref": "#/$defs/a0"}},
                "$defs": {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
                | {"a40": {"type": "string"}},
            },
            r"it is too large",
        ),
        ({"properties": {"a": {"type": "integer", "x-avro": {"type": "nonsense"}}}}, r"nonsense"),
        ({"properties": {"a": {"type": "string", "x-avro": {"type": 3}}}}, r"Odd is not written as Avro"),
    ],
)  # fmt: skip
def test_what_avro_can_not_say_is_one_sentence_with_the_field(schema, sentence):
    with pytest.raises(EventError, match=sentence) as raised:
        EventType("Odd", schema).avro_schema()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'"string"', r"the schema of an event must be an object"),
        (b'{"type": "string"}', r"an event is a record in Avro, and this is none"),
        (b'{"type": "record"}', r"this is no Avro schema: \"name\" is a required field"),
        (b'{"type": "record", "name": "A"}', r"'A' has no 'fields'"),
        (b'{"type": "record", "name": "A-B", "fields": []}', r"'A-B' is no name of a type"),
        (b'{"type": "record", "name": "A", "fields": 3}', r"this is no Avro schema"),
        (b'{"type": "record", "name": "A", "fields": [3]}', r"this is no Avro schema"),
        (
            b'{"type": "record", "name": "A", "fields": [{"name": "a", "type": "Nobody"}]}',
            r"this is no Avro schema: there is no type 'Nobody'",
        ),
        (b'{"type": "record", "name": "A", "fields": [], "version": "x"}', r"'x' is not a version"),
        (b'{"type": "record", "name": "A", "fields": [], "key": "x"}', r"key field 'x' is not a"),
        (b'{"type": "record", "type": "record"}', r"the name 'type' stands twice"),
        (b"\xff", r"not UTF-8"),
        (b'{"a":' * 100_000, r"nested too deeply"),
        (
            json.dumps({"type": "record", "name": "A", "fields": [{}] * 20_000}).encode(),
            r"too large for the schema of an event",
        ),
        (
            b'{"type": "record", "name": "A", "fields": [{"name": "a", "type": '
            + b'{"type": "array", "items": ' * 400 + b'"null"' + b"}" * 400 + b"}]}",
            r"nested too deeply|Recursion limit reached",
        ),
    ],
)  # fmt: skip
def test_a_bad_avro_file_is_one_sentence_with_the_file(tmp_path, content, sentence):
    path = tmp_path / "bad.avsc"
    path.write_bytes(content)
    with pytest.raises(DesignError, match=sentence) as raised:
        EventType.from_avro(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


@given(
    avro=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-3, 3)
        | st.sampled_from(["record", "int", "A", "x.y"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "name", "fields", "items", "symbols", "default", "size", "namespace"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=15,
    )
)
def test_whatever_a_file_holds_it_is_read_or_refused_in_a_sentence(avro):
    whole = {"type": "record", "name": "A", "fields": [{"name": "a", "type": avro}]}
    try:
        name, schema = schema_from_avro(whole)
    except EventError:
        return
    assert EventType(name, schema).avro_schema()["name"] == "A"


COUNTRY = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "c": {"type": "string", "default": "DE"}},
    "required": ["id", "c"],
}


def test_a_required_field_keeps_its_default_there_and_back():
    avro = EventType("A", COUNTRY).avro_schema()
    field = {"name": "c", "type": "string", "default": "DE", "required": True}
    assert avro["fields"] == [{"name": "id", "type": "string"}, field]
    _, schema = schema_from_avro(avro)
    assert {word: schema[word] for word in COUNTRY} == COUNTRY


def test_a_required_field_with_a_default_may_be_added_for_readers_of_old_avro():
    old = EventType("A", {"properties": {"id": {"type": "string"}}, "required": ["id"]})
    verdict = check_compatibility(
        old.avro_schema(), EventType("A", COUNTRY, 2).avro_schema(), "BACKWARD", format="avro"
    )
    assert verdict.compatible


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "date", "default": "2026-01-02"},
        {"type": "array", "items": {"type": "string"}, "default": ["a"]},
        {"properties": {"x": {"type": "string"}}, "required": ["x"], "default": {}},
    ],
)
def test_a_required_field_goes_without_a_default_that_avro_can_not_say(schema):
    made = EventType("A", {"properties": {"c": schema}, "required": ["c"]}).avro_schema()
    assert made["fields"][0].keys() == {"name", "type"}


def test_a_default_is_of_the_first_of_several_types():
    schema = {"type": ["string", "null"], "default": None}
    made = EventType("A", {"properties": {"c": schema}, "required": ["c"]}).avro_schema()
    assert made["fields"][0]["type"] == ["null", "string"]
    assert made["fields"][0]["default"] is None
