from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from workbench.errors import BrokerError
from workbench.examples.orders import OrderPlaced, some_orders
from workbench.services import RetryPolicy
from workbench.widgets import Monitor, monitor_model
from workbench.widgets.feed import Feed, flow_steps
from workbench.widgets.graph_model import EVENT, SERVICE
from workbench.widgets.monitor_look import event_rows, flow_html, live_rules, service_rows
from workbench.widgets.monitor_model import ServiceNow, Snapshot, Watch

pytestmark = pytest.mark.memory

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(id_, cause=None, ms=0, **more):
    return {
        "id": id_, "type": f"T{id_}", "source": "s", "time": START + timedelta(milliseconds=ms),
        "broker_time": START, "correlation_id": "f", "causation_id": cause, "channel": "c",
        "partition": 0, "offset": ms, "key": None, "subject": None, "data": {}, "dead_letter": None,
        "undecoded": None, "place": f"c[0]@{id_}",
    } | more  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(monitor_model, "_PATIENCE", 0.1)
    monkeypatch.setattr(monitor_model, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(monitor_model, "POLL_SECONDS", 0.1)


@pytest.fixture
def monitor(wb):
    monitor = Monitor(wb)
    yield monitor
    monitor.stop()


def order(**changed):
    values = {
        "order_id": "o-1",
        "customer": "Ada",
        "product": "lamp",
        "quantity": 1,
        "total": "5.00",
    }
    return OrderPlaced(**(values | changed))


# --- the flow


def test_no_effect_stands_before_its_cause_even_when_clocks_disagree():
    steps = flow_steps([event("b", "a", ms=-5), event("a", ms=0), event("c", "b", ms=1)])
    assert [step.event["id"] for step in steps] == ["a", "b", "c"]
    assert [step.depth for step in steps] == [0, 1, 2]


def test_each_effect_tells_the_time_since_its_cause():
    steps = flow_steps([event("a"), event("b", "a", ms=40)])
    assert steps[0].latency is None
    assert steps[1].latency == pytest.approx(0.040)
    assert "+40.0 ms after Ta" in flow_html(steps, "")


def test_a_dead_letter_stands_right_behind_the_event_that_was_given_up_on():
    dead = event("a", ms=90, dead_letter="billing/charge: ValueError: no", place="d[0]@0")
    steps = flow_steps([event("a"), event("b", "a", ms=5), dead])
    assert [step.event["place"] for step in steps] == ["c[0]@a", "d[0]@0", "c[0]@b"]


def test_events_that_cause_each_other_are_all_shown():
    assert len(flow_steps([event("a", "b"), event("b", "a")])) == 2


def test_nothing_in_a_payload_a_name_or_a_reason_can_run(lively):
    bad = event("a", type=lively, source=lively, data={lively: lively}, dead_letter=lively,
                correlation_id=lively)  # fmt: skip
    assert "<img" not in flow_html(flow_steps([bad]), "c[0]@a")


def test_the_feed_forgets_the_oldest_and_its_flows(wb):
    wb.publish_many(some_orders(30))
    watch = Watch(wb)
    watch._find_ends(watch._channels())
    watch._feed = Feed(kept=10)
    watch.take(wb.broker.reader(watch._offsets).poll(1))
    assert len(watch._feed) == 10
    assert len(watch._feed._flows) == 10


# --- the look


def rules_by_id(graph, now):
    return {rule["selector"][1:]: rule["style"] for rule in live_rules(graph, now)}


def test_an_edge_lights_up_with_its_rate_as_events_pass(order_graph):
    now = Snapshot(produced={("inventory", "StockReserved"): 318.0})
    rules = rules_by_id(order_graph, now)
    out = order_graph.edge((SERVICE, "inventory"), (EVENT, "StockReserved"))
    into = order_graph.edge((EVENT, "StockReserved"), (SERVICE, "billing"))
    assert rules[out.id]["label"] == rules[into.id]["label"] == "320/s"
    other = order_graph.edge((SERVICE, "inventory"), (EVENT, "OutOfStock"))
    assert other.id not in rules


def test_a_service_that_is_down_differs_by_sign_and_border_not_by_colour_alone(order_graph):
    now = Snapshot(services={"billing": ServiceNow("billing", state="killed", lag=3)})
    style = rules_by_id(order_graph, now)[order_graph.node(SERVICE, "billing").id]
    assert style["label"] == "billing\n⚠ killed\nlag 3"
    assert style["border-style"] == "dashed"
    (row,) = service_rows(now)
    assert row["cells"]["state"]["text"] == "⚠ killed"
    assert [action["off"] for action in row["actions"]] == [True, False]


def test_every_rule_has_a_style_and_a_synthetic_id(order_graph):
    now = Snapshot(
        services={"billing": ServiceNow("billing", "running", up=True, handled=12_345, errors=2)},
        seen={"OrderPlaced": 12_345},
        produced={("workbench", "OrderPlaced"): 12.0},
    )
    rules = live_rules(order_graph, now)
    assert all(rule["style"] and rule["selector"][:2] in ("#n", "#e") for rule in rules)
    assert any(rule["style"].get("label") == "billing\n12.3k" for rule in rules)
    assert any(rule["style"].get("label") == "⚠ 2 dead" for rule in rules)


def test_several_instances_are_shown_as_such(order_graph):
    now = Snapshot(services={"billing": ServiceNow("billing", "running", up=True, instances=3)})
    (row,) = service_rows(now)
    assert row["cells"]["state"]["text"] == "▲ running ×3"
    labels = [rule["style"].get("label") for rule in live_rules(order_graph, now)]
    assert "billing ×3\n0" in labels


def test_what_is_no_event_has_a_row_too():
    row = event("x", type=None, time=None, id=None, undecoded="not JSON", correlation_id=None)
    (shown,) = event_rows([row])
    assert shown["cells"]["type"]["text"] == "⚠ not an event"


# --- the watch


def test_numbers_are_right_soon_after_the_last_event(wb, monitor, eventually):
    wb.start()
    wb.publish_many(some_orders(50, declined=5, sold_out=5))
    wb.wait_until_idle()
    eventually(lambda: monitor.snapshot().services["orders"].handled == 50)
    eventually(lambda: monitor._services.rows[0]["cells"]["handled"] == "60")
    assert monitor.snapshot().seen["OrderCompleted"] == 40
    eventually(lambda: {now.lag for now in monitor.snapshot().services.values()} == {0})


def test_what_was_there_before_the_monitor_is_counted_but_lights_nothing(wb, eventually):
    wb.publish_many(some_orders(20))
    watch = Watch(wb)
    watch.start()
    eventually(lambda: watch.snapshot().seen.get("OrderPlaced") == 20)
    assert watch.snapshot().produced == {}
    wb.publish(order())
    eventually(lambda: ("workbench", "OrderPlaced") in watch.snapshot().produced)
    watch.stop()


def test_the_chosen_events_whole_flow_is_shown_in_order(wb, monitor, eventually, lively):
    wb.start()
    wb.publish(order(customer=lively))
    wb.wait_until_idle()
    eventually(lambda: len(monitor._events.rows) == 5)
    chosen = next(r for r in monitor._events.rows if r["cells"]["type"] == "StockReserved")
    monitor._events.selected = chosen["key"]
    order_of = [monitor._flow.value.index(f"<b>{name}</b>") for name in
                ("OrderPlaced", "StockReserved", "PaymentReceived", "OrderShipped")]  # fmt: skip
    assert order_of == sorted(order_of)
    assert "<img" not in monitor._flow.value
    assert "&lt;img" in monitor._flow.value


def test_a_service_is_killed_and_restarted_from_its_row(wb, monitor):
    wb.start()
    monitor._act("billing", "kill")
    assert "billing was killed" in monitor._message.value
    assert monitor.snapshot().services["billing"].state == "killed"
    monitor._act("billing", "restart")
    assert "billing runs" in monitor._message.value
    assert wb.lives()["billing"].up


def test_an_error_of_a_button_is_shown_in_the_widget(monitor):
    monitor._act("billing", "kill")
    assert "⚠" in monitor._message.value
    assert "billing" in monitor._message.value


def test_a_dead_letter_is_counted_and_listed(wb, monitor, eventually):
    @wb.service("inventory").on(name="reserve")
    def reserve(event: OrderPlaced) -> None:
        raise ValueError("no such product")

    wb._running.retry = RetryPolicy(attempts=1, later=())
    wb.start()
    wb.publish(order())
    eventually(lambda: monitor.snapshot().services["inventory"].errors == 1)
    eventually(lambda: any(row["tone"] == "bad" for row in monitor._events.rows))
    letter = next(row for row in monitor._events.rows if row["tone"] == "bad")
    monitor._events.selected = letter["key"]
    assert "no such product" in monitor._flow.value


def test_what_a_handler_prints_is_shown_escaped(wb, monitor, eventually, lively):
    @wb.service("inventory").on(name="reserve")
    def reserve(event: OrderPlaced) -> None:
        print(event.customer)

    wb.start()
    wb.publish(order(customer=lively))
    eventually(lambda: "&lt;img" in monitor._output.value)
    assert "<img" not in monitor._output.value


def test_a_second_monitor_of_the_same_workbench_ends_the_first(wb):
    first = Monitor(wb)
    second = Monitor(wb)
    assert not first._watch.alive
    assert not first._flusher.is_alive()
    second.stop()
    assert not [t for t in threading.enumerate() if t.name.startswith("monitor-")]


def test_a_broker_that_does_not_answer_is_said_and_the_watch_goes_on(wb, eventually, monkeypatch):
    wb.connection.ensure_channels()
    watch = Watch(wb)
    answers = wb.broker.end_offsets

    def silent(channels):
        raise BrokerError("nobody there")

    monkeypatch.setattr(wb.broker, "end_offsets", silent)
    watch.start()
    eventually(lambda: "does not answer: nobody there" in watch.snapshot().trouble)
    assert watch.alive
    monkeypatch.setattr(wb.broker, "end_offsets", answers)
    eventually(lambda: watch.snapshot().trouble == "")
    watch.stop()


def test_watching_a_workbench_that_was_closed_does_not_bring_it_back(wb, eventually):
    watch = Watch(wb)
    watch.start()
    wb.close()
    eventually(lambda: "was closed" in watch.snapshot().trouble)
    assert wb.connection.current is None
    watch.stop()


def test_an_event_type_added_later_joins_the_graph(wb, monitor, eventually):
    from workbench.events import EventType

    wb.event(EventType("OrderReturned", {}))
    eventually(lambda: monitor._graph.graph.node(EVENT, "OrderReturned") is not None)


def test_nothing_is_sent_to_the_page_while_nothing_changes(wb, monitor, eventually):
    wb.start()
    wb.publish(order())
    wb.wait_until_idle()
    eventually(lambda: monitor.snapshot().produced == {} and monitor._last == monitor.snapshot())
    sent = []
    monitor._graph._cytoscape.observe(sent.append, "cytoscape_style")
    monitor._services.observe(sent.append, "rows")
    monitor._draw()
    assert sent == []


def test_an_empty_design_says_what_to_do_next(empty_wb):
    monitor = Monitor(empty_wb)
    assert "wb.designer()" in monitor._graph.children[0].value
    monitor.stop()


def test_after_a_reset_the_monitor_begins_anew(wb, eventually):
    wb.publish_many(some_orders(20))
    watch = Watch(wb)
    watch.start()
    eventually(lambda: watch.snapshot().seen.get("OrderPlaced") == 20)
    wb.reset()
    eventually(lambda: watch.snapshot().events == 0)
    wb.publish(order())
    eventually(lambda: watch.snapshot().seen.get("OrderPlaced") == 1)
    watch.stop()


def test_one_correlation_id_for_everything_does_not_drown_the_page(wb):
    wb.publish_many(some_orders(2_000), correlation_id="always the same")
    watch = Watch(wb)
    watch._find_ends(watch._channels())
    watch.take(wb.broker.reader(watch._offsets).poll(1))
    chosen = watch.newest(1)[0]["place"]
    shown = flow_html(watch.flow_of(chosen), chosen, watch.flow_size(chosen))
    assert "the first 301 of its 2,000 events" in shown
    assert shown.count("<details") == 301


def test_a_third_line_of_figures_gets_a_higher_hexagon(order_graph):
    now = Snapshot(services={"billing": ServiceNow("billing", state="crashed", lag=12_345)})
    style = rules_by_id(order_graph, now)[order_graph.node(SERVICE, "billing").id]
    assert style["label"] == "billing\n⚠ crashed\nlag 12.3k"
    assert style["height"] > 60


def test_the_graph_is_laid_out_anew_only_when_the_design_changes(wb, monitor, monkeypatch):
    from workbench.widgets import monitor as module

    monkeypatch.setattr(module, "graph_of", lambda design: pytest.fail("laid out again"))
    wb.publish(order())
    monitor._draw()
