"""Services in Python: what their annotations say, and which channels their events take."""

from collections.abc import Generator, Iterable, Iterator

import pytest

from workbench.choreography import Choreography
from workbench.errors import DesignError, HandlerError
from workbench.events import Event


class Placed(Event, version=1, key="id"):
    id: str


class Reserved(Event, version=1, key="id"):
    id: str


class Refused(Event, version=1, key="id"):
    id: str


class Shipped(Event, version=1):
    id: str


@pytest.fixture
def design():
    return Choreography()


@pytest.fixture
def inventory(design):
    return design.service("inventory")


def one(event: Placed) -> Reserved: ...
def union(event: Placed, ctx) -> Reserved | Refused: ...
def optional(event: Placed, ctx) -> Reserved | None: ...
def generator(event: Placed, ctx) -> Iterator[Reserved | Refused]: ...
def full_generator(event: Placed, ctx) -> Generator[Reserved, None, None]: ...
def many(event: Placed, ctx) -> list[Reserved]: ...
def mixed(event: Placed, ctx) -> Iterable[Refused] | tuple[Reserved, Refused] | None: ...
def quoted(event: "Placed", ctx) -> "Reserved | None": ...
def nothing(event: Placed, ctx) -> None: ...


@pytest.mark.parametrize(
    ("handler", "emits"),
    [
        (one, ("Reserved",)),
        (union, ("Reserved", "Refused")),
        (optional, ("Reserved",)),
        (generator, ("Reserved", "Refused")),
        (full_generator, ("Reserved",)),
        (many, ("Reserved",)),
        (mixed, ("Refused", "Reserved")),
        (quoted, ("Reserved",)),
        (nothing, ()),
    ],
)
def test_what_a_handler_takes_and_emits_is_read_from_its_annotations(inventory, handler, emits):
    assert inventory.on()(handler) is handler
    reaction = inventory.reactions[handler.__name__]
    assert (reaction.whenever, reaction.emits, reaction.takes) == ("Placed", emits, Placed)


def test_what_is_said_wins_over_the_annotations(design, inventory):
    design.event(Refused)
    inventory.on(Placed, emits=[Reserved, "Refused"], name="r", guard="true", after="2s")(one)
    reaction = inventory.reactions["r"]
    assert (reaction.emits, reaction.after, reaction.guard.source) == (
        ("Reserved", "Refused"),
        2,
        "true",
    )


def test_a_handler_without_a_return_annotation_says_what_to_do(inventory):
    def reserve(event: Placed, ctx): ...

    expected = (
        r"what reserve emits is unknown: annotate what it returns .*or name it: on\(..., emits="
    )
    with pytest.raises(HandlerError, match=expected):
        inventory.on()(reserve)


def test_a_handler_is_given_the_class_that_is_named_unless_its_annotation_says_otherwise(inventory):
    def bare(event, ctx) -> Reserved: ...
    def plain(event: dict, ctx) -> Reserved: ...
    def back(event, ctx) -> Refused: ...

    inventory.on(Placed)(bare)
    inventory.on(Placed)(plain)
    inventory.on("Placed", name="by_name")(bare)
    inventory.compensates("bare", when=Shipped)(back)
    taken = {name: reaction.takes for name, reaction in inventory.reactions.items()}
    assert taken == {"bare": Placed, "plain": None, "by_name": None, "back": Placed}


def test_a_handler_that_takes_another_event_than_it_reacts_to_is_refused(inventory):
    expected = "inventory/one takes Placed, but reacts to Shipped: annotate it with Shipped."
    with pytest.raises(HandlerError, match=f"^{expected}$"):
        inventory.on(Shipped)(one)
    assert inventory.reactions == {}


def test_a_handler_of_an_unknown_event_says_what_to_do(inventory):
    def reserve(event, ctx) -> Reserved: ...

    with pytest.raises(
        HandlerError, match=r"what reserve reacts to is unknown: say it, @inventory\.on"
    ):
        inventory.on()(reserve)


