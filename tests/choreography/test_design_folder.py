"""A design on disk: written, read back the same, and every mistake said with its place."""

import json
import re
import textwrap
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.choreography import (
    Choreography,
    Expression,
    Reaction,
    format_duration,
    parse_duration,
)
from workbench.errors import DesignError, HandlerError
from workbench.events import Event, EventType
from workbench.services import RetryPolicy, service_spec


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    quantity: int
    total: Decimal


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    quantity: int
    note: str | None = None


class OutOfStock(Event, version=1, key="order_id"):
    order_id: str


def reserve(event: OrderPlaced) -> StockReserved | OutOfStock | None:
    """A handler."""


def rich_design():
    design = Choreography()
    for event in (OrderPlaced, StockReserved, OutOfStock):
        design.event(event)
    design.release("OrderPlaced")
    design.event(EventType("Keyless", {"properties": {"é": {"type": "string"}}}, version=3))
    design.channels["OutOfStock"] = "trouble"
    inventory = design.service("inventory")
    inventory.whenever(
        "OrderPlaced",
        guard="data.quantity <= 10.0 && data.order_id != 'it''s: #1'".replace("''", ""),
        after="50ms",
        failure_rate=0.25,
        emit={
            "StockReserved": {"order_id": "data.order_id", "quantity": 3, "note": "'é 😀'"},
            "OutOfStock": {"order_id": "data.order_id"},
        },
    )
    patient = RetryPolicy(
        attempts=1, first_delay=0.2, later=("250ms", "1min"), give_up_on=("KeyError",)
    )
    inventory.whenever(
        "OrderPlaced", emit={"Keyless": {}}, name="tell", retry=patient, ordered=True
    )
    inventory.whenever("OrderPlaced", emit={"StockReserved": {"note": None}}, after="1.5h")
    inventory.whenever(
        "OrderPlaced",
        emit={},
        name="expire",
        unless=["StockReserved", "OutOfStock"],
        within="15min",
    )
    inventory.on()(reserve)
    design.service("idle")
    return design


def test_a_design_is_the_same_after_a_round_trip(tmp_path):
    design = rich_design()
    assert design.save(tmp_path / "orders") == tmp_path / "orders"
    again = Choreography.load(tmp_path / "orders")
    assert again == design
    assert list(again.services["inventory"].reactions) == [
        "on_OrderPlaced", "tell", "on_OrderPlaced_2", "expire", "reserve"
    ]  # fmt: skip
    again.save(tmp_path / "copy")
    assert _texts(tmp_path / "copy") == _texts(tmp_path / "orders")


def _texts(folder):
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_folder_holds_one_file_a_version_and_no_left_overs(tmp_path):
    rich_design().save(tmp_path)
    assert set(_texts(tmp_path)) == {
        "choreography.yaml",
        "events/OrderPlaced/1.json",
        "events/OrderPlaced/released.lock",
        "events/StockReserved/draft.json",
        "events/OutOfStock/draft.json",
        "events/Keyless/draft.json",
    }


def test_a_long_expression_keeps_every_space_and_its_line(tmp_path):
    design = Choreography()
    equations = {
        f"at {n}": f"state.ledger.total == state.bank['{'y' * n}  z'].total" for n in range(40, 120)
    }
    for name, equation in equations.items():
        design.invariant(name, equation)
    design.save(tmp_path)
    assert _texts(tmp_path)["choreography.yaml"].count("\n") == len(equations) + 2
    found = Choreography.load(tmp_path).invariants
    assert {name: invariant.source for name, invariant in found.items()} == equations


def test_an_empty_design_round_trips(tmp_path):
    Choreography().save(tmp_path)
    assert Choreography.load(tmp_path) == Choreography()


def test_a_draft_keeps_its_version(tmp_path):
    design = Choreography()
    design.event(EventType("OrderPlaced", {}, version=7))
    design.save(tmp_path)
    assert Choreography.load(tmp_path).event_types["OrderPlaced"].version == 7


