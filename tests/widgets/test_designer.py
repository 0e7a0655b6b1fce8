from __future__ import annotations

from dataclasses import replace

import pytest

from workbench import Workbench
from workbench.choreography import Choreography
from workbench.errors import DesignError
from workbench.widgets import Designer
from workbench.widgets.designer_model import DesignerModel
from workbench.widgets.field_kinds import KINDS, FieldDraft, event_type_of, fields_of
from workbench.widgets.graph_model import base_style, graph_of
from workbench.widgets.reaction_draft import (
    PYTHON,
    ReactionDraft,
    problems_of,
    proposed_mapping,
    read_mapping,
)

pytestmark = pytest.mark.memory

ORDER = [FieldDraft("order_id"), FieldDraft("quantity", "integer"), FieldDraft("total", "decimal")]
RESERVED = [FieldDraft("order_id"), FieldDraft("quantity", "integer", required=False)]


@pytest.fixture
def model(empty_wb):
    model = DesignerModel(empty_wb)
    model.put_type("OrderPlaced", ORDER, "order_id")
    model.put_type("StockReserved", RESERVED, "order_id")
    model.add_service("inventory")
    return model


def reaction(**changed):
    values = {
        "service": "inventory",
        "whenever": "OrderPlaced",
        "emits": ("StockReserved",),
        "mappings": {"StockReserved": "order_id = data.order_id\nquantity = data.quantity"},
    }
    return ReactionDraft(**(values | changed))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_field_comes_back_as_it_was_typed(kind):
    made = event_type_of(
        "Tried", [FieldDraft("x", kind), FieldDraft("y", kind, required=False)], None
    )
    assert [(f.name, f.kind, f.required) for f in fields_of(made)] == [
        ("x", kind, True),
        ("y", kind, False),
    ]


def test_a_field_richer_than_the_form_is_kept_untouched():
    before = event_type_of("Tried", [FieldDraft("x")], None)
    schema = {**before.schema, "properties": {"x": {"type": "integer", "minimum": 3}}}
    before = type(before)("Tried", schema)
    after = event_type_of("Tried", fields_of(before), None, before=before)
    assert after.schema["properties"] == schema["properties"]


@pytest.mark.parametrize(
    ("name", "fields", "key", "says"),
    [
        ("", ORDER, None, "name the event type in the past tense"),
        ("Order Placed", ORDER, None, "can't name an event type"),
        ("OrderPaid", [FieldDraft("order id")], None, "can't name a field"),
        ("OrderPaid", [FieldDraft("a"), FieldDraft("a")], None, "two fields named 'a'"),
        ("OrderPlaced", ORDER, None, "there is an event type OrderPlaced already"),
    ],
)
def test_what_is_wrong_with_an_event_type_is_said_as_one_types(model, name, fields, key, says):
    assert says in model.type_problem(name, fields, key, None)


def test_what_the_designer_makes_is_a_draft_until_released(model):
    assert model.type_rows()[0]["cells"]["version"] == "v1 draft"
    model.release("OrderPlaced")
    assert model.type_rows()[0]["cells"]["version"] == "v1 released"
    said = model.put_type("OrderPlaced", ORDER[:1], "order_id", editing="OrderPlaced")
    assert "v1 of OrderPlaced is released and stays; this is the draft of v2" in said


def test_same_named_fields_are_proposed_and_the_others_wait(model):
    types = model.design.event_types
    model.put_type("Priced", [FieldDraft("order_id"), FieldDraft("price", "decimal")], None)
    assert (
        proposed_mapping(types["OrderPlaced"], types["Priced"])
        == "order_id = data.order_id\nprice = "
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("order_id data.order_id", "StockReserved, line 1: write 'field = expression'"),
        ("order = data.order_id", "there is no field 'order' (it has: order_id, quantity)"),
        ("order_id = ", "order_id needs an expression"),
        ("order_id = data.", "is not CEL"),
        ("order_id = o1", "names 'o1', but an expression sees only 'data'"),
        ("order_id = 'x'\norder_id = 'y'", "'order_id' is filled twice"),
        ("quantity = 3", "nothing fills order_id yet"),
    ],
)
def test_a_mapping_says_the_line_and_what_is_wrong(model, text, says):
    with pytest.raises(DesignError) as caught:
        read_mapping(text, model.design.event_types["StockReserved"])
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"guard": "data.quantity >"}, "is not CEL"),
        ({"guard": "data.quantty > 1.0"}, "OrderPlaced has no field 'quantty'"),
        ({"after": "soon"}, "'soon' is not a duration"),
        ({"service": "nobody"}, "choose the service"),
        ({"emits": ()}, "choose what it emits"),
        ({"mappings": {"StockReserved": "order_id = data.id"}}, "OrderPlaced has no field 'id'"),
    ],
)
def test_what_is_wrong_with_a_reaction_is_said_as_one_types(model, changed, says):
    assert any(says in problem for problem in problems_of(reaction(**changed), model.design))
    with pytest.raises(DesignError):
        model.put_reaction(reaction(**changed))


