"""AsyncAPI documents as designs: ours come back whole, those of others as far as they say."""

import json
import shutil
from pathlib import Path

import pytest

from workbench.choreography import Choreography
from workbench.choreography.asyncapi import asyncapi_text
from workbench.errors import DesignError


def test_an_export_of_the_whole_gives_the_design_again(design, written):
    document = design.asyncapi()
    for name in ("whole.yaml", "whole.json"):
        again = Choreography.from_asyncapi(written(document, name))
        assert again == design
        assert asyncapi_text(again.asyncapi()) == asyncapi_text(document)
        assert again.upcasters == design.upcasters


def test_an_export_of_a_service_is_the_same_after_import_and_export(design, written):
    for name in design.services:
        document = design.asyncapi(name)
        again = Choreography.from_asyncapi(written(document))
        assert asyncapi_text(again.asyncapi(name)) == asyncapi_text(document)
        assert again.services[name].reactions == design.services[name].reactions


def test_what_is_imported_can_be_saved_and_loaded(design, written, tmp_path):
    again = Choreography.from_asyncapi(written(design.asyncapi("crm")))
    again.save(tmp_path / "saved")
    assert Choreography.load(tmp_path / "saved") == again


@pytest.mark.parametrize("sample", ["orders", "signup", "fintech"])
def test_the_sample_designs_come_back_and_are_exported_the_same(sample, written):
    design = Choreography.load(f"sample_data/{sample}")
    again = Choreography.from_asyncapi(written(design.asyncapi()))
    assert again == design
    assert again.asyncapi() == design.asyncapi()


EXAMPLES = sorted((Path(__file__).parent / "examples").rglob("*.yml"))
REMOTE = "adeo-kafka-request-reply-asyncapi.yml"


