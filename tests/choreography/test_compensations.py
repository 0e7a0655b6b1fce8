"""What undoes a step: said in Python or in a file, and refused where it could not work."""

import json
import re

import pytest

from workbench.choreography import Choreography
from workbench.choreography.compensating import notices, undone_by
from workbench.errors import DesignError, HandlerError
from workbench.events import Event
from workbench.services import RetryPolicy, service_spec


class OrderPlaced(Event, version=1, key="id"):
    id: str


class StockReserved(Event, version=1, key="id"):
    id: str


class StockReleased(Event, version=1, key="id"):
    id: str


class PaymentCharged(Event, version=1, key="id"):
    id: str


class PaymentRefunded(Event, version=1, key="id"):
    id: str


class ShippingFailed(Event, version=1, key="id"):
    id: str


class Lost(Event, version=1, key="id"):
    id: str


EVENTS = (
    OrderPlaced, StockReserved, StockReleased, PaymentCharged, PaymentRefunded, ShippingFailed, Lost,
)  # fmt: skip
ID = {"id": "data.id"}


@pytest.fixture
def design():
    found = Choreography()
    for event in EVENTS:
        found.event(event)
    return found


@pytest.fixture
def billing(design):
    service = design.service("billing")
    service.whenever(StockReserved, name="charge", emit={"PaymentCharged": ID})
    service.whenever(PaymentCharged, name="count", emit={})
    return service


def refund(event: StockReserved, ctx) -> PaymentRefunded:
    """Give it back."""


def test_a_compensation_is_given_what_its_step_reacts_to(billing):
    billing.compensates("charge", when=[ShippingFailed, "Lost"])(refund)
    made = billing.reactions["refund"]
    assert (made.compensates, made.failures) == ("charge", ("ShippingFailed", "Lost"))
    assert (made.whenever, made.emits) == ("StockReserved", ("PaymentRefunded",))


def test_it_goes_with_its_step(billing):
    billing.compensates("charge", when=ShippingFailed)(refund)
    with pytest.raises(
        DesignError, match=r"^billing/charge is compensated by refund: remove that f"
    ):
        billing.remove("charge")
    with pytest.raises(
        DesignError, match="takes StockReserved, but is given the event that charge"
    ):
        billing.whenever(Lost, name="charge", emit={"PaymentCharged": ID})
    billing.remove("refund")
    billing.compensate("charge", when=ShippingFailed, emit={"PaymentRefunded": ID})
    billing.whenever(Lost, name="charge", emit={"PaymentCharged": ID})
    assert billing.reactions["undo_charge"].whenever == "Lost"


@pytest.mark.parametrize(
    ("step", "settings", "message"),
    [
        ("nope", {}, ("billing/undo_nope compensates 'nope', which is no other reaction of billing .it"
         " has: charge, count..")),
        ("charge", {"name": "charge"}, "compensates 'charge', which is no other reaction"),
        ("refund", {}, "compensates refund, which is a compensation itself: only a step is undone"),
        ("charge", {}, "billing/charge is compensated by refund already: a step has one"),
        ("count", {}, "compensates count, which emits nothing: no later step can fail"),
        ("bill", {"when": []}, "needs the failures that it undoes bill for, such as ShippingFailed"),
        ("bill", {"when": "Nope"}, "there is no event type 'Nope'"),
        ("bill", {"emit": {}}, "must emit an event that says what it has undone"),
        ("bill", {"name": "charge"}, "is a step that refund compensates, and can't become"),
    ],
)  # fmt: skip
def test_a_compensation_that_could_not_work_is_refused(billing, step, settings, message):
    billing.compensates("charge", when=ShippingFailed)(refund)
    billing.whenever(StockReserved, name="bill", emit={"PaymentCharged": ID})
    settings = {"when": ShippingFailed, "emit": {"PaymentRefunded": ID}} | settings
    with pytest.raises(DesignError, match=message):
        billing.compensate(step, **settings)


def test_its_annotations_must_fit(billing):
    def gives_nothing(event: StockReserved) -> None:
        """Nothing."""

    def takes_another(event: Lost) -> PaymentRefunded:
        """Another."""

    with pytest.raises(DesignError, match="billing/gives_nothing must emit an event that says"):
        billing.compensates("charge", when=Lost)(gives_nothing)
    with pytest.raises(DesignError, match=r"reacted to: annotate it with StockReserved\.$"):
        billing.compensates("charge", when=Lost)(takes_another)


# --- who hears what --------------------------------------------------------------------------


def test_a_service_listens_for_failures_and_for_what_is_undone_after_its_own_step(design, billing):
    inventory = design.service("inventory")
    inventory.whenever(OrderPlaced, name="reserve", emit={"StockReserved": ID})
    inventory.compensate("reserve", when=ShippingFailed, emit={"StockReleased": ID})
    billing.compensate("charge", when=[Lost, ShippingFailed], emit={"PaymentRefunded": ID})
    assert notices(design, inventory.reactions) == ("PaymentRefunded",)
    assert notices(design, billing.reactions) == ()
    assert inventory.consumes == ("OrderPlaced", "ShippingFailed", "PaymentRefunded")
    assert billing.consumes == ("StockReserved", "PaymentCharged", "Lost", "ShippingFailed")
    assert "billing" in design.inputs("inventory")
    assert undone_by(design) == {
        "ShippingFailed": {("inventory", "reserve"), ("billing", "charge")},
        "Lost": {("billing", "charge")},
    }
    billing.compensate("charge", when=Lost, emit={"PaymentRefunded": ID})
    assert notices(design, inventory.reactions) == ()


