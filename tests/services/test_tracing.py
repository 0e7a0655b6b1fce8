"""What services do is a trace, by OpenTelemetry's messaging conventions: names, kinds, parents."""

import re
import threading
from dataclasses import replace

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import Field

from workbench.choreography import Choreography
from workbench.events import Event, Retry, TraceContext
from workbench.events.trace import derived_trace
from workbench.examples.orders import OrderPlaced, order_choreography
from workbench.services import DELIVERIES, STEPS, RetryPolicy, service_spec
from workbench.services.tracing import Sampling, Tracing, spans_path
from workbench.services.tracing.own_spans import OwnSpans
from workbench.services.tracing.span_file import read_spans
from workbench.session.spans import spans as spans_of

pytestmark = pytest.mark.memory

BEGUN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = BEGUN[:-1] + "0"
ALL = Tracing(Sampling(1.0), "memory", "memory")
HOPS = [
    ("inventory", "OrderPlaced"),
    ("billing", "inventory"),
    ("shipping", "billing"),
    ("orders", "shipping"),
]
NONE_NEW = Tracing(Sampling(0.0), "memory", "memory")


class Placed(Event, version=1, key="id"):
    id: str
    units: int = 1


class Reserved(Event, version=1, key="id"):
    id: str


class Paid(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    found = Choreography()
    for event in (Placed, Reserved, Paid):
        found.event(event)
    return found


@pytest.fixture
def inventory(design):
    return design.service("inventory")


@pytest.fixture
def traced(stage):
    """Makes stages whose services are traced."""

    def make(design, tracing=ALL, **settings):
        return stage(design, tracing=tracing, **settings)

    return make


def spans(here):
    """All spans so far, causes before effects."""
    found = spans_of(here.folder, correlation_id=None, trace_id=None)
    return found.astype(object).where(found.notna(), None).to_dict("records")


def named(here, name):
    return [span for span in spans(here) if span["name"] == name]


def one(here, name):
    (span,) = named(here, name)
    return span


def happened(span):
    """The names of a span's events."""
    return [event["name"] for event in span["events"]]


def linked(span):
    return [(link["trace_id"], link["span_id"]) for link in span["links"]]


def of(context):
    return context.trace_id, context.span_id


def reserve(event: Placed) -> Reserved:
    return Reserved(id=event.id)


def test_an_order_is_one_trace_through_four_services(traced):
    here = traced(order_choreography()).start()
    order = OrderPlaced(order_id="o-1", customer="ann", product="tea", quantity=2, total="3.00")
    here.publish(order, traceparent=BEGUN).run()
    found = spans(here)
    trace = [span for span in found if span["trace_id"] == BEGUN[3:35]]
    parent = BEGUN[36:52]
    for service, heard in HOPS:
        process, create, send = [span for span in trace if span["service"] == service]
        assert (process["name"], process["kind"]) == (f"process {heard}", "CONSUMER")
        assert (create["name"], create["kind"]) == (f"create {service}", "PRODUCER")
        assert (send["name"], send["kind"]) == (f"send {service}", "CLIENT")
        assert process["parent_span_id"] == parent
        assert linked(process) == [(BEGUN[3:35], parent)]
        assert create["parent_span_id"] == send["parent_span_id"] == process["span_id"]
        assert linked(send) == [(BEGUN[3:35], create["span_id"])]
        parent = create["span_id"]
    assert {span["status"] for span in found} == {"UNSET"}


def test_what_is_polled_is_a_span_of_its_own_with_links_to_what_was_traced(
    inventory, design, traced
):
    inventory.on()(reserve)
    here = traced(design).publish(Placed(id="o-1"), Placed(id="o-1"), traceparent=BEGUN)
    here.publish(Placed(id="o-1"), traceparent=UNSAMPLED).start().run()
    receive = one(here, "receive Placed")
    assert receive["kind"] == "CLIENT"
    assert receive["parent_span_id"] is None
    assert receive["attributes"] == {
        "messaging.system": "memory",
        "messaging.operation.name": "receive",
        "messaging.operation.type": "receive",
        "messaging.destination.name": "Placed",
        "messaging.consumer.group.name": "inventory",
        "messaging.batch.message_count": 3,
    }
    assert linked(receive) == [(BEGUN[3:35], BEGUN[36:52])] * 2
    assert {link["attributes"]["messaging.message.id"] for link in receive["links"]} == {
        event.id for event in here.events("Placed")[:2]
    }


def test_spans_say_what_the_conventions_ask_and_nothing_of_the_payload(inventory, design, traced):
    inventory.on()(reserve)
    here = traced(design).publish(Placed(id="secret-7"), id="e-1", correlationid="f-1")
    here.start().run()
    (effect,) = here.events("inventory")
    known = {"messaging.system": "memory", "messaging.message.conversation_id": "f-1"}
    assert one(here, "process Placed")["attributes"] == known | {
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "Placed",
        "messaging.destination.partition.id": str(here.records("Placed")[0].partition),
        "messaging.consumer.group.name": "inventory",
        "messaging.message.id": "e-1",
        "cloudevents.event_type": "Placed",
        "cloudevents.event_source": "shop",
        "workbench.reaction": "reserve",
        "workbench.turn": 0,
    }
    assert one(here, "create inventory")["attributes"] == known | {
        "messaging.operation.name": "create",
        "messaging.operation.type": "create",
        "messaging.destination.name": "inventory",
        "messaging.message.id": effect.id,
        "cloudevents.event_type": "Reserved",
        "cloudevents.event_source": "inventory",
    }
    assert b"secret-7" not in spans_path(here.folder, "inventory").read_bytes()


def test_many_effects_of_many_events_are_sent_as_one_batch_in_a_trace_of_its_own(
    inventory, design, traced
):
    inventory.on()(reserve)
    here = traced(design).publish(Placed(id="o-1")).publish(Placed(id="o-2")).start().run()
    send = one(here, "send inventory")
    assert send["parent_span_id"] is None
    assert send["attributes"]["messaging.batch.message_count"] == 2
    created = {(span["trace_id"], span["span_id"]) for span in named(here, "create inventory")}
    assert {*linked(send)} == created
    assert send["trace_id"] not in {trace for trace, _ in created}


@pytest.mark.parametrize("step", STEPS[3:])
def test_what_is_done_again_after_a_crash_gives_the_same_spans(inventory, design, traced, step):
    inventory.on()(reserve)
    here = traced(design).publish(Placed(id="o-1"), id="e-1", traceparent=BEGUN)
    here.start(kill_at=(step, 1)).run()
    written = [*read_spans([spans_path(here.folder, "inventory")])]
    (created,) = {span["span_id"] for span in written if span["name"] == "create inventory"}
    processes = {
        span["span_id"]
        for span in written
        if span["name"] == "process Placed" and not span["events"]
    }
    assert len(processes) == 1
    assert of(TraceContext.parse(here.events("inventory")[0].traceparent)) == (
        BEGUN[3:35],
        created,
    )


def test_retries_at_once_happen_within_one_span(inventory, design, traced):
    tries = []

    @inventory.on()
    def shaky(event: Placed) -> Reserved:
        tries.append(event.id)
        if len(tries) < 3:
            raise ValueError("not yet")
        return Reserved(id=event.id)

    here = traced(design).start().publish(Placed(id="o-1")).run()
    process = one(here, "process Placed")
    assert happened(process) == ["exception", "workbench.retry"] * 2
    assert process["status"] == "UNSET"
    assert process["events"][0]["attributes"] == {
        "exception.type": "ValueError",
        "exception.message": "not yet",
        "workbench.attempt": 1,
    }
    assert process["duration_ms"] > 0


def test_a_later_try_is_another_span_under_the_same_parent(inventory, design, traced):
    @inventory.on()
    def never(event: Placed) -> Reserved:
        raise ValueError("never")

    here = traced(design, retry=RetryPolicy(attempts=1, later=(60,)))
    here.start().publish(Placed(id="o-1"), traceparent=BEGUN).run()
    first = one(here, "process Placed")
    assert happened(first) == ["exception", "workbench.retry.scheduled"]
    assert first["attributes"]["error.type"] == "ValueError"
    assert first["status"] == "ERROR"
    waiting, last = named(here, "process inventory.retries")
    assert happened(waiting) == ["workbench.retry.waiting"]
    assert happened(last) == ["workbench.retry", "exception", "workbench.dead_letter"]
    assert (waiting["status"], last["status"]) == ("UNSET", "ERROR")
    assert {span["parent_span_id"] for span in (first, waiting, last)} == {BEGUN[36:52]}
    assert len({span["span_id"] for span in (first, waiting, last)}) == 3
    assert one(here, "send inventory.retries")["parent_span_id"] == first["span_id"]
    letter = one(here, "send inventory.dead-letters")
    assert letter["parent_span_id"] == last["span_id"]
    assert linked(letter) == [(BEGUN[3:35], BEGUN[36:52])]


def test_a_redrive_goes_on_in_the_same_trace(inventory, design, traced):
    broken = [True]

    @inventory.on()
    def mended(event: Placed) -> Reserved:
        if broken:
            raise ValueError("broken")
        return Reserved(id=event.id)

    here = traced(design, retry=RetryPolicy(attempts=1, later=()))
    here.start().publish(Placed(id="o-1"), traceparent=BEGUN).run()
    broken.clear()
    (letter,), (record,) = here.letters("inventory"), here.records("Placed")
    again = Retry(
        "mended", *record[:3], due=here.clock.now(), turn=1, round=0, attempts=1,
        redrives=1, first_failure=letter.first_failure,
    )  # fmt: skip
    here.raw("inventory.retries", record.key, [*record.headers, *again.headers()], record.value)
    here.run()
    process = one(here, "process inventory.retries")
    assert happened(process) == ["workbench.redrive", "workbench.retry"]
    assert process["events"][0]["attributes"] == {"workbench.redrives": 1}
    assert process["parent_span_id"] == BEGUN[36:52]
    assert one(here, "create inventory")["parent_span_id"] == process["span_id"]


def test_a_compensation_is_linked_to_the_failure_that_it_is_for(design, traced):
    class Declined(Event, version=1, key="id"):
        id: str

    class Released(Event, version=1, key="id"):
        id: str

    inventory, billing = design.service("inventory"), design.service("billing")
    inventory.on()(reserve)

    @billing.on()
    def charge(event: Reserved) -> Declined:
        return Declined(id=event.id)

    @inventory.compensates("reserve", when=Declined)
    def release(event: Placed) -> Released:
        return Released(id=event.id)

    here = traced(design).start().publish(Placed(id="o-1"), traceparent=BEGUN).run()
    (declined,) = here.events("billing")
    first, undone = named(here, "process Placed")
    assert happened(first) == []
    assert happened(undone) == ["workbench.compensation"]
    assert undone["events"][0]["attributes"] == {
        "workbench.attempt": 1,
        "workbench.step": "reserve",
        "workbench.failure.type": "Declined",
        "workbench.failure.id": declined.id,
    }
    assert linked(undone) == [
        (BEGUN[3:35], BEGUN[36:52]),
        of(TraceContext.parse(declined.traceparent)),
    ]


def test_what_no_handler_ran_for_is_a_span_with_the_reason(inventory, design, traced):
    inventory.on(guard="data.units > 1")(reserve)
    here = traced(design)
    event = here.envelope(Placed(id="o-1", units=2), id="1")
    here.put(event)
    here.put(event)
    here.publish(Placed(id="o-2", units=1))
    here.raw("Placed", b"o-3", [("ce_type", b"Placed"), ("traceparent", BEGUN.encode())], b"{")
    here.start().run()
    found = [(happened(span), span["status"]) for span in named(here, "process Placed")]
    assert sorted(found) == [
        ([], "UNSET"),
        (["workbench.dead_letter"], "ERROR"),
        (["workbench.duplicate"], "UNSET"),
        (["workbench.guarded"], "UNSET"),
    ]
    (poison,) = [span for span in named(here, "process Placed") if span["status"] == "ERROR"]
    assert poison["attributes"]["error.type"] == "EventError"
    assert poison["trace_id"] == BEGUN[3:35]


def test_a_delayed_effect_is_created_at_once_and_sent_when_it_is_due(inventory, design, traced):
    inventory.on(after=60)(reserve)
    here = traced(design).start().publish(Placed(id="o-1"), traceparent=BEGUN).run()
    create, send = one(here, "create inventory"), one(here, "send inventory")
    assert create["attributes"]["workbench.due"] == "2026-01-01T00:01:00+00:00"
    assert create["start"] < send["start"]
    assert create["parent_span_id"] == send["parent_span_id"]


def test_an_event_that_waits_behind_another_says_so(inventory, design, traced):
    @inventory.on(ordered=True)
    def twice(event: Placed, ctx) -> Reserved:
        if event.units == 1 and ctx.attempt == 1:
            raise ValueError("not yet")
        return Reserved(id=event.id)

    here = traced(design, retry=RetryPolicy(attempts=1, later=(60,)))
    here.publish(Placed(id="o-1", units=1), Placed(id="o-1", units=2), traceparent=BEGUN)
    here.start().run()
    found = [happened(span) for span in spans(here) if span["name"].startswith("process")]
    assert sorted(found) == [
        [],
        ["exception", "workbench.retry.scheduled"],
        ["workbench.parked"],
        ["workbench.retry"],
        ["workbench.retry.waiting"],
    ]
    span_ids = [span["span_id"] for span in spans(here) if span["name"].startswith("process")]
    assert len({*span_ids}) == 5


def test_waiting_for_what_does_not_come_is_in_the_trace(design, traced):
    @design.service("billing").on(unless=Paid, within=60)
    def remind(event: Placed) -> Reserved:
        return Reserved(id=event.id)

    here = traced(design).start()
    here.publish(Placed(id="o-1"), traceparent=BEGUN, correlationid="f-1")
    here.publish(Placed(id="o-2"), correlationid="f-2").run_rounds(4)
    here.publish(Paid(id="o-2"), correlationid="f-2").run()
    armed, other, expired = named(here, "process Placed")
    assert happened(armed) == happened(other) == ["workbench.absence.armed"]
    assert happened(expired) == ["workbench.absence.expired"]
    assert expired["parent_span_id"] == BEGUN[36:52]
    assert happened(one(here, "process Paid")) == ["workbench.absence.disarmed"]


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_it_is_the_same_however_services_send(inventory, design, traced, delivery):
    inventory.on()(reserve)
    here = traced(design, delivery=delivery).start()
    here.publish(Placed(id="o-1"), traceparent=BEGUN).run()
    assert sorted(span["name"] for span in spans(here)) == [
        "create inventory", "process Placed", "receive Placed", "send inventory",
    ]  # fmt: skip


def test_what_is_personal_is_in_no_span(design, traced):
    class Joined(Event, version=1, key="email"):
        email: str = Field(json_schema_extra={"x-personal-data": True})

    @design.service("welcome").on()
    def greet(event: Joined) -> None:
        raise ValueError(f"no such address: {event.email}")

    here = traced(design, replace(ALL, kind="kafka")).start()
    here.publish(Joined(email="ann@example.org")).run()
    written = spans_path(here.folder, "welcome").read_text()
    assert "no such address: ***" in written
    assert "ann@example.org" not in written


def test_what_a_schema_refuses_is_in_no_span(inventory, design, traced):
    class Labelled(Event, version=1, key="id"):
        id: str
        label: str = Field(max_length=5)

    class Ordered(Event, version=1, key="id"):
        id: str

    @inventory.on()
    def label(event: Ordered) -> Labelled:
        return Labelled.model_construct(id=event.id, label="unlimited")

    here = traced(design, replace(ALL, kind="kafka")).start()
    here.publish(Ordered(id="o-1")).run()
    written = spans_path(here.folder, "inventory").read_text()
    assert "Labelled v1: label: *** is longer than 5 characters" in written
    assert "unlimited" not in written


@pytest.mark.parametrize(
    ("kind", "sending", "receiving"),
    [
        ("kafka", "kafka", "kafka"),
        ("rabbitmq", "rabbitmq", "rabbitmq"),
        ("aws", "aws.sns", "aws_sqs"),
    ],
)
def test_systems_are_called_what_the_conventions_call_them(
    inventory, design, traced, kind, sending, receiving
):
    inventory.on()(reserve)
    tracing = Tracing(Sampling(1.0), kind, "broker.example:9092,other.example:9092")
    here = traced(design, tracing).start().publish(Placed(id="o-1")).run()
    created = one(here, "create inventory")["attributes"]
    processed = one(here, "process Placed")["attributes"]
    assert (created["messaging.system"], processed["messaging.system"]) == (sending, receiving)
    assert (created["server.address"], created["server.port"]) == ("broker.example", 9092)
    assert ("messaging.kafka.message.key" in created) == (kind == "kafka")
    assert ("messaging.kafka.offset" in processed) == (kind == "kafka")


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("aws://eu-central-1 at http://127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("aws://eu-central-1 at https://aws.example", ("aws.example", 443)),
        ("aws://eu-central-1", None),
        ("127.0.0.1:5672/team", ("127.0.0.1", 5672)),
        ("[::1]:9092,other:9092", ("::1", 9092)),
        ("memory://", None),
    ],
)
def test_the_server_of_a_span_is_a_host_and_a_port_and_nothing_else(
    inventory, design, traced, address, server
):
    inventory.on()(reserve)
    here = traced(design, Tracing(Sampling(1.0), "aws", address)).start()
    attributes = one(here.publish(Placed(id="o-1")).run(), "process Placed")["attributes"]
    found = attributes.get("server.address"), attributes.get("server.port")
    assert found == (server or (None, None))


