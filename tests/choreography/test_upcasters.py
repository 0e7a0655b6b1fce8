"""Upcasters: an event of one version read as the next, and along the chain to any newer one."""

import copy
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import Choreography
from workbench.choreography import Expression, Reading
from workbench.errors import DesignError, EventError
from workbench.events import EventType

TEXT = {"type": "string"}
DECIMAL = {"type": "string", "format": "decimal"}


def placed(version, properties, required):
    schema = {"type": "object", "properties": properties, "required": required}
    return EventType("Placed", {**schema, "additionalProperties": False}, version, "id")


V1 = placed(
    1,
    {"id": TEXT, "total": DECIMAL, "first": TEXT, "last": TEXT, "n": {"type": "integer"}},
    ["id", "total"],
)
PRICE = {
    "type": "object",
    "properties": {"amount": DECIMAL, "currency": {**TEXT, "default": "EUR"}},
    "required": ["amount", "currency"],
}
V2 = placed(
    2,
    {"id": TEXT, "name": TEXT, "price": {"$ref": "#/$defs/Price"}, "n": {"type": "integer"}},
    ["id", "price"],
)
V2 = EventType("Placed", {**V2.schema, "$defs": {"Price": PRICE}}, 2, "id")
V3 = placed(
    3,
    {"id": TEXT, "name": TEXT, "amount": DECIMAL, "lines": {"type": "array", "items": {"type": "integer"}}},
    ["id", "amount"],
)  # fmt: skip


@pytest.fixture
def design():
    design = Choreography()
    for version in (V1, V2, V3):
        design.event(version)
        design.released.setdefault("Placed", {})[version.version] = version
    design.upcaster("Placed", 1, {
        "name": "data.first + ' ' + data.last",
        "price": {"amount": "data.total"},
    })  # fmt: skip
    design.upcaster("Placed", 2, {"amount": "data.price.amount", "lines": "[data.n, 1]"})
    return design


OLD = {"id": "o-1", "total": "1.10000000000000000001", "first": "Ada", "last": "L", "n": 3}


# --- one step --------------------------------------------------------------------------------


def test_an_upcaster_computes_what_is_new_and_carries_over_what_stays(design):
    before = copy.deepcopy(OLD)
    new = design.upcasters["Placed"][1].upcast(OLD)
    assert new == {
        "id": "o-1",
        "n": 3,
        "name": "Ada L",
        "price": {"amount": "1.10000000000000000001", "currency": "EUR"},
    }
    assert type(new["n"]) is int
    assert before == OLD


def test_a_chain_is_applied_step_by_step(design):
    reading = design.versions("Placed").read(OLD, V1.dataschema)
    assert reading == Reading(
        V3,
        {"id": "o-1", "name": "Ada L", "amount": "1.10000000000000000001", "lines": [3, 1]},
        as_written=False,
    )


def test_an_absent_optional_field_stays_absent(design):
    design.upcaster("Placed", 1, {"name": "data.first", "price": {"amount": "data.total"}})
    assert "name" not in design.upcasters["Placed"][1].upcast({"id": "a", "total": "1"})


@pytest.mark.parametrize(
    ("schema", "source", "expected"),
    [
        ({"type": "integer"}, "data.n + 1.0", 4),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "data.n + 1.0", 4),
        (DECIMAL, "data.n * 0.5", "1.5"),
        ({"anyOf": [DECIMAL, {"type": "null"}]}, "data.n * 0.5", "1.5"),
        (DECIMAL, 7, "7"),
        (TEXT, "timestamp('2026-01-02T03:04:05Z')", "2026-01-02T03:04:05Z"),
        ({"type": "array", "items": {"properties": {"n": {"type": "integer"}}}}, "[{'n': data.n}]", [{"n": 3}]),
        ({"type": "boolean"}, True, True),
        ({"type": ["null", "string"]}, None, None),
        ({"type": "string"}, "data.first", "Ada"),
    ],
)  # fmt: skip
def test_a_computed_value_has_the_form_that_its_field_wants(schema, source, expected):
    design = Choreography()
    design.event(V1)
    design.release("Placed")
    new = EventType("Placed", {"properties": {"x": schema}}, 2)
    design.event(new)
    found = design.upcaster("Placed", 1, {"x": source}).upcast(OLD)["x"]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("fields", "data", "expected"),
    [
        ({"price": {"amount": "data.total"}, "n": "data.first"}, OLD,
         "Placed v1 can't be read as v2: what the upcaster gives is no Placed v2: n: "),
        ({"name": "data.first"}, OLD, r"Placed v1 can't be read as v2: .*\"price\" is a required"),
        ({"price": {"amount": "data.total"}, "n": "data.n / data.first"}, OLD,
         r"Placed v1 can't be read as v2: n: 'data\.n / data\.first' fails on this event"),
        ({}, [1], "Placed v1 can't be read as v2: its payload is not an object"),
    ],
)  # fmt: skip
def test_a_result_that_is_not_of_the_next_version_says_versions_and_field(
    design, fields, data, expected
):
    upcaster = design.upcaster("Placed", 1, fields)
    with pytest.raises(EventError, match=expected):
        upcaster.upcast(data)


