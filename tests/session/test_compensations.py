"""Which compensations a flow has had, and which it still owes."""

import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import cloudpickle
import pytest

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.brokers import MemoryBroker
from workbench.errors import LogError

pytestmark = pytest.mark.memory
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # as if it were a notebook


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    ships: bool = True


class StockReserved(Event, version=1, key="order_id"):
    order_id: str
    ships: bool


class StockReleased(Event, version=1, key="order_id"):
    order_id: str


class PaymentCharged(Event, version=1, key="order_id"):
    order_id: str
    ships: bool


class PaymentRefunded(Event, version=1, key="order_id"):
    order_id: str


class ShippingFailed(Event, version=1, key="order_id"):
    order_id: str


class Shipped(Event, version=1, key="order_id"):
    order_id: str


@pytest.fixture
def bank():
    return {"answers": True}


def order_design(bank):
    design = Choreography()
    design.event(ShippingFailed)
    inventory, billing = design.service("inventory"), design.service("billing")
    copied = {"order_id": "data.order_id", "ships": "data.ships"}
    design.event(OrderPlaced)
    for event in (StockReserved, StockReleased, PaymentCharged):
        design.event(event)
    inventory.whenever(OrderPlaced, name="reserve", emit={"StockReserved": copied})
    released = {"StockReleased": {"order_id": "data.order_id"}}
    inventory.compensate("reserve", when=ShippingFailed, emit=released)
    billing.whenever(StockReserved, name="charge", emit={"PaymentCharged": copied})

    @billing.compensates("charge", when=ShippingFailed)
    def refund(event: StockReserved, ctx) -> PaymentRefunded:
        if not bank["answers"]:
            raise OSError("the bank is closed")
        ctx.state["refunds"] = ctx.state.get("refunds", 0) + 1
        return PaymentRefunded(order_id=event.order_id)

    @design.service("shipping").on()
    def ship(event: PaymentCharged) -> Shipped | ShippingFailed:
        return (Shipped if event.ships else ShippingFailed)(order_id=event.order_id)

    return design


@pytest.fixture
def wb(tmp_path, bank):
    quick = RetryPolicy(attempts=1, later=())
    with Workbench(
        order_design(bank),
        broker=MemoryBroker(),
        retry=quick,
        folder=tmp_path,
        say=lambda text: None,
    ) as found:
        found.start()
        yield found


def place(wb, *orders, ships):
    for order in orders:
        wb.publish(OrderPlaced(order_id=order, ships=ships), correlation_id=order)
    wb.wait_until_idle()


def test_a_flow_that_failed_tells_what_was_undone_and_in_which_order(wb):
    place(wb, "bad", ships=False)
    place(wb, "good", ships=True)
    table = wb.compensations()
    story = ["correlation_id", "state", "order", "service", "step", "failure", "compensation"]
    assert table[story].to_numpy().tolist() == [
        ["bad", "compensated", 1, "billing", "charge", "ShippingFailed", "refund"],
        ["bad", "compensated", 2, "inventory", "reserve", "ShippingFailed", "undo_reserve"],
    ]
    assert list(table["done_type"]) == ["PaymentCharged", "StockReserved"]
    assert list(table["undone_type"]) == ["PaymentRefunded", "StockReleased"]
    frame = wb.capture(progress=False).frame.set_index("id")
    for name in ("done", "undone"):
        assert list(frame.loc[table[f"{name}_id"], "type"]) == list(table[f"{name}_type"])
        assert list(frame.loc[table[f"{name}_id"], "time"]) == list(table[f"{name}_at"])
    assert table["undone_at"].is_monotonic_increasing
    assert table["why"].isna().all()


def test_what_is_owed_says_why_and_is_compensated_once_it_is_redriven(wb, bank):
    bank["answers"] = False
    place(wb, "a", "b", ships=False)
    table = wb.compensations("a")
    assert set(table["correlation_id"]) == {"a"}
    assert list(table["state"]) == ["owed", "owed"]
    assert list(table["step"]) == ["charge", "reserve"]
    assert list(table["why"]) == [
        "billing/refund: OSError: the bank is closed",
        "waits for billing/charge to be undone",
    ]
    assert table[["order", "undone_type", "undone_id", "undone_at"]].isna().all(axis=None)
    assert len(wb.compensations().query("state == 'owed'")) == 4
    bank["answers"] = True
    assert wb.dead_letters().redrive("reaction == 'refund'") == 2
    wb.wait_until_idle()
    assert list(wb.compensations("a")["order"]) == [1, 2]
    assert set(wb.compensations()["state"]) == {"compensated"}


