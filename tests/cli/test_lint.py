"""``workbench lint``: three formats, and what its exit codes mean."""

import json
from pathlib import Path

import pytest

from workbench.problems import Problem, Problems, render

SAMPLE = Path(__file__).parents[2] / "sample_data" / "orders"


@pytest.fixture
def design(tmp_path):
    """A design with a warning, a note, and one that is silenced."""
    folder = tmp_path / "orders"
    for name in ("OrderPlaced", "StockReserved"):
        (folder / "events" / name).mkdir(parents=True)
        schema = {"type": "object", "properties": {"id": {"type": "string"}}}
        (folder / "events" / name / "draft.json").write_text(json.dumps(schema))
    (folder / "choreography.yaml").write_text(
        "events:\n  OrderPlaced: {key: id}\n  StockReserved: {}\n"
        "services:\n  inventory:\n    - whenever: OrderPlaced\n"
        "      emit: {StockReserved: {id: data.id}}\n"
        "silenced:\n  - rule: nobody-hears\n    subject: StockReserved\n    reason: 100%\n"
    )
    return folder


WARNING = "StockReserved has no key field: its events keep no order."
NOTE = "no service emits OrderPlaced: publish it by hand, or let a service emit it."


def test_text_is_one_line_for_each_finding_with_its_place_and_rule(here, design):
    code, output, errors = here("lint", "orders")
    assert (code, errors) == (1, "")
    assert output.splitlines() == [
        f"orders/choreography.yaml:3: warning: {WARNING} [no-key]",
        f"orders/choreography.yaml:2: note: {NOTE} [nobody-emits]",
        "1 warning, 1 note",
    ]


def test_what_is_silenced_is_listed_when_asked_for(here, design):
    _, output, _ = here("lint", "orders", "--silenced")
    assert "[nobody-hears] silenced: 100%" in output
    assert output.splitlines()[-1] == "1 warning, 1 note, 1 silenced"


def test_json_has_a_list_of_problems(here, design):
    code, output, errors = here("lint", "orders", "--format", "json")
    assert (code, errors) == (1, "")
    assert json.loads(output)["problems"][0] == {
        "rule": "no-key",
        "subject": "StockReserved",
        "message": WARNING,
        "severity": "warning",
        "file": "orders/choreography.yaml",
        "line": 3,
        "silenced": None,
    }


def test_github_is_one_workflow_command_for_each_finding(here, design):
    code, output, errors = here("lint", "orders", "--format", "github", "--silenced")
    assert (code, errors) == (1, "")
    place = "file=orders/choreography.yaml,line"
    assert output.splitlines() == [
        f"::warning {place}=3,title=no-key (StockReserved)::{WARNING}",
        f"::notice {place}=2,title=nobody-emits (OrderPlaced)::{NOTE}",
        (
            f"::notice {place}=3,title=nobody-hears (StockReserved)::nobody reacts to StockReserved: a "
            "flow may end here; if it should not, add a reaction to it. Silenced: 100%25"
        ),
    ]


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("note", 1)])
def test_the_exit_code_follows_what_is_to_fail(here, design, fail_on, code):
    assert here("lint", "orders", "--fail-on", fail_on)[0] == code


def test_notes_alone_and_the_sample_design_are_clean(here):
    code, output, _ = here("lint", SAMPLE)
    assert code == 0
    assert output.splitlines()[-1] == "4 notes"
    assert here("lint", SAMPLE, "--fail-on", "note")[0] == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere"], "workbench: there is no design folder nowhere.\n"),
        ([], "workbench: name a design folder: workbench lint DESIGN.\n"),
        (["--explain", "nothing"], "workbench: there is no rule 'nothing' (there are: "),
        (["orders", "--format", "xml"], "is not one of 'text', 'json', 'github'"),
        (["orders", "--fail-on", "fatal"], "is not one of 'error', 'warning', 'note'"),
    ],
)
def test_bad_input_is_exit_code_2(here, design, args, says):
    code, output, errors = here("lint", *args)
    assert (code, output) == (2, "")
    assert says in " ".join(errors.replace("│", "").split()) + "\n"


def test_a_design_that_can_not_be_read_is_one_sentence_and_an_annotation(here, design):
    (design / "choreography.yaml").write_text("services:\n  a:\n    - whenever: Nothing\n")
    code, output, errors = here("lint", "orders")
    assert (code, output) == (2, "")
    assert errors.startswith("workbench: orders/choreography.yaml:3, field services.a[0].whenever:")
    assert errors.count("\n") == 1
    code, output, again = here("lint", "orders", "--format", "github")
    assert (code, again) == (2, errors)
    assert output.startswith("::error file=orders/choreography.yaml,line=3,title=bad-design (")


@pytest.mark.parametrize("command", [["lint"], ["check"], ["impact", "OrderPlaced", "new.json"]])
def test_a_design_that_can_not_be_read_is_a_problem_in_json_too(here, design, command):
    (design / "choreography.yaml").write_text("services:\n  a:\n    - whenever: Nothing\n")
    Path("new.json").write_text("{}")
    verb, *others = command
    code, output, errors = here(verb, "orders", *others, "--format", "json")
    (problem,) = json.loads(output)["problems"]
    assert code == 2
    assert (problem["rule"], problem["severity"], problem["line"]) == ("bad-design", "error", 3)
    assert problem["file"] == "orders/choreography.yaml"
    assert errors == f"workbench: {problem['message']}\n"


def test_a_rule_is_explained_without_a_design(here):
    code, output, _ = here("lint", "--explain", "key-changes")
    assert code in (0, None)
    assert output.startswith("### key-changes\n\n*warning*: The key changes along a flow, or from ")


# --- what all commands that report share --------------------------------------------------


def test_hostile_text_stays_within_its_annotation():
    problem = Problem("r", "a,b:c%", "one\r\n::error::two %0A", "note", "a:b,c.yaml", 1)
    assert render([problem], "github") == (
        "::notice file=a%3Ab%2Cc.yaml,line=1,title=r (a%2Cb%3Ac%25)::one%0D%0A::error::two %250A"
    )


def test_hostile_text_stays_on_its_line_in_a_terminal():
    problem = Problem("r", "s", "red \x1b[31m\nnote: fake\u202e", silenced="a\nb")
    assert str(problem) == "warning: red  [31m note: fake  [r] silenced: a b"
    assert json.loads(render([problem], "json"))["problems"][0]["message"] == problem.message


def test_an_annotation_names_the_file_from_the_root_of_the_repository(tmp_path, monkeypatch):
    problem = Problem("r", "s", "m", file=str(tmp_path / "designs" / "x.yaml"), line=2)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert "file=designs/x.yaml,line=2," in render([problem], "github")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "elsewhere"))
    assert f"file={tmp_path}/designs/x.yaml," in render([problem], "github")


def test_nothing_to_remark_is_said_and_what_is_silenced_fails_nothing():
    assert render([]) == repr(Problems()) == "✓ nothing to remark"
    assert render([], "github") == ""
    assert json.loads(render([], "json")) == {"problems": []}
    problems = Problems([Problem("r", "s", "m", "error", silenced="so"), Problem("r", "s", "m")])
    assert [p.severity for p in problems.at_least("note")] == ["warning"]
    assert problems.at_least("error") == []
