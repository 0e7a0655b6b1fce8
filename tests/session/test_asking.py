"""Following a flow and asking why in a workbench: what was decided, repeated, refused or restarted."""

import re

import pytest
import structlog

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import MemoryBroker, Outgoing, Position
from workbench.errors import LogError, ServiceError
from workbench.services import Store, store_path

pytestmark = pytest.mark.memory

SHELF = {"empty": True}


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    units: int = 1


class StockReserved(Event, version=1, key="order_id"):
    order_id: str


class OrderPaid(Event, version=1, key="order_id"):
    order_id: str


def design():
    found = Choreography()

    @found.service("inventory").on()
    def reserve(event: OrderPlaced, ctx) -> StockReserved:
        if SHELF["empty"]:
            raise OSError("no shelf")
        return StockReserved(order_id=event.order_id)

    found.event(OrderPaid)
    return found


@pytest.fixture
def wb(tmp_path):
    SHELF["empty"] = False
    retry = RetryPolicy(attempts=1, later=())
    with Workbench(
        design(), broker=MemoryBroker(), folder=tmp_path, retry=retry, say=lambda text: None
    ) as wb:
        yield wb


@pytest.fixture
def given_up(wb):
    """An event that inventory has given up on."""
    SHELF["empty"] = True
    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    assert reason(wb, published) == "dead"
    return published


def why(wb, event, service="inventory"):
    return wb.why(event, service, progress=False)


def reason(wb, event):
    return why(wb, event).reason


# --- dead letters that were decided about ------------------------------------------------------


def test_a_letter_that_was_handed_back_is_redriven_until_the_service_has_dealt_with_it(
    wb, given_up
):
    SHELF["empty"] = False
    wb.stop("inventory")
    wb.dead_letters().redrive()
    given = why(wb, given_up)
    assert given.reason == "redriven"
    assert re.search(
        r"it was redriven at .* UTC, and inventory has not dealt with it yet \(inventory: it is "
        r"stopped \(wb\.start\('inventory'\) lets it go on\)\)\.$",
        given.sentence,
    )
    wb.start()
    wb.wait_until_idle()
    assert reason(wb, given_up) == "handled"
    tree = repr(wb.flow(given_up, progress=False))
    assert "DeadLetterRedriven" in tree
    assert "✓ inventory/reserve" in tree


def test_a_letter_that_was_edited_names_the_event_it_goes_on_as(wb, given_up):
    SHELF["empty"] = False
    new_id = wb.dead_letters().edit_and_redrive(given_up.id, {"order_id": "o-2"})
    wb.wait_until_idle()
    given = why(wb, given_up)
    assert given.reason == "edited"
    assert f"goes on as the event {new_id}: wb.why('{new_id}', 'inventory')." in given.sentence
    assert reason(wb, new_id) == "handled"
    flow = wb.flow(given_up, progress=False)
    assert [event.type for event in flow.tree] == [
        "OrderPlaced",
        "DeadLetterEdited",
        "OrderPlaced",
        "StockReserved",
    ]
    assert "its cause" not in repr(flow)


def test_a_letter_that_was_discarded_says_why(wb, given_up):
    wb.dead_letters().discard(reason="a test order")
    given = why(wb, given_up)
    assert given.reason == "discarded"
    assert re.search(r"was discarded at .* UTC: a test order\.$", given.sentence)


# --- repeated, refused, restarted --------------------------------------------------------------


def test_what_is_handled_again_with_no_effects_sent_says_so(wb):
    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    wb.reprocess("inventory")
    wb.wait_until_idle()
    given = why(wb, published)
    assert given.reason == "handled"
    assert any(
        line.startswith("inventory was asked to handle events again up to offset 1")
        for line in given.answers[0].evidence
    )


def test_an_effect_that_the_broker_will_never_take_is_trouble(wb):
    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    wb.stop("inventory")
    _refuse_effect(wb, published)
    given = why(wb, published)
    assert given.reason == "refused"
    assert "the broker will never take its effect StockReserved: too large" in given.sentence


def test_an_effect_that_the_broker_will_never_take_is_seen_by_whoever_asks_for_convergence(wb):
    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    assert wb.converged()
    wb.stop("inventory")
    _refuse_effect(wb, published)
    found = wb.converged()
    assert not found
    assert str(found).endswith("✗ inventory: 1 never sent, refused by the broker: too large")
    assert wb.status().set_index("service")["refused"].to_dict() == {"inventory": 1}


def _refuse_effect(wb, published):
    """As if the broker had refused it: what was sent is put back into the outbox, with a reason."""
    flow = wb.flow(published, progress=False)
    record = next(r for r in flow._evidence.records if r.channel == "inventory")
    outgoing = Outgoing("inventory", record.key, record.headers, record.value)
    store = Store(store_path(wb.folder, "inventory"))
    with store.transaction():
        (row,) = store.outbox.put([(0.0, Position("OrderPlaced", 0), outgoing)])
        store.outbox.refused(row.seq, "too large")
    store.close()


def test_a_service_that_runs_an_older_design_is_told_to_restart(wb):
    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    wb.choreography.services["inventory"].whenever("OrderPlaced", emit={}, name="count")
    given = why(wb, published)
    assert given.reason == "passed over"
    lines = given.answers[1].evidence
    assert "inventory runs an older design: wb.restart('inventory')" in lines


def test_what_came_before_a_service_began_now_is_passed_over(wb):
    early = wb.publish(OrderPlaced(order_id="early"))
    wb.start(begin="now")
    given = why(wb, early)
    assert given.reason == "passed over"
    assert "it began to read after the event (begin='now', or a later time)" in given.sentence


def test_neither_a_service_nor_an_event_that_is_unknown_is_taken_for_an_answer(wb):
    published = wb.publish(OrderPlaced(order_id="o-1"))
    with pytest.raises(ServiceError, match=r"^there is no service 'bill' in this design"):
        why(wb, published, "bill")
    with pytest.raises(LogError, match=r"^there is no event 'x' on .*\(looked at 1 event\)\.$"):
        why(wb, "x")


def test_where_the_design_has_no_channels_another_namespace_is_thought_of(tmp_path):
    for namespace, where in (("", "no namespace"), ("ours", "the namespace 'ours'")):
        with Workbench(design(), broker=MemoryBroker(), namespace=namespace, folder=tmp_path) as wb:
            found = (
                rf"^there is none of the design's channels on .* in {where}: .*, or --namespace\), "
                r"or start it first\.$"
            )
            with pytest.raises(LogError, match=found):
                wb.flow("o-1", progress=False)
            with pytest.raises(LogError, match=found):
                why(wb, "o-1")


def test_a_flow_gives_its_logs(wb):
    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    logs = wb.flow(published, progress=False).logs
    assert list(logs["event"]) == ["handled"]
    assert list(logs["service"]) == ["inventory"]


def test_what_a_handler_logs_stands_with_its_reaction(wb):
    @wb.service("audit").on()
    def note(event: OrderPlaced, ctx) -> None:
        structlog.get_logger().info("<b>noted</b>", order=event.order_id)

    wb.start()
    published = wb.publish(OrderPlaced(order_id="o-1"))
    wb.wait_until_idle()
    page = wb.flow(published, progress=False)._repr_html_()
    assert "logged 1 line" in page
    assert "&lt;b&gt;noted&lt;/b&gt; order=&quot;o-1&quot;" in page
    assert "<b>noted" not in page