def test_releasing_turns_the_draft_into_a_version(tmp_path):
    design = Choreography()
    design.event(OutOfStock)
    design.save(tmp_path)
    design.release("OutOfStock")
    design.save(tmp_path)
    assert set(_texts(tmp_path)) == {
        "choreography.yaml",
        "events/OutOfStock/1.json",
        "events/OutOfStock/released.lock",
    }
    again = Choreography.load(tmp_path)
    assert not again.is_draft("OutOfStock")
    again.event(EventType("OutOfStock", {"properties": {"order_id": {}, "x": {}}}, 2, "order_id"))
    assert again.is_draft("OutOfStock")
    again.save(tmp_path)
    assert Choreography.load(tmp_path) == again


def test_a_released_version_never_changes_in_memory(tmp_path):
    design = Choreography()
    design.event(OutOfStock)
    design.release("OutOfStock")
    expected = r"^OutOfStock v1 is released and never changes; make this version=2\.$"
    with pytest.raises(DesignError, match=expected):
        design.event(EventType("OutOfStock", {"type": "object"}))
    assert design.event(OutOfStock).version == 1


def test_a_released_version_never_changes_on_disk(tmp_path):
    design = Choreography()
    design.event(OutOfStock)
    design.release("OutOfStock")
    design.save(tmp_path)
    file = tmp_path / "events" / "OutOfStock" / "1.json"
    file.write_text(file.read_text().replace("string", "integer"))
    before = file.read_text()
    with pytest.raises(
        DesignError, match=r"1\.json: OutOfStock v1 is released and never changes, but"
    ):
        design.save(tmp_path)
    assert file.read_text() == before


texts = st.text("abc'\"#:{}[]&*!|>%@` \n\té😀", max_size=15)


@settings(max_examples=25)
@given(texts, texts, st.integers(0, 10**9), st.floats(0, 1))
def test_any_text_in_a_mapping_survives_the_file(tmp_path_factory, word, name, ms, rate):
    design = Choreography()
    design.event(OutOfStock)
    design.service("s").whenever(
        "OutOfStock",
        guard=f"data.order_id != {json.dumps(word, ensure_ascii=False)}",
        name=name or "x",
        after=ms / 1000,
        failure_rate=rate,
        emit={"OutOfStock": {"order_id": json.dumps(word, ensure_ascii=False)}},
    )
    folder = tmp_path_factory.mktemp("design")
    design.save(folder)
    assert Choreography.load(folder) == design


# --- the file of DESIGN.md -------------------------------------------------------------------

GOOD = """\
    events:
      OrderPlaced: {key: order_id}
      StockReserved: {key: order_id}
      OutOfStock: {key: order_id}
    services:
      inventory:
        - whenever: OrderPlaced                  # event storming's word for a policy
          if: data.quantity <= 10                # CEL
          after: 50ms
          emit:
            StockReserved: {order_id: data.order_id, quantity: data.quantity}
        - whenever: OutOfStock
          handler: python                        # bound when code registers it
          emits: [StockReserved]
"""


@pytest.fixture
def folder(tmp_path):
    """A design folder with three event types and no choreography yet."""
    for event in (OrderPlaced, StockReserved, OutOfStock):
        home = tmp_path / "events" / event.__name__
        home.mkdir(parents=True)
        (home / "1.json").write_text(json.dumps(event.event_type.schema, indent=2))
    return tmp_path


@pytest.fixture
def load(folder):
    def load(text):
        (folder / "choreography.yaml").write_text(textwrap.dedent(text), "utf-8")
        return Choreography.load(folder)

    return load


def test_the_file_shown_in_the_design_loads(load):
    design = load(GOOD)
    first, second = design.services["inventory"].reactions.values()
    assert first == Reaction(
        name="on_OrderPlaced",
        whenever="OrderPlaced",
        emits=("StockReserved",),
        guard=Expression("data.quantity <= 10"),
        after=0.05,
        mappings={
            "StockReserved": {
                "order_id": Expression("data.order_id"),
                "quantity": Expression("data.quantity"),
            }
        },
    )
    assert second.is_python
    assert (second.handler, second.emits) == (None, ("StockReserved",))
    assert (first.line, second.line) == (7, 12)


