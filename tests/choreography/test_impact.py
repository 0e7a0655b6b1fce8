"""Who breaks if an event changes, and why."""

import json
from decimal import Decimal

import pytest

from workbench import Choreography, Event
from workbench.choreography.impact import Captured
from workbench.errors import DesignError, EventError
from workbench.events import EventType

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def schema(required=None, **fields):
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields) if required is None else required,
    }


ORDER = schema(["id", "total", "customer", "lines"], id=TEXT, total=NUMBER, note=TEXT,
               customer=schema(name=TEXT, city=TEXT),
               lines={"type": "array", "minItems": 1, "items": schema(sku=TEXT, quantity=NUMBER)})  # fmt: skip


def changed(**fields):
    """The order's schema with other fields; those that are ``None`` are gone."""
    properties = {**ORDER["properties"], **fields}
    properties = {name: rule for name, rule in properties.items() if rule is not None}
    required = [name for name in ORDER["required"] if name in properties]
    return {**ORDER, "properties": properties, "required": required}


@pytest.fixture
def design():
    """Billing copies the total, shipping looks at lines, audit reads the id alone."""
    design = Choreography()
    design.event(EventType("OrderPlaced", ORDER, key="id"))
    design.event(EventType("PaymentTaken", schema(["id", "amount"], id=TEXT, amount=NUMBER,
                                                  note=TEXT)))  # fmt: skip
    design.event(EventType("ParcelSent", schema(id=TEXT)))
    design.event(EventType("OrderNoted", schema(id=TEXT)))
    design.service("billing").whenever(
        "OrderPlaced",
        emit={"PaymentTaken": {"id": "data.id", "amount": "data.total", "note": "data.note"}},
        name="charge",
    )
    design.service("shipping").whenever(
        "OrderPlaced",
        guard="data.lines.exists(l, l.quantity >= 1.0)",
        emit={"ParcelSent": {"id": "data.id"}},
        name="ship",
    )
    design.service("audit").whenever(
        "OrderPlaced", emit={"OrderNoted": {"id": "data.id"}}, name="note"
    )
    return design


def fields_of(reader):
    return {field.path: field for field in reader.fields}


def by_name(impact):
    return {reader.name: reader for reader in impact.readers}


# --- who reads what --------------------------------------------------------------------------


def test_every_reaction_is_listed_with_the_fields_that_it_reads_and_where_that_is_known_from(
    design,
):
    readers = by_name(design.impact("OrderPlaced", ORDER))
    assert list(readers) == ["billing/charge", "shipping/ship", "audit/note"]
    assert list(fields_of(readers["billing/charge"])) == ["id", "total", "note"]
    assert fields_of(readers["billing/charge"])["total"].known_from == ("PaymentTaken.amount",)
    ship = fields_of(readers["shipping/ship"])
    assert ship["lines[].quantity"].known_from == (
        "guard `data.lines.exists(l, l.quantity >= 1.0)`",
    )


def test_nobody_breaks_when_nothing_changes(design):
    impact = design.impact("OrderPlaced", ORDER)
    assert not impact.breaks
    assert [reader.effect for reader in impact.readers] == ["fits"] * 3
    assert str(impact).startswith("OrderPlaced v1 → v2: 3 reactions read it (none breaks).")


def test_a_mapping_of_a_field_that_is_gone_breaks_where_its_target_must_be_there(design):
    impact = design.impact("OrderPlaced", changed(total=None))
    readers = by_name(impact)
    assert impact.breaks
    assert fields_of(readers["billing/charge"])["total"].why == (
        "`total` is gone: PaymentTaken.amount must be there, so that the effect is refused."
    )
    assert [reader.breaks for reader in impact.readers] == [True, False, False]


def test_trying_it_shows_a_payload_that_fails(design):
    reader = by_name(design.impact("OrderPlaced", changed(total=None)))["billing/charge"]
    (reason,) = reader.reasons
    assert reason.text.startswith("30 of 30 plausible new events fail: the effect is refused: ")
    assert "total" not in reason.witness


def test_a_mapping_to_an_optional_field_goes_without_it(design):
    reader = by_name(design.impact("OrderPlaced", changed(note=None)))["billing/charge"]
    assert fields_of(reader)["note"].why == "`note` is gone: PaymentTaken goes out without note."
    assert reader.breaks


