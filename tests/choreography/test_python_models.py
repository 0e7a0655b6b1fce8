"""Event types as Python source that is imported, and that hostile schemas can't get code into."""

import ast
import builtins
import importlib.util
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.choreography import Choreography
from workbench.choreography.python_models.checking import check_source
from workbench.errors import DesignError, WorkbenchError
from workbench.events import EventType
from workbench.events.examples import examples

pytest.importorskip("datamodel_code_generator", reason="needs choreography-workbench[models]")


def designed(*event_types):
    design = Choreography()
    for event_type in event_types:
        design.event(event_type)
    return design


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Import generated source as a module of its own."""

    def load(source):
        path = tmp_path / "generated_models.py"
        path.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("generated_models", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "generated_models", module)
        spec.loader.exec_module(module)
        return module

    return load


RICH = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "description": "An order.",
    "additionalProperties": False,
    "required": ["id", "at", "total", "kind", "class", "lines"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "mail": {"type": "string", "format": "email"},
        "at": {"type": "string", "format": "date-time"},
        "date": {"type": "string", "format": "date", "default": "2026-01-02"},
        "total": {"type": "string", "format": "decimal", "pattern": r"^\d+(\.\d+)?$"},
        "kind": {"enum": ["gift", "for-me", 3, None]},
        "state": {"const": "new"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 1,
                  "uniqueItems": True},
        "code": {"type": "string", "pattern": "^(?=a)a+$", "minLength": 2},
        "short": {"type": "string", "pattern": "^[a-z]+$"},
        "class": {"type": "string"},
        "a b": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "default": 3},
        "event_type": {"type": "string"},
        "model_config": {"type": "integer"},
        "json": {"type": ["number", "null"], "multipleOf": 0.5},
        "tags": {"type": "object", "additionalProperties": {"type": "integer"},
                 "maxProperties": 2},
        "either": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "string"}}]},
        "inner": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
        "anything": {},
        "not_three": {"type": "integer", "not": {"const": 3}},
    },
    "dependentRequired": {"mail": ["class"]},
    "$defs": {
        "Line": {"type": "object", "required": ["sku"],
                 "properties": {"sku": {"type": "string"}, "parent": {"$ref": "#/$defs/Line"}}},
    },
}  # fmt: skip
GOOD = {
    "id": "00000000-0000-0000-0000-000000000001", "at": "2026-01-02T03:04:05Z", "total": "1.50",
    "kind": "for-me", "class": "a", "lines": [{"sku": "x", "parent": {"sku": "y"}}],
}  # fmt: skip
BAD = [
    {"mail": "nobody"}, {"at": "yesterday"}, {"date": "2026-13-01"}, {"kind": "other"},
    {"state": "old"}, {"lines": []}, {"lines": [{"sku": "x"}, {"sku": "x"}]}, {"lines": [{}]},
    {"code": "ba"}, {"short": "A"}, {"a b": 9}, {"json": 0.3}, {"tags": {"a": "x"}},
    {"tags": {"a": 1, "b": 2, "c": 3}}, {"either": "x"}, {"inner": {}}, {"mail": None},
    {"not_three": 3}, {"more": 1}, {"class": 1}, {"event_type": 5}, {"short": None},
]  # fmt: skip


def test_what_a_schema_accepts_and_refuses_its_class_does_too(imported):
    original = EventType("Placed", RICH, version=4, key="class")
    again = imported(designed(original).python_source()).Placed.event_type
    assert (again.name, again.version, again.key) == ("Placed", 4, "class")
    good = [GOOD, GOOD | {"mail": "a@b.example"}, GOOD | {"json": None, "tags": {"a": 1}},
            GOOD | {"either": ["x"], "event_type": "e", "model_config": 1, "anything": [None]},
            GOOD | {"code": "aa", "inner": {"x": 1.5, "y": 0}, "kind": 3}]  # fmt: skip
    for payload in good:
        assert original.problem_with(payload) is None
        assert again.problem_with(payload) is None
    for change in BAD:
        assert original.problem_with(GOOD | change), change
        assert again.problem_with(GOOD | change), change


def test_a_class_is_used_like_one_written_by_hand_and_writes_what_its_schema_takes(imported):
    module = imported(designed(EventType("Placed", RICH, key="class")).python_source())
    event = module.Placed(**(GOOD | {"mail": "a@b.example"}))
    value, data = EventType("Placed", RICH, key="class").encode(event)
    assert data["class"] == "a"
    assert data["date"] == "2026-01-02"
    assert "short" not in data, "what is not given is not written as null"
    assert json.loads(value)["total"] == "1.50"
    assert event.date.year == 2026
    assert event.class_ == "a"


def test_the_examples_of_a_sample_design_go_through_its_classes(imported):
    design = Choreography.load("sample_data/orders")
    module = imported(design.python_source())
    for name, event_type in design.event_types.items():
        made = getattr(module, name)
        for payload in examples(event_type, n=20):
            assert made.event_type.problem_with(payload) is None
            _, data = event_type.encode(made.model_validate(payload))
            assert made.event_type.problem_with(data) is None


def test_the_source_is_formatted_and_says_nothing_superfluous(tmp_path):
    path = tmp_path / "models.py"
    orders = Choreography.load("sample_data/orders")
    for design in (orders, designed(EventType("Placed", RICH))):
        path.write_text(design.python_source(), encoding="utf-8")
        for command in (["check", "--select=F,E9,I"], ["format", "--check", "--line-length=100"]):
            ruff = [sys.executable, "-m", "ruff", *command, "--isolated", str(path)]
            done = subprocess.run(ruff, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + path.read_text()


def test_definitions_of_the_same_name_stay_apart(imported):
    def with_part(name, kind):
        part = {"type": "object", "properties": {"v": {"type": kind}}, "required": ["v"]}
        schema = {"properties": {"part": {"$ref": "#/$defs/Part"}}, "$defs": {"Part": part}}
        return EventType(name, {"type": "object", **schema})

    design = designed(with_part("First", "string"), with_part("Second", "integer"))
    module = imported(design.python_source())
    assert module.First.event_type.problem_with({"part": {"v": "x"}}) is None
    assert module.Second.event_type.problem_with({"part": {"v": 1}}) is None
    assert module.Second.event_type.problem_with({"part": {"v": "x"}})


EVIL = "x\"\"\"\n'''\n'); __import__('os').system('touch HACKED')\nimport os # \\"
HOSTILE = [
    {"description": EVIL},
    {"title": EVIL},
    {"properties": {EVIL: {"type": "string"}}},
    {"properties": {"a": {"type": "string", "description": EVIL, "title": EVIL}}},
    {"properties": {"a": {"type": "string", "default": EVIL}}},
    {"properties": {"a": {"enum": [EVIL, "b"]}, "b": {"const": EVIL}}},
    {"properties": {"a": {"type": "string", "pattern": "a'\"#\n;import os"}}},
    {"properties": {"a": {"type": "string", "format": EVIL, "examples": [EVIL]}}},
    {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"properties": {EVIL: {}}}}},
    {
        "properties": {"a": {"$ref": "#/$defs/import os; x"}},
        "$defs": {"import os; x": {"type": "object", "properties": {"b": {"type": "null"}}}},
    },
    {"properties": {"a": {"type": "object", "customTypePath": "os.system", "properties": {}}}},
    {"customBasePath": "os.PathLike", "properties": {}},
    {"properties": {"a": {"x-python-import": {"module": "os", "name": "system"}}}},
    {"properties": {"a": {"type": "string", "x-python-type": "os.system"}}},
    {"properties": {"a": {"type": "object", "default": {"b": EVIL}, "properties": {"b": {}}}}},
    {"properties": {"a": {"type": "integer", "x-enum-varnames": [EVIL], "enum": [1]}}},
    {"properties": {"__class__": {}, "__init__": {}, "model_rebuild": {}, "__slots__": {}}},
    {"not": {"const": EVIL}, "dependentRequired": {EVIL: [EVIL]}},
    {"properties": {"a": {"type": "number", "default": 1e999}}},
    {"properties": {"print": {"default": "print()"}, "Field": {}, "MISSING": {}, "str": {}}},
]  # fmt: skip


@pytest.mark.parametrize("schema", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_schema_gives_data_classes_or_one_sentence(
    schema, imported, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    try:
        source = designed(EventType("Placed", schema)).python_source()
    except WorkbenchError as error:
        one_sentence(error)
        return
    assert only_data_classes(source)
    imported(source)
    assert not (tmp_path / "HACKED").exists()


def one_sentence(error):
    assert "\n" not in str(error)


def only_data_classes(source):
    """Stricter and simpler than the product's own check: no call but of these names."""
    allowed = {"Field", "Field_aliased", "ConfigDict"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            rebuild = isinstance(node.func, ast.Attribute) and node.func.attr == "model_rebuild"
            assert rebuild or node.func.id in allowed
        assert not isinstance(node, ast.Import | ast.FunctionDef | ast.Lambda | ast.JoinedStr)
        if isinstance(node, ast.ImportFrom):
            assert node.module.partition(".")[0] in {
                "__future__", "datetime", "decimal", "pydantic", "typing", "uuid", "workbench"
            }  # fmt: skip
    return True


names = st.sampled_from(
    ["a", "class", "Field", "a-b", "'", '"""', "\\", "\n", "é", "__init__", "1"]
)
values = st.none() | st.booleans() | st.integers(-9, 9) | names | st.text(max_size=8)
schemas = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "null", "number", "boolean", "object"]),
            "default": values,
            "enum": st.lists(values, min_size=1, max_size=3, unique_by=repr),
            "const": values,
            "description": names | st.text(max_size=20),
            "format": st.sampled_from(["date", "uuid", "email", "decimal"]),
            "pattern": st.sampled_from(["^a", "(?=x)", "'"]),
        },
    ),
    lambda inner: (
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(names, inner, max_size=3)}
        )
        | st.fixed_dictionaries({"type": st.just("array"), "items": inner})
        | st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)})
    ),
    max_leaves=6,
)