# --- sampling -------------------------------------------------------------------------------


def test_a_flow_that_is_not_sampled_has_no_spans_and_says_so_to_the_next(inventory, design, traced):
    inventory.on()(reserve)
    here = traced(design).start().publish(Placed(id="o-1"), traceparent=UNSAMPLED).run()
    assert spans(here) == []
    assert here.events("inventory")[0].traceparent.endswith("-00")
    assert here.events("inventory")[0].traceparent[:36] == UNSAMPLED[:36]


def test_a_trace_begun_elsewhere_is_recorded_whatever_is_sampled_here(inventory, design, traced):
    inventory.on()(reserve)
    here = traced(design, NONE_NEW).start().publish(Placed(id="o-1"), traceparent=BEGUN).run()
    assert one(here, "process Placed")["parent_span_id"] == BEGUN[36:52]


@pytest.mark.parametrize("given", [None, "00-zz", f"00-{'0' * 32}-{'1' * 16}-01"])
def test_an_event_that_came_without_a_trace_is_given_one_that_all_services_agree_on(
    design, traced, given
):
    for name in ("inventory", "billing"):
        design.service(name).on()(reserve)
    here = traced(design)
    envelope = here.envelope(Placed(id="o-1"), id="e-1")
    headers = [("ce_id", b"e-1"), ("ce_source", b"shop"), ("ce_type", b"Placed")]
    headers += [("ce_specversion", b"1.0")]
    headers += [("traceparent", given.encode())] if given else []
    here.raw("Placed", b"o-1", headers, envelope.data)
    here.start().run()
    found = named(here, "process Placed")
    assert {span["trace_id"] for span in found} == {derived_trace("shop", "e-1").trace_id}
    assert [span["parent_span_id"] for span in found] == [None, None]
    assert {effect.traceparent[3:35] for effect in here.events("inventory")} == {
        found[0]["trace_id"]
    }


