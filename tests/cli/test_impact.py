"""``workbench impact``: who breaks, in three formats, and what its exit codes mean."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "sample_data"


@pytest.fixture
def impact(here):
    """Run the command beside a copy of the orders: exit code, output and errors."""
    shutil.copytree(SAMPLE / "orders", "orders")
    return partial(here, "impact")


@pytest.fixture
def schema(impact):
    """Write a new OrderPlaced: the one in use, changed."""

    def write(change=lambda schema: None):
        found = json.loads(Path("orders/events/OrderPlaced/1.json").read_text())
        change(found)
        Path("new.json").write_text(json.dumps(found))
        return "new.json"

    return write


def without_quantity(schema):
    del schema["properties"]["quantity"]
    schema["required"].remove("quantity")


def at_most_three(schema):
    schema["properties"]["quantity"]["maximum"] = 3


def test_nobody_breaks_is_exit_code_0(impact, schema):
    code, output, errors = impact("orders", "OrderPlaced", schema())
    assert (code, errors) == (0, "")
    assert "3 reactions read it (none breaks)." in output.splitlines()[0]


def test_somebody_breaks_is_exit_code_1_and_a_sentence_says_why(impact, schema):
    code, output, _ = impact("orders", "OrderPlaced", schema(without_quantity))
    assert code == 1
    assert "✗ inventory/reserve breaks" in output
    assert (
        "`quantity` is gone: StockReserved.quantity must be there, so that the effect is refused."
        in output
    )
    assert "✓ inventory/refuse fits" in output


def test_refused_payloads_of_a_log_are_exit_code_1(impact, schema):
    log = SAMPLE / "order_log.jsonl"
    code, output, _ = impact("orders", "OrderPlaced", schema(at_most_three), "--log", log)
    assert code == 1
    assert "✗ OrderPlaced v2 would refuse 800 of 2,000 captured payloads (40.00%)." in output
    assert "✗ 800 payloads: `quantity`: the value is greater than the maximum of 3" in output


def test_json_has_all_of_it(impact, schema):
    log = SAMPLE / "order_log.jsonl"
    name = schema(at_most_three)
    code, output, _ = impact("orders", "OrderPlaced", name, "--log", log, "--format", "json")
    found = json.loads(output)
    assert (code, found["breaks"], found["payloads"]["refused"]) == (1, True, 800)
    assert len(found["payloads"]["groups"][0]["first"]) == 5
    assert [reader["effect"] for reader in found["readers"]] == ["fits"] * 3
    assert found["compatibility"]["compatible"] is False


def test_github_annotates_the_reactions_that_break(impact, schema):
    name = schema(without_quantity)
    code, output, _ = impact("orders", "OrderPlaced", name, "--format", "github")
    assert code == 1
    assert output.splitlines()[0].startswith(
        "::error file=orders/choreography.yaml,line=22,title=reader-breaks (inventory/reserve)::"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "new.json:1: not JSON"),
        ("[]", "new.json: a JSON Schema of an event must be an object."),
        ('{"type": "nothing"}', "new.json: OrderPlaced v2: not a JSON Schema"),
        ('{"a":' * 100_000, "new.json: not JSON: nested too deeply."),
    ],
)
def test_a_schema_that_is_none_is_exit_code_2_and_one_sentence(impact, text, why):
    Path("new.json").write_text(text)
    code, output, errors = impact("orders", "OrderPlaced", "new.json")
    assert (code, output) == (2, "")
    assert errors.startswith(f"workbench: {why}")
    assert errors.count("\n") == 1


def test_what_is_not_there_is_exit_code_2(impact, schema):
    for args, why in [
        (("nowhere", "OrderPlaced", schema()), "there is no design folder nowhere."),
        (("orders", "OrderLost", schema()), "there is no event type 'OrderLost'"),
        (("orders", "OrderPlaced", "gone.json"), "gone.json: can't be read"),
        (("orders", "OrderPlaced", schema(), "--log", "gone.jsonl"), "gone.jsonl can't be read"),
    ]:
        code, _, errors = impact(*args)
        assert (code, errors.startswith(f"workbench: {why}")) == (2, True)