@settings(max_examples=40)
@given(properties=st.dictionaries(names, schemas, max_size=3))
def test_whatever_stands_in_a_schema_only_data_classes_come_out(properties):
    event_type = EventType("Placed", {"type": "object", "properties": properties})
    try:
        source = designed(event_type).python_source()
    except WorkbenchError as error:
        one_sentence(error)
    else:
        assert only_data_classes(source)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import os", "Import"),
        ("from os import system", "ImportFrom"),
        ("from . import x", "ImportFrom"),
        ("print()", "Expr"),
        ("x = 1", "Assign"),
        ("class A:\n    x: int = print()", "Call"),
        ("class A:\n    x: int = Field()", "Call"),
        ("class A:\n    x: int = print", "Name"),
        ("class A(Unknown):\n    pass", "Name"),
        ("from pydantic import Field\nclass A:\n    x: Field = Field()", "Name"),
        ("from typing import eval as Field\nclass A:\n    x: int = Field()", "Call"),
        ("class A:\n    x: print() = 1", "Call"),
        ("class A(print()):\n    pass", "Call"),
        ("class A(metaclass=A.y):\n    pass", "Attribute"),
        ("@print\nclass A:\n    pass", "Name"),
        ("class A:\n    def f(self): pass", "FunctionDef"),
        ("class A:\n    x: str = f'{print()}'", "JoinedStr"),
        ("class A:\n    x: int = (lambda: 1)", "Lambda"),
        ("class A:\n    x: int = [1 for y in []]", "ListComp"),
        ("class A:\n    print()", "Expr"),
        ("A.model_rebuild(print())", "Expr"),
        ("A.b.model_rebuild()", "Expr"),
        ("if True:\n    pass", "If"),
    ],
)
def test_the_check_lets_nothing_through_that_does_anything(source, what):
    with pytest.raises(DesignError, match=rf"more than data classes \({what} in line \d"):
        check_source(source)