# --- what is refused at once -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "fields", "expected"),
    [
        (1, {"nmae": "data.first"}, "^Placed v2 has no field 'nmae' .it has: id, name, price, n"),
        (1, {"name": "data.frist"}, "^'data.frist' reads what is not there: Placed v1 has no field 'frist'"),
        (1, {"price": {"amount": "data.totl"}}, "^'data.totl' reads what is not"),
        (1, {"price": {"amuont": "data.total"}},
         r"^Placed v2 has no field 'price.amuont' \(price has: amount, currency\)"),
        (1, {"name": "data.first +"}, "'data.first .' is not CEL"),
        (1, {"name": "first"}, "names 'first', but an expression sees only 'data'"),
        (3, {}, "Placed v3 is the newest: an upcaster leads from a version to the next"),
        (9, {}, "there is no Placed v9"),
    ],
)  # fmt: skip
def test_a_bad_upcaster_is_refused_when_it_is_made(design, version, fields, expected):
    before = dict(design.upcasters["Placed"])
    with pytest.raises(DesignError, match=expected):
        design.upcaster("Placed", version, fields)
    assert design.upcasters["Placed"] == before


def test_any_field_will_do_where_the_schema_names_none(design):
    design.event(EventType("Open", {"type": "object"}, 1))
    design.release("Open")
    design.event(EventType("Open", {"additionalProperties": TEXT}, 2))
    upcaster = design.upcaster("Open", 1, {"anything": "data.whatever + '!'"})
    assert upcaster.upcast({"whatever": "a"}) == {"whatever": "a", "anything": "a!"}


@pytest.mark.parametrize(
    "within",
    [
        {"type": "object"},
        {"properties": {"email": TEXT}, "additionalProperties": TEXT},
        {"properties": {"email": TEXT}, "patternProperties": {"^e": TEXT}},
        {"properties": {"email": TEXT}, "$dynamicRef": "#"},
        {"anyOf": [{"properties": {"email": TEXT}}, {"type": "object"}]},
    ],
)
def test_so_it_is_within_a_field(design, within):
    design.event(EventType("Open", {"type": "object"}, 1))
    design.release("Open")
    design.event(EventType("Open", {"properties": {"contact": within}}, 2))
    upcaster = design.upcaster("Open", 1, {"contact": {"emial": "data.x"}})
    assert upcaster.upcast({"x": "a"})["contact"] == {"emial": "a"}


# --- reading --------------------------------------------------------------------------------


def test_the_version_written_comes_as_it_is_if_it_is_read(design):
    versions = design.versions("Placed")
    reading = versions.read(OLD, V1.dataschema, (1, 3))
    assert reading.event_type is V1
    assert reading.data is OLD


def test_else_the_newest_that_can_be_reached(design):
    versions = design.versions("Placed")
    assert versions.read(OLD, V1.dataschema, (2,)).event_type == V2
    assert versions.read(OLD, V1.dataschema, (2, 3)).event_type == V3
    del design.upcasters["Placed"][2]
    assert design.versions("Placed").read(OLD, V1.dataschema, (2, 3)).event_type == V2


def test_a_version_that_nothing_leads_from_says_what_to_do(design):
    del design.upcasters["Placed"][1]
    versions = design.versions("Placed")
    expected = (
        r"^this is Placed v1, and only v3 is read here \(Placed v1 as it stands is no Placed v2: .*\): "
        r"write an upcaster from v1 to v2, or let the reaction read v1 too\.$"
    )
    with pytest.raises(EventError, match=expected):
        versions.read(OLD, V1.dataschema)


