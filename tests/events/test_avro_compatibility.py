"""Avro: what a reader's schema reads of what a writer's schema wrote, by the specification."""

import io
import json
import re

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.effort import at_most
from workbench.errors import EventError
from workbench.events.avro import read_errors


def record(*fields, name="Order", **more):
    made = [{"name": n, "type": kind, **dict(*rest)} for n, kind, *rest in fields]
    return {"type": "record", "name": name, "fields": made, **more}


def enum(*symbols, name="Status", **more):
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(size, name="Hash", **more):
    return {"type": "fixed", "name": name, "size": size, **more}


def decimal(precision, scale, base="bytes"):
    kind = {"type": "bytes"} if base == "bytes" else fixed(base)
    return {**kind, "logicalType": "decimal", "precision": precision, "scale": scale}


def array(items):
    return {"type": "array", "items": items}


def mapping(values):
    return {"type": "map", "values": values}


def reads(writer, reader, datum):
    """What fastavro reads; raises what it raises."""
    written = io.BytesIO()
    writer, reader = fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    fastavro.schemaless_writer(written, writer, datum)
    written.seek(0)
    return fastavro.schemaless_reader(written, writer, reader)


def refuses(writer, reader, datum):
    try:
        reads(writer, reader, datum)
    except Exception:
        return True
    return False


# --- the specification's table of promotions ------------------------------------------------

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
PROMOTED = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}
SAMPLES = {
    "null": None, "boolean": True, "int": 1, "long": 2**40, "float": 1.5, "double": 1.5,
    "bytes": b"a", "string": "a",
}  # fmt: skip


@pytest.mark.parametrize("reader", PRIMITIVES)
@pytest.mark.parametrize("writer", PRIMITIVES)
def test_primitives_are_read_as_themselves_and_as_what_they_are_promoted_to(writer, reader):
    found = read_errors(writer, reader)
    if writer == reader or (writer, reader) in PROMOTED:
        assert found == []
        reads(writer, reader, SAMPLES[writer])
    else:
        (one,) = found
        assert (one.pointer, one.kind, one.proved) == ("", "type-mismatch", True)
        assert refuses(writer, reader, one.witness)


# --- what is read ---------------------------------------------------------------------------

READ = {
    "the same": (record(("a", "int")), record(("a", "int"))),
    "fields in another order": (
        record(("a", "int"), ("b", "string")),
        record(("b", "string"), ("a", "int")),
    ),
    "a field that the reader doesn't know": (
        record(("a", "int"), ("b", "int")),
        record(("a", "int")),
    ),
    "a field added with a default": (
        record(("a", "int")),
        record(("a", "int"), ("b", ["null", "string"], {"default": None})),
    ),
    "the default of any branch of a union": (
        record(),
        record(("b", ["null", "int"], {"default": 5})),
    ),
    "a whole number as the default of a double": (
        record(),
        record(("b", {"type": "double"}, {"default": 0})),
    ),
    "a field renamed, with an alias": (
        record(("mail", "string")),
        record(("email", "string", {"aliases": ["mail"]})),
    ),
    "a type renamed, with an alias": (
        record(name="shop.Old"),
        record(name="New", namespace="shop", aliases=["Old"]),
    ),
    "an alias in another namespace": (
        record(name="a.Old"),
        record(name="b.New", aliases=["a.Old"]),
    ),
    "another namespace": (record(name="a.Order"), record(name="b.Order")),
    "an enum with more symbols": (enum("A"), enum("A", "B")),
    "an enum with fewer, and a default": (enum("A", "B"), enum("A", default="A")),
    "a union with more branches": (["null", "int"], ["string", "int", "null"]),
    "a value become a union": ("int", ["null", "int"]),
    "a value become a union, promoted": ("int", ["null", "double"]),
    "a union become its only value": (["int"], "long"),
    "a union all of whose branches fit": (["int", "long"], "double"),
    "lists of promoted items": (array("int"), array("long")),
    "maps of promoted values": (mapping("string"), mapping("bytes")),
    "a recursive type": (
        record(("value", "int"), ("next", ["null", "Order"])),
        record(("value", "long"), ("next", ["null", "Order"])),
    ),
    "the same decimals": (decimal(9, 2), decimal(9, 2)),
    "a decimal read as its bytes": (decimal(9, 2), "bytes"),
    "another logical type on the same base": (
        {"type": "long", "logicalType": "timestamp-millis"},
        "long",
    ),
    "JSON text": (json.dumps(record(("a", "int"))), json.dumps(record(("a", "long")))),
    "a type's name in quotes": ('"int"', " long "),
}