@pytest.mark.parametrize(
    ("text", "line", "field", "expected"),
    [
        ("- a\n- b", 1, None, "the file must be a mapping of names to values"),
        ("just text", 1, None, "the file must be a mapping"),
        (
            "servces: {}",
            1,
            "servces",
            "'servces' is not known here .known: events, invariants, policy, services.",
        ),
        ("services: [a]", 1, "services", "services must be a mapping"),
        ("services:\n  inventory: {}", 2, "services.inventory", "must be a list .lines beginning"),
        ("services:\n  'in ventory': []", 2, "services.in ventory", "can't name a service"),
        ("services:\n  1: []", 2, "services", "the name 1 must be a text"),
        ("services:\n  a:\n    - OrderPlaced", 3, "services.a[0]", "must be a mapping"),
        ("services:\n  a:\n    - emit: {}", 3, "services.a[0]", "'whenever' is missing"),
        ("events:\n  Nope: {}", 2, "events.Nope", "there is no schema for Nope in "),
        (
            "events:\n  OrderPlaced: {kye: x}",
            2,
            "events.OrderPlaced.kye",
            "'kye' is not known here",
        ),
        ("events:\n  OrderPlaced:", 2, "events.OrderPlaced", "must be a mapping"),
        (
            "events:\n  OrderPlaced:\n    key: nope",
            3,
            "events.OrderPlaced.key",
            "the key field 'nope'",
        ),
        ("events:\n  OrderPlaced:\n    key: 7", 3, "events.OrderPlaced.key", "must be a text"),
        (
            "events:\n  OrderPlaced: {channel: [x]}",
            2,
            "events.OrderPlaced.channel",
            "must be a text",
        ),
    ],
)
def test_a_broken_file_says_file_line_and_field(load, folder, text, line, field, expected):
    _check(load, folder, text, line, field, expected)


REACTION = "services:\n  inventory:\n    - whenever: OrderPlaced\n"


@pytest.mark.parametrize(
    ("text", "line", "field", "expected"),
    [
        ("      emit: {}\n      iff: x", 5, "iff", "'iff' is not known here .known: after, emit,"),
        ("      if: data.x >\n      emit: {}", 4, "if", "'data.x >' is not CEL: .*Syntax error"),
        ("      if: quantity > 3.0\n      emit: {}", 4, "if", "names 'quantity', but an expression sees"),
        ("      if: [1]\n      emit: {}", 4, "if", "must be a text"),
        ("      emit: {}\n      after: soon", 5, "after", "'soon' is not a duration; write it like"),
        ("      emit: {}\n      after: -1", 5, "after", "-1 is not a duration"),
        ("      emit: {}\n      after: .inf", 5, "after", "inf is not a duration"),
        ("      emit: {}\n      after: yes", 5, "after", "'yes' is not a duration"),
        ("      emit: {}\n      failure_rate: 2", 5, "failure_rate", "a failure rate is from 0 to 1, not 2"),
        ("      emit: {}\n      failure_rate: .nan", 5, "failure_rate", "a failure rate is from 0 to 1"),
        ("      emit: {}\n      failure_rate: high", 5, "failure_rate", "is a number from 0 to 1"),
        ("      emit: {}\n      within: 1h", 3, "", "'unless' and 'within' go together"),
        ("      emit: {}\n      unless: [Nope]\n      within: 1h", 5, "unless[0]", "no event type 'Nope'"),
        ("      emit: {}\n      unless: OrderPlaced\n      within: soon", 6, "within", "not a duration"),
        ("      emit: {}\n      ordered: often", 5, "ordered", "'ordered' is true or false"),
        ("      emit: {}\n      retry: often", 5, "retry", "must be a mapping"),
        ("      emit: {}\n      retry: {tries: 3}", 5, "retry.tries", "'tries' is not known here"),
        ("      emit: {}\n      retry: {attempts: 1.5}", 5, "retry.attempts", "must be a whole number"),
        ("      emit: {}\n      retry: {attempts: 0}", 5, "retry", "is tried at least once, not 0"),
        ("      emit: {}\n      retry: {later: [1s, soon]}", 5, "retry.later[1]", "'soon' is not a dura"),
        ("      emit: {}\n      retry: {factor: yes}", 5, "retry.factor", "must be a number"),
        ("      emit: {}\n      failure_rate: true", 5, "failure_rate", "is a number from 0 to 1"),
        ("      emit: {}\n      handler: python", 3, "", "needs either 'emit' .mappings. or 'handler"),
        ("      after: 1s", 3, "", "needs either 'emit' .mappings. or 'handler: python'"),
        ("      handler: os.system", 4, "handler", "the only handler a file can announce is 'python'"),
        ("      handler: python\n      emits: [Nope]", 5, "emits[0]", "there is no event type 'Nope'"),
        ("      handler: python\n      emits: StockReserved", 5, "emits", "must be a list"),
        ("      emit:\n        Nope: {}", 5, "emit.Nope", "no event type 'Nope' in this design .it has"),
        ("      emit:\n        OutOfStock: {order: data.order_id}", 5, "emit.OutOfStock.order",
         "OutOfStock has no field 'order' .it has: order_id."),
        ("      emit:\n        OutOfStock:\n          order_id: data..x", 6, "emit.OutOfStock.order_id",
         "'data..x' is not CEL"),
        ("      emit:\n        OutOfStock: {order_id: [1]}", 5, "emit.OutOfStock.order_id",
         "write an expression in CEL, a number, true, false or null"),
        ("      emit:\n        OutOfStock: {order_id: 2026-01-01}", 5, "emit.OutOfStock.order_id",
         "write an expression in CEL"),
        ("      emit: {}\n      name: [1]", 5, "name", "must be a text"),
    ],
)  # fmt: skip
def test_a_broken_reaction_says_file_line_and_field(load, folder, text, line, field, expected):
    place = f"services.inventory[0].{field}".rstrip(".")
    _check(load, folder, REACTION + text, line, place, expected)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("services:\n  a: []\n  a: []", 3, "not YAML: found duplicate key"),
        (
            "services:\n  a: &x []\n  b: *x",
            3,
            "anchors and aliases .& and .. are not read in a design",
        ),
        ("services: {", 1, "not YAML: "),
        ("services:\n\t- a", 2, "not YAML: found character"),
        ("services: 'open", 1, "not YAML: "),
        ("a: b: c", 1, "not YAML: mapping values are not allowed here"),
        ("{}\n---\n{}", 2, "not YAML: but found another document"),
    ],
)
def test_what_is_not_yaml_says_file_and_line(load, folder, text, line, expected):
    _check(load, folder, text, line, None, expected)