def test_a_guard_over_a_field_of_another_type_breaks(design):
    lines = {"type": "array", "items": schema(sku=TEXT, quantity=TEXT)}
    reader = by_name(design.impact("OrderPlaced", changed(lines=lines)))["shipping/ship"]
    assert fields_of(reader)["lines[].quantity"].why == (
        "`lines[].quantity` was a number and is a text now: in guard `data.lines.exists(l, "
        "l.quantity >= 1.0)` it compares as something else, or fails."
    )


def test_only_those_break_who_read_the_part_that_changes(design):
    customer = schema(name=TEXT, city=NUMBER)
    assert not any(
        r.breaks for r in design.impact("OrderPlaced", changed(customer=customer)).readers
    )


def test_a_field_that_becomes_optional_is_null_for_its_readers(design):
    optional = {**ORDER, "required": ["id", "customer", "lines"]}
    readers = by_name(design.impact("OrderPlaced", optional))
    assert fields_of(readers["billing/charge"])["total"].why == (
        "`total` was always there, and is optional now: PaymentTaken.amount must be there, so that "
        "the effect is refused where it is absent."
    )


def test_a_field_that_becomes_optional_with_a_default_hurts_nobody(design):
    new = changed(total={**NUMBER, "default": 0})
    new["required"].remove("total")
    assert not design.impact("OrderPlaced", new).breaks


def test_new_values_of_a_field_are_to_be_looked_at(design):
    design.event(EventType("OrderPlaced", changed(total={**NUMBER, "maximum": 100}), key="id"))
    impact = design.impact("OrderPlaced", changed(total={**NUMBER, "maximum": 1000}))
    total = fields_of(by_name(impact)["billing/charge"])["total"]
    assert (total.effect, impact.breaks) == ("check", False)
    assert total.why == (
        "`total`: maximum was 100 and is 1000 now: it meets values that it has not met before."
    )


def test_a_field_of_a_part_that_may_be_null_now_breaks_its_readers():
    design = Choreography()
    design.event(EventType("A", schema(who=schema(name=TEXT))))
    design.event(EventType("B", schema(name=TEXT)))
    design.service("s").whenever("A", emit={"B": {"name": "data.who.name"}}, name="r")
    new = schema(who={"anyOf": [schema(name=TEXT), {"type": "null"}]})
    (reader,) = design.impact("A", new).readers
    assert reader.fields[0].why.startswith("`who` was an object and may be null now, and B.name")


# --- versions --------------------------------------------------------------------------------


def test_a_reaction_that_stays_at_its_version_refuses_what_that_version_refuses(design):
    design.released["OrderPlaced"] = {1: design.event_types["OrderPlaced"]}
    design.service("old").whenever(
        "OrderPlaced", emit={"OrderNoted": {"id": "data.id"}}, reads=(1,), name="note"
    )
    reader = by_name(design.impact("OrderPlaced", changed(total=None)))["old/note"]
    assert (reader.pinned, reader.reads, reader.breaks) == (True, 1, True)
    assert reader.reasons[0].text == (
        "it validates by v1, and `total` was required and is gone: old readers refuse new events "
        "that lack it."
    )
    assert "total" not in reader.reasons[0].witness
    assert fields_of(reader)["id"].effect == "fits"


def test_the_new_schema_is_the_next_version_and_replaces_a_draft(design):
    design.released["OrderPlaced"] = {1: design.event_types["OrderPlaced"]}
    design.event(EventType("OrderPlaced", changed(note=NUMBER), 2, "id"))
    impact = design.impact("OrderPlaced", ORDER)
    assert (impact.new.version, impact.compatibility.compatible) == (2, True)


def test_the_verdict_is_under_the_mode_and_policy_of_the_event_type(design):
    design.evolve("OrderPlaced", mode="FULL", policy="strict")
    verdict = design.impact("OrderPlaced", changed(total=None)).compatibility
    assert (verdict.mode, verdict.policy, verdict.compatible) == ("FULL", "strict", False)


def test_an_upcaster_that_sets_a_field_which_is_gone_is_told(design):
    released = design.event_types["OrderPlaced"]
    design.released["OrderPlaced"] = {1: released}
    design.event(EventType("OrderPlaced", changed(tip=NUMBER), 2, "id"))
    design.upcaster("OrderPlaced", 1, {"tip": "0.0"})
    (remark,) = design.impact("OrderPlaced", ORDER).remarks
    assert remark.text == (
        "the upcaster from v1 can't lead to v2: OrderPlaced v2 has no field 'tip' (it has: id, "
        "total, note, customer, lines)."
    )


