"""The rules of compatibility, as a table: what was written, what is read, and the verdict."""

import pytest

from workbench.errors import EventError
from workbench.events import check_compatibility

INT, NUM, STR = {"type": "integer"}, {"type": "number"}, {"type": "string"}


def closed(required=(), **properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def opened(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required)}


def partly(rest, **properties):
    return {"type": "object", "properties": properties, "additionalProperties": rest}


D7 = {"$schema": "http://json-schema.org/draft-07/schema#"}

READABLE = {
    "a property that a pattern of both covers": (
        {"patternProperties": {"^S_": STR, "^I_": INT}, "additionalProperties": False},
        {
            "patternProperties": {"^S_": STR, "^I_": INT},
            "properties": {"I_1": NUM},
            "additionalProperties": False,
        },
    ),
    "names outside of a pattern that both have": (
        {"patternProperties": {"^I_": INT}, "additionalProperties": STR},
        {"patternProperties": {"^I_": INT}, "properties": {"a": STR}, "additionalProperties": STR},
    ),
    "alternatives that a constant tells apart, one of them wider": (
        {"oneOf": [closed(["k"], k={"const": "c"}), closed(["k"], k={"const": "d"})]},
        {"oneOf": [closed(["k"], k={"const": "c"}, n=STR), closed(["k"], k={"const": "d"})]},
    ),
    "alternatives that a constant tells apart, and recursive": tuple(
        {
            "oneOf": [
                closed(["k"], k={"const": "c"}, v=leaf, next={"$ref": "#"}),
                closed(["k"], k={"const": "d"}),
            ]
        }
        for leaf in (INT, NUM)
    ),
    "draft-07's base64, no longer asked for": (
        {**D7, "type": "string", "contentEncoding": "base64"},
        {**D7, "type": "string"},
    ),
    "an optional property added to a closed model": (closed(a=INT), closed(a=INT, b=STR)),
    "a required property with a default added to a closed model": (
        closed(a=INT),
        closed(["b"], a=INT, b={"type": "string", "default": ""}),
    ),
    "a property that accepts anything added to an open model": (opened(a=INT), opened(a=INT, b={})),
    "a property that the covering schema allows": (partly(INT), partly(INT, b=NUM)),
    "a property that the covering pattern allows": (
        {"patternProperties": {"^x": INT}, "additionalProperties": False},
        {"properties": {"xy": NUM}},
    ),
    "a property removed from an open model": (opened(a=INT, b=STR), opened(a=INT)),
    "a property removed from a closed one where nothing was allowed": (
        closed(a=INT, b=False),
        closed(a=INT),
    ),
    "a property removed, its values covered": (closed(a=INT, b=INT), partly(NUM, a=INT)),
    "a closed model opened": (closed(a=INT), opened(a=INT)),
    "a required property made optional": (opened(["a"], a=INT), opened(a=INT)),
    "a required property that has got a default": (
        opened(a=INT),
        opened(["a"], a={"type": "integer", "default": 1}),
    ),
    "looser bounds": ({"minimum": 2, "maximum": 5}, {"minimum": 1, "exclusiveMaximum": 6}),
    "a larger enum": ({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}),
    "a wider union": ({"anyOf": [STR, INT]}, {"anyOf": [STR, NUM, {"type": "null"}]}),
    "integer to number": (INT, NUM),
    "shorter texts": ({"type": "string", "maxLength": 3}, {"type": "string", "maxLength": 4}),
    "a multiple of a multiple": ({"multipleOf": 6}, {"multipleOf": 3}),
    "a const that the enum has": ({"const": "a"}, {"enum": ["b", "a"]}),
    "1 and 1.0, which are one number": ({"enum": [1]}, {"enum": [1.0]}),
    "a tuple that is shorter": (
        {"type": "array", "prefixItems": [INT, STR], "items": False},
        {"type": "array", "prefixItems": [NUM], "items": {"type": "string"}},
    ),
    "an old tuple": (
        {"items": [INT, INT], "additionalItems": False},
        {"items": [NUM], "additionalItems": NUM},
    ),
    "allOf taken together": (
        {"allOf": [{"minimum": 1}, {"maximum": 4}]},
        {"minimum": 0, "maximum": 5},
    ),
    "a oneOf whose alternatives exclude each other": ({"oneOf": [STR, INT]}, {"oneOf": [INT, STR]}),
    "not what is not there": (INT, {"not": STR}),
    "a condition that holds anyway": (
        opened(["k", "v"], k={"const": "x"}, v=INT),
        {"if": {"properties": {"k": {"const": "x"}}}, "then": {"properties": {"v": NUM}}},
    ),
    "a dependency that is always met": (
        opened(["a", "b"], a=INT, b=INT),
        {"dependentRequired": {"a": ["b"]}},
    ),
    "an old dependency": (opened(["b"]), {"dependencies": {"a": ["b"]}}),
    "names that fit": (closed(a=INT), {"propertyNames": {"maxLength": 1}}),
    "a pattern that every text has": (STR, {"pattern": "a*"}),
    "at least one item that fits": (
        {"type": "array", "items": INT, "minItems": 1},
        {"contains": INT},
    ),
    "unevaluated, and all is evaluated": (
        {"allOf": [opened(a=INT)], "unevaluatedProperties": False},
        closed(a=NUM),
    ),
    "the same format": ({"format": "date"}, {"format": "date"}),
    "a format that nobody knows": (STR, {"format": "unheard-of"}),
    "draft-04's exclusive minimum": (
        {"minimum": 1, "exclusiveMinimum": True},
        {"exclusiveMinimum": 0},
    ),
    "another draft": (
        {"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": INT}},
        {"properties": {"a": NUM}},
    ),
    "a reference and what it leads to": (
        {"properties": {"a": {"$ref": "#/definitions/n"}}, "definitions": {"n": INT}},
        {"properties": {"a": NUM}},
    ),
    "an anchor": ({"$ref": "#n", "$defs": {"n": {"$anchor": "n", **INT}}}, NUM),
    "a reference by the schema's own name": (
        {"$id": "urn:example:a", "$ref": "urn:example:a#/$defs/n", "$defs": {"n": INT}},
        NUM,
    ),
    "a tree whose leaves are wider": (
        {"properties": {"v": INT, "l": {"$ref": "#"}}, "required": ["v"]},
        {"properties": {"v": NUM, "l": {"$ref": "#"}}},
    ),
    "a tree, closed, with an alternative": (
        {"$ref": "#/$defs/n", "$defs": {"n": closed(v=INT, l={"anyOf": [{"$ref": "#/$defs/n"}, STR]})}},
        {
            "$ref": "#/$defs/n",
            "$defs": {"n": closed(v=NUM, l={"anyOf": [STR, {"$ref": "#/$defs/n"}]}, x=INT)},
        },
    ),
    "a dynamic reference": (
        {"$dynamicRef": "#n", "$defs": {"n": {"$dynamicAnchor": "n", **INT}}},
        NUM,
    ),
    "nothing at all": (False, INT),
    "10,000 words and one more": (
        {"enum": [f"w{n}" for n in range(10_000)]},
        {"enum": [f"w{n}" for n in range(10_001)]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READABLE)
def test_new_readers_read(case):
    old, new = READABLE[case]
    verdict = check_compatibility(old, new)
    assert verdict.compatible, str(verdict)
    assert not verdict.breaking


REFUSED = {
    "draft-07's base64": (
        {**D7, "type": "string"}, {**D7, "type": "string", "contentEncoding": "base64"}, "",
        "pattern-changed"),
    "one of the alternatives that a constant tells apart": (
        {"oneOf": [closed(["k"], k={"const": "c"}, n=NUM), closed(["k"], k={"const": "d"})]},
        {"oneOf": [closed(["k"], k={"const": "c"}, n=INT), closed(["k"], k={"const": "d"})]},
        "/oneOf/0/properties/n", "type-changed"),
    "a text that fits two alternatives": (
        {"oneOf": [STR]}, {"oneOf": [STR, {"type": "string", "maxLength": 5}]}, "",
        "union-narrowed"),
    "items after a tuple": (
        {"type": "array", "prefixItems": [STR], "items": NUM},
        {"type": "array", "prefixItems": [STR], "items": INT}, "/items", "type-changed"),
    "a property added to an open model": (
        opened(a=INT), opened(a=INT, b=STR), "/properties/b", "property-added"),
    "a required property added to a closed model": (
        closed(a=INT), closed(["b"], a=INT, b=STR), "/properties/b", "required-property-added"),
    "a property added that the covering schema contradicts": (
        partly(STR), partly(STR, b=INT), "/properties/b", "type-changed"),
    "a property removed from a closed model": (
        closed(a=INT, b=STR), closed(a=INT), "/properties/b", "property-removed"),
    "a property removed, its values not covered": (
        closed(a=INT, b=STR), partly(INT, a=INT), "/additionalProperties", "type-changed"),
    "an open model closed": (
        opened(a=INT), closed(a=INT), "/additionalProperties", "model-closed"),
    "a property made required": (opened(a=INT), opened(["a"], a=INT), "/properties/a", "required-added"),
    "a default that is not allowed itself": (
        closed(a=INT), closed(["b"], a=INT, b={"type": "integer", "default": "x"}), "/properties/b",
        "default-unfit"),
    "a tighter bound": ({"minimum": 1}, {"minimum": 2}, "", "minimum-raised"),
    "a bound where there was none": (
        opened(a=INT), opened(a={"type": "integer", "maximum": 9}), "/properties/a",
        "maximum-added"),
    "a smaller enum": ({"enum": ["a", "b"]}, {"enum": ["a"]}, "", "enum-narrowed"),
    "true where 1 is allowed": ({"enum": [1, True]}, {"enum": [1]}, "", "enum-narrowed"),
    "an enum where any text went": (STR, {"type": "string", "enum": ["a"]}, "", "enum-added"),
    "number to integer": (NUM, INT, "", "type-changed"),
    "a type of several": ({"type": ["string", "null"]}, STR, "", "type-changed"),
    "a narrower union": ({"anyOf": [STR, INT]}, {"anyOf": [STR, {"type": "null"}]}, "",
        "union-narrowed"),
    "a pattern": (STR, {"type": "string", "pattern": "^a"}, "", "pattern-changed"),
    "a format": (STR, {"type": "string", "format": "date"}, "", "format-changed"),
    "unique items": (
        {"type": "array"}, {"type": "array", "uniqueItems": True}, "", "unique-items-added"),
    "an item that must be there": (
        {"type": "array", "items": INT}, {"type": "array", "items": INT, "contains": INT}, "",
        "contains-changed"),
    "items of another type": (
        {"type": "array", "items": STR}, {"type": "array", "items": INT}, "/items",
        "type-changed"),
    "a place of a tuple": (
        {"type": "array", "prefixItems": [INT, STR]},
        {"type": "array", "prefixItems": [INT, INT]}, "/prefixItems/1", "type-changed"),
    "a multiple": (INT, {"type": "integer", "multipleOf": 2}, "", "multiple-of-changed"),
    "a dependency": (
        opened(a=INT, b=INT), {**opened(a=INT, b=INT), "dependentRequired": {"a": ["b"]}}, "",
        "dependency-added"),
    "names": (
        {"type": "object"}, {"type": "object", "propertyNames": {"maxLength": 3}}, "",
        "property-names-narrowed"),
    "what must not be": ({"type": "object"}, {"type": "object", "not": {"required": ["a"]}}, "",
        "not-changed"),
    "a condition": (
        opened(k=STR, v={}),
        {**opened(k=STR, v={}), "if": {"required": ["k"]}, "then": {"required": ["v"]}}, "",
        "condition-changed"),
    "deep inside, through references": (
        {"properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}}},
         "$defs": {"Line": opened(quantity=INT)}},
        {"properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}}},
         "$defs": {"Line": opened(quantity={"type": "integer", "minimum": 1})}},
        "/$defs/Line/properties/quantity", "minimum-added"),
    "a leaf of a tree": (
        {"properties": {"v": NUM, "l": {"$ref": "#"}}, "required": ["v"]},
        {"properties": {"v": INT, "l": {"$ref": "#"}}, "required": ["v"]},
        "/properties/v", "type-changed"),
    "one of an optional model's fields": (
        opened(a={"anyOf": [opened(x=INT), {"type": "null"}]}),
        opened(a={"anyOf": [opened(x=STR), {"type": "null"}]}),
        "/properties/a/anyOf/0/properties/x", "type-changed"),
    "everything": ({"type": "string"}, False, "", "forbidden"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_new_readers_refuse_and_a_payload_proves_it(case):
    old, new, pointer, kind = REFUSED[case]
    verdict = check_compatibility(old, new)
    assert not verdict.compatible
    found = {(change.pointer, change.kind): change for change in verdict.breaking}
    assert (pointer, kind) in found, str(verdict)
    change = found[pointer, kind]
    assert change.whom == "new readers"
    assert change.proved, str(verdict)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ({"type": ["string", "null"]}, STR, "was string or null and is string now"),
        ({"anyOf": [STR, {"type": "null"}]}, STR, "was string or null and is string now"),
        ({"type": ["string", "null"]}, NUM, "was string or null and is number now"),
        ({"enum": [1, 2]}, STR, "was integer and is string now"),
        (
            {"minimum": 1, "exclusiveMinimum": True},
            {"minimum": 2, "exclusiveMinimum": True},
            "exclusive minimum was 1 and is 2 now",
        ),
    ],
)
def test_a_sentence_says_what_was_and_what_is(old, new, sentence):
    [change] = check_compatibility({"properties": {"a": old}}, {"properties": {"a": new}}).breaking
    assert sentence in change.sentence
    assert change.proved


def test_a_property_that_goes_from_a_closed_model_is_one_change():
    verdict = check_compatibility(closed(a=INT, b=STR), closed(a=INT))
    assert [change.kind for change in verdict.breaking] == ["property-removed"]


def test_a_pointer_leads_to_the_rule_in_the_words_of_its_draft():
    old = {**D7, "items": [INT, STR], "definitions": {"N": opened(x=NUM)}}
    new = {**D7, "items": [INT, INT], "definitions": {"N": opened(x=INT)}}
    for schema in (old, new):
        schema["additionalItems"] = {"$ref": "#/definitions/N"}
    pointers = {change.pointer for change in check_compatibility(old, new).breaking}
    assert pointers == {"/items/1", "/definitions/N/properties/x"}


def test_each_payload_breaks_the_very_rule_that_it_is_shown_for():
    old = {"type": "integer", "minimum": 0, "maximum": 100}
    new = {"type": "integer", "minimum": 1, "maximum": 50, "multipleOf": 5}
    found = {change.kind: change.witness for change in check_compatibility(old, new).breaking}
    assert found["minimum-raised"] < 1
    assert found["maximum-lowered"] > 50
    assert found["multiple-of-changed"] % 5 != 0


def test_what_a_content_media_type_asks_for_is_not_decided():
    verdict = check_compatibility({}, {**D7, "contentMediaType": "application/json"})
    assert not verdict
    assert verdict.undecided == "what a contentMediaType asks for can't be compared"


@pytest.mark.parametrize("name", ["$ref", "enum", "default", "properties", "required", "items"])
def test_a_property_may_have_the_name_of_a_keyword(name):
    def holding(part):
        inner = {"type": "object", "properties": {name: part, "x": {"$ref": "#/$defs/N"}}}
        return {"properties": {"a": inner, "b": INT}, "$defs": {"N": part}}

    assert check_compatibility(holding(INT), holding(INT))
    assert check_compatibility(holding(INT), holding(NUM))
    verdict = check_compatibility(holding(NUM), holding(INT))
    pointers = {change.pointer for change in verdict.breaking}
    assert pointers == {f"/properties/a/properties/{name}", "/properties/a/properties/x"}
    assert all(change.proved for change in verdict.breaking)


def test_each_mode_asks_its_own_question():
    narrow, wide = opened(a=INT), opened(a=NUM)
    assert check_compatibility(narrow, wide, "BACKWARD")
    assert not check_compatibility(narrow, wide, "FORWARD")
    assert not check_compatibility(narrow, wide, "FULL")
    assert check_compatibility(wide, narrow, "FORWARD")
    assert check_compatibility(wide, narrow, "NONE")
    assert not check_compatibility(wide, narrow, "backward")


def test_a_change_that_the_mode_does_not_ask_about_is_told_and_breaks_nothing():
    verdict = check_compatibility(opened(a=INT), opened(a=NUM), "BACKWARD")
    [change] = verdict.changes
    assert (change.breaks, change.whom, change.witness) == (False, "old readers", {"a": 0.5})
    assert verdict.breaking == []


def test_transitive_modes_ask_every_earlier_version():
    first = closed(["name"], name=STR)
    second = closed(["name", "email"], name=STR, email={"type": "string", "default": ""})
    third = closed(["name", "email"], name=STR, email=STR)
    assert check_compatibility([first, second], third, "BACKWARD")
    verdict = check_compatibility([first, second], third, "BACKWARD_TRANSITIVE")
    assert not verdict
    [change] = verdict.breaking
    assert (change.kind, change.version) == ("required-property-added", 1)
    assert change.witness == {"name": "text"}


def test_the_lenient_policy_lets_an_open_model_gain_an_optional_field():
    old, new = opened(a=INT), opened(a=INT, b=STR)
    refusal = check_compatibility(old, new, policy="strict")
    [change] = refusal.breaking
    assert 'policy="lenient"' in change.sentence
    assert "additionalProperties: false" in change.sentence
    assert not isinstance(change.witness["b"], str)
    assert check_compatibility(old, new, policy="lenient")


@pytest.mark.parametrize(
    "new",
    [
        opened(["b"], a=INT, b=STR),  # a required one without a default
        closed(a=INT),  # closed
        opened(a=STR),  # another type
    ],
)
def test_the_lenient_policy_lets_nothing_else_pass(new):
    assert not check_compatibility(opened(a=INT), new, policy="lenient")


def test_lenience_reaches_nested_and_optional_models():
    def model(**fields):
        inner = opened(**fields)
        return opened(
            one={"$ref": "#/$defs/Inner"},
            many={"type": "array", "items": {"$ref": "#/$defs/Inner"}},
            some={"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
        ) | {"$defs": {"Inner": inner}}

    old, new = model(a=INT), model(a=INT, b=STR)
    assert not check_compatibility(old, new)
    assert check_compatibility(old, new, "FULL", policy="lenient")


@pytest.mark.parametrize("union", ["anyOf", "oneOf"])
@pytest.mark.parametrize("mode", ["BACKWARD", "FORWARD"])
def test_lenience_finds_what_changes_within_an_optional_model(union, mode):
    def model(rule):
        return opened(some={union: [opened(["a"], a=rule), {"type": "null"}]})

    verdict = check_compatibility(model(STR), model(INT), mode, policy="lenient")
    [change] = verdict.breaking
    assert change.pointer.startswith("/properties/some")
    assert change.witness["some"]


def test_an_invalid_default_breaks_even_an_optional_property():
    new = closed(a=INT, b={"type": "string", "default": 3})
    verdict = check_compatibility(closed(a=INT), new)
    assert [change.kind for change in verdict.breaking] == ["default-unfit"]


def test_a_default_that_another_rule_would_notice_is_not_relied_on():
    new = {
        **opened(b={"type": "string", "default": "x"}),
        "not": {"required": ["b"]},
    }
    assert not check_compatibility({"type": "object", "properties": {"b": False}}, new)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_a_negation_inside_a_recursive_schema_proves_nothing_false(levels):
    node = {"properties": {"a": {"$ref": "#/$defs/n"}, "x": {"not": {"$ref": "#/$defs/n"}}}}
    old = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", **node}}}
    refused = {"type": "object", "required": ["x"]}
    for _ in range(levels):
        refused = {"type": "object", "required": ["a"], "properties": {"a": refused}}
    assert not check_compatibility(old, {"not": refused})  # for {"a": {"x": 5}} is allowed, say


def test_a_default_of_a_recursive_model_that_breaks_deep_down_is_not_relied_on():
    model = closed(a=INT, b={"$ref": "#/$defs/B"})
    bad = {"c": {"c": {"c": {"c": {"wrong": 1}}}}}
    new = {
        **closed(["b"], a=INT, b={"$ref": "#/$defs/B", "default": bad}),
        "$defs": {"B": closed(c={"$ref": "#/$defs/B"})},
    }
    assert not check_compatibility({**model, "properties": {"a": INT}}, new)


def test_what_came_and_hurts_nobody_is_told_too():
    verdict = check_compatibility(closed(a=INT), opened(a=INT, b={}), "BACKWARD")
    assert ("/properties/b", "property-added", False) in {
        (change.pointer, change.kind, change.breaks) for change in verdict.changes
    }


BAD = {
    "a text": ("{}", r"the new schema is not a JSON Schema: it must be an object, true or false\."),
    "a type that is none": ({"type": "text"}, r"the new schema is not a JSON Schema: type: "),
    "a broken pattern": ({"pattern": "("}, r"the new schema is not a JSON Schema: pattern: "),
    "a reference to nothing": (
        {"$ref": "#/$defs/a"},
        r"the new schema is not a JSON Schema: Pointer '/\$defs/a' does not exist\.",
    ),
    "another document": (
        {"$ref": "https://example.org/a"},
        r"the new schema is not a JSON Schema: it refers to another document, and references are",
    ),
    "a dialect of its own": ({"$schema": "urn:mine"}, r"of an unknown dialect 'urn:mine'"),
    "no JSON": ({"const": object()}, r"the new schema is not a JSON Schema"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_schema_is_one_sentence(case):
    schema, message = BAD[case]
    with pytest.raises(EventError, match=message) as caught:
        check_compatibility({}, schema)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "SIDEWAYS"}, r"there is no mode 'SIDEWAYS'; choose one of NONE, BACKWARD"),
        ({"policy": "lax"}, r"there is no policy 'lax'; choose one of strict, lenient\."),
        ({"format": "protobuf"}, r"there is no format 'protobuf'"),
    ],
)
def test_an_unknown_question_is_one_sentence(arguments, message):
    with pytest.raises(EventError, match=message):
        check_compatibility({}, {}, **arguments)


def test_no_old_schema_is_one_sentence():
    with pytest.raises(EventError, match=r"there is no old schema to compare with"):
        check_compatibility([], {})


def test_avro_schemas_are_compared_by_their_own_rules():
    old = {"type": "record", "name": "A", "fields": [{"name": "x", "type": "int"}]}
    new = {
        "type": "record",
        "name": "A",
        "fields": [*old["fields"], {"name": "e", "type": "string"}],
    }
    verdict = check_compatibility(old, new, format="avro")
    [change] = verdict.breaking
    assert (change.pointer, change.kind) == ("/fields/1", "reader-field-missing-default")
    assert change.witness is not None
    new["fields"][1]["default"] = ""
    assert check_compatibility(old, new, "FULL", format="avro")
