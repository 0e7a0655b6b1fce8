"""Which fields an expression reads, by its text, and a handler, by its source."""

import functools

import pytest

from workbench.choreography import Expression
from workbench.choreography.impact.cel_fields import cel_fields
from workbench.choreography.impact.code_fields import code_fields
from workbench.choreography.impact.fate import declared_part, find, kinds, parts
from workbench.events import EventType


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("data.total > 3.0", ["total"]),
        ("data.customer.city == 'data.name'", ["customer.city"]),
        ("data['customer'].city + data[\"a b\"]", ["customer.city", "a b"]),
        ("data.lines[0].sku", ["lines[].sku"]),
        ("data.lines[data.n].sku", ["n", "lines[].sku"]),
        ("data.lines.exists(l, l.sku == data.gift)", ["lines[].sku", "gift"]),
        ("data.lines.all(l, l > 1.0)", ["lines[]"]),
        ("data.lines.filter(l, l.big)[0].sku", ["lines[].big", "lines[].sku"]),
        ("data.lines.map(l, l.sku).size() > 1", ["lines[].sku"]),
        ("data.lines.exists(l, l.parts.exists(p, p.id == l.id))", ["lines[].parts[].id", "lines[].id"]),
        ("has(data.note) && data.note.startsWith('x')", ["note"]),
        ("size(data.lines) > 2", ["lines"]),
        ("{'id': data.id, 'of': [data.a.b]}", ["id", "a.b"]),
        ("data == data", [""]),
        ("'nothing'", []),
        ("1.0 < 2.0 // data.comment\n", []),
    ],
)  # fmt: skip
def test_the_paths_of_an_expression(source, paths):
    assert cel_fields(Expression(source)) == paths


def attributes(event, ctx):
    ctx.state[event.id] = event.customer.city
    return event.total.quantize(1)


def subscripts(event):
    return event["id"], event.get("note", ""), event["customer"]["city"], event["lines"][0]["sku"]


def names(event):
    order = event
    n = 3
    who = order.customer
    if (total := order.total) > n:
        return who.name
    who = order.shipping
    return who, total


def loops(event):
    for line in event.lines:
        print(line.sku)
    return [part.id for line in event.lines for part in line.parts if part.ok], len(event.tags)


def counts(event):
    return sum(1 for _ in event.lines)


def hands_on(event):
    return str(event)


def methods(event):
    return event.model_dump()


def matches(event):
    match event:
        case {"id": "x", "customer": {"city": city}}:
            return city
        case dict(total=total) | {"sum": total}:
            return total


def by_name(event):
    return getattr(event, "total", None), isinstance(event, dict)


def by_the_envelope(event, ctx):
    return ctx.envelope.payload()


def ignores(event):
    return None


def inner(event):
    def twice(event_):
        return event.total * 2

    return twice


class Service:
    def react(self, event):
        return event.id


@pytest.mark.parametrize(
    ("handler", "paths"),
    [
        (attributes, ["id", "customer.city", "total"]),
        (subscripts, ["id", "note", "customer.city", "lines[].sku"]),
        (names, ["customer", "total", "customer.name", "shipping"]),
        (loops, ["lines[].sku", "lines[].parts[].ok", "lines[].parts[].id", "tags"]),
        (counts, ["lines"]),
        (hands_on, [""]),
        (methods, [""]),
        (matches, ["id", "customer.city", "total", "sum"]),
        (by_name, ["total"]),
        (by_the_envelope, [""]),
        (ignores, []),
        (inner, ["total"]),
        (Service().react, ["id"]),
    ],
)
def test_the_paths_that_a_handlers_code_touches(handler, paths):
    assert set(code_fields(handler)) == set(paths)


def test_where_there_is_no_source_nothing_is_known():
    assert code_fields(functools.partial(attributes, 1)) is None
    assert code_fields(len) is None
    assert code_fields(eval("lambda event: event.id")) is None


# --- what a schema declares ------------------------------------------------------------------

TEXT = {"type": "string"}
TYPE = EventType(
    "Placed",
    {
        "properties": {
            "id": TEXT,
            "who": {"anyOf": [{"$ref": "#/$defs/Who"}, {"type": "null"}]},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "tags": {"type": "object", "additionalProperties": {"type": "integer"}},
            "price": {"type": "string", "format": "decimal"},
            "kind": {"enum": ["a", 1, None]},
            "node": {"$ref": "#"},
        },
        "required": ["id"],
        "$defs": {
            "Who": {"type": "object", "properties": {"city": TEXT}, "required": ["city"]},
            "Line": {"allOf": [{"properties": {"sku": TEXT}}, {"required": ["sku"]}]},
        },
    },
)


def test_a_path_has_its_ancestors():
    assert list(parts("a.b[].c[][]")) == [
        "a",
        "a.b",
        "a.b[]",
        "a.b[].c",
        "a.b[].c[]",
        "a.b[].c[][]",
    ]


@pytest.mark.parametrize(
    ("path", "required", "kind"),
    [
        ("id", True, {"text"}),
        ("who", False, {"object", "null"}),
        ("who.city", True, {"text"}),
        ("lines[].sku", True, {"text"}),
        ("tags.any", False, {"number"}),
        ("price", False, {"number"}),
        ("kind", False, {"text", "number", "null"}),
        ("node.node.who.city", True, {"text"}),
    ],
)
def test_a_field_is_found_through_references_unions_and_lists(path, required, kind):
    found = find(TYPE, path)
    assert (found.required, kinds(TYPE, found.schemas)) == (required, kind)


def test_a_path_counts_to_the_deepest_part_that_is_declared():
    assert find(TYPE, "who.street") is None
    assert declared_part(TYPE, "who.city.length") == "who.city"
    assert declared_part(TYPE, "price.real") == "price"
    assert declared_part(TYPE, "nowhere.at.all") == ""