def test_annotations_that_name_something_undefined_say_so(inventory):
    def reserve(event: "Plcaed", ctx) -> Reserved: ...  # noqa: F821

    with pytest.raises(
        HandlerError, match="annotations of reserve name 'Plcaed', which is not defined"
    ):
        inventory.on()(reserve)


@pytest.mark.parametrize("handler", [lambda: None, lambda a, b, c: None])
def test_a_handler_takes_the_event_and_perhaps_the_context(inventory, handler):
    with pytest.raises(HandlerError, match="it must take the event, or the event and the context"):
        inventory.on(Placed, emits=[])(handler)


def test_an_unknown_event_type_names_those_there_are(design, inventory):
    with pytest.raises(
        DesignError, match=r"no event type 'Nope' in this design \(it has: none yet\)"
    ):
        inventory.whenever("Nope", emit={})
    design.event(Placed)
    with pytest.raises(
        DesignError, match=r"no event type 'Nope' in this design \(it has: Placed\)"
    ):
        inventory.on("Placed", emits=["Nope"])(one)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_failure_rate_is_from_0_to_1(inventory, rate):
    with pytest.raises(DesignError, match="inventory/one: a failure rate is from 0 to 1"):
        inventory.on(failure_rate=rate)(one)


@pytest.mark.parametrize("name", ["", "a b", "a.b", "-a", "é", "a/b", "a" * 101, "a\n"])
def test_a_service_name_can_be_a_group_and_a_file(design, name):
    with pytest.raises(DesignError, match="can't name a service: use letters, digits, '-' and '_'"):
        design.service(name)


def test_the_same_cell_run_again_replaces_the_reaction(design, inventory):
    inventory.on()(one)
    first = one.__code__

    @inventory.on(after="1s", name="one")
    def again(event: Placed) -> Refused: ...

    assert list(inventory.reactions) == ["one"]
    assert inventory.reactions["one"].emits == ("Refused",)
    assert inventory.reactions["one"].handler.__code__ is not first


def test_listeners_hear_of_every_change(design, inventory):
    heard = []
    design.listeners.append(heard.append)
    inventory.on()(one)
    inventory.on()(one)
    design.service("billing").whenever("Reserved", emit={})
    assert heard == ["inventory", "inventory", "billing"]


def test_a_reaction_can_be_taken_away_and_put_back(inventory):
    inventory.on()(one)
    reaction = inventory.remove("one")
    assert inventory.reactions == {}
    inventory.put(reaction)
    assert inventory.reactions == {"one": reaction}
    with pytest.raises(DesignError, match=r"inventory has no reaction 'two' \(it has: one\)"):
        inventory.remove("two")


# --- channels --------------------------------------------------------------------------------


def test_an_event_takes_its_emitters_channel_or_one_of_its_own(design, inventory):
    inventory.on()(union)
    design.event(Shipped)
    assert design.channel("Reserved") == "inventory"
    assert design.channel("Placed") == "Placed"
    assert design.channel("Shipped") == "Shipped"
    assert design.all_channels() == ["Placed", "inventory", "Shipped"]
    design.channels["Refused"] = "trouble"
    assert design.channel("Refused", "inventory") == "trouble"
    assert design.all_channels() == ["Placed", "inventory", "trouble", "Shipped"]


def test_an_event_of_two_emitters_is_heard_on_both_channels(design, inventory):
    inventory.on()(one)
    design.service("depot").on()(one)
    billing = design.service("billing")
    billing.whenever("Reserved", emit={})
    assert design.channels_of("Reserved") == ["inventory", "depot"]
    assert design.channel("Reserved", "depot") == "depot"
    assert design.channel("Reserved") == "inventory"
    assert design.inputs("billing") == ["inventory", "depot"]
    assert design.inputs("inventory") == ["Placed"]


def test_what_must_follow_leaves_guarded_reactions_out(design, inventory):
    inventory.on()(union)
    inventory.on(guard="data.id == '1'", name="g", emits=[Shipped])(one)
    assert design.expected_effects() == {"Placed": ("Reserved", "Refused")}