def test_a_compensation_is_never_expected(design, billing):
    before = design.expected_effects()
    billing.compensate("charge", when=ShippingFailed, emit={"PaymentRefunded": ID})
    assert design.expected_effects() == before


def test_a_compensation_that_never_has_anything_to_undo_is_a_problem(design, billing):
    billing.compensate("charge", when=ShippingFailed, emit={"PaymentRefunded": ID})
    assert not [p for p in design.lint() if p.rule == "never-undoes"]
    billing.compensate("charge", when="PaymentCharged", emit={"PaymentRefunded": ID})
    (found,) = [p for p in design.lint() if p.rule == "never-undoes"]
    assert found.message == (
        "billing/undo_charge never undoes anything: charge emits nothing but failures, and what "
        "has failed was not done."
    )


# --- on disk ---------------------------------------------------------------------------------

FILE = """\
services:
  billing:
    - compensates: charge
      whenever: [ShippingFailed, Lost]
      after: 1s
      ordered: true
      retry:
        attempts: 5
      emit:
        PaymentRefunded:
          id: data.id
    - name: charge
      whenever: StockReserved
      emit:
        PaymentCharged:
          id: data.id
    - name: bill
      whenever: OrderPlaced
      handler: python
      emits: [PaymentCharged]
    - name: unbill
      compensates: bill
      whenever: Lost
      handler: python
      emits: [PaymentRefunded]
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        for event in EVENTS:
            folder = tmp_path / "events" / event.__name__
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "draft.json").write_text(json.dumps(event.event_type.schema))
        (tmp_path / "choreography.yaml").write_text(text)
        return Choreography.load(tmp_path)

    return load


def test_a_compensation_is_read_and_written(load, tmp_path):
    design = load(FILE)
    reactions = design.service("billing").reactions
    undo = reactions["undo_charge"]
    assert (undo.compensates, undo.whenever) == ("charge", "StockReserved")
    assert (undo.failures, undo.after, undo.ordered) == (("ShippingFailed", "Lost"), 1.0, True)
    assert undo.retry == RetryPolicy(attempts=5)
    assert (reactions["unbill"].failures, reactions["unbill"].whenever) == (
        ("Lost",),
        "OrderPlaced",
    )
    again = Choreography.load(design.save(tmp_path / "copy"))
    assert again == design
    text = (tmp_path / "copy" / "choreography.yaml").read_text()
    assert re.search(r"- compensates: charge\n +whenever:\n +- ShippingFailed\n +- Lost\n", text)
    assert "whenever: Lost" in text
    again.save(tmp_path / "third")
    assert (tmp_path / "third" / "choreography.yaml").read_text() == text


def test_a_handler_is_bound_to_what_the_file_announces(load, tmp_path):
    design = load(FILE)
    billing = design.service("billing")
    billing.on(OrderPlaced, name="bill", emits=[])(lambda event: None)
    expected = (
        r'unbill has no Python handler: register one with @wb.service."billing"..compensates\("b'
    )
    with pytest.raises(HandlerError, match=expected):
        service_spec(design, "billing", namespace="", folder=tmp_path, retry=RetryPolicy())
    (found,) = [p for p in design.lint() if p.rule == "unbound-handler"]
    assert '.compensates("bill").' in found.message

    @billing.compensates("bill")
    def anything(event: OrderPlaced) -> PaymentRefunded:
        """Bound."""

    assert billing.reactions["unbill"].handler is anything
    assert billing.reactions["unbill"].failures == ("Lost",)
    assert "anything" not in billing.reactions
    assert design.services == load(FILE).services


COMPENSATION = (
    "services:\n  billing:\n    - {name: charge, whenever: OrderPlaced, emit: {Lost: {}}}\n"
)


@pytest.mark.parametrize(
    ("text", "line", "field", "expected"),
    [
        ("    - compensates: nope\n      whenever: Lost\n      emit: {Lost: {}}", 4, "compensates",
         "billing/undo_nope compensates 'nope', which is no other reaction of billing"),
        ("    - compensates: [charge]\n      whenever: Lost\n      emit: {Lost: {}}", 4,
         "compensates", "must be a text"),
        ("    - compensates: charge\n      emit: {Lost: {}}", 4, "", "'whenever' is missing"),
        ("    - compensates: charge\n      whenever: []\n      emit: {Lost: {}}", 4,
         "compensates", "needs the failures"),
        ("    - compensates: charge\n      whenever: [Lost, Nope]\n      emit: {Lost: {}}", 5,
         "whenever[1]", "there is no event type 'Nope' in this design"),
        ("    - compensates: charge\n      whenever: Lost\n      emit: {}", 4,
         "compensates", "must emit an event that says what it has undone"),
        ("    - compensates: charge\n      whenever: Lost\n      if: true\n      emit: {Lost: {}}", 6,
         "if", "'if' is not known here"),
        (("    - compensates: charge\n      whenever: Lost\n      emit: {Lost: {}}\n"
         "    - {name: x, compensates: charge, whenever: Lost, emit: {Lost: {}}}"), 7, "compensates",
         "billing/charge is compensated by undo_charge already"),
        (("    - compensates: charge\n      whenever: Lost\n      emit: {Lost: {}}\n"
         "    - {compensates: undo_charge, whenever: Lost, emit: {Lost: {}}}"), 7, "compensates",
         "which is a compensation itself"),
    ],
)  # fmt: skip
def test_a_broken_compensation_says_file_line_and_field(load, text, line, field, expected):
    with pytest.raises(DesignError, match=expected) as raised:
        load(COMPENSATION + text)
    n = 2 if line == 7 else 1
    place = f"services.billing[{n}].{field}".rstrip(".")
    assert (raised.value.line, raised.value.field) == (line, place)
    assert raised.value.file.endswith("choreography.yaml")
