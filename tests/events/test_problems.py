"""A payload that is refused is told of with its value, unless that is personal; a log has none."""

import pytest

from workbench.errors import EventError
from workbench.events import EventType

PERSONAL = {"x-personal-data": True}
SIGNED = EventType(
    "Signed",
    {
        "type": "object",
        "properties": {
            "email": {"type": "string", "maxLength": 12, **PERSONAL},
            "plan": {"type": "string", "maxLength": 5},
            "friends": {"type": "array", "items": {"type": "string", **PERSONAL}},
        },
    },
)


def test_an_error_quotes_what_is_refused_and_says_it_without_values_too():
    with pytest.raises(EventError) as raised:
        SIGNED.encode({"plan": "unlimited"})
    assert str(raised.value) == 'Signed v1: plan: "unlimited" is longer than 5 characters.'
    assert raised.value.without_values == "Signed v1: plan: *** is longer than 5 characters."


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"email": "ann@example.org"}, "email: *** is longer than 12 characters"),
        ({"email": ["ann@example.org"]}, 'email: *** is not of type "string"'),
        ({"email": 5}, 'email: *** is not of type "string"'),
        ({"friends": "Ann"}, 'friends: *** is not of type "array"'),
        ({"friends": [["Ann"]]}, 'friends.0: *** is not of type "string"'),
        ({"plan": "of Ann", "friends": ["of Ann"]}, 'plan: "***" is longer than 5 characters'),
    ],
)
def test_what_is_personal_is_not_quoted(payload, problem):
    assert str(SIGNED.problem_with(payload)) == f"Signed v1: {problem}"


def test_a_name_that_would_break_the_line_or_steer_a_terminal_does_not():
    kinds = EventType("Counted", {"additionalProperties": {"type": "integer"}})
    with pytest.raises(EventError) as raised:
        kinds.encode({"a\nb\x1b[2J": "x"})
    assert str(raised.value) == 'Counted v1: a b [2J: "x" is not of type "integer".'
    assert raised.value.without_values.isprintable()


def test_a_payload_nested_too_deeply_is_not_quoted():
    schema = {"properties": {"tree": {"type": "string"}, "name": PERSONAL}}
    tree = ["secret"]
    for _ in range(900):
        tree = [tree]
    problem = str(EventType("Grown", schema).problem_with({"tree": tree}))
    assert problem.startswith("Grown v1: the payload is no decoded JSON: ")
    assert "secret" not in problem
