"""What others call our columns: a score from 0 to 100 for a name, and for where it stands."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from workbench.capture.columns import TIMES
from workbench.capture.reading.paths import Path

_NAMES: Final[dict[str, str]] = {
    # column: names of 100, 90, 75, 55 and 30 points, in that order
    "id": "event_id evt_id message_id msg_id ce_id event_uuid | id uuid record_id message_uuid "
    "event_no event_nr event_number event_key message_no message_number | "
    "guid uid eid mid span_id notification_id activity_id | identifier event_identifier delivery_id | key",
    "type": "event_type ce_type evt_type event_kind type_of_event | "
    "type event_name message_type msg_type kind detail_type message_name enclosed_message_types "
    "payload_type event_action | name evt operation_name operation activity concept_name event event_class command verb | "
    "action intent class label what title category schema_name subject_type step task "
    "typ ereignis ereignisart ereignistyp evenement évènement événement libelle libellé statut aktion | "
    "topic routing_key channel queue subject reason",
    "source": "event_source ce_source service_name producer_name | "
    "source service producer emitter emitted_by published_by source_service app_name "
    "application_name originating_endpoint sending_endpoint_name role_name | app application publisher sender component origin producer_id app_id "
    "service_id svc issuer originator created_by producer_service source_address container_name "
    "syslog_identifier | pod system module "
    "microservice from who bounded_context client_id node pod_name actor | "
    "host hostname logger container instance server",
    "time": "event_time ce_time occurred_at event_timestamp occurred_on | "
    "time timestamp ts tstamp derived_tstamp dttm happened_at emitted_at emitted occurred event_date | "
    "created_at created datetime date_time start_time raised_at time_stamp "
    "start_time_unix_nano at when | published_at produced_at time_sent sent_at date recorded_at "
    "logged_at epoch millis timestamp_ms ts_ms ts_us ts_ns time_ms unix_time event_ts t inserted_at | received_at ingested_at",
    "broker_time": "broker_time log_append_time append_time kafka_timestamp broker_timestamp "
    "kafka_time record_timestamp | stored_at enqueued_at enqueued_time appended_at | "
    "ingested_at ingest_time received_at arrived_at | written_at |",
    "correlation_id": "correlation_id ce_correlationid x_correlation_id correlation corr_id | "
    "conversation_id flow_id trace_id traceparent saga_id request_id req_id x_request_id case_id workflow_id "
    "business_key process_instance_id process_instance_key | transaction_id transaction tx_id txn_id tx txn journey_id cid business_id "
    "case case_concept_name flow trace saga conversation correlation_key cor_id | "
    "vorgang vorgang_id vorgangs_id session_id process_id job_id batch_id aggregate_id stream_id operation_id execution_id "
    "workflow run_id | "
    "order_id entity_id order_no order_number order_ref reference shipment_id payment_id "
    "customer_id booking_id ticket_id key subject",
    "causation_id": "causation_id ce_causationid caused_by cause_id causation causing_event_id "
    "parent_event_id | parent_id parent_span_id cause triggered_by parent_message_id "
    "cause_event_id related_to | parent in_reply_to trigger_id source_event_id origin_event_id "
    "because_of predecessor previous_event_id preceding_event triggering_event reply_to_id | "
    "previous_id prev_id prev trigger reaction_to follows |",
    "channel": "channel topic topic_name kafka_topic | queue queue_name channel_name stream_name | "
    "destination exchange routing_key destination_name | stream address bus | subject",
    "partition": "partition partition_id kafka_partition | partition_number | shard shard_id part | |",
    "offset": "offset kafka_offset | message_offset record_offset log_offset | off | |",
    "data": "data payload event_data ce_data | body detail event_payload pl message_body | "
    "value content event_body message details record_value contents | "
    "event attributes args properties params info fields document | record",
}
_POINTS: Final = (100, 90, 75, 55, 30)

_VOCABULARY: Final[dict[str, dict[tuple[str, ...], int]]] = {
    column: {
        tuple(name.split("_")): points
        for points, tier in zip(_POINTS, names.split("|"), strict=True)
        for name in tier.split()
    }
    for column, names in _NAMES.items()
}

WRAPPERS: Final = frozenset(
    [
        "headers",
        "header",
        "metadata",
        "meta",
        "envelope",
        "context",
        "event",
        "message",
        "record",
        "kafka",
        "attributes",
        "properties",
        "props",
        "cloudevent",
        "ce",
        "tags",
        "trace",
        "tracing",
        "fields",
        "labels",
        "system",
        "info",
        "source",
        "env",
        "evt",
        "hdr",
        "hdrs",
        "ctx",
        "document",
    ]
)
"""Objects that hold what is said about an event: a name inside counts nearly as much as outside."""

PAYLOADS: Final = frozenset(["data", "payload", "body", "value", "content", "detail"])
"""Objects that hold what an event says itself: ``order_id`` stands there, rarely ``event_id``."""

LEVELS: Final = frozenset(
    [
        "normal", "warning", "warn", "info", "information", "debug", "error", "fatal", "critical",
        "notice", "trace", "verbose",
    ]
)  # fmt: skip
"""How grave something is, which is no type."""

CHANGES: Final = frozenset(["insert", "modify", "remove", "update", "delete", "replace"])
"""What was done to a row, as a stream of a database's changes tells it: hardly what happened."""

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD: Final = re.compile(r"[\W_]+")
_KINDS: Final = frozenset(
    ["S", "N", "string", "string_value", "stringValue", "$oid", "$uuid", "$date"]
)
"""What stands before a value that is written with its kind: ``{"eventType": {"S": "…"}}``."""
_UNITS: Final = frozenset(
    [
        "s",
        "sec",
        "secs",
        "seconds",
        "ms",
        "millis",
        "milliseconds",
        "us",
        "µs",
        "micros",
        "microseconds",
        "ns",
        "nanos",
        "nanoseconds",
        "utc",
    ]
)
"""What may end the name of a time."""
_LATER: Final = frozenset(
    [
        "processed", "processing", "ingested", "ingest", "ingestion", "received", "receive",
        "indexed", "stored", "exported", "etl", "enqueued", "collector", "arrival", "expires",
        "expiry", "expiration", "until", "deadline", "due", "approximate",
    ]
)  # fmt: skip
"""Words in the name of a time that is not the event's: something was done with it then, or will be."""
_PREFIXES: Final = frozenset(["x", "ce", "evt", "msg", "the", "my", "event", "message", "kafka"])