@pytest.mark.parametrize(
    ("event_type", "sentence"),
    [
        (EventType("Signed.Up", {}), r"no Python class can be called 'Signed\.Up': letters"),
        (EventType("class", {}), r"no Python class can be called 'class'"),
        (EventType("Event", {}), r"no Python class can be called 'Event'; Python needs that"),
        (EventType("BaseModel", {}), r"no Python class can be called 'BaseModel'"),
        (EventType("A", {"type": "string"}), r"A is no object, and an event in Python is one"),
        (EventType("A", {"properties": {"a": {"$ref": "http://127.0.0.1:9/"}}}), r"A v1: .*never fetched"),
        (EventType("A", {"properties": {"a": {"$ref": "/etc/passwd"}}}), r"A v1: not a JSON Schema"),
        (EventType("A", {"not": {"$ref": "#/$defs/b"}, "$defs": {"b": {}}}), r"a reference in 'not'"),
        (EventType("A", {"properties": {"a": {"type": "magic"}}}), r"A v1: not a JSON Schema"),
    ],
)  # fmt: skip
def test_what_python_can_not_say_is_one_sentence(event_type, sentence):
    with pytest.raises(WorkbenchError, match=sentence):
        designed(event_type).python_source()


def test_an_empty_design_has_no_models():
    with pytest.raises(DesignError, match="this design has no event types yet"):
        Choreography().python_source()


def test_without_the_generator_one_sentence_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("datamodel_code_generator"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DesignError, match=r"pip install 'choreography-workbench\[models\]'"):
        designed(EventType("A", {})).python_source()