@pytest.mark.parametrize(
    "path", [p for p in EXAMPLES if p.name != REMOTE], ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_the_official_examples_load_and_their_export_is_stable(path, written):
    design = Choreography.from_asyncapi(path)
    assert design.event_types
    assert any(service.hears or service.publishes for service in design.services.values())
    document = design.asyncapi()
    again = Choreography.from_asyncapi(written(document))
    assert again == design
    assert asyncapi_text(again.asyncapi()) == asyncapi_text(document)


def test_there_are_official_examples_of_both_major_versions():
    assert {path.parent.name for path in EXAMPLES} == {"examples", "2.6"}
    assert len(EXAMPLES) == 37


@pytest.mark.asyncapi
def test_the_official_parser_takes_what_is_exported_of_the_official_examples(written, parse):
    paths = [path for path in EXAMPLES if path.name != REMOTE]
    designs = [Choreography.from_asyncapi(path) for path in paths]
    found = parse(
        *(
            written(d.asyncapi(), f"{p.parent.name}-{p.name}")
            for d, p in zip(designs, paths, strict=True)
        )
    )
    assert [one["diagnostics"] for one in found] == [[]] * len(paths)


def test_the_official_example_that_refers_to_the_web_is_refused_with_its_line():
    [path] = [path for path in EXAMPLES if path.name == REMOTE]
    with pytest.raises(DesignError, match=r"asyncapi\.yml:174, field .*: 'https://.*' is remote"):
        Choreography.from_asyncapi(path)


def test_a_document_of_others_becomes_a_service_that_hears_and_publishes():
    [path] = [path for path in EXAMPLES if path.name == "streetlights-kafka-asyncapi.yml"]
    design = Choreography.from_asyncapi(path)
    [service] = design.services.values()
    assert service.name == "streetlights-kafka-api"
    assert service.consumes == ("lightMeasured",)
    assert service.emits == ("turnOn", "turnOff", "dimLight")
    assert (
        design.channel("dimLight") == "smartylighting.streetlights.1.0.action.{streetlightId}.dim"
    )
    measured = design.event_types["lightMeasured"]
    assert measured.problem_with({"lumens": 3, "sentAt": "2026-01-01T00:00:00Z"}) is None
    assert "lumens" in measured.problem_with({"lumens": -1})
    assert "sentAt" in measured.problem_with({"sentAt": 1})


VERSION_2 = """
asyncapi: 2.6.0
info: {title: Account Service, version: 1.0.0}
channels:
  user/{id}/signedup:
    parameters:
      id: {schema: {type: string}}
    subscribe:
      operationId: emitSignedUp
      message:
        oneOf:
          - $ref: '#/components/messages/UserSignedUp'
          - name: UserInvited
            payload: {type: object, required: [by], properties: {by: {type: string}}}
          - $ref: messages/closed.yaml#/UserClosed
  commands:
    publish:
      operationId: sign up
      message:
        traits: [{$ref: '#/components/messageTraits/named'}]
        schemaFormat: application/schema+json;version=draft-07
        payload: {$ref: '#/components/schemas/Node'}
    subscribe:
      message:
        name: Done
        payload: true
components:
  messages:
    UserSignedUp:
      payload: {$ref: '#/components/schemas/User'}
  messageTraits:
    named: {name: Sign up!}
  schemas:
    User: {type: object, properties: {id: {$ref: '#/components/schemas/Id'}}}
    Id: {type: string, format: date}
    Node: {type: object, properties: {next: {$ref: '#/components/schemas/Node'}}}
"""
CLOSED = """
UserClosed:
  payload:
    properties: {id: {$ref: '#/Id'}, why: {$ref: '../why.json'}}
Id: {type: integer}
"""


@pytest.fixture
def version_2(tmp_path):
    folder = tmp_path / "account"
    (folder / "messages").mkdir(parents=True)
    (folder / "account.yaml").write_text(VERSION_2)
    (folder / "messages" / "closed.yaml").write_text(CLOSED)
    (folder / "why.json").write_text('{"enum": ["left", "banned"]}')
    return folder / "account.yaml"


def test_version_2_is_read_from_the_other_side_with_traits_and_files(version_2, written):
    design = Choreography.from_asyncapi(version_2)
    [service] = design.services.values()
    assert service.name == "account-service"
    assert service.emits == ("UserSignedUp", "UserInvited", "UserClosed", "Done")
    assert service.consumes == ("Sign_up",)
    closed = design.event_types["UserClosed"]
    assert closed.problem_with({"id": 1, "why": "left"}) is None
    assert "why" in closed.problem_with({"why": "?"})
    assert "id" in closed.problem_with({"id": "x"})
    tree = design.event_types["Sign_up"]
    assert tree.schema["properties"] == {"next": {"$ref": "#"}}
    assert tree.problem_with({"next": {"next": 1}})
    assert "id" in design.event_types["UserSignedUp"].problem_with({"id": "no date"})
    again = Choreography.from_asyncapi(written(design.asyncapi()))
    assert again == design


def test_a_reference_may_lead_out_of_the_documents_folder_where_that_is_allowed(
    version_2, tmp_path
):
    shutil.move(version_2.parent / "messages", tmp_path / "messages")
    shutil.copy(version_2.parent / "why.json", tmp_path / "why.json")
    text = version_2.read_text().replace("messages/closed", "../messages/closed")
    version_2.write_text(text)
    with pytest.raises(DesignError, match=r"lies outside the document's folder, account: nothing"):
        Choreography.from_asyncapi(version_2)
    design = Choreography.from_asyncapi(version_2, root=tmp_path)
    assert "UserClosed" in design.event_types


VERSION_3 = """
asyncapi: 3.0.0
info: {title: Other, version: 2.0.0}
channels:
  a:
    address: topic.a
    messages:
      Moved.v1: {payload: {properties: {x: {type: integer}}}}
      Moved.v2: {payload: {schemaFormat: 'application/schema+json;version=2019-09',
                           schema: {dependentRequired: {x: [y]}}}}
      'two words': {}
      Avro: {payload: {schemaFormat: 'application/vnd.apache.avro+yaml;version=1.9.0',
                       schema: {$ref: 'avro.avsc'}}}
  b:
    messages:
      Moved.v1: {payload: false}
operations:
  hear:
    action: receive
    channel: {$ref: '#/channels/a'}
    messages: [{$ref: '#/channels/a/messages/Moved.v2'}]
    reply:
      channel: {$ref: '#/channels/b'}
"""


def test_versions_odd_names_replies_and_dialects_of_others_are_read(tmp_path, written):
    path = tmp_path / "other.yaml"
    path.write_text(VERSION_3)
    fields = [{"name": "n", "type": "int"}]
    avro = {"type": "record", "name": "Anything", "fields": fields}
    (tmp_path / "avro.avsc").write_text(json.dumps(avro))
    design = Choreography.from_asyncapi(path)
    assert [*design.event_types] == ["Moved", "two_words", "Avro", "Moved.b"]
    assert "n" in design.event_types["Avro"].problem_with({"n": 2**31})
    assert design.event_types["Moved"].version == 2
    assert [*design.released["Moved"]] == [1]
    assert design.event_types["Moved"].problem_with({"x": 1})
    assert design.event_types["Moved.b"].problem_with({})
    [service] = design.services.values()
    assert (service.hears, service.publishes) == (("Moved",), ("Moved.b",))
    assert {name: design.channel(name) for name in design.event_types} == {
        "Moved": "topic.a", "two_words": "topic.a", "Avro": "topic.a", "Moved.b": "b"
    }  # fmt: skip
    again = Choreography.from_asyncapi(written(design.asyncapi()))
    assert again == design
