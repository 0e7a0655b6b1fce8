"""What is no event type, service, list or mapping is said in a sentence, not found out by Python."""

import pytest

from workbench import Choreography, Event
from workbench.errors import DesignError, EventError, ExpressionError


class Placed(Event, version=1, key="id"):
    id: str


class Paid(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    design = Choreography()
    design.event(Placed)
    design.event(Paid)
    return design


@pytest.fixture
def orders(design):
    return design.service("orders")


def silent(event):
    """A handler."""


@pytest.mark.parametrize("given", [None, "Placed", {"type": "object"}, Event, int])
def test_what_is_no_event_type_is_not_added(design, given):
    with pytest.raises(DesignError, match="is no event type: give a class of Event's"):
        design.event(given)


@pytest.mark.parametrize("given", [None, 3, Placed, ["orders"]])
def test_a_service_is_named_by_a_text(design, given):
    with pytest.raises(DesignError, match="can't name a service"):
        design.service(given)


@pytest.mark.parametrize("given", [None, 3, ["Placed"]])
def test_an_event_type_is_named_by_a_text_or_its_class(design, given):
    with pytest.raises(DesignError, match="there is no event type"):
        design.examples(given)


def test_who_gives_an_event_type_itself_is_told_its_name(design):
    with pytest.raises(DesignError, match=r"^name the event type by 'Placed', or by its class\.$"):
        design.examples(Placed.event_type)


@pytest.mark.parametrize("n", [-1, None, "3", 1.5])
def test_so_many_examples_can_not_be_made(design, n):
    with pytest.raises(EventError, match=r"how many examples are made, 0 or more, and .* is not"):
        design.examples("Placed", n)


def test_no_examples_are_no_mistake(design):
    assert design.examples("Placed", n=0) == []


@pytest.mark.parametrize("version", ["x", [1], 2])
def test_a_version_that_there_is_not_is_said(design, version):
    with pytest.raises(DesignError, match="there is no Placed v"):
        design.event_type("Placed", version)


def test_what_is_asked_of_an_unknown_name_names_those_there_are(design, orders):
    with pytest.raises(
        DesignError, match=r"no event type 'X' in this design \(it has: Placed, Paid"
    ):
        design.is_draft("X")
    with pytest.raises(DesignError, match=r"no service 'X' in this design \(it has: orders\)"):
        design.inputs("X")


def test_deprecated_versions_are_a_list(design):
    with pytest.raises(DesignError, match="deprecated lists versions"):
        design.evolve("Placed", deprecated=1)


@pytest.mark.parametrize("fields", [None, "currency"])
def test_an_upcaster_says_fields(design, fields):
    with pytest.raises(DesignError, match=r"an upcaster says fields, .* not"):
        design.upcaster("Placed", 1, fields)


def test_an_invariant_is_a_text(design):
    with pytest.raises(ExpressionError, match="must be a text in CEL"):
        design.invariant("stock", None)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"guard": lambda event: True}, "must be a text in CEL"),
        ({"reads": 1}, "'reads' is a list, and 1 is none"),
        ({"writes": "Paid"}, "'writes' says versions, .* and 'Paid' does not"),
        ({"failure_rate": "often"}, "a failure rate is from 0 to 1, not 'often'"),
        ({"retry": 3}, "retry is a RetryPolicy, and 3 is none"),
        ({"unless": None}, "is a list, and None is none"),
        ({"emits": [None]}, "there is no event type None"),
    ],
)
def test_the_settings_of_a_reaction_are_checked(orders, settings, error):
    with pytest.raises(DesignError, match=error):
        orders.on("Placed", **{"emits": []} | settings)(silent)
    assert not orders.reactions


@pytest.mark.parametrize("emits", [Paid, "Paid", [Paid], ["Paid"]])
def test_what_is_emitted_may_be_given_alone(orders, emits):
    orders.on(Placed, emits=emits)(silent)
    assert orders.emits == ("Paid",)


@pytest.mark.parametrize("emit", [None, "Paid", ["Paid"], {"Paid": None}, {"Paid": "data.id"}])
def test_what_a_reaction_emits_is_said_field_by_field(orders, emit):
    with pytest.raises(DesignError, match="'emit' says the fields of each effect"):
        orders.whenever("Placed", emit=emit)
