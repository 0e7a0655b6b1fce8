"""Documents that mean harm, or are only wrong: one sentence with the place, and nothing done."""

import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.effort import at_most
from workbench.choreography import Choreography
from workbench.errors import DesignError, WorkbenchError

HEAD = "asyncapi: 3.1.0\ninfo: {title: t, version: '1'}\n"
ON = HEAD + "channels:\n  c:\n    messages:\n      M:\n        "
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def deep(depth):
    return ON + "payload: " + '{"not": ' * depth + "{}" + "}" * depth


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD + BOMB, r"document\.yaml:4: anchors and aliases .* are not read"),
        (HEAD + "channels: {}\nchannels: {}", r":4: not YAML: found duplicate key"),
        ("asyncapi: 1.2.0", r"field asyncapi: AsyncAPI 1\.2\.0 is not read; 2\.x and 3\.x are"),
        ("openapi: 3.1.0", r"this is no AsyncAPI document"),
        ("- 1", r"the file must be a mapping"),
        (HEAD + "channels: []", r":3, field channels: channels must be a mapping"),
        (ON + "$ref: http://127.0.0.1:9/x", r":7, field .*'http://127.*' is remote, and nothing"),
        (ON + "$ref: '//host/share'", r"is remote, and nothing is fetched"),
        (ON + "$ref: file:///etc/passwd", r"is remote, and nothing is fetched"),
        (ON + "$ref: /etc/passwd", r"'/etc/passwd' lies outside the document's folder"),
        (ON + "$ref: ../../secret.yaml", r"lies outside the document's folder"),
        (ON + "$ref: '%2e%2e/secret.yaml'", r"lies outside the document's folder"),
        (ON + "$ref: 'link.yaml'", r"lies outside the document's folder"),
        (ON + "$ref: 'a%00b'", r"is no file's name"),
        (ON + "$ref: nothing.yaml", r":7, .*there is no file 'nothing\.yaml'"),
        (ON + "$ref: pipe.yaml", r"there is no file 'pipe\.yaml'"),
        (ON + "$ref: '#/channels/c/messages/M'", r"references go round in a circle"),
        (ON + "$ref: '#/nowhere'", r"'#/nowhere' points to nothing: there is no 'nowhere'"),
        (ON + "$ref: '#name'", r"is no path such as"),
        (ON + "payload: {$ref: '#/a'}\na: {$ref: '#/b'}\nb: {$ref: '#/a'}", r"round in a circle"),
        (ON + "payload: {items: {$ref: '#/a'}}\na: {$ref: '#/a'}", r"round in a circle"),
        (ON + "payload: {items: {$ref: '#/a'}}\na: 3", r"'#/a' points to no schema"),
        (ON + "payload: 3", r"payload: .*payload must be a mapping"),
        (ON + "payload: {type: 3}", r"M v1: not a JSON Schema"),
        (ON + "payload: {minimum: .nan}", r"JSON has no such value"),
        (ON + "payload: {properties: {1: {}}}", r"the name 1 must be a text"),
        (
            ON + "payload: {schemaFormat: application/x-protobuf, schema: ''}",
            r"are not read; JSON Schema and",
        ),
        (ON + "x-choreography: {version: x}", r"'name' is missing"),
        (ON + "name: M\n        x-choreography: {version: x}", r"must be a whole number"),
        (ON + "name: ../M\n        x-choreography: {version: 1}", r"'\.\./M' can't name an event"),
        (HEAD + "operations: {o: {action: do}}", r"an action is send or receive, not 'do'"),
        (
            HEAD + "operations: {o: {action: send, channel: {$ref: '#/info'}}}",
            r"must be one of the",
        ),
        (HEAD + "x-choreography: {services: {a: [{whenever: X}]}}", r"no event type 'X'"),
        (HEAD + "x-choreography: {events: {X: {}}}", r"there is no message of the event type X"),
        (HEAD + "x-choreography: {services: {a/b: []}}", r"'a/b' can't name a service"),
        (deep(5_000), r"nested too deeply"),
        (deep(150), r"nested too deeply|$"),
    ],
)
def test_a_bad_document_is_one_sentence_with_its_place(tmp_path, text, sentence):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.yaml").write_text("payload: {}")
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    os.mkfifo(folder / "pipe.yaml")
    (folder / "document.yaml").write_text(text)
    try:
        with at_most(calls=2_000_000):
            Choreography.from_asyncapi(folder / "document.yaml")
    except DesignError as error:
        assert_sentence(str(error), sentence, tmp_path)
    else:
        assert sentence.endswith("$")


def assert_sentence(message, sentence, folder):
    assert re.search(sentence, message), message
    assert message.count("\n") == 0
    assert message.endswith((".", "?"))
    assert message.startswith(str(folder))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfea\x00", r"not UTF-8 text \(at byte 0\)"),
        (b'{"asyncapi": "3.1.0", "a": 1, "a": 2}', r"the name 'a' stands twice in one object"),
        (b'{"asyncapi": NaN}', r"NaN is no number there"),
        (b'{"asyncapi": ' + b"9" * 5000 + b"}", r"not JSON: Exceeds the limit"),
        (b'{"a": ' * 100_000, r"nested too deeply"),
        (b'{"asyncapi": "3.1.0",}', r"document\.json:1: not JSON"),
        (b'{"asyncapi": "3.1.0"}' + b" " * 6_000_000, r"bytes is too large"),
    ],
)
def test_a_bad_json_file_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "document.json"
    path.write_bytes(content)
    with pytest.raises(DesignError, match=sentence):
        Choreography.from_asyncapi(path)


def test_a_file_that_is_not_there_or_no_file_is_said(tmp_path):
    with pytest.raises(DesignError, match=r"nothing\.yaml: there is no such file\."):
        Choreography.from_asyncapi(tmp_path / "nothing.yaml")
    with pytest.raises(DesignError, match="there is no such file"):
        Choreography.from_asyncapi(tmp_path)


NAMES = st.sampled_from(
    ["$ref", "action", "address", "bindings", "channel", "channels", "components", "messages",
     "name", "operations", "oneOf", "payload", "properties", "publish", "reply", "schema",
     "schemaFormat", "title", "traits", "x-choreography", "events", "services", "version", "a"]
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/#~.$", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
parts = st.fixed_dictionaries(
    {
        "asyncapi": st.sampled_from(["3.1.0", "2.6.0"]),
        "info": st.just({"title": "t"}) | json_values,
        "channels": st.dictionaries(NAMES, json_values, max_size=2),
    },
    optional={"operations": json_values, "x-choreography": json_values, "components": json_values},
)


@given(document=parts)
def test_whatever_a_document_holds_it_loads_or_is_one_sentence(tmp_path_factory, document):
    path = tmp_path_factory.mktemp("fuzz") / "document.json"
    path.write_text(json.dumps(document))
    try:
        design = Choreography.from_asyncapi(path)
    except WorkbenchError as error:
        assert_sentence(str(error), "", path)
    else:
        again = tmp_path_factory.mktemp("fuzz") / "again.json"
        again.write_text(json.dumps(design.asyncapi()))
        assert Choreography.from_asyncapi(again) == design
