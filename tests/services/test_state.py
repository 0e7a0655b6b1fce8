"""What a service remembers, in its one file."""

import sqlite3
import threading
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.brokers import Outgoing, Position, Record
from workbench.errors import DesignError, HandlerError, ServiceError
from workbench.services import RetryPolicy, Status, read_counts, read_left, read_state, state
from workbench.services.inbox import DONE, RETRYING, Outcome
from workbench.services.state import Layer, State, read_value, write_value
from workbench.services.store import Store
from workbench.services.work import NotAheadError, Work


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


def test_state_is_a_mapping_over_what_the_file_holds(store):
    store.state.write({"file": "1", "gone": "2"})
    layer = Layer(store.state)
    state = State(layer)
    state["b"], state["a"] = 1, [2]
    del state["gone"]
    assert (len(state), list(state)) == (3, ["a", "b", "file"])
    assert dict(state) == {"a": [2], "b": 1, "file": 1}
    assert state.setdefault("c", 3) == 3
    assert state.pop("c") == 3
    assert "c" not in state
    with pytest.raises(KeyError):
        del state["c"]
    with pytest.raises(KeyError):
        state["gone"]
    with pytest.raises(HandlerError, match="a state key must be a text, not 7"):
        state[7] = 1
    assert store.state.keys() == {"file", "gone"}
    store.state.write(layer.changes)
    assert read_state(store.path) == {"a": [2], "b": 1, "file": 1}


def test_a_share_is_kept_whole_or_dropped_whole(store):
    work = Work(store)
    failed, kept, after = work.share(), work.share(), work.share()
    failed.state["a"] = 1
    failed.put(0.0, Outgoing("c", None, [], b"failed"))
    kept.state["b"] = 2
    kept.put(0.0, Outgoing("c", None, [], b"kept"))
    kept.keep()
    assert dict(after.state) == {"b": 2}
    with store.transaction():
        unsent = work.write(0.0)
    assert read_state(store.path) == {"b": 2}
    assert [row.outgoing.value for row in unsent] == [b"kept"]


def write_and_fail(store):
    store.state.write({"a": "1"})
    raise ZeroDivisionError


def test_a_transaction_is_all_or_nothing(store):
    with pytest.raises(ZeroDivisionError), store.transaction():
        write_and_fail(store)
    assert read_state(store.path) == {}


def test_the_outbox_gives_what_is_due_in_order_and_keeps_what_is_refused(store):
    def outgoing(n):
        return Outgoing("c", None, [("h", None), ("b", b"\xff")], b"%d" % n)

    here, outbox = Position("in", 0), store.outbox
    store.owners.claim([here], ["in"], here)
    put = outbox.put([(due, here, outgoing(n)) for n, due in enumerate([30.0, 10.0, 20.0, 10.0])])
    assert [row.outgoing for row in put] == [outgoing(n) for n in range(4)]
    assert [row.outgoing.value for row in outbox.due(25.0)] == [b"1", b"3", b"2"]
    assert outbox.due(25.0)[0] == put[1]
    assert outbox.next_due() == 10.0
    first, second, third = outbox.due(25.0)
    outbox.sent([first.seq, third.seq])
    outbox.refused(second.seq, "too large")
    assert (outbox.due(25.0), outbox.next_due()) == ([], 30.0)
    assert read_left(store.path) == (1, 0, 0, 0)


def test_what_a_batch_left_is_not_taken_for_sent_with_a_later_one(store):
    here, there = Position("in", 0), Position("in", 1)
    store.owners.claim([here], ["in"], here)
    rows = [(1.0, place, Outgoing("c", None, [], b"%d" % n)) for n, place in enumerate([here] * 3)]
    put = store.outbox.put([*rows, (1.0, there, Outgoing("c", None, [], b"other"))])
    store.outbox.number([row.seq for row in put])  # all four, and then it was undone
    store.outbox.refused(put[0].seq, "too large")
    last = store.outbox.number([put[1].seq])
    store.outbox.settle({here: last})  # that one was sent, and never cleared
    assert [row.outgoing.value for row in store.outbox.due(2.0)] == [b"2"]
    left = store._db.execute("SELECT value, refused FROM outbox ORDER BY seq").fetchall()
    assert left == [(b"0", "too large"), (b"2", None), (b"other", None)]


def test_the_inbox_knows_the_latest_outcome(store):
    entry = ("shop", "1", "reserve")
    assert store.inbox.outcome(entry) is None
    store.inbox.remember([(entry, Outcome(b"hash", RETRYING, 0))], 1.0)
    store.inbox.remember([(entry, Outcome(b"hash", DONE, 1))], 2.0)
    assert store.inbox.outcome(entry) == (b"hash", DONE, 1)