def _check(load, folder, text, line, field, expected):
    with pytest.raises(DesignError, match=expected) as raised:
        load(text)
    error = raised.value
    assert (error.file, error.line, error.field) == (str(folder / "choreography.yaml"), line, field)
    where = f"{folder / 'choreography.yaml'}:{line}" + (f", field {field}" if field else "") + ": "
    assert str(error).startswith(where)
    assert "\n" not in str(error)


def test_two_reactions_of_one_name_are_named(load):
    entry = "    - {name: twice, whenever: OrderPlaced, emit: {}}\n"
    with pytest.raises(
        DesignError, match=r"yaml:4, .*inventory has two reactions named 'twice'\.$"
    ):
        load("services:\n  inventory:\n" + entry * 2)


def test_an_unknown_event_type_names_those_there_are(load):
    with pytest.raises(DesignError, match=r"yaml:3, field services.a\[0\].whenever: there is no event "
                       r"type 'Orderplaced' in this design \(it has: OrderPlaced, OutOfStock, "):  # fmt: skip
        load("services:\n  a:\n    - {whenever: Orderplaced, emit: {}}")


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('{\n  "type": "object"\n  "x": 1}', 3, "not JSON: Expecting ',' delimiter"),
        ("[]", None, "a JSON Schema of an event must be an object"),
        ('{"type": "strnig"}', None, "OrderPlaced v1: not a JSON Schema: "),
        ('{"$ref": "http://example.com/x"}', None, "not a JSON Schema: "),
        ("", 1, "not JSON: "),
        ("[" * 100_000, None, "not(hing)? (JSON|.*deep)|nested too deeply"),
    ],
)
def test_a_schema_that_can_not_be_used_is_said_with_its_file(load, folder, text, line, expected):
    file = folder / "events" / "OrderPlaced" / "1.json"
    file.write_text(text)
    with pytest.raises(DesignError, match=expected) as raised:
        load("services: {}")
    assert (raised.value.file, raised.value.line) == (str(file), line)