@lru_cache(maxsize=10_000)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in whatever case and with whatever between: ``eventId`` → event, id."""
    parts = [part.lower() for part in _NO_WORD.split(_CAMEL.sub("_", name)) if part]
    glued = [part for each in parts for part in _unglued(each)]
    return tuple(glued)


def _unglued(word: str) -> tuple[str, ...]:
    """``correlationid`` is two words."""
    for end in ("id", "type", "time", "name"):
        front = word.removesuffix(end)
        if front != word and front in _FRONTS:
            return (front, end)
    return (word,)


_FRONTS: Final = frozenset(
    [
        "event",
        "message",
        "msg",
        "correlation",
        "causation",
        "trace",
        "span",
        "parent",
        "request",
        "order",
        "saga",
        "flow",
        "case",
        "conversation",
        "service",
        "topic",
        "queue",
        "cause",
        "corr",
        "transaction",
        "producer",
        "partition",
        "record",
        "session",
    ]
)


def is_later(path: Path) -> bool:
    """Whether a name says that something was done with the event at a time, or will be."""
    return not _LATER.isdisjoint(words(path[-1]))


def letters(text: str) -> str:
    """Text by its letters and digits alone: ``order_placed`` and ``OrderPlaced`` are one."""
    return _NO_WORD.sub("", text).lower()


def points(column: str, path: Path) -> float:
    """How well a path's name fits a standard column, from 0 (says nothing) to 100."""
    if len(path) > 1 and path[-1] in _KINDS:
        path = path[:-1]
    known = _VOCABULARY[column]
    name = words(path[-1])
    if not name:
        return 0
    best = float(known.get(name, 0))
    if column in TIMES and name[-1] in _UNITS and len(name) > 1 and not best:
        name = name[:-1]  # ts_us, occurredAtMicros
        best = known.get(name, 0) * 0.99
    if len(name) > 1 and not best:
        fewer = name[1:] if name[0] in _PREFIXES else ()
        best = max(
            known.get(fewer, 0) * 0.95, *(known.get(name[i:], 0) * 0.7 for i in range(1, len(name)))
        )
        if column == "time" and is_later(path):
            best /= 2
    if len(path) > 1:
        joined = words(path[-2])[-1:] + name  # event.type, service.name, trace.id, parent.id
        best = max(best, known.get(joined, 0) * 0.98)
    return best * _standing(path[:-1]) if best else 0


def _standing(parents: Path) -> float:
    weight = 1.0
    for parent in parents:
        last = words(parent)[-1:]
        if last and last[0] in WRAPPERS:
            weight *= 0.97
        else:
            weight *= 0.9
    return weight