@pytest.mark.parametrize("case", READ)
def test_a_reader_reads(case):
    assert read_errors(*READ[case]) == []


# --- what is not ----------------------------------------------------------------------------

LINE = record(("price", "int"), name="Line")

REFUSED = {
    "a field added without a default": (
        record(("a", "int")),
        record(("a", "int"), ("email", "string")),
        "/fields/1",
        "reader-field-missing-default",
        (
            "`email` has no default: the reader can't fill it in where an event was written without it; "
            "give it a default."
        ),
    ),
    "an enum's default, which is no field's default": (
        record(),
        record(("status", enum("A", default="A"))),
        "/fields/0",
        "reader-field-missing-default",
        "`status` has no default: ",
    ),
    "a field of another type": (
        record(("a", "int"), ("amount", "string")),
        record(("amount", "double")),
        "/fields/0/type",
        "type-mismatch",
        "`amount` may be written as string and is read as double, which doesn't fit.",
    ),
    "a promotion backwards": (
        record(("n", "long")),
        record(("n", "int")),
        "/fields/0/type",
        "type-mismatch",
        (
            "`n` may be written as long and is read as int, which doesn't fit. "
            "Only the reverse works: int is read as long."
        ),
    ),
    "a union become one of its values": (
        record(("email", ["null", "string"])),
        record(("email", "string")),
        "/fields/0/type",
        "type-mismatch",
        "`email` may be written as null and is read as string",
    ),
    "a union without one of the branches": (
        ["null", "string", "int"],
        ["null", "string"],
        "",
        "union-branch-missing",
        "The event may be written as int, which is none of what the reader takes (null, string).",
    ),
    "a type renamed without an alias": (
        record(("customer", record(name="Person"))),
        record(("customer", record(name="Customer"))),
        "/fields/0/type/name",
        "name-mismatch",
        (
            "`customer` is written as record Person and read as record Customer: the names must be the "
            "same, or Person an alias of the reader's."
        ),
    ),
    "an alias in the wrong namespace": (
        record(name="a.Old"),
        record(name="b.New", aliases=["b.Older"]),
        "/name",
        "name-mismatch",
        "or a.Old an alias of the reader's.",
    ),
    "an enum and a record of one name": (
        {**enum("A"), "name": "X"},
        record(name="X"),
        "",
        "type-mismatch",
        "The event may be written as enum X and is read as record X, which doesn't fit.",
    ),
    "an enum with fewer symbols": (
        record(("status", enum("NEW", "LOST", "GONE", "BACK"))),
        record(("status", enum("NEW"))),
        "/fields/0/type/symbols",
        "enum-symbols-missing",
        (
            "`status` may be written as LOST or 2 more, which the reader's enum Status lacks: add it, or "
            "give that enum a default."
        ),
    ),
    "a fixed of another size": (
        fixed(16),
        fixed(32),
        "/size",
        "fixed-size",
        "The event is written with 16 bytes and read with 32: the size of a fixed can't change.",
    ),
    "deep inside lists and maps": (
        record(("lines", array(mapping(LINE)))),
        record(
            ("lines", array(mapping({**LINE, "fields": [{"name": "price", "type": "string"}]})))
        ),
        "/fields/0/type/items/values/fields/0/type",
        "type-mismatch",
        "`lines[]{}.price` may be written as int and is read as string",
    ),
    "inside a recursive type": (
        record(("value", "int"), ("next", ["null", "Order"])),
        record(("value", "string"), ("next", ["null", "Order"])),
        "/fields/0/type",
        "type-mismatch",
        "`value` may be written as int",
    ),
    "a union's first matching branch, though it fails inside": (
        record(("a", "int"), name="x.R"),
        [record(("b", "int"), name="y.R"), record(("a", "int"), name="x.R")],
        "/0/fields/0",
        "reader-field-missing-default",
        "`b` has no default",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_reader_refuses_and_a_witness_proves_it(case):
    writer, reader, pointer, kind, sentence = REFUSED[case]
    (found,) = read_errors(writer, reader)
    assert (found.pointer, found.kind) == (pointer, kind)
    assert sentence in found.sentence
    assert found.proved
    assert refuses(writer, reader, found.witness)


@pytest.mark.parametrize(
    ("writer", "reader"),
    [
        (decimal(9, 2), decimal(9, 4)),
        (decimal(9, 2), decimal(12, 2)),
        (decimal(9, 2, base=8), decimal(9, 3, base=8)),
    ],
)
def test_decimals_need_the_same_precision_and_scale_which_fastavro_overlooks(writer, reader):
    (found,) = read_errors(record(("price", writer)), record(("price", reader)))
    assert (found.pointer, found.kind, found.proved) == ("/fields/0/type", "decimal", False)
    assert found.sentence.startswith("`price` is written as decimal(9, 2) and read as decimal(")


def test_a_union_takes_the_decimal_that_is_the_same():
    both = [decimal(9, 4), decimal(9, 2, base=8)]
    assert read_errors(decimal(9, 2, base=8), both) == []
    assert [one.kind for one in read_errors(decimal(9, 2), both)] == ["union-branch-missing"]


def test_a_default_that_is_no_value_of_its_type_is_found_where_it_would_be_needed():
    reader = record(("tags", array("int"), {"default": ["x"]}))
    (found,) = read_errors(record(), reader)
    assert (found.pointer, found.kind) == ("/fields/0/default", "invalid-default")
    assert read_errors(record(("tags", array("int"))), reader) == []


def test_null_can_be_a_witness():
    (found,) = read_errors(["null", "string"], "string")
    assert found.proved
    assert found.witness is None


def test_each_mistake_is_found_once():
    writer = record(("a", "int"), ("b", "string"), ("c", enum("X", "Y")))
    reader = record(("a", "string"), ("b", "int"), ("c", enum("X")), ("d", "int"))
    found = read_errors(writer, reader)
    assert [one.pointer for one in found] == [
        "/fields/0/type",
        "/fields/1/type",
        "/fields/2/type/symbols",
        "/fields/3",
    ]


def test_what_can_not_be_written_has_no_witness():
    endless = record(("a", "int"), ("self", "Order"))
    (found,) = read_errors(endless, record(("a", "string"), ("self", "Order")))
    assert not found.proved


# --- what is no schema, and what is too much ------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (5, "5 is neither a type's name, a list nor an object (at its top)."),
        (None, "None is neither a type's name"),
        ({"foo": 1}, "it has no 'type' (at its top)."),
        ("{", "its text is not JSON"),
        ("intt", "its text is not JSON"),
        ({"type": "intt"}, "there is no type 'intt' up to there"),
        (record(("a", "Line")), "there is no type 'Line' up to there (at /fields/0/type)."),
        ({"type": "record", "name": "A"}, "the record A has no list of 'fields'"),
        ({"type": "record", "fields": []}, "the record has no 'name'"),
        (record(name="1 bad"), "'1 bad' can't name a type"),
        (record(("a", "int"), ("a", "int")), "Order has two fields named a (at /fields/1)."),
        (record(("a b", "int")), "a field needs a 'name' of letters, digits and _, and a 'type'"),
        (record(("a", record())), "Order is defined twice (at /fields/0/type)."),
        (enum("A", "A"), "a symbol stands twice in 'symbols'"),
        (enum("A", default="B"), "the default of Status is none of its symbols"),
        ({"type": "enum", "name": "S"}, "'symbols' must be a list of names"),
        (enum("A-B"), "the symbols of Status must be made of letters, digits and _"),
        (fixed(-1), "Hash has no 'size' in bytes"),
        (fixed("x"), "Hash has no 'size' in bytes"),
        ({"type": "array"}, "the array has no 'items'"),
        ({"type": "map"}, "the map has no 'values'"),
        (["int", "int"], "the union has int twice"),
        (["int", ["null"]], "a union stands directly in a union"),
        (record(aliases=[1]), "'aliases' must be a list of names"),
    ],
)
def test_what_is_no_avro_schema_is_said_in_one_sentence(schema, why):
    for writer, reader, whose in ((schema, "int", "writer"), ("int", schema, "reader")):
        with pytest.raises(EventError) as raised:
            read_errors(writer, reader)
        assert str(raised.value).startswith(f"the {whose}'s schema is not an Avro schema: ")
        assert why in str(raised.value)
        assert "\n" not in str(raised.value)


