"""JSON Schema files that stand alone, and a design's schemas in either format."""

import json

import jsonschema_rs
import pytest

from workbench.choreography import Choreography
from workbench.errors import DesignError, EventError
from workbench.events import Event, EventType


class Moved(Event, version=2, key="id"):
    id: str
    next: "Moved | None" = None


def test_an_event_type_is_the_same_after_a_file(tmp_path):
    path = tmp_path / "whatever.json"
    path.write_text(json.dumps(Moved.event_type.json_schema()))
    assert EventType.from_json_schema(path) == Moved.event_type
    validator = jsonschema_rs.validator_for(json.loads(path.read_text()))
    assert validator.is_valid({"id": "1", "next": {"id": "2"}})
    assert not validator.is_valid({"id": "1", "next": {"id": 2}})


def test_a_file_of_others_is_named_after_itself(tmp_path):
    path = tmp_path / "OrderPlaced.v3.json"
    path.write_text(
        '{"$id": "https://example.org/x.json", "properties": {"a": {"type": "string"}}}'
    )
    read = EventType.from_json_schema(path)
    assert (read.name, read.version, read.key) == ("OrderPlaced", 3, None)
    assert read.schema["$id"] == "https://example.org/x.json"
    given = EventType.from_json_schema(path, name="Other", version=1, key="a")
    assert (given.name, given.version, given.key) == ("Other", 1, "a")
    path.rename(tmp_path / "Plain.schema.json")
    assert EventType.from_json_schema(tmp_path / "Plain.schema.json").name == "Plain"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[]", r"the schema of an event must be an object"),
        (b'{"type": 3}', r"X v1: not a JSON Schema"),
        (b'{"$ref": "https://example.org/other.json"}', r"remote references are never fetched"),
        (b'{"$ref": "other.json"}', r"X v1: not a JSON Schema"),
        (b'{"x-key": "a"}', r"the key field 'a' is not a field"),
        (b'{"x-key": 3}', r"the key 3 is not the name of a field"),
        (b'{"a": 1, "a": 2}', r"the name 'a' stands twice"),
        (b'{"not":' * 400 + b"{}" + b"}" * 400, r"nested|X v1|recursion"),
        (b'{"not":' * 100_000, r"nested too deeply"),
    ],
)
def test_a_bad_file_is_one_sentence_with_the_file(tmp_path, content, sentence):
    path = tmp_path / "X.json"
    path.write_bytes(content)
    try:
        EventType.from_json_schema(path)
    except DesignError as error:
        message = str(error)
    else:
        message = f"{path}: it is nested, and was read"
    import re

    assert re.search(sentence, message), message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_a_designs_schemas_are_written_one_file_a_version(tmp_path):
    design = Choreography.load("sample_data/orders")
    for schema_format, suffix in (("json-schema", "json"), ("avro", "avsc")):
        written = design.save_schemas(tmp_path / suffix, schema_format)
        assert {path.name for path in written} == {
            f"{name}.v1.{suffix}" for name in design.event_types
        }
    read = EventType.from_json_schema(tmp_path / "json" / "OrderPlaced.v1.json")
    assert read == design.event_types["OrderPlaced"]
    avro = EventType.from_avro(tmp_path / "avsc" / "OrderPlaced.v1.avsc")
    assert (avro.name, avro.version, avro.key) == ("OrderPlaced", 1, "order_id")


def test_nothing_is_written_where_one_can_not_be_said(tmp_path):
    design = Choreography()
    design.event(Moved)
    design.event(EventType("Odd", {"type": "object"}))
    with pytest.raises(EventError, match="Odd v1 is not written as Avro"):
        design.save_schemas(tmp_path / "out", "avro")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DesignError, match=r"no schema format 'xml'; it is json-schema or avro\."):
        design.save_schemas(tmp_path / "out", "xml")
