"""Answers are sent to other processes, and kept in files."""

import pickle

import pandas as pd
import pytest

QUESTIONS = {
    "flows": lambda log: log.flows(),
    "hops": lambda log: log.hops(),
    "variants": lambda log: log.variants(),
    "critical_path": lambda log: log.critical_path(),
    "one path": lambda log: log.critical_path("o-1"),
    "explain": lambda log: log.explain(["o-3"]),
    "anomalies": lambda log: log.anomalies(),
    "stuck": lambda log: log.stuck(),
    "throughput": lambda log: log.throughput(),
    "dead_letters": lambda log: log.dead_letters(),
    "skew": lambda log: log.skew(),
    "compare": lambda log: log.compare(log),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_says_and_draws_the_same_when_it_was_pickled(orders, question):
    answer = QUESTIONS[question](orders)
    found = pickle.loads(pickle.dumps(answer))
    pd.testing.assert_frame_equal(found, answer)
    assert found.sentence == answer.sentence
    assert found.plot() == answer.plot()