def test_a_reaction_reads_like_a_sentence(model):
    said = model.put_reaction(reaction(guard="data.quantity <= 10.0", after="50ms"))
    assert (
        said
        == "inventory: whenever OrderPlaced, if data.quantity <= 10.0, after 50ms, then StockReserved."
    )


def test_an_edited_reaction_keeps_its_name_and_replaces_itself(model):
    model.put_reaction(reaction())
    draft = model.reaction("inventory", "on_OrderPlaced")
    assert draft.mappings["StockReserved"] == "order_id = data.order_id\nquantity = data.quantity"
    model.put_reaction(reaction(name="on_OrderPlaced", how=PYTHON))
    assert list(model.design.services["inventory"].reactions) == ["on_OrderPlaced"]
    assert "no Python handler yet" in str(model.problem_rows())


def test_a_design_made_here_runs(model, empty_wb):
    model.put_reaction(reaction())
    empty_wb.start()
    empty_wb.publish("OrderPlaced", {"order_id": "o-1", "quantity": 2, "total": "9.90"})
    empty_wb.wait_until_idle()
    assert empty_wb.counts("inventory")["emitted"] == 1


def test_renaming_an_event_type_takes_its_reactions_along(model):
    model.put_reaction(reaction())
    model.put_type("StockHeld", RESERVED, "order_id", editing="StockReserved")
    found = model.design.services["inventory"].reactions["on_OrderPlaced"]
    assert found.emits == ("StockHeld",)
    assert list(found.mappings) == ["StockHeld"]


def test_only_what_is_more_than_a_note_carries_the_sign_of_trouble(model):
    model.put_reaction(reaction())
    model.put_type("SendEmail", [FieldDraft("order_id")], "order_id")
    cells = [row["cells"] for row in model.problem_rows()]
    assert cells[0]["subject"] == "⚠ SendEmail"
    assert "is named like a command" in cells[0]["message"]
    assert {"inventory", "OrderPlaced", "StockReserved"} & {cell["subject"] for cell in cells[1:]}
    assert not any("⚠" in cell["subject"] for cell in cells[1:])


def test_an_event_type_in_use_is_not_removed(model):
    model.put_reaction(reaction())
    with pytest.raises(DesignError, match="OrderPlaced is used by inventory/on_OrderPlaced"):
        model.remove_type("OrderPlaced")
    model.put_type("OrderCancelled", [FieldDraft("order_id")], "order_id")
    watch = {"unless": "OrderCancelled", "within": 60, "name": "watch"}
    model.design.service("inventory").whenever("OrderPlaced", emit={"StockReserved": {}}, **watch)
    with pytest.raises(DesignError, match="OrderCancelled is used by inventory/watch"):
        model.remove_type("OrderCancelled")


def test_every_change_can_be_undone_back_to_nothing(model):
    model.put_reaction(reaction())
    model.remove_reaction("inventory", "on_OrderPlaced")
    model.remove_service("inventory")
    model.release("OrderPlaced")
    while model.last_change:
        model.undo()
    assert model.design == Choreography()
    with pytest.raises(DesignError, match="nothing to undo"):
        model.undo()


def test_a_change_that_fails_leaves_no_trace(model):
    before = model.last_change
    with pytest.raises(DesignError):
        model.add_service("in ventory")
    assert model.last_change == before


def test_saving_says_what_was_written_and_it_loads_again(model, tmp_path):
    model.put_reaction(reaction())
    said = model.save(str(tmp_path / "orders"))
    assert "choreography.yaml and 2 schemas" in said
    assert "Drafts until released: OrderPlaced, StockReserved" in said
    assert Choreography.load(tmp_path / "orders") == model.design


def test_the_widget_draws_each_change_and_shows_its_errors(empty_wb):
    designer = Designer(empty_wb)
    assert "add an event type below" in designer._graph.children[0].value
    form = designer._type_form
    form._name.value = "OrderPlaced"
    form._rows[0].name.value = "order_id"
    form._key.value = "order_id"
    form._submit()
    assert [node.name for node in designer._graph.graph.nodes] == ["OrderPlaced"]
    assert empty_wb.choreography.event_types["OrderPlaced"].key == "order_id"
    designer._service_name.value = "in ventory"
    designer._on_service()
    assert "can&#x27;t name a service" in designer._message.value
    designer._service_name.value = "inventory"
    designer._on_service()
    assert "inventory was added" in designer._message.value
    assert any("reacts to nothing yet" in str(row) for row in designer._problems.rows)
    designer._on_undo()
    assert "inventory" not in empty_wb.choreography.services


