"""``workbench compat`` and ``workbench check``: what a build asks before it lets a change in."""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

SAMPLE = Path(__file__).parents[2] / "sample_data" / "orders"


@pytest.fixture
def workbench(here):
    """Run the command: exit code, output and errors, by their names."""

    def run(*arguments):
        code, out, err = here(*arguments)
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


@pytest.fixture
def schemas(tmp_path):
    def write(name, schema):
        path = tmp_path / name
        path.write_text(schema if isinstance(schema, str) else json.dumps(schema, indent=2))
        return path

    return write


NUMBER = {"type": "object", "properties": {"n": {"type": "number"}}}
INTEGER = {"type": "object", "properties": {"n": {"type": "integer"}}}


def test_compat_says_yes_with_0_and_no_with_1_and_a_payload(workbench, schemas):
    number, integer = schemas("1.json", NUMBER), schemas("2.json", INTEGER)
    done = workbench("compat", integer, number)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "compatible (BACKWARD, strict)")
    done = workbench("compat", number, integer)
    assert done.returncode == 1
    assert "NOT compatible (BACKWARD, strict)" in done.stdout
    assert "`n` was number and is integer now" in done.stdout
    assert 'for example {"n": 0.5}' in done.stdout


def test_compat_takes_all_earlier_versions(workbench, schemas):
    closed = {"type": "object", "additionalProperties": False}
    one = schemas("1.json", {**closed, "properties": {"a": {}}})
    email = {"a": {}, "email": {"type": "string", "default": ""}}
    two = schemas("2.json", {**closed, "properties": email, "required": ["email"]})
    email = {"a": {}, "email": {"type": "string"}}
    three = schemas("3.json", {**closed, "properties": email, "required": ["email"]})
    assert workbench("compat", one, two, three).returncode == 0
    done = workbench("compat", one, two, three, "--mode", "BACKWARD_TRANSITIVE")
    assert done.returncode == 1
    assert "`email` is new and must be there now" in done.stdout


def test_compat_tells_it_as_json_and_as_annotations(workbench, schemas):
    number, integer = schemas("1.json", NUMBER), schemas("2.json", INTEGER)
    done = workbench("compat", number, integer, "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["compatible"], told["mode"]) == (1, False, "BACKWARD")
    assert told["changes"][0]["pointer"] == "/properties/n"
    assert told["changes"][0]["witness"] == {"n": 0.5}
    done = workbench("compat", number, integer, "--format", "github")
    assert done.returncode == 1
    first = done.stdout.splitlines()[0]
    assert first.startswith("::error file=")
    assert "line=4,title=type-changed (/properties/n)::" in first


@pytest.mark.parametrize("mode", ["BACKWARD", "FORWARD", "FULL"])
def test_compat_names_the_file_that_is_no_avro_schema(workbench, schemas, mode):
    good = schemas("1.avsc", {"type": "record", "name": "A", "fields": []})
    bad = schemas("2.avsc", {"type": "record", "name": "A"})
    for files in ([good, bad], [bad, good]):
        done = workbench("compat", *files, "--mode", mode)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"workbench: {bad} is not an Avro schema: the record A has ")


def test_compat_knows_avro_by_its_name(workbench, schemas):
    record = {"type": "record", "name": "A", "fields": [{"name": "n", "type": "long"}]}
    old = schemas("1.avsc", record)
    new = schemas("2.avsc", {**record, "fields": [{"name": "n", "type": "int"}]})
    assert workbench("compat", new, old).returncode == 0
    assert workbench("compat", old, new).returncode == 1
    done = workbench("compat", old, schemas("3.json", NUMBER))
    assert done.returncode == 2
    assert "some of the files are Avro and some are not" in done.stderr


BAD = {
    "not JSON": ("{", r"bad.json:1: not JSON: "),
    "no schema": ('{"type": "text"}', r"bad.json is not a JSON Schema: type: "),
    "a name twice": ('{"type": "string", "type": "null"}', r"the name 'type' stands twice"),
    "elsewhere": ('{"$ref": "https://example.org/x"}', r"references are never fetched"),
}


@pytest.mark.parametrize("case", BAD)
def test_compat_says_in_one_sentence_what_can_not_be_read(workbench, schemas, case):
    text, message = BAD[case]
    done = workbench("compat", schemas("good.json", NUMBER), schemas("bad.json", text))
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_compat_wants_two_files(workbench, schemas):
    done = workbench("compat", schemas("1.json", NUMBER))
    assert done.returncode == 2
    assert "name at least two schema files" in done.stderr


def test_check_holds_a_design_to_what_a_commit_had(workbench, tmp_path):
    folder = tmp_path / "orders"
    shutil.copytree(SAMPLE, folder)
    git = ["git", "-C", tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "as it runs"]):
        subprocess.run([*git, *arguments], check=True)
    assert workbench("check", folder, "--against", "HEAD").returncode == 0
    home = folder / "events" / "OrderPlaced"
    draft = json.loads((home / "1.json").read_text("utf-8"))
    draft["required"].append("note")
    (home / "draft.json").write_text(json.dumps(draft))
    done = workbench("check", folder, "--against", "HEAD", "--format", "json")
    assert done.returncode == 1
    [problem] = json.loads(done.stdout)["problems"]
    assert problem["subject"] == "OrderPlaced v2"
    assert workbench("check", folder).returncode == 1
    done = workbench("check", folder, "--against", "nowhere")
    assert done.returncode == 2
    assert "there is no commit nowhere" in done.stderr
