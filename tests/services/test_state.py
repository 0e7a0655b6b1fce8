"""What a service remembers, in its one file."""

import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.brokers import Outgoing
from workbench.errors import HandlerError, ServiceError
from workbench.services import RetryPolicy, Status, read_counts, read_state, read_unsent
from workbench.services.state import read_value, write_value
from workbench.services.store import Store


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "s.sqlite")
    yield found
    found.close()


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**80,
        0.1,
        "é 😀 \x00",
        Decimal("1.10"),
        Decimal("1E+30"),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2))),
        date(2026, 1, 1),
        UUID(int=7),
        [],
        {},
        {"lines": [{"price": Decimal("0.10"), "at": date(2026, 1, 1)}, [UUID(int=1), None]]},
        {"$type": "order", "value": 1},
    ],
)
def test_a_value_is_read_as_it_was_kept(value):
    again = read_value(write_value("k", value))
    assert (again, type(again)) == (value, type(value))
    assert str(again) == str(value)


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.uuids()
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "é", "$type", "value"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=30)
@given(values)
def test_nested_values_are_read_as_they_were_kept(value):
    assert read_value(write_value("k", value)) == value


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", lambda: 1])
def test_a_value_that_can_not_be_kept_is_said(value):
    with pytest.raises(
        HandlerError, match=r"the state 'k' can't be kept: .*; use JSON values, decimals"
    ):
        write_value("k", value)


def test_state_is_a_mapping(store):
    state = store.state
    state["b"], state["a"] = 1, [2]
    assert (len(state), list(state), dict(state)) == (2, ["a", "b"], {"a": [2], "b": 1})
    assert state.setdefault("c", 3) == 3
    assert state.pop("c") == 3
    assert "c" not in state
    with pytest.raises(KeyError):
        del state["c"]
    with pytest.raises(KeyError):
        state["c"]
    with pytest.raises(HandlerError, match="a state key must be a text, not 7"):
        state[7] = 1


def set_and_fail(store, value):
    store.state["a"] = value
    raise ZeroDivisionError


def test_a_transaction_is_all_or_nothing_and_a_savepoint_is_undone_alone(store):
    with pytest.raises(ZeroDivisionError), store.transaction():
        set_and_fail(store, 1)
    assert dict(store.state) == {}
    with store.transaction():
        store.state["a"] = 1
        with pytest.raises(ZeroDivisionError), store.savepoint():
            set_and_fail(store, 2)
    assert dict(store.state) == {"a": 1}


def test_the_outbox_gives_what_is_due_in_order_and_keeps_what_is_refused(store):
    def outgoing(n):
        return Outgoing("c", None, [("h", None), ("b", b"\xff")], b"%d" % n)

    for n, due in enumerate([30.0, 10.0, 20.0, 10.0]):
        store.put(outgoing(n), due)
    assert [row.outgoing.value for row in store.due(25.0)] == [b"1", b"3", b"2"]
    assert store.due(25.0)[0].outgoing == outgoing(1)
    assert (store.next_due(), store.unsent(25.0)) == (10.0, (3, 1))
    first, second, third = store.due(25.0)
    store.sent([first.seq, third.seq])
    store.refused(second.seq, "too large")
    assert (store.due(25.0), store.next_due(), store.unsent(25.0)) == ([], 30.0, (0, 1))
    assert read_unsent(store.path) == 1


def test_a_file_is_read_while_the_service_runs_and_before_it_ever_ran(store, tmp_path):
    store.state["a"] = Decimal("1.0")
    store.count({("handled", "X"): 2})
    store.count({("handled", "X"): 3})
    assert read_state(store.path) == {"a": Decimal("1.0")}
    assert read_counts(store.path) == store.counts() == {("handled", "X"): 5}
    missing = tmp_path / "missing.sqlite"
    assert (read_state(missing), read_counts(missing), read_unsent(missing)) == ({}, {}, 0)
    assert not missing.exists()


def test_a_file_of_something_else_is_said(tmp_path):
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"no database at all, but long enough to be looked at as one" * 10)
    with pytest.raises(ServiceError, match=r"the service's file .*s.sqlite can't be opened: "):
        Store(path)
    with pytest.raises(ServiceError, match=r"the service's file .*s.sqlite can't be read: "):
        read_state(path)


def test_a_file_whose_tables_are_not_made_yet_is_an_empty_one(tmp_path):
    path = tmp_path / "s.sqlite"
    sqlite3.connect(path).execute("PRAGMA journal_mode = WAL")
    assert (read_state(path), read_counts(path), read_unsent(path)) == ({}, {}, 0)


def test_a_durable_file_is_synced_at_every_commit(tmp_path):
    for durable, level in ((True, 2), (False, 1)):
        store = Store(tmp_path / f"{durable}.sqlite", durable=durable)
        assert store._db.execute("PRAGMA synchronous").fetchone() == (level,)
        store.close()


def test_a_status_round_trips_as_a_datagram():
    status = Status("inventory", 7, phase="running", counts={"handled": 3}, problem="é")
    assert Status.from_bytes(status.to_bytes()) == status


def test_waits_grow_up_to_the_longest_and_vary_by_a_quarter():
    policy = RetryPolicy(first_delay=1, factor=4, longest_delay=10)
    assert [policy.delay(n, 0.5) for n in (1, 2, 3, 9)] == [1, 4, 10, 10]
    assert (policy.delay(1, 0), policy.delay(1, 1)) == (0.75, 1.25)