def test_a_step_that_fails_on_the_way_is_the_one_to_mend(design):
    design.upcasters["Placed"][2] = replace(design.upcasters["Placed"][2], fields={"amount": True})
    versions = design.versions("Placed")
    expected = (
        r"^this is Placed v1, and only v3 is read here \(Placed v2 can't be read as v3: .*\): "
        r"mend the upcaster from v2, or let the reaction read v1 too\.$"
    )
    with pytest.raises(EventError, match=expected):
        versions.read(OLD, V1.dataschema)


def test_what_is_no_event_of_its_own_version_is_not_read_at_all(design):
    with pytest.raises(
        EventError, match=r'^Placed v1: the payload: "total" is a required property\.$'
    ):
        design.versions("Placed").read({"id": "a"}, V1.dataschema)


OPEN1 = EventType("Paid", {"properties": {"id": TEXT}}, 1)
OPEN2 = EventType(
    "Paid", {"properties": {"id": TEXT, "by": {**TEXT, "default": "card"}}, "required": ["by"]}, 2
)
OPEN3 = EventType("Paid", {"properties": {"id": TEXT, "by": TEXT}, "required": ["by"]}, 3)  # fmt: skip


def paid(*versions):
    design = Choreography()
    for version in versions:
        design.event(version)
        design.released.setdefault("Paid", {})[version.version] = version
    return design.versions("Paid")


def test_without_an_upcaster_an_event_is_read_as_it_stands_with_the_defaults_of_the_reader():
    assert paid(OPEN1, OPEN2).read({"id": "a"}, OPEN1.dataschema).data == {"id": "a", "by": "card"}


def test_the_default_of_a_version_in_between_is_not_the_readers():
    # The example of what passes BACKWARD and fails BACKWARD_TRANSITIVE.
    with pytest.raises(
        EventError, match=r'this is Paid v1, and only v3 is read here .*"by" is a req'
    ):
        paid(OPEN1, OPEN2, OPEN3).read({"id": "a"}, OPEN1.dataschema)


def test_what_is_none_of_several_versions_names_them_all():
    versions = paid(OPEN1, EventType("Paid", OPEN3.schema, 2), OPEN3)
    with pytest.raises(EventError, match=r"only v2 and v3 are read here .*an upcaster from v1 to"):
        versions.read({"id": "a"}, OPEN1.dataschema, (2, 3))


def test_a_newer_version_is_read_as_it_stands_by_an_older_reader():
    versions = paid(OPEN1, OPEN2, OPEN3)
    reading = versions.read({"id": "a", "by": "cash"}, OPEN3.dataschema, (1,))
    assert (reading.event_type, reading.as_written) == (OPEN1, True)


def test_a_version_that_is_not_known_here_is_read_as_the_one_in_use():
    versions = paid(OPEN1, OPEN2)
    newer = "urn:event:Paid:7"
    assert versions.read({"by": "cash", "tip": 1}, newer).event_type is OPEN2
    with pytest.raises(
        EventError, match=r"^Paid v7 is newer than what is known here \(v2\), and can't be re"
    ):
        versions.read({"by": 3}, newer)
    assert versions.read({"id": "a"}, None).data == {"id": "a", "by": "card"}
    assert versions.read({"id": "a"}, "https://example.com/s").data == {"id": "a", "by": "card"}
    with pytest.raises(EventError, match=r"^Paid v2: by: 3 is not of type"):
        versions.read({"by": 3}, None)


# --- on disk ---------------------------------------------------------------------------------


def test_upcasters_are_kept_with_the_schemas(design, tmp_path):
    design.save(tmp_path)
    home = tmp_path / "events" / "Placed"
    assert (home / "2.upcaster.yaml").read_text() == (
        "name: data.first + ' ' + data.last\nprice:\n  amount: data.total\n"
    )
    again = Choreography.load(tmp_path)
    assert again == design
    assert again.upcasters["Placed"][1].fields["price"] == {"amount": Expression("data.total")}
    assert again.upcasters["Placed"][1].upcast(OLD)["name"] == "Ada L"


def test_the_upcaster_to_a_draft_becomes_that_of_the_version(tmp_path):
    design = Choreography()
    design.event(V1)
    design.release("Placed")
    design.event(V2)
    design.upcaster("Placed", 1, {"price": {"amount": "data.total"}})
    design.save(tmp_path)
    home = tmp_path / "events" / "Placed"
    assert (home / "draft.upcaster.yaml").is_file()
    assert Choreography.load(tmp_path) == design
    design.released["Placed"][2] = V2
    design.save(tmp_path)
    assert {path.name for path in home.iterdir()} == {
        "1.json", "2.json", "2.upcaster.yaml", "released.lock",
    }  # fmt: skip
    assert Choreography.load(tmp_path) == design


