"""Silencing a rule, with a reason; where findings stand; and the docs of the rules."""

import json
from pathlib import Path

import pytest

from workbench.choreography import Choreography
from workbench.choreography.lint import RULES, explained
from workbench.errors import DesignError

FILE = """\
events:
  OrderPlaced:
    key: id
  OrderShipped:
    channel: parcels
services:
  shipping:
    - whenever: OrderPlaced
      emit:
        OrderShipped: {id: data.id}
  idle: []
silenced:
  - rule: no-key
    subject: OrderShipped
    reason: parcels are counted, and nothing else
"""
SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}, "email": {"type": "string"}}}


@pytest.fixture
def folder(tmp_path):
    for name in ("OrderPlaced", "OrderShipped", "ParcelLost"):
        (tmp_path / "events" / name).mkdir(parents=True)
        (tmp_path / "events" / name / "1.json").write_text(json.dumps(SCHEMA, indent=2))
    (tmp_path / "choreography.yaml").write_text(FILE)
    return tmp_path


def silences(folder, entry):
    (folder / "choreography.yaml").write_text(FILE + entry)
    return Choreography.load(folder)


def found(design, rule, **settings):
    return {p.subject: p for p in design.lint(**settings) if p.rule == rule}


# --- places -------------------------------------------------------------------------------


def test_each_finding_says_where_it_stands(folder):
    design, file = Choreography.load(folder), str(folder / "choreography.yaml")
    assert {(p.rule, p.subject, p.file, p.line) for p in design.lint() if p.file == file} == {
        ("nobody-emits", "OrderPlaced", file, 2),
        ("nobody-hears", "OrderShipped", file, 4),
        ("idle-service", "idle", file, 11),
    }
    schema = str(folder / "events" / "ParcelLost" / "1.json")
    lost = found(design, "no-key")["ParcelLost"]  # which choreography.yaml does not mention
    assert (lost.file, lost.line) == (schema, 1)
    email = found(design, "personal-data")["ParcelLost.email"]
    assert (email.file, email.line) == (schema, 7)
    assert '"email"' in Path(schema).read_text().splitlines()[6]


def test_a_reaction_and_a_channel_have_places_too(folder):
    text = FILE.replace("{id: data.id}", "{id: \"'same'\"}").replace(
        "channel:", "key: id\n    channel:"
    )
    text = text.replace("services:", "  ParcelLost: {channel: parcels, key: email}\nservices:")
    (folder / "choreography.yaml").write_text(text)
    design = Choreography.load(folder)
    assert found(design, "key-changes")["shipping/on_OrderPlaced"].line == 10
    assert found(design, "mixed-keys")["parcels"].line == 6


def test_a_design_made_in_python_has_no_places(sketch):
    sketch.event("OrderPlaced", key=None)
    assert {(p.file, p.line) for p in sketch.design.lint()} == {(None, None)}
    assert "warning: OrderPlaced has no key field: its events keep no order. [no-key]" in str(
        sketch.design.lint()
    )


def test_a_draft_is_what_a_finding_about_it_points_to(folder):
    home = folder / "events" / "ParcelLost"
    (home / "1.json").rename(home / "draft.json")
    email = found(Choreography.load(folder), "personal-data")["ParcelLost.email"]
    assert email.file == str(home / "draft.json")


# --- silencing ----------------------------------------------------------------------------


def test_what_is_silenced_is_listed_only_when_asked_for_with_its_reason(folder):
    design = Choreography.load(folder)
    assert "OrderShipped" not in found(design, "no-key")
    silent = found(design, "no-key", silenced=True)["OrderShipped"]
    assert silent.silenced == "parcels are counted, and nothing else"
    assert str(silent).endswith("[no-key] silenced: parcels are counted, and nothing else")
    assert silent not in design.lint(silenced=True).at_least("note")