def test_old_events_that_can_not_be_read_any_more_are_told_unless_an_upcaster_helps(design):
    required = {**changed(tip=NUMBER), "required": [*ORDER["required"], "tip"]}
    (remark,) = design.impact("OrderPlaced", required).remarks
    assert remark.text.startswith("30 of 30 plausible v1 events can't be read any more: ")
    design.released["OrderPlaced"] = {1: design.event_types["OrderPlaced"]}
    design.event(EventType("OrderPlaced", required, 2, "id"))
    design.upcaster("OrderPlaced", 1, {"tip": "0.0"})
    assert design.impact("OrderPlaced", required).remarks == ()


def test_a_key_that_is_gone_is_told(design):
    (remark, *_) = design.impact("OrderPlaced", changed(id=None)).remarks
    assert remark.text.startswith("the key `id` is gone")
    assert remark.effect == "breaks"


# --- handlers --------------------------------------------------------------------------------


class Placed(Event, version=1, key="id"):
    id: str
    total: Decimal
    note: str | None = None


class Noted(Event, version=1):
    id: str


class PlacedNext(Event, version=2, key="id"):
    id: str
    total: Decimal


class PlacedWithoutTotal(Event, version=2, key="id"):
    id: str
    note: str | None = None


def reads_the_total(event: Placed, ctx) -> Noted:
    money = event
    ctx.state["sum"] = ctx.state.get("sum", 0) + money.total
    return Noted(id=event.id)


def reads_all(event: Placed) -> Noted:
    return Noted(**event.model_dump(include={"id"}))


def as_dict(event: dict) -> Noted:
    if event.get("note"):
        raise RuntimeError("never called here")
    return Noted(id=event["id"])


def handled_by(handler, event=None):
    design = Choreography()
    design.event(Placed)
    design.event(Noted)
    design.service("s").on(event)(handler)
    return design


def test_what_a_handler_reads_is_known_from_its_code():
    (reader,) = handled_by(reads_the_total).impact("Placed", PlacedWithoutTotal).readers
    assert [(f.path, f.known_from) for f in reader.fields] == [
        ("total", ("its code",)),
        ("id", ("its code",)),
    ]
    assert reader.pinned
    assert reader.fields[0].why == "`total` is gone: its handler finds nothing there."


def test_a_handler_that_hands_the_event_on_may_read_any_field():
    (reader,) = handled_by(reads_all).impact("Placed", PlacedNext).readers
    assert [(f.path, f.known_from) for f in reader.fields] == [
        ("", ("its code hands the event on as a whole",))
    ]
    assert reader.fields[0].effect == "check"
    assert "`note` is gone" in reader.fields[0].why


def test_a_handler_of_dicts_reads_the_new_version_and_finds_nothing_where_a_field_is_gone():
    (reader,) = handled_by(as_dict, Placed).impact("Placed", PlacedNext).readers
    assert not reader.pinned
    assert fields_of(reader)["note"].effect == "breaks"
    assert fields_of(reader)["id"].effect == "fits"


def test_what_a_handler_was_seen_to_touch_counts_too():
    touched = {"s/reads_all": ["id"]}
    (reader,) = handled_by(reads_all).impact("Placed", PlacedNext, touched=touched).readers
    assert [(f.path, f.known_from) for f in reader.fields] == [("id", ("seen to touch it",))]
    assert not reader.breaks


def test_a_handler_that_is_not_bound_may_read_anything(tmp_path):
    handled_by(as_dict, Placed).save(tmp_path / "design")
    design = Choreography.load(tmp_path / "design")
    (reader,) = design.impact("Placed", dict(PlacedNext.event_type.schema)).readers
    assert reader.fields[0].known_from == ("its handler is not bound here",)
    assert (reader.effect, reader.line) == ("check", 7)


# --- absences, compensations, emitters -------------------------------------------------------


def test_one_that_only_waits_for_an_event_reads_no_field_of_it(design):
    design.service("clock").whenever(
        "OrderNoted",
        unless="OrderPlaced",
        within="15min",
        emit={"ParcelSent": {"id": "data.id"}},
        name="remind",
    )
    reader = by_name(design.impact("OrderPlaced", changed(total=None)))["clock/remind"]
    assert reader.fields == ()
    assert reader.role == "waits for it to stay away; reads no field"
    assert not reader.breaks


