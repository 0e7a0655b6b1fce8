"""Random schemas and payloads, real pairs, and schemas that were made to hurt."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.compatibility import hostile_pairs, random_pairs
from workbench.events import check_compatibility

PAIRS = Path(__file__).parents[4] / "shared" / "data" / "schema_compatibility_pairs.json"


@pytest.mark.timeout(300)
def test_no_payload_contradicts_a_verdict():
    found = random_pairs(600, seed=20_261_125, most_seconds=120)
    assert found["counterexamples"] == 0
    assert found["compatible"] > 40
    assert found["refused, with a checked payload"] > 0.7 * found["refused"]


@pytest.mark.parametrize("case", list(hostile_pairs()), ids=lambda case: case[0])
def test_a_hostile_schema_gets_an_answer(case):
    _, old, new = case
    began = time.monotonic()
    verdict = check_compatibility(old, new)
    assert len(verdict.changes) == len(verdict.breaking) + sum(
        not change.breaks for change in verdict.changes
    )
    assert time.monotonic() - began < 60  # an end, not a speed: the measure is in benchmarks/
    if verdict.undecided:
        assert not verdict.compatible
        assert "could not decide" in str(verdict)


@pytest.mark.data
@pytest.mark.skipif(not PAIRS.is_file(), reason="the given pairs are not here")
def test_every_breaking_verdict_on_the_given_pairs_is_proven_by_a_payload():
    pairs = json.loads(PAIRS.read_text("utf-8"))
    wrongly_refused = []
    for number, pair in enumerate(pairs):
        verdict = check_compatibility(pair["writer"], pair["reader"])
        if not verdict.compatible:
            assert any(change.proved for change in verdict.breaking), pair
            if pair["compatible"]:
                wrongly_refused.append((number, pair["reader"], pair["writer"]))
    # Karapace lets `false` read what `true` wrote; the payload shows that it can't.
    assert wrongly_refused == [(2, False, True)]