def test_python_silences_as_the_file_does(folder, tmp_path):
    design = Choreography.load(folder)
    design.silence("nobody-hears", "OrderShipped", "the carrier reads it")
    design.silence("nobody-emits", "", "all of it comes from outside")
    assert found(design, "nobody-hears") == {
        "ParcelLost": found(design, "nobody-hears")["ParcelLost"]
    }
    assert found(design, "nobody-emits") == {}
    again = Choreography.load(design.save(tmp_path / "copy"))
    assert again == design
    assert again.silenced == design.silenced
    assert again != Choreography.load(folder)


@pytest.mark.parametrize(
    ("entry", "line", "says"),
    [
        ("  - {rule: nothing, reason: r}\n", 16, "there is no rule 'nothing' (there are: "),
        ("  - {rule: no-key, subject: Gone, reason: r}\n", 16, "the design has no 'Gone': name"),
        (
            "  - rule: no-key\n    subject: idle/x\n    reason: r\n",
            17,
            "the design has no 'idle/x'",
        ),
        (
            "  - rule: no-key\n    reason: ' '\n",
            17,
            "a silencing needs a reason, for whoever reads",
        ),
        ("  - {rule: no-key}\n", 16, "'reason' is missing"),
        ("  - {rule: stale-silence, reason: r}\n", 16, "stale-silence is not silenced: take away"),
        (
            "  - {rule: no-key, subject: OrderShipped, reason: r}\n",
            16,
            "the same is silenced twice",
        ),
        ("  - {rule: no-key, reason: r, until: x}\n", 16, "'until' is not known here"),
        ("  - no-key\n", 16, "silenced[1] must be a mapping"),
    ],
)
def test_a_silencing_that_can_not_be_right_is_refused_with_its_line(folder, entry, line, says):
    with pytest.raises(DesignError) as error:
        silences(folder, entry)
    assert says in str(error.value)
    assert error.value.line == line


@pytest.mark.parametrize(
    "subject",
    ["OrderPlaced", "OrderPlaced.email", "shipping", "shipping/on_OrderPlaced", "parcels"],
)
def test_every_part_of_a_design_is_a_subject(folder, subject):
    silences(folder, f"  - {{rule: request-reply, subject: {subject}, reason: r}}\n")


def test_a_silencing_with_nothing_to_silence_is_noted_where_it_stands(folder):
    design = silences(folder, "  - rule: endless-cycle\n    subject: OrderPlaced\n    reason: r\n")
    stale = found(design, "stale-silence")["OrderPlaced"]
    assert (
        stale.message == "endless-cycle finds nothing about OrderPlaced: take its silencing away."
    )
    assert (stale.severity, stale.line) == ("note", 16)
    design = silences(folder, "  - {rule: endless-cycle, reason: r}\n")
    assert list(found(design, "stale-silence")) == ["endless-cycle"]


def test_a_silencing_goes_with_its_subject(folder, tmp_path):
    design = Choreography.load(folder)
    design.silence("idle-service", "idle", "it is planned")
    del design.services["idle"]
    assert "idle" in found(design, "stale-silence")
    again = Choreography.load(design.save(tmp_path / "copy"))
    assert list(again.silenced) == [("no-key", "OrderShipped")]


# --- the docs -----------------------------------------------------------------------------


def test_the_page_in_the_docs_is_what_the_rules_say():
    page = Path(__file__).parents[2] / "docs" / "lint.md"
    assert page.read_text("utf-8") == explained("all"), (
        "workbench lint --explain all > docs/lint.md"
    )


@pytest.mark.parametrize("name", RULES)
def test_each_rule_says_what_it_is_why_it_hurts_and_what_to_do(name):
    passage = RULES[name].passage
    assert passage.count("\n\n") >= 2
    assert passage.splitlines()[0].endswith((".", ":"))
    assert explained(name).startswith(f"### {name}\n\n*{RULES[name].severity}*: ")
    assert all(len(line) <= 100 for line in passage.splitlines())