def test_events_that_came_without_a_trace_are_sampled_by_the_ratio(inventory, design, traced):
    inventory.on()(reserve)
    here = traced(design, NONE_NEW)
    headers = [("ce_id", b"1"), ("ce_source", b"shop"), ("ce_type", b"Placed")]
    here.raw("Placed", b"1", [*headers, ("ce_specversion", b"1.0")], b'{"id": "1"}')
    here.start().run()
    assert spans(here) == []
    assert here.events("inventory")[0].traceparent.endswith("-00")


# --- handlers -------------------------------------------------------------------------------


def test_a_handler_stands_in_the_span_that_is_made_of_it(inventory, design, traced):
    seen = []

    @inventory.on()
    def look(event: Placed) -> None:
        context = api.get_current_span().get_span_context()
        seen.append((f"{context.trace_id:032x}", f"{context.span_id:016x}", context.trace_flags))

    here = traced(design).start()
    here.publish(Placed(id="o-1"), traceparent=BEGUN).run()
    here.publish(Placed(id="o-2"), traceparent=UNSAMPLED).run()
    process = one(here, "process Placed")
    assert seen[0] == (process["trace_id"], process["span_id"], 1)
    assert seen[1][2] == 0
    assert not api.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_personal_is_in_no_span_that_a_handler_opens(design, traced, elsewhere):
    class Joined(Event, version=1, key="email"):
        email: str = Field(json_schema_extra={"x-personal-data": True})
        age: int = Field(json_schema_extra={"x-personal-data": True})

    provider = TracerProvider(shutdown_on_exit=False)
    tracer = provider.get_tracer("mine")

    @design.service("welcome").on()
    def greet(event: Joined) -> None:
        span = tracer.start_span(
            f"greet {event.email}", attributes={"to": [event.email], "age": event.age, "n": 1}
        )
        span.add_event(f"hello {event.email}", {"email": event.email})
        span.record_exception(ValueError(event.email))
        span.set_status(StatusCode.ERROR, f"no {event.email}")
        if elsewhere:
            thread = threading.Thread(target=span.end)
            thread.start()
            thread.join()
        else:
            span.end()

    found = InMemorySpanExporter()
    here = traced(design)
    spec = service_spec(design, "welcome", namespace="", folder=here.folder, retry=RetryPolicy())
    provider.add_span_processor(OwnSpans(spec, SimpleSpanProcessor(found)))
    here.start().publish(Joined(email="ann@example.org", age=8317)).run()
    (span,) = found.get_finished_spans()
    assert span.name == "greet ***"
    assert dict(span.attributes) == {"to": ["***"], "age": "***", "n": 1}
    assert [event.name for event in span.events] == ["hello ***", "exception"]
    assert span.status.description == "no ***"
    assert span.instrumentation_scope.name == "mine"
    assert span.end_time > span.start_time
    assert not {"ann@example.org", "8317"} & {*re.findall(r"[\w@.]+", span.to_json())}
