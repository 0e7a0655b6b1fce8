"""A design as an AsyncAPI document, which AsyncAPI's own parser takes."""

import pytest

from workbench.choreography import Choreography
from workbench.choreography.asyncapi import VERSION, write_asyncapi
from workbench.errors import DesignError
from workbench.events import Envelope, EventType, to_kafka
from workbench.events.event_type import DIALECT


@pytest.mark.asyncapi
def test_the_official_parser_has_nothing_to_say_of_any_document_of_a_design(design, written, parse):
    files = [written(design.asyncapi(), "whole.yaml"), written(design.asyncapi(), "whole.json")]
    files += [written(design.asyncapi(name), f"{name}.yaml") for name in design.services]
    for sample in ("orders", "signup", "fintech"):
        made = Choreography.load(f"sample_data/{sample}")
        sides = (None, *made.services)
        files += [written(made.asyncapi(name), f"{sample}-{name}.yaml") for name in sides]
    for found in parse(*files):
        assert found["diagnostics"] == []
        assert found["version"] == VERSION == "3.1.0"


@pytest.mark.asyncapi
def test_the_official_parser_finds_our_messages_headers_and_correlation(design, written, parse):
    [found] = parse(written(design.asyncapi("crm")))
    assert {message["id"] for message in found["messages"]} == {
        "Signed.Up.v1", "Signed.Up.v2", "Paired.v1", "Plain.v1", "Refunded.v1"
    }  # fmt: skip
    formats = {message["id"]: message["schemaFormat"] for message in found["messages"]}
    assert formats["Paired.v1"] == "application/schema+json;version=2020-12"
    assert formats["Plain.v1"] == "application/vnd.aai.asyncapi;version=3.1.0"
    for message in found["messages"]:
        assert {"ce_id", "ce_type", "ce_correlationid", "traceparent"} <= {*message["headers"]}
        assert message["correlation"] == "$message.header#/ce_correlationid"
    actions = {operation["id"]: operation["action"] for operation in found["operations"]}
    assert actions["crm.send.crm"] == "send"
    assert actions["crm.receive.crm"] == "receive"


def test_the_headers_are_those_that_a_record_has():
    placed = EventType("Placed", {"properties": {"id": {"type": "string"}}}, key="id")
    design = Choreography()
    design.event(placed)
    document = design.asyncapi()
    known = document["components"]["messageTraits"]["cloudEvent"]["headers"]["properties"]
    from datetime import UTC, datetime

    first = Envelope.first(placed, {"id": "1"}, source="shop", time=datetime.now(UTC))
    effect = first.effect(
        placed, {"id": "1"}, service="s", reaction="r", place=0, time=datetime.now(UTC)
    )
    _, headers, _ = to_kafka(effect)
    assert {name for name, _ in headers} - {"content-type"} <= {*known}
    own = document["components"]["messages"]["Placed.v1"]["headers"]["properties"]
    written = {name: text.decode() for name, text in headers}
    assert {name: rule["const"] for name, rule in own.items()} == {
        "ce_type": written["ce_type"],
        "ce_dataschema": written["ce_dataschema"],
    }


def test_one_service_tells_its_own_side_only(design):
    document = design.asyncapi("shipping")
    assert [*document["channels"]] == ["billing", "shipping"]
    assert document["info"]["title"] == "shipping"
    assert {name.split(".")[0] for name in document["operations"]} == {"shipping"}
    assert [*document["x-choreography"]["services"]] == ["shipping"]
    assert "Signed.Up.v1" not in document["components"]["messages"]


def test_versions_are_messages_and_operations_name_those_that_are_read_and_written(design):
    document = design.asyncapi("crm")
    on_it = [*document["channels"]["crm"]["messages"]]
    assert on_it == ["Signed.Up.v1", "Signed.Up.v2"]
    assert document["operations"]["crm.receive.crm"]["messages"] == [
        {"$ref": "#/channels/crm/messages/Signed.Up.v1"}
    ]
    own = document["components"]["messages"]["Signed.Up.v2"]["x-choreography"]
    assert own == {"version": 2, "dialect": DIALECT, "upcaster": {"mail": None}}


def test_kafka_and_rabbitmq_are_told_topic_key_group_exchange_and_routing_keys(design):
    document = design.asyncapi("billing")
    channel = document["channels"]["billing"]["bindings"]
    assert channel["kafka"]["topic"] == "billing"
    assert channel["amqp"]["exchange"] == {
        "name": "billing", "type": "topic", "durable": True, "autoDelete": False
    }  # fmt: skip
    assert document["operations"]["billing.send.billing"]["bindings"]["amqp"]["cc"] == [
        "Paid", "Refunded"
    ]  # fmt: skip
    receives = document["operations"]["billing.receive.Placed"]["bindings"]
    assert receives["kafka"]["groupId"] == {"type": "string", "enum": ["billing"]}
    key = document["components"]["messages"]["Placed.v1"]["bindings"]["kafka"]["key"]
    assert key["type"] == "string"
    assert "field id" in key["description"]


def test_a_schema_is_asyncapis_own_unless_draft_07_reads_it_otherwise(design):
    schemas = design.asyncapi()["components"]["schemas"]
    assert "$schema" not in schemas["Placed.v1"]
    assert schemas["Placed.v1"]["allOf"] == [
        {"$ref": "#/components/schemas/Placed.v1/$defs/Placed"}
    ]
    paired = schemas["Paired.v1"]
    assert paired["schemaFormat"] == "application/schema+json;version=2020-12"
    first, second = paired["schema"]["properties"]["pair"]["prefixItems"]
    assert first == {"$ref": "#/components/schemas/Paired.v1/schema/$defs/a~1b"}
    assert second == {"$ref": "#/components/schemas/Paired.v1/schema"}


def test_what_can_not_be_said_is_an_error_with_a_way_out(design):
    with pytest.raises(DesignError, match=r"no service 'nobody' in this design \(it has: billing"):
        design.asyncapi("nobody")
    design.event(EventType("Odd", {"properties": {"a": {"$ref": "urn:elsewhere"}}}))
    with pytest.raises(DesignError, match=r"Odd\.v1 refers to 'urn:elsewhere', which AsyncAPI"):
        design.asyncapi()
    design.event(EventType("Odd", {"const": {"$ref": "#/data"}}))
    with pytest.raises(
        DesignError, match=r"Odd\.v1 holds data that reads like a reference, .*#/data"
    ):
        design.asyncapi()


def test_a_file_is_written_whole_or_not_at_all(design, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DesignError, match="can't be written"):
        write_asyncapi(design.asyncapi(), tmp_path / "taken" / "document.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
