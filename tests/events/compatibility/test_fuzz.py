"""Whatever is given as a schema: a verdict or one sentence, never anything else."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.errors import EventError
from workbench.events import check_compatibility

KEYWORDS = [
    "$schema", "$id", "id", "$ref", "$dynamicRef", "$recursiveRef", "$anchor", "$defs",
    "definitions", "type", "enum", "const", "properties", "patternProperties", "required",
    "additionalProperties", "propertyNames", "items", "prefixItems", "additionalItems", "contains",
    "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies", "dependentRequired",
    "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "minimum", "exclusiveMinimum",
    "maxLength", "pattern", "format", "multipleOf", "default", "minContains", "a", "b",
]  # fmt: skip
TEXTS = [
    "",
    "#",
    "#/$defs/a",
    "#/a",
    "#a",
    "urn:x",
    "urn:x#/a",
    "string",
    "object",
    "date",
    "(",
    "^a",
    "a",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=True),
    st.integers(min_value=2**70),
    st.sampled_from(TEXTS),
    st.text(max_size=3),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYWORDS) | st.text(max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)
SCHEMAS = st.dictionaries(st.sampled_from(KEYWORDS), ANYTHING, max_size=4) | ANYTHING


@pytest.mark.timeout(300)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(old=SCHEMAS, new=SCHEMAS, policy=st.sampled_from(["strict", "lenient"]))
@example(old={}, new={"$ref": "#"}, policy="strict")
@example(old={"$id": "a", "$ref": "a#/a", "a": {"$ref": "#"}}, new={}, policy="strict")
@example(old={"$anchor": "a", "$ref": "#a"}, new={"not": {"$ref": "#a"}}, policy="lenient")
@example(old={"properties": {}}, new={"properties": {"properties": False}}, policy="strict")
@example(old={}, new={"$id": {"patternProperties": None}}, policy="strict")
@example(old={}, new={"properties": {"\n": None}}, policy="strict")
def test_anything_gets_a_verdict_or_one_sentence(old, new, policy):
    old = [old] if isinstance(old, list) else old
    said = ""
    try:
        verdict = check_compatibility(old, new, "FULL", policy)
    except EventError as error:
        said = str(error)
    else:
        assert verdict.compatible or verdict.breaking
        assert str(verdict)
    assert "\n" not in said
    assert len(said) < 1_000
