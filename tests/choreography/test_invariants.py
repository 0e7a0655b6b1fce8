"""Invariants: equations over the services' states, exact where it counts, and said when broken."""

from decimal import Decimal

import pytest

from workbench.choreography import Choreography, Invariant
from workbench.errors import DesignError, ExpressionError

STOCK = "state.inventory.reserved == state.orders.units - state.inventory.released"


@pytest.mark.parametrize(
    ("equation", "states", "expected"),
    [
        (STOCK, {"inventory": {"reserved": 5, "released": 2}, "orders": {"units": 7}}, (True, "5 = 5")),
        (STOCK, {"inventory": {"reserved": 5}, "orders": {"units": 7}}, (False, "5 ≠ 7")),
        (STOCK, {"inventory": {}, "orders": {}}, (True, "0 = 0")),
        (STOCK, {}, (True, "0 = 0")),
        (
            "state.a.money - state.b.money == 10.0",
            {"a": {"money": Decimal("10.10")}, "b": {"money": Decimal("0.10")}},
            (True, "10 = 10"),
        ),
        ("state.a.n == 1.0 && state.a.m == 2.0", {"a": {"n": 1, "m": 2}}, (True, "True")),
        ("state.a.n <= 3.0", {"a": {"n": 4}}, (False, "False")),
        ('state["order-service"].done == state.a.n', {"order-service": {"done": 2}, "a": {"n": 2}},
         (True, "2 = 2")),
        ("state.a.name == 'x'", {"a": {"name": "y"}}, (False, "y ≠ x")),
        ("state.a.n", {"a": {"n": 1}}, (False, "1.0")),
    ],
)  # fmt: skip
def test_an_invariant_says_what_it_saw(equation, states, expected):
    assert Invariant(equation).check(states) == expected


def test_what_can_not_be_computed_does_not_hold():
    verdict = Invariant("state.a.n / state.b.name == 1.0").check({"b": {"name": "x"}})
    assert not verdict.holds
    assert "fails on this state" in verdict.seen


def test_an_invariant_sees_only_the_states():
    with pytest.raises(ExpressionError, match="names 'data', but an expression sees only 'state'"):
        Invariant("data.total == 1.0")


def test_invariants_are_part_of_the_design_on_disk(tmp_path):
    design = Choreography()
    design.invariant("stock", STOCK)
    design.save(tmp_path)
    assert Choreography.load(tmp_path) == design
    assert Choreography.load(tmp_path).invariants["stock"].paths == [
        "inventory.reserved", "orders.units", "inventory.released",
    ]  # fmt: skip


def test_a_broken_invariant_is_said_with_its_place(tmp_path):
    (tmp_path / "choreography.yaml").write_text("services: {}\ninvariants:\n  stock: units = 1\n")
    with pytest.raises(
        DesignError, match=r"choreography.yaml:3, field invariants.stock: 'units = 1'"
    ):
        Choreography.load(tmp_path)
