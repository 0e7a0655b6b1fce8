"""Spans go to the collector that the environment names, and to local files if it names none."""

import gzip
import logging
import socket
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry import trace as api
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from workbench import Choreography, Event, Workbench
from workbench.brokers.local.ports import free_port
from workbench.errors import ServiceError
from workbench.examples.orders import OrderPlaced, order_choreography
from workbench.services.tracing import outlet

BEGUN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "a-secret-token"
NEVER = float("-inf")


class Placed(Event, version=1, key="id"):
    id: str


class Reserved(Event, version=1, key="id"):
    id: str


class Collector(ThreadingHTTPServer):
    """Receives OTLP over HTTP, as a collector does, and keeps what it was sent."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.requests, self.tokens = deque(), set()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def spans(self):
        """(service, span) for all that has come."""
        return [
            (_texts(resource.resource.attributes)["service.name"], span)
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        self.server.tokens.add(self.headers.get("authorization"))
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def _texts(attributes):
    return {one.key: one.value.string_value for one in attributes}


@pytest.fixture
def collector(monkeypatch):
    with Collector() as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET}")
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def design():
    found = Choreography()

    @found.service("inventory").on()
    def reserve(event: Placed) -> Reserved:
        with api.get_tracer("inventory.stock").start_as_current_span("look it up"):
            return Reserved(id=event.id)

    return found


def in_memory(design, folder, **settings):
    return Workbench(design, broker="memory://", folder=folder, **settings)


def served(folder):
    """All that services have left in their files, but for SQLite's."""
    files = [path for path in folder.rglob("*") if path.is_file() and "sqlite" not in path.name]
    return "".join(path.read_text("utf-8", "replace") for path in files)


@pytest.mark.memory
def test_a_collector_gets_the_spans_and_no_file_has_them(collector, design, tmp_path):
    with in_memory(design, tmp_path) as wb:
        wb.start()
        wb.publish(Placed(id="o-1"), traceparent=BEGUN)
        wb.wait_until_idle()
        assert wb.spans().empty
        assert SECRET not in repr(wb.runner.lives()) + served(tmp_path)
    found = {(service, span.name): span for service, span in collector.spans()}
    assert {*found} == {
        ("workbench", "send Placed"),
        ("inventory", "receive Placed"),
        ("inventory", "process Placed"),
        ("inventory", "create inventory"),
        ("inventory", "send inventory"),
    }
    process = found["inventory", "process Placed"]
    assert process.trace_id.hex() == BEGUN[3:35]
    assert process.parent_span_id == found["workbench", "send Placed"].span_id
    assert _texts(process.attributes)["messaging.operation.type"] == "process"
    assert collector.tokens == {SECRET}


@pytest.mark.memory
def test_a_collector_that_is_down_holds_nobody_up_and_is_complained_about_once(
    design, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    with caplog.at_level(logging.DEBUG, "opentelemetry"), in_memory(design, tmp_path) as wb:
        wb.start()
        for n in range(5):
            wb.publish(Placed(id=f"o-{n}"))
            wb.wait_until_idle()
        assert wb.counts("inventory")["handled"] == 5
    complaints = [one for one in caplog.records if one.name.startswith("opentelemetry.exporter")]
    said = "spans are dropped: the collector of OTEL_* takes none now"
    assert {one.getMessage() for one in complaints} <= {said}
    assert len(complaints) <= 1
    assert SECRET not in caplog.text + served(tmp_path)


@pytest.mark.memory
def test_an_end_waits_no_longer_for_a_collector_that_has_refused(design, tmp_path, monkeypatch):
    monkeypatch.setattr(outlet, "_LAST_SECONDS", 600.0)
    monkeypatch.setattr(outlet._complaints, "unanswered_at", NEVER)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with in_memory(design, tmp_path) as wb:
        wb.start()
        wb.publish(Placed(id="o-1"))
        wb.wait_until_idle()
    assert outlet._complaints.unanswered_at > NEVER  # it went before its exporter gave up


@pytest.mark.memory
def test_only_one_end_waits_for_a_collector_that_never_answers(design, tmp_path, monkeypatch):
    complaints = outlet._complaints
    monkeypatch.setattr(outlet, "_LAST_SECONDS", 0.3)
    monkeypatch.setattr(complaints, "unanswered_at", NEVER)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        assert complaints.patience(time.monotonic()) == 0.3
        with in_memory(design, tmp_path) as wb:
            wb.publish(Placed(id="o-1"))
        assert complaints.patience(complaints.unanswered_at + 1) < 0.3
        assert complaints.patience(complaints.unanswered_at + 60) == 0.3


@pytest.mark.memory
def test_settings_that_contradict_each_other_are_named_and_publishing_goes_on(
    design, tmp_path, monkeypatch
):
    said = []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "1")
    with in_memory(design, tmp_path, say=said.append) as wb:
        wb.publish(Placed(id="o-1"))
        with pytest.raises(
            ServiceError, match=r"^spans can't be sent as the OTEL_\* variables say"
        ):
            wb.start()
    assert len([one for one in said if one.startswith("what is published has no spans")]) == 1


@pytest.mark.memory
def test_with_the_exporter_none_spans_stay_here(design, tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    with in_memory(design, tmp_path) as wb:
        wb.publish(Placed(id="o-1"))
        assert wb.spans().name.tolist() == ["send Placed"]


@pytest.mark.kafka
def test_processes_send_theirs_and_what_their_handlers_have_opened(collector, design, on_kafka):
    with on_kafka(design) as wb:
        wb.start()
        wb.publish(Placed(id="o-1"), traceparent=BEGUN)
        wb.wait_until_idle()
        wb.stop()
    found = {span.name: span for _, span in collector.spans()}
    own = found["look it up"]
    assert own.trace_id.hex() == BEGUN[3:35]
    assert own.parent_span_id == found[f"process {wb.namespace}.Placed"].span_id
    assert {service for service, _ in collector.spans()} == {"workbench", "inventory"}


@pytest.mark.kafka
def test_one_order_is_one_trace_over_four_processes(on_kafka):
    with on_kafka(order_choreography()) as wb:
        wb.start()
        order = OrderPlaced(order_id="o-1", customer="ann", product="tea", quantity=2, total="3.00")
        published = wb.publish(order)
        wb.wait_until_idle()
        wb.stop()
        found = wb.spans(published.correlation_id)
    (trace,) = found[found.name.str.startswith("process ")].trace_id.unique()
    inside = found[found.trace_id == trace]
    roots = inside[inside.parent_span_id.isna()]
    assert roots.service.tolist() == ["workbench"]
    assert {*inside.parent_span_id.dropna()} <= {*inside.span_id}
    assert {*inside.service} == {"workbench", "inventory", "billing", "shipping", "orders"}
    processes = inside[inside.kind == "CONSUMER"]
    assert processes.service.tolist() == ["inventory", "billing", "shipping", "orders"]
    first = processes.attributes.iloc[0]
    assert first["messaging.system"] == "kafka"
    assert first["messaging.kafka.message.key"] == "o-1"
    assert first["messaging.kafka.offset"] == published.offset
    assert first["messaging.destination.partition.id"] == str(published.partition)
    assert first["server.address"] == "127.0.0.1"
