"""Where traces begin: what is published by hand, continued or new, and which flows are traced."""

import json

import pytest
from opentelemetry import trace as api
from opentelemetry.sdk.trace import TracerProvider

from workbench import Choreography, Event, RetryPolicy, Workbench
from workbench.errors import EventError, ServiceError
from workbench.events import TraceContext, from_kafka
from workbench.services.tracing import Sampler, Sampling, sampling_of
from workbench.services.tracing.sampling import USUAL

pytestmark = pytest.mark.memory

BEGUN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Placed(Event, version=1, key="id"):
    id: str


class Reserved(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    found = Choreography()

    @found.service("inventory").on()
    def reserve(event: Placed) -> Reserved:
        return Reserved(id=event.id)

    return found


@pytest.fixture
def at_work(design, tmp_path, monkeypatch):
    """Makes workbenches on a broker in memory, whose services run."""
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    made = []

    def make(**settings):
        made.append(Workbench(design, broker="memory://", folder=tmp_path, **settings))
        made[-1].start()
        return made[-1]

    yield make
    for wb in made:
        wb.close()


def traceparents(wb, channel="Placed"):
    ends = wb.broker.end_offsets([channel])
    records = wb.broker.reader(dict.fromkeys(ends, 0)).poll(0)
    return [from_kafka(record.headers, record.value).traceparent for record in records]


def names(wb, **which):
    return [(row["service"], row["name"]) for row in wb.spans(**which).to_dict("records")]


def test_one_event_is_one_span_that_the_consumer_goes_on_from(at_work):
    wb = at_work()
    published = wb.publish(Placed(id="o-1"))
    wb.wait_until_idle()
    assert names(wb, correlation_id=published.correlation_id) == [
        ("workbench", "send Placed"),
        ("inventory", "receive Placed"),
        ("inventory", "process Placed"),
        ("inventory", "create inventory"),
        ("inventory", "send inventory"),
    ]
    send, receive, process, create, _ = wb.spans().to_dict("records")
    assert send["kind"] == "PRODUCER"
    assert send["attributes"]["messaging.message.id"] == published.id
    assert process["parent_span_id"] == send["span_id"]
    assert {receive["trace_id"]} | {send["trace_id"]} == {*wb.spans().trace_id}
    assert {process["trace_id"], create["trace_id"]} == {send["trace_id"]}


def test_many_events_are_a_span_each_and_one_for_the_batch(at_work):
    wb = at_work()
    wb.publish_many([Placed(id=f"o-{n}") for n in range(3)])
    wb.wait_until_idle()
    ours = wb.spans().query("service == 'workbench'")
    creates, sends = ours[ours.name == "create Placed"], ours[ours.name == "send Placed"]
    assert creates.kind.tolist() == ["PRODUCER"] * 3
    assert sends.kind.tolist() == ["CLIENT"]
    (links,) = sends.links
    assert [link["span_id"] for link in links] == creates.span_id.tolist()
    (attributes,) = sends.attributes
    assert attributes["messaging.batch.message_count"] == 3
    assert creates.trace_id.nunique() == 3


def test_a_trace_begun_by_a_gateway_is_continued(at_work):
    wb = at_work()
    wb.publish(Placed(id="o-1"), traceparent=BEGUN)
    wb.wait_until_idle()
    begun = TraceContext.parse(BEGUN)
    found = wb.spans(trace_id=begun.trace_id).to_dict("records")
    assert found[0]["name"] == "send Placed"
    assert found[0]["parent_span_id"] == begun.span_id
    assert [row["name"] for row in found if row["trace_id"] == begun.trace_id] == [
        "send Placed", "process Placed", "create inventory", "send inventory",
    ]  # fmt: skip


def test_a_trace_that_was_not_sampled_elsewhere_is_continued_without_spans(at_work):
    wb = at_work(trace_sampling=1.0)
    wb.publish(Placed(id="o-1"), traceparent=f"{BEGUN[:-1]}0")
    wb.wait_until_idle()
    assert wb.spans().empty
    (written,) = traceparents(wb)
    assert written[:36] == BEGUN[:36]
    assert written.endswith("-00")


@pytest.mark.parametrize("malformed", ["", "00-1-2-3", BEGUN.upper(), f"{BEGUN}-more", "ü"])
def test_a_malformed_traceparent_begins_a_new_trace(at_work, malformed):
    wb = at_work()
    wb.publish(Placed(id="o-1"), traceparent=malformed)
    (written,) = traceparents(wb)
    assert TraceContext.parse(written).is_sampled
    assert written[3:35] != BEGUN[3:35]


@pytest.mark.parametrize("other", [7, b"00-1-2-01", {}])
def test_a_traceparent_that_is_no_text_is_refused_and_nothing_is_sent(at_work, other):
    wb = at_work()
    with pytest.raises(EventError, match=r"^a traceparent is the text of a request's header of"):
        wb.publish(Placed(id="o-1"), traceparent=other)
    assert wb.capture(progress=False).frame.empty


def test_the_span_that_the_caller_is_in_is_the_parent(at_work):
    wb = at_work()
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("a notebook")
    with tracer.start_as_current_span("checkout") as span:
        wb.publish(Placed(id="o-1"))
    context = span.get_span_context()
    (row,) = wb.spans().query("name == 'send Placed' and service == 'workbench'").to_dict("records")
    assert row["trace_id"] == f"{context.trace_id:032x}"
    assert row["parent_span_id"] == f"{context.span_id:016x}"
    assert not api.get_current_span().get_span_context().is_valid


def test_without_tracing_there_are_no_spans_and_headers_say_so(at_work):
    wb = at_work(trace_sampling=0)
    wb.publish(Placed(id="o-1"))
    wb.wait_until_idle()
    assert wb.spans().empty
    assert traceparents(wb)[0].endswith("-00")
    assert traceparents(wb, "inventory")[0].endswith("-00")


def test_the_files_are_lines_of_otlp(at_work):
    wb = at_work()
    wb.publish(Placed(id="o-1"))
    wb.wait_until_idle()
    (line,) = (wb.folder / "spans" / "workbench.jsonl").read_text().splitlines()
    ((resource,),) = json.loads(line).values()
    attributes = {one["key"]: one["value"] for one in resource["resource"]["attributes"]}
    assert attributes["service.name"] == {"stringValue": "workbench"}
    ((span,),) = [scope["spans"] for scope in resource["scopeSpans"]]
    assert span["name"] == "send Placed"
    assert span["kind"] == 4
    assert len(span["traceId"]) == 32
    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])