def test_a_compensation_reads_the_event_of_its_step(design):
    design.event(EventType("OrderLost", schema(id=TEXT)))
    design.event(EventType("MoneyReturned", schema(id=TEXT, amount=NUMBER)))
    design.service("billing").compensate(
        "charge",
        when="OrderLost",
        emit={"MoneyReturned": {"id": "data.id", "amount": "data.total"}},
    )
    readers = by_name(design.impact("OrderPlaced", changed(total=None)))
    assert readers["billing/undo_charge"].role == "undoes charge"
    assert readers["billing/undo_charge"].breaks
    (deaf,) = design.impact("OrderLost", schema(id=NUMBER)).readers
    assert deaf.role == "undoes charge for it; reads no field"


def test_an_emitter_that_does_not_fill_what_must_be_there_breaks(design):
    new = schema(id=TEXT, amount=NUMBER, currency=TEXT)
    (emitter,) = design.impact("PaymentTaken", new).emitters
    assert [reason.text for reason in emitter.reasons if reason.effect == "breaks"] == [
        "it doesn't fill `currency`, which must be there: every PaymentTaken is refused."
    ]


def test_an_emitter_that_fills_a_field_that_is_gone_breaks_where_the_model_is_closed(design):
    gone = schema(id=TEXT, amount=NUMBER)
    (emitter,) = design.impact("PaymentTaken", gone).emitters
    assert (emitter.effect, emitter.reasons[0].text) == (
        "check", "it fills `note`, which v2 doesn't have: it travels undeclared."
    )  # fmt: skip
    (emitter,) = design.impact("PaymentTaken", {**gone, "additionalProperties": False}).emitters
    assert emitter.breaks


def test_an_emitter_whose_values_do_not_fit_breaks_with_a_payload_that_shows_it(design):
    (emitter,) = design.impact("PaymentTaken", schema(id=TEXT, amount=TEXT, note=TEXT)).emitters
    (reason,) = emitter.reasons
    assert reason.text.startswith(
        "30 of 30 plausible OrderPlaced events fail: the effect is refused"
    )
    assert reason.witness["id"]


def test_an_emitter_that_writes_an_older_version_goes_on(design):
    released = design.event_types["PaymentTaken"]
    design.released["PaymentTaken"] = {1: released}
    design.service("till").whenever(
        "OrderPlaced",
        emit={"PaymentTaken": {"id": "data.id", "amount": "data.total"}},
        writes={"PaymentTaken": 1},
        name="ring",
    )
    emitters = design.impact("PaymentTaken", schema(id=TEXT, amount=NUMBER, currency=TEXT)).emitters
    assert [(e.name, e.writes, e.breaks) for e in emitters] == [
        ("billing/charge", 2, True), ("till/ring", 1, False)
    ]  # fmt: skip


# --- a captured log --------------------------------------------------------------------------


class Log:
    def __init__(self, *payloads, version="urn:event:OrderPlaced:1"):
        self.rows = [Captured(f"e-{n}", "shop", 0, n, version, p) for n, p in enumerate(payloads)]

    def payloads_of(self, event_type):
        return iter(self.rows)


def order(n, **more):
    lines = [{"sku": "a", "quantity": 1}]
    return {
        "id": f"o-{n}",
        "total": n,
        "customer": {"name": "x", "city": "y"},
        "lines": lines,
        **more,
    }


def test_refused_payloads_are_grouped_by_reason_and_the_first_five_are_named(design):
    log = Log(*(order(n) for n in range(20)))
    payloads = design.impact("OrderPlaced", changed(total={**NUMBER, "maximum": 9}), log).payloads
    assert (payloads.total, payloads.refused) == (20, 10)
    (group,) = payloads.groups
    assert (group.field, group.reason, group.count) == (
        "total", "the value is greater than the maximum of 9", 10
    )  # fmt: skip
    assert [(r.id, r.channel, r.partition, r.offset, r.value) for r in group.first] == [
        (f"e-{n}", "shop", 0, n, str(n)) for n in range(10, 15)
    ]
    assert payloads.rows()[0]["reason"] == group.reason
    assert "✗ OrderPlaced v2 would refuse 10 of 20 captured payloads (50.00%)." in str(payloads)


def test_a_payload_with_two_faults_is_in_two_groups_and_counts_once(design):
    new = {**changed(total=TEXT, tip=NUMBER), "required": [*ORDER["required"], "tip"]}
    payloads = design.impact("OrderPlaced", new, Log(order(1))).payloads
    assert payloads.refused == 1
    assert {group.field for group in payloads.groups} == {"total", "tip"}
    assert {group.first[0].value for group in payloads.groups} == {"1", "missing"}


