"""CEL: what guards and mappings see of a payload, and what they say when they fail."""

import pickle
from decimal import Decimal

import pytest

from workbench.choreography import Expression, cel_view, fit
from workbench.errors import ExpressionError
from workbench.events import Event, decode_payload, encode_payload


class Line(Event, version=1):
    price: Decimal
    count: int = 1


class Order(Event, version=1, key="id"):
    id: str
    quantity: int = 3
    total: Decimal = Decimal("19.90")
    weight: float = 2.5
    limit: int | None = None
    discount: Decimal | None = None
    line: Line = Line(price=Decimal("1.10"))
    lines: tuple[Line, ...] = (Line(price=Decimal("1.10")), Line(price=Decimal(20)))
    tags: tuple[str, ...] = ("a", "b")


def payload(**changes):
    found = decode_payload(encode_payload(Order(id="o-1")))
    return {name: value for name, value in {**found, **changes}.items() if value is not ...}


def holds(source, data):
    return Expression(source).holds(cel_view(data, Order.event_type))


def value(source, data):
    return Expression(source).value(data, cel_view(data, Order.event_type))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("data.quantity > 2.0", True),
        ("data.quantity > 2", True),
        ("data.quantity * 2.0 == 6.0", True),
        ("data.quantity + 0.5 > data.weight", True),
        ("data.total > 9.0", True),
        ("data.total >= 19.9 && data.total < 100.0", True),
        ("data.line.price * 10.0 > 10.9", True),
        ("data.lines.exists(line, line.price > 19.5)", True),
        ("data.lines.all(line, line.count == 1.0)", True),
        ("data.id == 'o-1'", True),
        ("data.id.startsWith('x')", False),
        ("size(data.tags) == 2", True),
        ("'a' in data.tags", True),
        ("has(data.limit)", True),
    ],
)
def test_a_guard_sees_numbers_as_doubles(source, expected):
    assert holds(source, payload()) is expected


@pytest.mark.parametrize(("value", "why"), [(None, r" \(data\.note is null\)"), (5.0, "")])
def test_a_field_whose_function_is_called_is_read_and_must_have_that_function(value, why):
    guard = Expression("data.note.startsWith('x') && data.line.price > 1.0")
    assert guard.paths == ["note", "line.price"]
    with pytest.raises(ExpressionError, match=rf" fails on this event: .*'startsWith'{why}\.$"):
        guard.holds({"note": value, "line": {"price": 2.0}})


@pytest.mark.parametrize("absent", [None, ...])
@pytest.mark.parametrize(
    "source",
    ["data.limit > 2.0", "data.limit < 2.0", "data.limit == 2.0", "data.discount >= 0.0",
     "data.limit * 2.0 > 1.0", "2.0 <= data.limit"],
)  # fmt: skip
def test_comparing_with_an_absent_optional_field_is_false(source, absent):
    assert holds(source, payload(limit=absent, discount=absent)) is False


def test_an_absent_optional_field_is_null():
    assert holds("data.limit == null", payload(limit=...)) is True
    assert holds("data.limit == null", payload(limit=4)) is False
    assert holds("data.limit != null && data.limit > 3.0", payload(limit=4)) is True


def test_decimals_compare_as_numbers_and_not_as_texts():
    assert holds("data.total > 9.0", payload(total="10.00")) is True
    assert holds("data.total == 10.0", payload(total="1E+1")) is True


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("data.quantity * 2 == 6", "write 2.0 rather than 2"),
        ("data.nope > 2.0", "there is no field 'nope'"),
        ("data.quantity", "gives 3.0, not true or false"),
        ("data.id > 2.0", "fails on this event"),
        ("data.tags[9] == 'a'", "fails on this event"),
        ("nope(data.id)", "fails on this event"),
    ],
)
def test_any_other_failure_of_a_guard_is_said(source, expected):
    with pytest.raises(ExpressionError, match=expected) as raised:
        holds(source, payload())
    assert source in str(raised.value)


def test_a_path_copies_a_value_with_every_digit():
    digits = "12345678901234567890.12345678901234567890"
    assert value("data.total", payload(total=digits)) == digits
    assert value(" data.line.price ", payload()) == "1.10"
    assert value("data.quantity", payload(quantity=2**60 + 1)) == 2**60 + 1
    assert value("data.limit", payload()) is None
    assert value("data.lines", payload()) == payload()["lines"]
    assert value("data.nope.deeper", payload()) is None


def test_anything_else_is_what_cel_makes_of_it():
    assert value("data.quantity * 2.0", payload()) == 6.0
    assert value("'order ' + data.id", payload()) == "order o-1"
    assert value("data.quantity > 2.0 ? 'many' : 'few'", payload()) == "many"
    with pytest.raises(ExpressionError, match=r"write 2.0 rather than 2"):
        value("data.quantity * 2", payload())


@pytest.mark.parametrize(
    ("made", "schema", "expected"),
    [
        (6.0, {"type": "integer"}, 6),
        (6.5, {"type": "integer"}, 6.5),
        (6.0, {"type": "number"}, 6.0),
        (6.0, {"type": ["integer", "null"]}, 6),
        (0.1, {"type": "string", "format": "decimal"}, "0.1"),
        (1e21, {"type": "string", "format": "decimal"}, "1000000000000000000000"),
        ("x", {"type": "integer"}, "x"),
        (None, {}, None),
    ],
)
def test_what_cel_makes_is_fitted_to_the_schema(made, schema, expected):
    found = fit(made, schema)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", "an expression must be a text in CEL"),
        ("  ", "an expression must be a text in CEL"),
        ("data.x >", "'data.x >' is not CEL: "),
        ("open text", "is not CEL: "),
        ("total > 1.0", "names 'total', but an expression sees only 'data'"),
        ("(" * 100 + "1" + ")" * 100, "too long or too deeply nested"),
        ("data.x + " * 5_000 + "1", "too long or too deeply nested"),
    ],
)
def test_what_is_no_expression_is_said_at_once(source, expected):
    with pytest.raises(ExpressionError, match=expected):
        Expression(source)


def test_an_expression_travels_and_is_equal_by_its_text():
    expression = Expression("data.quantity > 2.0")
    again = pickle.loads(pickle.dumps(expression))
    assert again == expression
    assert len({again, expression}) == 1
    assert again.holds(cel_view(payload(), Order.event_type))
    assert expression.paths == ["quantity"]