def test_the_columns_are_those_that_are_documented_even_if_nothing_was_traced(at_work):
    wb = at_work()
    empty = wb.spans()
    wb.publish(Placed(id="o-1"))
    full = wb.spans()
    assert empty.columns.tolist() == full.columns.tolist()
    for frame in (empty, full):
        assert str(frame.start.dtype) == str(frame.end.dtype) == "datetime64[ns, UTC]"
        assert str(frame.duration_ms.dtype) == "float64"


def test_a_reset_begins_a_new_file(at_work):
    wb = at_work()
    wb.publish(Placed(id="o-1"))
    wb.reset()
    assert wb.spans().empty
    wb.publish(Placed(id="o-2"))
    assert names(wb) == [("workbench", "send Placed")]


def test_publishing_goes_on_where_spans_cannot_be_written(at_work):
    said = []
    wb = at_work(say=said.append)
    (wb.folder / "spans" / "workbench.jsonl").mkdir(parents=True)
    wb.publish(Placed(id="o-1"))
    wb.publish(Placed(id="o-2"))
    wb.wait_until_idle()
    assert len(traceparents(wb)) == 2
    told = [sentence for sentence in said if sentence.startswith("what is published has no spans")]
    assert len(told) == 1


def test_a_dead_letter_redriven_by_hand_goes_on_in_its_trace(design, tmp_path):
    broken = [True]

    @design.service("billing").on()
    def charge(event: Reserved) -> None:
        if broken:
            raise OSError("the bank is closed")

    retry = RetryPolicy(attempts=1, later=())
    with Workbench(design, broker="memory://", folder=tmp_path, retry=retry) as wb:
        wb.start()
        published = wb.publish(Placed(id="o-1"))
        wb.wait_until_idle()
        broken.clear()
        assert wb.dead_letters().redrive() == 1
        wb.wait_until_idle()
        found = wb.spans(published.correlation_id).query("kind == 'CONSUMER'")
    dead, again = found[found.service == "billing"].to_dict("records")
    assert [event["name"] for event in dead["events"]] == ["exception", "workbench.dead_letter"]
    assert [event["name"] for event in again["events"]] == ["workbench.redrive", "workbench.retry"]
    assert (dead["status"], again["status"]) == ("ERROR", "UNSET")
    assert dead["trace_id"] == again["trace_id"]
    assert dead["parent_span_id"] == again["parent_span_id"]


# --- which flows are traced -----------------------------------------------------------------


def test_the_first_of_each_second_are_sampled_and_a_share_of_the_others():
    now = [0.0]
    sampler = Sampler(Sampling(ratio=0.25, per_second=20), lambda: now[0])
    traces = [f"{'0' * 16}{n << 54:016x}" for n in range(1024)]
    assert sum(map(sampler.samples, traces[:20])) == 20
    assert sum(map(sampler.samples, traces)) == 256
    now[0] = 0.5
    assert sum(sampler.samples("f" * 32) for _ in range(100)) == 10
    now[0] = 100.0
    assert sum(sampler.samples("f" * 32) for _ in range(100)) == 20


def test_what_was_decided_elsewhere_stands():
    yes, no = TraceContext.parse(BEGUN), TraceContext.parse(f"{BEGUN[:-1]}0")
    none, every = Sampler(Sampling(0.0)), Sampler(Sampling(1.0))
    assert none.samples(yes.trace_id, yes)
    assert not every.samples(no.trace_id, no)
    assert Sampler(Sampling(1.0, parent_based=False)).samples(no.trace_id, no)
    assert Sampler(None).samples(yes.trace_id, yes)


@pytest.mark.parametrize(
    ("asked", "environ", "found"),
    [
        (None, {}, USUAL),
        (0.5, {}, Sampling(0.5)),
        (0, {}, None),
        (1.0, {"OTEL_SDK_DISABLED": "true"}, None),
        (0, {"OTEL_TRACES_SAMPLER": "always_on"}, Sampling(1.0, parent_based=False)),
        (1, {"OTEL_TRACES_SAMPLER": "always_off"}, None),
        (1, {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, Sampling(0.0)),
        (None, {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}, Sampling(1.0)),
        (
            None,
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.2"},
            Sampling(0.2),
        ),
        (
            None,
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "lots"},
            Sampling(1.0, parent_based=False),
        ),
        (0.5, {"OTEL_TRACES_SAMPLER": "jaeger_remote"}, Sampling(0.5)),
    ],
)
def test_the_standard_variables_go_before_what_is_asked_for(asked, environ, found):
    assert sampling_of(asked, environ) == found


@pytest.mark.parametrize("asked", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(asked):
    with pytest.raises(ServiceError, match=r"trace_sampling is a share of the flows, from 0 to 1"):
        Workbench(broker="memory://", trace_sampling=asked)
