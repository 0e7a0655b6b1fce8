from __future__ import annotations

import time

import pytest

from workbench.brokers import MemoryBroker
from workbench.errors import BrokerError
from workbench.widgets import Publisher
from workbench.widgets.burst import Burst
from workbench.widgets.publisher_model import PublisherModel

pytestmark = pytest.mark.memory


def test_flows_begin_with_what_no_service_emits_so_that_comes_first(wb):
    assert PublisherModel(wb).event_types()[0] == "OrderPlaced"


def test_what_is_published_says_where_it_landed(wb):
    model = PublisherModel(wb, seed=1)
    texts = model.new_texts("OrderPlaced")
    assert model.publish("OrderPlaced", texts) is None
    (row,) = model.landed()
    assert row["cells"]["outcome"]["text"] == "✓ OrderPlaced"
    assert row["cells"]["offset"] == "0"
    assert row["cells"]["key"] == texts["order_id"]


def test_what_is_refused_says_the_field_and_the_reason(wb):
    model = PublisherModel(wb, seed=1)
    said = model.publish("OrderPlaced", model.new_texts("OrderPlaced") | {"quantity": "many"})
    assert said == "quantity: 'many' is not a whole number."
    (row,) = model.landed()
    assert "refused: quantity: 'many'" in row["cells"]["outcome"]["text"]
    assert row["tone"] == "bad"


def test_an_event_too_large_is_refused_with_its_size(wb):
    model = PublisherModel(wb, seed=1)
    said = model.publish(
        "OrderPlaced", model.new_texts("OrderPlaced") | {"customer": "x" * 1_100_000}
    )
    assert "too large" in said


def test_a_readonly_workbench_says_why_it_publishes_nothing(wb):
    wb.connection.readonly = True
    model = PublisherModel(wb)
    assert "read-only" in model.publish("OrderPlaced", model.new_texts("OrderPlaced"))


def test_only_the_last_twenty_are_shown_newest_first(wb):
    model = PublisherModel(wb, seed=1)
    burst = model.burst("OrderPlaced", 50, 0)
    burst.run()
    rows = model.landed()
    assert len(rows) == 20
    assert int(rows[0]["key"]) > int(rows[-1]["key"])
    assert burst.summary().startswith("50 of 50 events published in ")
    assert "events/s" in burst.summary()


def test_a_burst_keeps_its_rate(wb):
    burst = PublisherModel(wb).burst("OrderPlaced", 60, 100)
    began = time.monotonic()
    burst.run()
    assert time.monotonic() - began > 0.4
    assert burst.sent == 60


def test_a_burst_that_is_stopped_says_how_far_it_came():
    def send(payloads):
        burst.stop()
        return [_Ok] * len(payloads)

    class _Ok:
        error = None

    burst = Burst(100, 10, dict, send)
    burst.run()
    assert burst.sent < 100
    assert "stopped" in burst.summary()


def test_a_burst_whose_broker_goes_away_ends_with_the_reason():
    def send(payloads):
        raise BrokerError("nobody answers.")

    burst = Burst(10, 0, dict, send)
    burst.run()
    assert burst.done
    assert "nobody answers." in burst.summary()


def test_the_form_fills_checks_and_publishes(wb):
    publisher = Publisher(wb)
    publisher._inputs["quantity"].value = "many"
    assert "is not a whole number" in publisher._errors["quantity"].value
    publisher._inputs["quantity"].value = "3"
    assert publisher._errors["quantity"].value == ""
    publisher._on_publish()
    assert len(publisher._landed.rows) == 1
    assert "Published" in publisher._message.value


def test_a_payload_that_could_run_is_shown_as_text(wb, lively):
    publisher = Publisher(wb)
    publisher._inputs["quantity"].value = lively
    publisher._on_publish()
    assert "<img" not in publisher._errors["quantity"].value + publisher._message.value


def test_an_empty_design_says_what_to_do_next(empty_wb):
    publisher = Publisher(empty_wb)
    assert "wb.designer()" in publisher._form.children[0].value
    assert publisher._publish.disabled


def test_a_burst_from_the_widget_ends_with_its_rate(wb, eventually):
    publisher = Publisher(wb)
    publisher._n[0].value, publisher._rate[0].value = 30, 0
    publisher._on_burst()
    eventually(lambda: "30 of 30" in publisher._message.value)
    assert publisher._progress.value == 30
    assert not publisher._burst.disabled


def test_the_broker_is_not_touched_before_something_is_published(tmp_path):
    from workbench import Workbench
    from workbench.examples.orders import order_choreography

    wb = Workbench(order_choreography(), broker=MemoryBroker(), folder=tmp_path)
    Publisher(wb)
    assert wb.connection.current is None