def test_files_that_are_no_text_or_too_large_are_said(load, folder):
    path = folder / "choreography.yaml"
    path.write_bytes(b"services:\xff")
    with pytest.raises(DesignError, match=r"choreography.yaml: not UTF-8 text \(at byte 9\)"):
        Choreography.load(folder)
    path.write_bytes(b"#" * 5_000_001)
    with pytest.raises(DesignError, match="5,000,001 bytes is too large for a design file"):
        Choreography.load(folder)
    path.unlink()
    with pytest.raises(
        DesignError, match=r"there is no choreography.yaml in .*; is this a design folder\?"
    ):
        Choreography.load(folder)


def test_a_deeply_nested_file_is_an_error_and_no_crash(load):
    with pytest.raises(DesignError, match=r"not YAML|must be"):
        load("services: " + "[" * 600)


@pytest.mark.parametrize(
    "text",
    [
        "services: !!python/object/apply:os.system ['touch {}']",
        "services:\n  a: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{}']]",
        (
            "services:\n  a:\n    - whenever: OrderPlaced\n      emit:\n        OutOfStock:\n"
            "          order_id: !!python/object/apply:os.system ['touch {}']"
        ),
        "services:\n  a:\n    - whenever: !!python/name:os.system\n      emit: {{}}",
        "!!python/object/new:os.system ['touch {}']",
        "services: !!python/module:antigravity",
    ],
)
def test_loading_runs_no_code(load, tmp_path, text):
    trace = tmp_path / "trace"
    with pytest.raises(DesignError):
        load(text.format(trace))
    assert not trace.exists()


# --- durations -------------------------------------------------------------------------------


@given(st.floats(min_value=0, max_value=1e12) | st.integers(0, 10**9).map(lambda ms: ms / 1000))
def test_a_duration_is_read_back_as_it_was_written(seconds):
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("50ms", 0.05),
        ("2s", 2),
        ("15min", 900),
        ("15m", 900),
        ("1.5h", 5400),
        ("7d", 604800),
        (3, 3),
    ],
)
def test_durations_are_written_as_people_do(text, seconds):
    assert parse_duration(text) == seconds


# --- Python handlers for what a file announces -----------------------------------------------


def released(event: OutOfStock) -> StockReserved:
    return StockReserved(order_id=event.order_id, quantity=0)


def test_registering_binds_what_the_file_announces(load):
    design = load(GOOD)
    inventory = design.service("inventory")
    names = list(inventory.reactions)
    inventory.on()(released)
    assert list(inventory.reactions) == names
    assert inventory.reactions["on_OutOfStock"].handler is released
    assert design == load(GOOD)


def test_the_same_cell_run_again_replaces_what_it_bound(load):
    inventory = load(GOOD).service("inventory")
    for n in range(3):

        @inventory.on()
        def released(event: OutOfStock, n=n) -> StockReserved:
            """The n-th."""

    assert len(inventory.reactions) == 2
    assert inventory.reactions["on_OutOfStock"].handler.__defaults__ == (2,)


def test_what_is_announced_and_not_bound_is_refused_by_name(load, tmp_path):
    design = load(GOOD)
    expected = r"^inventory/on_OutOfStock has no Python handler: register one with "
    with pytest.raises(HandlerError, match=expected):
        service_spec(design, "inventory", namespace="", folder=tmp_path, retry=RetryPolicy())
    assert [(p.rule, p.subject) for p in design.lint() if p.rule == "unbound-handler"] == [
        ("unbound-handler", "inventory/on_OutOfStock")
    ]


def test_a_bound_design_is_saved_as_the_file_it_came_from(load, folder, tmp_path_factory):
    design = load(GOOD)
    design.service("inventory").on()(released)
    copy = design.save(tmp_path_factory.mktemp("copy"))
    text = (copy / "choreography.yaml").read_text()
    assert re.search(
        r"whenever: OutOfStock\n\s+handler: python\n\s+emits:\n\s+- StockReserved\n", text
    )