def nested(levels):
    schema = "int"
    for _ in range(levels):
        schema = array(schema)
    return schema


def chain(n, last):
    """Records, each of which uses the one before: no deep text, but deep types."""
    fields = [("f0", record(("v", last), name="R0"))]
    fields += [(f"f{k}", record(("v", f"R{k - 1}"), name=f"R{k}")) for k in range(1, n)]
    return record(*reversed(fields[:1]), *fields[1:], name="Root")


def doubling(n, last):
    fields = [("f0", record(("v", last), name="R0"))]
    for k in range(1, n):
        one = record(("v", f"R{k - 1}"), ("w", f"R{k - 1}"), name=f"R{k}")
        fields.append((f"f{k}", one))
    return record(*fields, name="Root")


def records(n, kind):
    return [record(("a", kind), name=f"R{k}") for k in range(n)]


HOSTILE = {
    "a deep schema": (nested(5_000), nested(5_000), {"undecided"}),
    "a deep schema of records": (chain(3_000, "int"), chain(3_000, "string"), {"type-mismatch"}),
    "a datum of 2 to the 60th parts": (
        doubling(60, "int"),
        doubling(60, "string"),
        {"type-mismatch"},
    ),
    "an enum of 10,000 symbols": (
        enum(*(f"S{k}" for k in range(10_000))),
        enum(*(f"S{k}" for k in range(9_999))),
        {"enum-symbols-missing"},
    ),
    "a union of 1,000 branches": (
        records(1_000, "int"),
        records(1_000, "string"),
        {"type-mismatch"},
    ),
    "two unions with nothing in common": (
        records(1_000, "int"),
        [record(name=f"Q{k}") for k in range(1_000)],
        {"union-branch-missing"},
    ),
    "too much to compare": (
        records(3_000, "int"),
        [record(name=f"Q{k}") for k in range(3_000)],
        {"undecided"},
    ),
    "a fixed of a thousand million bytes": (fixed(10**9), fixed(10**9 + 1), {"fixed-size"}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_schema_costs_no_more_than_it_may(case):
    writer, reader, kinds = HOSTILE[case]
    with at_most(calls=20_000_000):
        found = read_errors(writer, reader)
    assert {one.kind for one in found} == kinds


def test_what_could_not_be_decided_is_a_finding():
    (found,) = read_errors(nested(200), nested(200))
    assert found.kind == "undecided"
    assert found.sentence == (
        "Could not decide whether the reader reads it: a schema is nested deeper than 100 levels."
    )


# --- any two schemas ------------------------------------------------------------------------

leaves = st.sampled_from(PRIMITIVES) | st.builds(
    lambda symbols, default: ("enum", symbols, default),
    st.lists(st.sampled_from("ABC"), min_size=1, unique=True),
    st.booleans(),
)
leaves |= st.builds(lambda size: ("fixed", size), st.integers(1, 3))


def composed(inner):
    field = st.tuples(st.sampled_from("xyz"), inner, st.booleans())
    fields = st.lists(field, max_size=3, unique_by=lambda one: one[0])
    return (
        st.builds(lambda one: ("array", one), inner)
        | st.builds(lambda one: ("map", one), inner)
        | st.builds(lambda found, name: ("record", name, found), fields, st.sampled_from("PQ"))
        | st.builds(lambda found: ("union", found), st.lists(inner, min_size=1, max_size=3))
    )


shapes = st.recursive(leaves, composed, max_leaves=8)


def schema_of(shape, names):
    """The schema of a shape; a record inside one of its name refers to it."""
    if isinstance(shape, str):
        return shape
    kind, *rest = shape
    if kind in ("array", "map"):
        return (array if kind == "array" else mapping)(schema_of(rest[0], names))
    if kind == "union":
        found, seen = [], set()
        for one in rest[0]:
            named = one[0] in ("enum", "fixed", "record")
            what = one[:2] if one[0] == "record" else one[0] if named else str(one)
            what = one[0] if one[0] in ("array", "map") else what
            if one[0] != "union" and what not in seen:
                seen.add(what)
                found.append(schema_of(one, names))
        return found or ["null"]
    name = {"enum": "E", "fixed": "F"}.get(kind, str(rest[0]))
    if name in names:
        return name
    names.add(name)
    if kind == "enum":
        return enum(*rest[0], name=name, **({"default": rest[0][0]} if rest[1] else {}))
    if kind == "fixed":
        return fixed(rest[0], name=name)
    return record(
        *(
            (
                n,
                schema_of(one, names),
                {"default": DEFAULTS[one]} if has and str(one) in DEFAULTS else {},
            )
            for n, one, has in rest[1]
        ),
        name=name,
    )


DEFAULTS = {"null": None, "int": 0, "long": 0, "double": 0.5, "string": "", "bytes": ""}


def varied(draw, shape):
    """A shape that is often, but not always, one that reads the other."""
    if isinstance(shape, str):
        wider = {"int": ("long", "double"), "long": ("float",), "string": ("bytes",)}
        return draw(st.sampled_from((shape, *wider.get(shape, ()), ("union", ["null", shape]))))
    kind, *rest = shape
    if kind in ("array", "map"):
        return (kind, varied(draw, rest[0]))
    if kind == "union":
        return (kind, draw(st.permutations([varied(draw, one) for one in rest[0]])))
    if kind == "record":
        kept = [one for one in rest[1] if draw(st.booleans())]
        return (kind, rest[0], [(name, varied(draw, one), True) for name, one, _ in kept])
    if kind == "enum":
        return (kind, draw(st.sampled_from([rest[0], ["A", "B", "C"]])), draw(st.booleans()))
    return shape


def defined(schema):
    """Name → what it stands for, in the whole schema."""
    if isinstance(schema, list):
        return {name: one for inner in schema for name, one in defined(inner).items()}
    if isinstance(schema, str):
        return {}
    inner = [schema[word] for word in ("items", "values") if word in schema]
    inner += [one["type"] for one in schema.get("fields", ())]
    return ({schema["name"]: schema} if "name" in schema else {}) | defined(inner)


def datum_of(draw, schema, known, depth=0):
    if isinstance(schema, list):
        simple = [one for one in schema if str(one) in PRIMITIVES]
        return datum_of(draw, draw(st.sampled_from((depth > 4 and simple) or schema)), known, depth)
    if isinstance(schema, str) and schema in known:
        schema = known[schema]
    if isinstance(schema, str):
        return draw(
            {
                "null": st.none(), "boolean": st.booleans(), "int": st.integers(-9, 9),
                "long": st.integers(-(2**40), 2**40), "float": st.just(1.5),
                "double": st.just(2.5), "bytes": st.just(b"ab"), "string": st.just("ab"),
            }[schema]
        )  # fmt: skip
    kind = schema["type"]
    if kind == "enum":
        return draw(st.sampled_from(schema["symbols"]))
    if kind == "fixed":
        return b"a" * schema["size"]
    if kind == "record":
        if depth > 8:
            raise RecursionError
        return {f["name"]: datum_of(draw, f["type"], known, depth + 1) for f in schema["fields"]}
    count = draw(st.integers(0, 2)) if depth < 4 else 0
    inner = [datum_of(draw, schema[{"array": "items", "map": "values"}[kind]], known, depth + 1)]
    return inner * count if kind == "array" else {f"k{n}": inner[0] for n in range(count)}


@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(writer=shapes, reader=shapes, alike=st.booleans(), data=st.data())
def test_without_errors_fastavro_reads_what_it_wrote_and_a_witness_is_refused(
    writer, reader, alike, data
):
    reader = schema_of(varied(data.draw, writer) if alike else reader, set())
    writer = schema_of(writer, set())
    found = read_errors(writer, reader)
    for one in found:
        assert not one.proved or refuses(writer, reader, one.witness)
    if found:
        return
    try:
        datum = datum_of(data.draw, writer, defined(writer))
    except RecursionError:
        return
    reads(writer, reader, datum)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(shape=shapes)
def test_every_schema_reads_what_it_wrote_itself(shape):
    schema = schema_of(shape, set())
    assert read_errors(schema, schema) == []
    assert read_errors(json.dumps(schema), schema) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([*PRIMITIVES, "A", "record"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "name",
                    "fields",
                    "items",
                    "symbols",
                    "size",
                    "default",
                    "aliases",
                    "scale",
                ]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=1_000, deadline=None)
@given(schema=json_values | st.text(max_size=20))
def test_anything_at_all_is_a_schema_or_a_sentence(schema):
    try:
        found = read_errors(schema, schema)
    except EventError as error:
        assert re.fullmatch(r"the writer's schema is not an Avro schema: [^\n]+\.", str(error))  # noqa: PT017
        return
    assert found == []