def test_a_place_in_a_list_is_told_by_its_number_and_grouped_without_it(design):
    lines = {"type": "array", "items": schema(sku=TEXT, quantity={**NUMBER, "maximum": 5})}
    many = order(1, lines=[{"sku": "a", "quantity": 1}, {"sku": "b", "quantity": 9}])
    (group,) = design.impact("OrderPlaced", changed(lines=lines), Log(many)).payloads.groups
    assert (group.field, group.first[0].field) == ("lines[].quantity", "lines[1].quantity")


def test_defaults_are_filled_in_and_json_text_is_read(design):
    new = {**changed(tip={**NUMBER, "default": 0}), "required": [*ORDER["required"], "tip"]}
    log = Log(json.dumps(order(1)), order(2), json.dumps(order(3)).encode())
    assert design.impact("OrderPlaced", new, log).payloads.refused == 0


def test_old_payloads_go_through_the_upcasters_and_that_is_told(design):
    design.released["OrderPlaced"] = {1: design.event_types["OrderPlaced"]}
    new = {**changed(tip=NUMBER), "required": [*ORDER["required"], "tip"]}
    design.event(EventType("OrderPlaced", new, 2, "id"))
    design.upcaster("OrderPlaced", 1, {"tip": "data.total"})
    capped = {**new, "properties": {**new["properties"], "tip": {**NUMBER, "maximum": 1}}}
    payloads = design.impact("OrderPlaced", capped, Log(order(1), order(2), order(3))).payloads
    assert payloads.read_as == {"v1, read by an upcaster as v2": 3}
    assert payloads.refused == 2
    (group,) = payloads.groups
    assert group.count == 2
    assert group.reason == (
        "OrderPlaced v1 can't be read as v2: what the upcaster gives is no OrderPlaced v2: tip: … "
        "is greater than the maximum of …"
    )


def test_captured_payloads_are_tried_on_guards_too(design):
    design.event(EventType("OrderPlaced", changed(tip=NUMBER), key="id"))
    design.service("shipping").whenever(
        "OrderPlaced", guard="data.tip > 1.0", emit={"ParcelSent": {"id": "data.id"}}, name="tipped"
    )
    log = Log(order(1), order(2), order(3, tip=9))
    impact = design.impact("OrderPlaced", changed(tip={**NUMBER, "default": 5}), log)
    assert by_name(impact)["shipping/tipped"].reasons[0].text == (
        "the guard `data.tip > 1.0` lets 2 of 3 captured events through that it turned away."
    )


def test_no_handler_is_called():
    def boom(event: Placed) -> Noted:
        raise AssertionError

    log = Log({"id": "1", "total": "2.50"}, version="urn:event:Placed:1")
    impact = handled_by(boom).impact("Placed", PlacedNext, log)
    assert impact.payloads.refused == 0


# --- what is given ---------------------------------------------------------------------------


def test_the_new_schema_may_be_a_class_of_another_name(design):
    assert handled_by(as_dict, Placed).impact(Placed, PlacedNext).new.name == "Placed"


def test_what_is_no_schema_is_refused_in_a_sentence(design):
    with pytest.raises(EventError, match=r"OrderPlaced v2: not a JSON Schema"):
        design.impact("OrderPlaced", {"type": "nothing"})
    with pytest.raises(DesignError, match=r"the new OrderPlaced is a JSON Schema"):
        design.impact("OrderPlaced", "v2.json")
    with pytest.raises(DesignError, match=r"there is no event type 'OrderLost'"):
        design.impact("OrderLost", {})
    with pytest.raises(DesignError, match=r"an EventLog, not a list"):
        design.impact("OrderPlaced", {}, [])


def test_a_hostile_schema_ends_in_a_verdict(design):
    deep = {"type": "string"}
    for _ in range(60):
        deep = {"type": "object", "properties": {"a": deep}}
    impact = design.impact("OrderPlaced", {"properties": {"x": deep, "y": {"$ref": "#"}}})
    assert impact.breaks


def test_asking_changes_nothing_in_the_design(design):
    before = dict(design.event_types), dict(design.upcasters)
    design.impact("OrderPlaced", changed(total=None))
    assert before == (dict(design.event_types), dict(design.upcasters))
