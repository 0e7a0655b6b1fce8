"""The designs that come along run unchanged on every broker: one line says which."""

from __future__ import annotations

from collections import Counter

import pytest

from workbench import Event, RetryPolicy, Workbench
from workbench.errors import BrokerError, ServiceError
from workbench.examples.fintech import fintech_choreography, some_transactions
from workbench.examples.orders import (
    expected_totals,
    lost_and_doubled,
    observed_totals,
    order_choreography,
    some_orders,
)
from workbench.examples.signup import signup_choreography, some_signups

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(
    params=[
        pytest.param(kind, marks=getattr(pytest.mark, kind))
        for kind in ("memory", "kafka", "rabbitmq", "aws")
    ]
)
def on(request, tmp_path):
    """What a Workbench is given to work on this broker, in a namespace of the test's own."""
    where = {
        "memory": lambda: {"broker": "memory://"},
        "kafka": lambda: {"broker": request.getfixturevalue("kafka")},
        "rabbitmq": lambda: {"broker": request.getfixturevalue("rabbitmq")},
        "aws": lambda: {
            "broker": "aws://eu-central-1",
            "endpoint_url": request.getfixturevalue("aws"),
        },
    }[request.param]()
    namespace = request.function.__name__.removeprefix("test_the_").split("_")[0]
    return {**where, "namespace": namespace, "folder": tmp_path, "say": lambda sentence: None}


def happened(wb):
    """How often each event type, each event once."""
    frame = wb.capture(progress=False).frame.drop_duplicates(["source", "id"])
    return Counter(frame["type"].astype(str))


def test_the_order_design(on):
    orders = some_orders(20, declined=4, sold_out=3)
    with Workbench(order_choreography(), **on) as wb:
        wb.start()
        assert not any(one.error for one in wb.publish_many(orders))
        wb.wait_until_idle(120)
        assert not wb.status()[["in_flight", "waiting", "lag"]].any(axis=None)
        assert wb.converged(), wb.converged()
        assert wb.dead_letters().empty
        states = [wb.state(name) for name in wb.choreography.services]
        expected = expected_totals(orders)
        assert lost_and_doubled(expected, observed_totals(states)) == (0, 0)
        assert happened(wb)["OrderCompleted"] == expected["orders_completed"]
        assert wb.lag() == dict.fromkeys(wb.lag(), 0)


def test_the_signup_design(on):
    people = some_signups(6, silent=1, bounced=1) + some_signups(2, version=1, seed=9)
    with Workbench(signup_choreography(), **on) as wb:
        wb.start()
        assert not any(one.error for one in wb.publish_many(people))
        wb.wait_until_idle(120)
        assert wb.converged(), wb.converged()
        assert wb.dead_letters().empty
        seen = happened(wb)
        assert seen["AccountActivated"] == seen["ContactConfirmed"] == 6
        assert seen["VerificationExpired"] == seen["VerificationEmailBounced"] == 1
        assert seen["AccountClosed"] == seen["ContactErased"] == 2


def test_the_fintech_design(on):
    payments = some_transactions(8, large=2, unroutable=2) + some_transactions(2, version=1, seed=9)
    with Workbench(fintech_choreography(), **on) as wb:
        wb.start()
        assert not any(one.error for one in wb.publish_many(payments))
        wb.wait_until_idle(120)
        assert wb.converged(), wb.converged()
        assert wb.dead_letters().empty
        seen = happened(wb)
        assert seen["TransactionDeclined"] == seen["TransactionReversed"] == 2
        assert seen["TransactionSettled"] == 6
        assert seen["CardholderNotified"] == 10


def test_a_broker_without_offsets_says_so_before_it_stops_a_service(on):
    with Workbench(order_choreography(), **on) as wb:
        wb.start()
        wb.publish(some_orders(1)[0])
        wb.wait_until_idle(60)
        if wb.broker.kind in ("kafka", "memory"):
            assert wb.reprocess("billing") == 1
            return
        with pytest.raises(BrokerError, match=r"keeps no offsets, so \S+billing can't be rewound"):
            wb.reprocess("billing")
        assert wb.lives()["billing"].up
        wb.stop("billing")
        with pytest.raises(BrokerError, match=r"keeps no offsets, so \S+billing can't be rewound"):
            wb.start("billing", begin="now")
        with pytest.raises(ServiceError, match=r"^on \w+ a service has one instance: "):
            wb.start("billing", instances=2)


class Asked(Event, version=1, key="id"):
    id: str


class Answered(Event, version=1, key="id"):
    id: str


def test_the_oracle_fails_is_killed_and_its_dead_letter_is_redriven(on, tmp_path):
    mended = tmp_path / "mended"
    with Workbench(retry=RetryPolicy(attempts=1, later=(0.1,)), **on) as wb:

        @wb.service("oracle").on(Asked)
        def answer(event: Asked, ctx) -> Answered:
            ctx.state["tries"] = ctx.state.get("tries", 0) + 1
            if not mended.exists():
                raise RuntimeError("it does not know")
            return Answered(id=event.id)

        wb.start()
        asked = Asked(id="Zoë’s 🍐")
        wb.publish(asked)
        wb.wait_until_idle(60)
        (reason,) = wb.dead_letters()["error_message"]
        assert reason == "it does not know"
        assert wb.dead_letters()["attempts"].tolist() == [2]
        wb.kill("oracle")
        mended.touch()
        assert wb.dead_letters().redrive() == 1
        wb.start()
        wb.wait_until_idle(60)
        assert wb.converged(), wb.converged()
        assert wb.counts("oracle")["emitted"] == 1
        assert wb.state("oracle") == {"tries": 1}  # what failed has changed nothing
        assert happened(wb)["Answered"] == 1