def test_an_edited_dead_letter_of_a_compensation_undoes_the_same(wb, bank):
    bank["answers"] = False
    place(wb, "a", ships=False)
    bank["answers"] = True
    letters = wb.dead_letters()
    letters.edit_and_redrive(letters.index[0], {"order_id": "a", "ships": True})
    wb.wait_until_idle()
    assert list(wb.compensations()["state"]) == ["compensated", "compensated"]


def test_a_step_that_was_edited_before_it_was_done_is_undone_too(wb):
    @wb.service("inventory").on(OrderPlaced, name="reserve")
    def reserve(event: OrderPlaced) -> StockReserved:
        if event.order_id == "wrong":
            raise ValueError("no such order")
        return StockReserved(order_id=event.order_id, ships=event.ships)

    wb.restart("inventory")
    place(wb, "wrong", ships=False)
    letters = wb.dead_letters()
    letters.edit_and_redrive(letters.index[0], {"order_id": "right", "ships": False})
    wb.wait_until_idle()
    assert len(wb.dead_letters()) == 0
    table = wb.compensations("wrong")
    assert list(table["step"]) == ["charge", "reserve"]
    assert list(table["state"]) == ["compensated", "compensated"]


def test_without_failures_nothing_is_owed_and_the_columns_stay(wb):
    place(wb, "good", ships=True)
    table = wb.compensations()
    assert len(table) == 0
    assert str(table["undone_at"].dtype) == "datetime64[ns, UTC]"
    assert str(table["order"].dtype) == "Int64"
    with pytest.raises(LogError, match="there is no flow 'x'"):
        wb.compensations("x")


@pytest.mark.parametrize("effects", ["suppress", "resend"])
def test_reprocessing_undoes_again_what_it_does_again(wb, effects):
    place(wb, "bad", ships=False)
    before = len(wb.capture(progress=False).frame)
    for service in ("billing", "inventory"):
        wb.reprocess(service, effects=effects)
        wb.wait_until_idle()
    log = wb.capture(progress=False)
    assert log.events == 6
    assert len(log.frame) == before if effects == "suppress" else len(log.frame) > before
    assert log.n_dead_letters == 0
    place(wb, "next", ships=False)
    assert set(wb.compensations("next")["state"]) == {"compensated"}


def test_what_is_handled_again_on_top_of_the_state_is_undone_again_too(wb):
    place(wb, "bad", ships=False)
    before = len(wb.capture(progress=False).frame)
    wb.reprocess("billing", since=datetime.now(UTC) - timedelta(hours=1))
    wb.wait_until_idle()
    assert wb.state("billing") == {"refunds": 2}
    assert len(wb.capture(progress=False).frame) == before
    place(wb, "next", ships=False)
    assert wb.state("billing") == {"refunds": 3}
    assert set(wb.compensations("next")["state"]) == {"compensated"}


@pytest.mark.kafka
def test_on_kafka_all_that_failed_is_undone_in_order_though_a_service_is_killed(
    kafka, tmp_path, bank
):
    with Workbench(
        order_design(bank),
        bootstrap_servers=kafka.bootstrap_servers,
        namespace=f"t{uuid4().hex[:10]}",
        folder=tmp_path,
        say=lambda text: None,
    ) as wb:
        wb.start()
        for n in range(60):
            wb.publish(OrderPlaced(order_id=f"o-{n}", ships=n % 3 > 0), correlation_id=f"o-{n}")
            if n == 30:
                wb.kill("billing")
                wb.start("billing")
        wb.wait_until_idle()
        assert wb.state("billing") == {"refunds": 20}
        table = wb.compensations()
        assert set(table["state"]) == {"compensated"}
        assert set(table["correlation_id"]) == {f"o-{n}" for n in range(0, 60, 3)}
        assert list(table["step"]) == ["charge", "reserve"] * 20
        frame = wb.capture(progress=False).frame.set_index("id")
        frame = frame[~frame.index.duplicated()]  # a kill may have sent some of it twice
        done = frame["type"].value_counts()
        assert (done["StockReserved"], done["StockReleased"]) == (60, 20)
        assert (done["PaymentCharged"], done["PaymentRefunded"]) == (60, 20)
        assert wb.counts("inventory")["handled"] == wb.counts("billing")["handled"] == 80
        refunds, releases = table[::2], table[1::2]
        assert list(frame.loc[releases["undone_id"], "causation_id"]) == list(refunds["undone_id"])
        assert set(frame.loc[frame.loc[refunds["undone_id"], "causation_id"], "type"]) == {
            "ShippingFailed"
        }
