"""What in a JSON Schema is a schema, and what is only data that looks like one."""

from workbench.events.subschemas import subschemas, with_references

SCHEMA = {
    "$ref": "#/a",
    "const": {"$ref": "#/data"},
    "default": {"$ref": "#/data"},
    "enum": [{"$ref": "#/data"}],
    "properties": {"const": {"$ref": "#/a"}, "$ref": {"type": "string"}},
    "dependencies": {"x": ["y"], "y": {"$ref": "#/a"}},
    "items": [{"$ref": "#/a"}, True],
    "additionalProperties": {"not": {"anyOf": [{"$ref": "#/a"}]}},
}


def test_references_are_rewritten_where_they_are_references():
    rewritten = with_references(SCHEMA, lambda target: f"{target}!")
    assert str(rewritten).count("'#/a!'") == 5
    assert str(rewritten).count("'#/data'") == 3
    assert SCHEMA["$ref"] == "#/a", "the given one stays as it is"


def test_all_schemas_in_a_schema_are_found_once():
    found = list(subschemas(SCHEMA))
    assert sum("$ref" in schema and schema["$ref"] == "#/a" for schema in found) == 5
    assert {"type": "string"} in found
    assert {"$ref": "#/data"} not in found
