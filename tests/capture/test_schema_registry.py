"""Schemas from a registry (a stand-in for one, on loopback) and from files."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest

from workbench.capture import Reference, Schema, SchemaFiles, SchemaRegistry, open_schemas
from workbench.capture import schema_registry as module
from workbench.errors import LogError, UndecodedError

SECRET = "s3cret"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0)


def refused(schemas, schema_id=17):
    with pytest.raises(UndecodedError) as caught:
        schemas.schema(schema_id)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_a_schema_is_had_by_its_number_or_guid_and_asked_for_once(registry, avro):
    guid = UUID(int=5)
    registry.ids[17] = avro("string", ("a.B", "b-value", 3))
    registry.guids[str(guid)] = {"schema": "{}", "schemaType": "JSON"}
    schemas = SchemaRegistry(registry.url + "/")
    for _ in range(3):
        assert schemas.schema(17) == Schema("AVRO", '"string"', (Reference("b-value", 3),))
        assert schemas.schema(guid) == Schema("JSON", "{}")
    assert registry.asked == {"/schemas/ids/17": 1, f"/schemas/guids/{guid}": 1}


def test_many_threads_ask_for_a_schema_once(registry, avro):
    registry.ids[17] = avro("int")
    schemas = SchemaRegistry(registry.url)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(schemas.schema, [17] * 40))
    assert {one.text for one in found} == {'"int"'}
    assert registry.asked == {"/schemas/ids/17": 1}


def test_references_are_followed_each_once(registry, avro):
    registry.versions["b/c-value", 2] = avro("int", ("D", "d", 1))
    registry.versions["d", 1] = avro("long", ("B", "b/c-value", 2))  # in a circle
    schema = Schema("AVRO", "{}", (Reference("b/c-value", 2), Reference("d", 1)))
    found = SchemaRegistry(registry.url).referenced(schema)
    assert sorted(found) == ['"int"', '"long"']
    assert sum(registry.asked.values()) == 2


def test_a_reference_that_is_gone_is_named(registry):
    with pytest.raises(UndecodedError, match=r"has no version 4 of the subject 'money'"):
        SchemaRegistry(registry.url).referenced(Schema("AVRO", "{}", (Reference("money", 4),)))


def test_an_unknown_id_is_asked_for_once(registry):
    schemas = SchemaRegistry(registry.url)
    for _ in range(3):
        assert refused(schemas) == f"the registry at {registry.url} has no schema 17"
    assert registry.asked == {"/schemas/ids/17": 1}


def test_thousands_of_unknown_ids_are_no_ids_and_not_asked_for(registry, monkeypatch):
    monkeypatch.setattr(module, "_MOST_UNKNOWN", 5)
    schemas = SchemaRegistry(registry.url)
    for schema_id in range(20):
        reason = refused(schemas, schema_id)
    assert "knew none of 5 ids and is not asked for more" in reason
    assert sum(registry.asked.values()) == 5


def test_a_registry_that_knew_one_id_is_asked_for_more_however_many_are_unknown(
    registry, avro, monkeypatch
):
    monkeypatch.setattr(module, "_MOST_UNKNOWN", 5)
    registry.ids |= {3: avro("int"), 90: avro("long")}
    schemas = SchemaRegistry(registry.url)
    schemas.schema(3)
    for schema_id in range(10, 20):
        assert "has no schema" in refused(schemas, schema_id)
    assert schemas.schema(90).text == '"long"'


def test_what_is_forbidden_is_not_unknown(registry, avro, monkeypatch):
    monkeypatch.setattr(module, "_MOST_UNKNOWN", 5)
    registry.fault = 403
    schemas = SchemaRegistry(registry.url)
    for schema_id in range(10):
        assert "answers with HTTP 403 for schema" in refused(schemas, schema_id)
    registry.fault, registry.ids[90] = None, avro("int")
    assert schemas.schema(90).kind == "AVRO"


def test_an_answer_that_comes_drop_by_drop_takes_no_longer_than_it_may(registry):
    registry.fault = "drops"
    began = time.monotonic()
    assert refused(SchemaRegistry(registry.url, timeout=0.1)).endswith("(no answer in time)")
    assert time.monotonic() - began < 3  # three tries; all of its drops take five seconds each


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_registry_out_of_order_is_asked_three_times_and_then_left_alone(registry, avro, status):
    registry.ids[17], registry.fault = avro("int"), status
    schemas = SchemaRegistry(registry.url)
    for _ in range(5):
        assert refused(schemas) == f"the registry at {registry.url} answers with HTTP {status}"
    refused(schemas, 18)
    assert sum(registry.asked.values()) == 3


def test_a_registry_that_is_back_answers_again(registry, avro, monkeypatch):
    monkeypatch.setattr(module, "_SILENT_SECONDS", 0)
    registry.ids[17], registry.fault = avro("int"), 503
    schemas = SchemaRegistry(registry.url)
    refused(schemas)
    refused(schemas)
    assert sum(registry.asked.values()) == 4  # three times at first, then once
    registry.fault = None
    assert schemas.schema(17).kind == "AVRO"


def test_no_registry_at_the_address_is_a_reason_too():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    reason = refused(SchemaRegistry(f"http://127.0.0.1:{port}"))
    assert reason == f"the registry at http://127.0.0.1:{port} does not answer (Connection refused)"


def test_an_answer_that_is_no_schema_is_said(registry, avro):
    registry.ids[17], registry.fault = avro("int"), "nonsense"
    assert "gave no schema as schema 17: is it one?" in refused(SchemaRegistry(registry.url))
    registry.fault, registry.ids[18] = None, {"schema": "{}", "references": [{"subject": 5}]}
    assert "gave no schema as schema 18" in refused(SchemaRegistry(registry.url), 18)
    registry.fault, schemas = "null", SchemaRegistry(registry.url)
    for _ in range(5):
        assert "gave no schema as schema 19" in refused(schemas, 19)
    assert registry.asked["/schemas/ids/19"] == 1


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ({"user": "ana", "password": SECRET}, "Basic YW5hOnMzY3JldA=="),
        ({"token": SECRET}, f"Bearer {SECRET}"),
    ],
)
def test_a_user_and_password_or_a_token_lets_us_in(registry, avro, given, header):
    registry.ids[17], registry.authorization = avro("int"), header
    schemas = SchemaRegistry(registry.url, **given)
    assert schemas.schema(17).kind == "AVRO"
    assert SECRET not in repr(schemas)
    assert repr(schemas) == f"SchemaRegistry({registry.url!r})"


def test_a_user_and_password_may_stand_in_the_address_and_are_never_shown(registry, avro):
    registry.ids[17], registry.authorization = avro("int"), "Basic YUBiOnMzY3JldA=="
    with_them = registry.url.replace("://", f"://a%40b:{SECRET}@")
    schemas = SchemaRegistry(with_them)
    assert schemas.schema(17).kind == "AVRO"
    assert repr(schemas) == f"SchemaRegistry({registry.url!r})"
    refused(schemas, 18)


def test_a_wrong_password_is_tried_once(registry):
    registry.authorization = "Basic other"
    schemas = SchemaRegistry(registry.url, user="ana", password=SECRET)
    for schema_id in range(3):
        assert "does not let us in (HTTP 401)" in refused(schemas, schema_id)
    assert sum(registry.asked.values()) == 1


def test_one_schema_that_is_forbidden_does_not_hide_the_others(registry, avro):
    registry.fault = 403
    schemas = SchemaRegistry(registry.url)
    assert refused(schemas) == f"the registry at {registry.url} answers with HTTP 403 for schema 17"
    registry.fault, registry.ids[18] = None, avro("int")
    assert schemas.schema(18).kind == "AVRO"


def test_secrets_are_not_given_on_to_where_a_registry_sends_us(registry, avro):
    registry.ids[17] = avro("int")
    registry.moved_to = registry.url.replace("127.0.0.1", "localhost")
    assert SchemaRegistry(registry.url, token=SECRET).schema(17).kind == "AVRO"
    assert registry.authorizations == [f"Bearer {SECRET}", None]


@pytest.mark.parametrize(
    ("url", "more", "why"),
    [
        ("localhost:8081", {}, r"address is http://host:port or https://host:port"),
        ("ftp://host", {}, r"address is http://host:port"),
        ("http://", {}, r"address is http://host:port"),
        (f"http://a:{SECRET}@host:nine", {}, r"address is http://host:port"),
        ("http://host/ünicode", {}, r"is ASCII, and has no spaces"),
        ("http://host", {"token": f"{SECRET}\r\nX: y"}, r"letters that no token has"),
        ("http://host", {"token": SECRET, "user": "a"}, r"or a token: not both"),
        ("https://host", {"cafile": "/nowhere.pem"}, r"/nowhere.pem can't be used: No such file"),
    ],
)
def test_what_is_no_address_is_refused_without_showing_a_secret(url, more, why):
    with pytest.raises(LogError, match=why) as caught:
        SchemaRegistry(url, **more)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("slashes", ["", "https:", "https:/", "HTTP:"])
def test_an_address_that_lacks_its_slashes_is_not_taken_for_a_folder_and_shown(slashes):
    for address in (given := f"{slashes}key:{SECRET}@registry.example:8081", Path(given)):
        with pytest.raises(LogError, match=r"address is http://host:port or https") as caught:
            open_schemas(address)
        assert SECRET not in str(caught.value)


def test_a_folder_may_have_an_at_in_its_name(tmp_path):
    (tmp_path / "orders@2").mkdir()
    (tmp_path / "orders@2" / "17.avsc").write_text('"int"')
    assert isinstance(open_schemas(str(tmp_path / "orders@2")), SchemaFiles)


def test_files_are_named_by_id_and_what_they_refer_to_by_any_other_name(tmp_path):
    guid = UUID(int=5)
    texts = {
        "17.avsc": '{"type": "array", "items": "a.B"}',
        "18.json": '{"type": "object"}',
        "19.json": '{"type": "record", "name": "R", "fields": []}',
        "20.proto": 'syntax = "proto3";',
        "21.json": '{"schemaType": "JSON", "schema": "{}", "id": 21}',
        "22.json": '{"schema": "\\"int\\""}',
        f"{guid}.avsc": '"int"',
        "a.B.avsc": '{"type": "enum", "name": "a.B", "symbols": ["X"]}',
        "notes.txt": "-",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    schemas = SchemaFiles(tmp_path)
    kinds = {n: schemas.schema(n).kind for n in (17, 18, 19, 20, 21, 22, guid)}
    assert list(kinds.values()) == ["AVRO", "JSON", "AVRO", "PROTOBUF", "JSON", "AVRO", "AVRO"]
    assert schemas.schema(22).text == '"int"'
    assert schemas.referenced(schemas.schema(17)) == [texts["a.B.avsc"]]
    assert refused(schemas, 5) == f"schema 5 is not among {tmp_path}"


def test_a_mapping_names_files_by_id(tmp_path):
    (tmp_path / "order.avsc").write_text('"int"')
    (tmp_path / "broken.avsc").write_text("{")
    schemas = SchemaFiles({17: tmp_path / "order.avsc", "18": str(tmp_path / "broken.avsc")})
    assert schemas.schema(17) == Schema("AVRO", '"int"')
    assert refused(schemas, 18).endswith("broken.avsc can't be read (it is no JSON)")


def test_two_files_of_one_id_are_refused(tmp_path):
    for name in ("1.avsc", "1.json"):
        (tmp_path / name).write_text('"int"')
    with pytest.raises(LogError, match=r"schema 1 is in two files, .*1\.avsc and .*1\.json: leave"):
        SchemaFiles(tmp_path)


@pytest.mark.parametrize("given", ["https://key:s3cret@registry", "https:/key:s3cret@registry"])
def test_an_address_given_as_a_folder_is_not_shown(given):
    for path in (given, Path(given)):
        with pytest.raises(LogError, match=r"^that is an address, not a folder: give it to a Sch"):
            SchemaFiles(path)


def test_files_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(LogError, match=r"there is no folder .*nowhere"):
        SchemaFiles(tmp_path / "nowhere")
    with pytest.raises(LogError, match=r"there is no file .*17.avsc with a schema"):
        SchemaFiles({17: tmp_path / "17.avsc"})
    with pytest.raises(LogError, match=r"no schema in .* has an id: name the files by them"):
        SchemaFiles(tmp_path)


def test_schemas_are_named_by_an_address_a_folder_a_mapping_or_are_some(tmp_path):
    (tmp_path / "17.avsc").write_text('"int"')
    assert isinstance(open_schemas("http://localhost:8081"), SchemaRegistry)
    assert isinstance(open_schemas(tmp_path), SchemaFiles)
    assert isinstance(open_schemas({17: tmp_path / "17.avsc"}), SchemaFiles)
    files = SchemaFiles(tmp_path)
    assert open_schemas(files) is files
    with pytest.raises(LogError, match=r"schemas are the address of a registry .*, not int"):
        open_schemas(5)