def test_what_waits_is_given_back_byte_for_byte_when_its_time_has_come(store):
    def record(n):
        return Record("c", 0, n, 7, b"k", [("h", b"\xff"), ("n", None)], b"\x00%d" % n)

    store.owners.claim([Position("c", 0)], ["c"], Position("c", 0))
    for n, due in enumerate([30.0, 10.0]):
        store.waiting.until(due, record(n))
    store.waiting.park("ship", record(2))
    assert [waiter.record for waiter in store.waiting.due(30.0, 9)] == [record(1), record(0)]
    assert [waiter.record for waiter in store.waiting.due(29.0, 9)] == [record(1)]
    assert store.waiting.next_parked("ship", b"k").record == record(2)
    assert store.waiting.next_parked("ship", b"other") is None
    assert (store.next_due(), store.left()) == (10.0, (0, 2, 1, 0))


def test_a_state_is_read_as_of_one_moment(store, monkeypatch):
    store.state.write({"a": "1", "b": "2"})
    keys = state.Table.keys

    def and_then_all_goes(table):
        found = keys(table)
        store.state.write({"a": None, "b": None})
        return found

    monkeypatch.setattr(state.Table, "keys", and_then_all_goes)
    assert read_state(store.path) == {"a": 1, "b": 2}
    assert read_state(store.path) == {}


def test_a_file_is_read_while_the_service_runs_and_before_it_ever_ran(store, tmp_path):
    store.state.write({"a": write_value("a", Decimal("1.0"))})
    store.count({("handled", "X"): 2})
    store.count({("handled", "X"): 3})
    assert read_state(store.path) == {"a": Decimal("1.0")}
    assert read_counts(store.path) == store.counts() == {("handled", "X"): 5}
    missing = tmp_path / "missing.sqlite"
    assert (read_state(missing), read_counts(missing), read_left(missing)) == ({}, {}, (0, 0, 0, 0))
    assert not missing.exists()


def test_work_done_ahead_stands_only_while_all_that_it_has_read_is_so(store):
    entry, here = ("shop", "1", "reserve"), Position("in", 0)
    other = Store(store.path)

    def ahead():
        work = Work(store, ahead=True)
        work.source = here
        share = work.share()
        share.state["units"] = share.state.get("units", 0) + 1
        share.keep()
        assert work.outcome(entry) is None
        work.remember(entry, Outcome(b"hash", DONE, 0))
        return work

    first = ahead()
    other.state.write({"else": write_value("else", 1)})
    assert first.stands()
    other.state.write({"units": write_value("units", 7)})
    assert not first.stands()
    second = ahead()
    assert second.stands()
    other.inbox.remember([(entry, Outcome(b"hash", DONE, 0))], 1.0)
    assert not second.stands()
    other.close()


@pytest.mark.parametrize(
    "ask", [lambda work: list(work.share().state), lambda w: w.waiting, lambda w: w.timers]
)
def test_what_can_not_be_told_ahead_is_left_for_the_transaction(store, ask):
    with pytest.raises(NotAheadError):
        ask(Work(store, ahead=True))
    ask(Work(store))


def test_instances_that_start_together_make_one_file(tmp_path):
    path, failures = tmp_path / "new.sqlite", []
    ready = threading.Barrier(8)

    def start():
        ready.wait()
        try:
            Store(path).close()
        except ServiceError as error:
            failures.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert read_left(path) == (0, 0, 0, 0)


def test_a_file_of_another_format_is_said(store):
    store._db.execute("PRAGMA user_version = 1")
    with pytest.raises(ServiceError, match=r"is of another version .*wb.reset\(\) begins anew"):
        Store(store.path)


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
    assert (read_state(path), read_counts(path), read_left(path)) == ({}, {}, (0, 0, 0, 0))


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
    assert [policy.later_delay(n, 0.5) for n in (1, 2, 3)] == [1.0, 5.0, None]


def test_a_retry_policy_takes_durations_and_errors_as_people_write_them():
    policy = RetryPolicy(later=("250ms", "2min", 3), give_up_on=(LookupError, "TimeoutError"))
    assert policy.later == (0.25, 120.0, 3.0)
    assert policy.is_hopeless(KeyError("x"))
    assert policy.is_hopeless(TimeoutError())
    assert not policy.is_hopeless(ValueError())
    with pytest.raises(DesignError, match="'soon' is not a duration"):
        RetryPolicy(later=("soon",))
    with pytest.raises(DesignError, match="a reaction is tried at least once, not 0 times"):
        RetryPolicy(attempts=0)