def test_choosing_effects_proposes_mappings_and_typing_is_checked(wb):
    designer = Designer(wb)
    form = designer._reaction_form
    form._whenever.value = "OrderPlaced"
    form._emits.value = ("OutOfStock",)
    assert form._maps["OutOfStock"].value == "order_id = data.order_id\nproduct = data.product"
    form._guard.value = "data.nope == 1.0"
    assert "no field" in form._message.value
    form._maps["OutOfStock"].value = "order_id = 'typed'"
    form._whenever.value = "OrderCancelled"
    assert form._maps["OutOfStock"].value == "order_id = 'typed'"


def test_buttons_of_the_rows_load_the_forms(wb):
    designer = Designer(wb)
    designer._on_type("OrderPlaced", "edit")
    assert designer._type_form._name.value == "OrderPlaced"
    assert designer._type_form._key.value == "order_id"
    designer._on_reaction("billing/charge", "edit")
    assert designer._tabs.selected_index == 2
    assert designer._reaction_form._how.value == PYTHON
    designer._on_type("OrderPlaced", "remove")
    assert "is used by" in designer._message.value


def test_editing_a_python_reaction_keeps_its_handler(wb):
    model = DesignerModel(wb)
    draft = model.reaction("billing", "charge")
    model.put_reaction(ReactionDraft(**{**draft.__dict__, "after": "1s"}))
    found = wb.choreography.services["billing"].reactions["charge"]
    assert found.handler is not None
    assert found.after == 1.0


def test_a_running_service_that_changes_says_so_in_the_widget(wb):
    wb.start()
    designer = Designer(wb)
    designer._reaction_form.load(designer._model.reaction("billing", "charge"))
    designer._reaction_form._submit()
    assert "billing has changed" in designer._message.value


def test_the_workbenchs_folder_is_offered(tmp_path):
    folder = tmp_path / "mine"
    assert DesignerModel(Workbench(folder, broker="memory://")).folder == str(folder)


COMPENSATED = [FieldDraft("order_id")]


def compensating(model):
    for name in ("StockReleased", "ShippingFailed"):
        model.put_type(name, COMPENSATED, "order_id")
    model.put_reaction(reaction(name="reserve"))
    model.design.service("inventory").compensate(
        "reserve", when="ShippingFailed", emit={"StockReleased": {"order_id": "data.order_id"}}
    )


def test_a_compensation_is_read_aloud_and_stays_one_when_it_is_edited(model):
    compensating(model)
    row = next(r for r in model.service_rows() if r["key"] == "inventory/undo_reserve")
    said = "undoes reserve when ShippingFailed, then StockReleased"
    assert row["cells"]["reaction"] == said
    draft = model.reaction("inventory", "undo_reserve")
    assert model.put_reaction(replace(draft, after="2s")).startswith(
        "inventory: undoes reserve when ShippingFailed, after 2s, then"
    )
    with pytest.raises(DesignError, match="it has neither a guard nor 'unless'"):
        model.put_reaction(replace(draft, guard="data.quantity > 1.0"))
    with pytest.raises(DesignError, match="reserve is compensated by undo_reserve: remove that f"):
        model.remove_reaction("inventory", "reserve")


def test_the_type_of_a_failure_is_renamed_and_kept_with_its_compensation(model):
    compensating(model)
    with pytest.raises(DesignError, match="ShippingFailed is used by inventory/undo_reserve"):
        model.remove_type("ShippingFailed")
    model.put_type("ParcelLost", COMPENSATED, "order_id", editing="ShippingFailed")
    undo = model.design.services["inventory"].reactions["undo_reserve"]
    assert undo.failures == ("ParcelLost",)


def test_the_edges_of_compensations_are_dashed(model):
    compensating(model)
    graph = graph_of(model.design)
    rules = {rule["selector"]: rule["style"] for rule in base_style(graph)}

    def dashed(source, target):
        return rules[f"#{graph.edge(source, target).id}"].get("line-style") == "dashed"

    inventory = ("service", "inventory")
    assert dashed(("event", "ShippingFailed"), inventory)
    assert dashed(inventory, ("event", "StockReleased"))
    assert not dashed(("event", "OrderPlaced"), inventory)
    assert not dashed(inventory, ("event", "StockReserved"))


def test_what_a_service_only_hears_or_publishes_is_renamed_and_not_removed(model):
    crm = model.design.service("crm")
    crm.hears, crm.publishes = ("OrderPlaced",), ("StockReserved",)
    with pytest.raises(DesignError, match=r"OrderPlaced is used by crm; remove or edit that first"):
        model.remove_type("OrderPlaced")
    model.put_type("Ordered", ORDER, "order_id", editing="OrderPlaced")
    model.put_type("Reserved", RESERVED, "order_id", editing="StockReserved")
    crm = model.design.services["crm"]
    assert (crm.hears, crm.publishes) == (("Ordered",), ("Reserved",))