def test_an_upcaster_follows_the_draft_that_it_leads_to(tmp_path):
    design = Choreography()
    design.event(V1)
    design.release("Placed")
    design.event(V2)
    design.upcaster("Placed", 1, {"price": {"amount": "data.total"}})
    design.event(EventType("Placed", {"properties": {"price": {"required": ["amount"]}}}, 2))
    assert design.versions("Placed").read(OLD, V1.dataschema).data == {
        "price": {"amount": OLD["total"]}
    }
    design.event(EventType("Placed", {"properties": {"cost": {}}}, 2))
    with pytest.raises(DesignError, match=r"Placed v2 has no field 'price' \(it has: cost\)"):
        design.save(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "line", "field", "expected"),
    [
        ("name: data.first\nnmae: data.last", 2, "nmae", r"Placed v2 has no field 'nmae'"),
        ("name: data.first\nprice:\n  amount: data.totl", 3, "price.amount", "'data.totl' reads what is not there"),
        ("price:\n  amount: 1\n  amuont: data.total", 3, "price.amuont", "Placed v2 has no field 'price.amuont'"),
        ("pirce:\n  amount: 1", 1, "pirce", "Placed v2 has no field 'pirce'"),
        ("name: data.first +", 1, "name", "is not CEL"),
        ("name: [1]", 1, "name", "write an expression in CEL, a number, true, false or null"),
        ("- name", 1, None, "the file must be a mapping"),
        ("name: 'a'\nname: 'b'", None, None, "not YAML: found duplicate key"),
        ("name: &x 'data.first'\nid: *x", 2, None, "anchors and aliases"),
        ("name: !!python/name:os.system", 1, "name", "is not CEL|write an expression|sees only"),
    ],
)  # fmt: skip
def test_a_broken_upcaster_is_said_with_file_and_line(
    design, tmp_path, text, line, field, expected
):
    design.save(tmp_path)
    file = tmp_path / "events" / "Placed" / "2.upcaster.yaml"
    file.write_text(text)
    with pytest.raises(DesignError, match=expected) as raised:
        Choreography.load(tmp_path)
    assert raised.value.file == str(file)
    assert raised.value.field == field
    assert raised.value.line == line or line is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1.upcaster.yaml", "Placed v1 is the first version: there is none to read as it"),
        ("9.upcaster.yaml", "leads to a version from the one before it, and Placed has no v9"),
        (
            "two.upcaster.yaml",
            "is named after the version that it leads to, such as 2.upcaster.yaml",
        ),
        ("draft.upcaster.yaml", "or draft.upcaster.yaml if there is a draft"),
    ],
)
def test_an_upcaster_to_no_version_is_refused(design, tmp_path, name, expected):
    design.save(tmp_path)
    file = tmp_path / "events" / "Placed" / name
    file.write_text("{}")
    with pytest.raises(DesignError, match=expected) as raised:
        Choreography.load(tmp_path)
    assert raised.value.file == str(file)


ODD = st.sampled_from([
    "", "a: &x 1\nb: *x", "name: data.first", "name:", "name: {}", "? [a]: 1", "{", "[" * 500, "- a",
    "name: data.first.second", "price: {amount: {deep: data.n}}", "n: 9999999999999999999999",
    "price: data", "name: .nan", "1: 2", "name: 'data'", "lines: '[data]'", "2 sha256:" + "0" * 64,
])  # fmt: skip
TEXTS = st.binary(max_size=40) | st.lists(ODD | st.text(max_size=20), max_size=3).map(
    lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from(["2.upcaster.yaml", "released.lock"]))
def test_whatever_stands_in_these_files_is_read_or_is_one_sentence(tmp_path_factory, text, name):
    design = Choreography()
    for version in (V1, V2):
        design.event(version)
        design.released.setdefault("Placed", {})[version.version] = version
    folder = design.save(tmp_path_factory.mktemp("design"))
    (folder / "events" / "Placed" / name).write_bytes(text)
    try:
        loaded = Choreography.load(folder)
    except DesignError as error:
        loaded, said = None, str(error)
    if loaded is None:
        assert str(folder) in said
        assert said.endswith((".", "?"))
        return
    for upcaster in loaded.upcasters.get("Placed", {}).values():
        with suppress(EventError):
            upcaster.upcast(OLD)
    loaded.save(folder)
    assert Choreography.load(folder) == loaded
