"""Whether one pattern's texts are all texts of another."""

import random

import jsonschema_rs
import pytest

from workbench.events import check_compatibility
from workbench.events.compatibility.expressions import not_covered

COVERED = [
    ("^[a-z]+$", "^[a-zA-Z]+$"),
    ("^u-[0-9]{1,12}$", "^u-[0-9]{1,20}$"),
    ("^(EUR|USD)$", "^[A-Z]{3}$"),
    ("^(a+)+$", "^((a|aa)+)+$"),
    (r"^[+-]?\d+(\.\d+)?$", r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"),
    ("^abc", "^a"),
    ("^a$", "a"),
    ("abc$", "b"),
    ("^.{1,5}$", "^.{1,9}$"),
    (r"^\w\d$", r"^[A-Za-z0-9_][0-9]$"),
    ("^[^a]$", "^[^a]?$"),
]
BEYOND = [
    ("^[a-zA-Z]+$", "^[a-z]+$", "A"),
    ("^u-[0-9]{1,12}$", "^u-[0-9]{1,6}$", "u-0000000"),
    ("a", "^a", None),
    ("^[A-Z]{3}$", "^(EUR|USD)$", "AAA"),
    ("", "^$", None),
    (r"^\D$", "^[a-z]$", None),
]
UNDECIDED = [
    (r"^\s$", "^ $"),
    ("^(?=a)a$", "^a$"),
    (r"^(a)\1$", "^aa$"),
    (r"\bA", "A"),
    ("(?i)a", "[aA]"),
    (r"\Aa", "a"),
    ("^[a[b]$", "^.$"),
    ("^(a{0,200}){0,200}$", "^(a{0,200}){0,201}$"),
    ("(a|b)*a(a|b){20}", "(a|b)*a(a|b){21}"),
    ("^a{,3}$", "^a*$"),
    ("^(a|b)$|^c$", "^[a-c]$"),  # its anchors stand inside, for Python's parser
]


@pytest.mark.parametrize(("writer", "reader"), COVERED)
def test_a_wider_pattern_covers_a_narrower_one(writer, reader):
    assert not_covered(writer, reader) is None
    assert check_compatibility(text(writer), text(reader))


@pytest.mark.parametrize(("writer", "reader", "expected"), BEYOND)
def test_a_text_shows_where_it_does_not(writer, reader, expected):
    found = not_covered(writer, reader)
    assert found is not None
    assert expected in (None, found)
    assert validator(writer).is_valid(found)
    assert not validator(reader).is_valid(found)
    [change] = check_compatibility(text(writer), text(reader)).breaking
    assert (change.kind, change.proved) == ("pattern-changed", True)


@pytest.mark.parametrize(("writer", "reader"), UNDECIDED)
def test_what_can_not_be_told_is_not_guessed(writer, reader):
    with pytest.raises(ValueError, match=r"the patterns can't be compared"):
        not_covered(writer, reader)


def test_no_random_text_contradicts_what_is_covered():
    rng = random.Random(7)
    texts = ["".join(rng.choice("ab1-\n") for _ in range(rng.randrange(6))) for _ in range(400)]
    decided = 0
    for _ in range(600):
        writer, reader = pattern(rng), pattern(rng)
        try:
            beyond = not_covered(writer, reader)
        except ValueError:
            continue
        decided += 1
        writes, reads = validator(writer), validator(reader)
        if beyond is None:
            wrong = [t for t in texts if writes.is_valid(t) and not reads.is_valid(t)]
            assert not wrong, (writer, reader, wrong[0])
        else:
            assert writes.is_valid(beyond), (writer, reader, beyond)
            assert not reads.is_valid(beyond), (writer, reader, beyond)
    assert decided > 400


def pattern(rng, depth=0):
    pieces = ["a", "b", "[ab]", "[^a]", ".", r"\d", r"\w", r"\D", "1", "-", r"\-", "[a-c1]"]
    found = []
    for _ in range(rng.randint(1, 3)):
        piece = rng.choice(pieces)
        if depth < 2 and rng.random() < 0.25:
            piece = f"({pattern(rng, depth + 1)}|{pattern(rng, depth + 1)})"
        found.append(piece + rng.choice(["", "", "", "*", "+", "?", "{1,2}", "{2}", "*?"]))
    body = "".join(found)
    if depth:
        return body
    return rng.choice(["^", ""]) + body + rng.choice(["$", ""])


def text(expression):
    return {"type": "string", "pattern": expression}


def validator(expression):
    return jsonschema_rs.Draft202012Validator({"pattern": expression})
