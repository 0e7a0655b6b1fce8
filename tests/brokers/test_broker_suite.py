"""What every broker promises: one suite of cases, run against each of them."""

import re
import socket
import sys
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource
from kafka.errors import KafkaTimeoutError, LeaderNotAvailableError, NodeNotReadyError

from workbench.brokers import (
    DEAD_LETTER_BYTES,
    EVENT_BYTES,
    AWSBroker,
    Coming,
    Commit,
    KafkaBroker,
    Landed,
    MemoryBroker,
    Outgoing,
    Position,
    Subscription,
    open_broker,
)
from workbench.brokers.aws import member as aws_member
from workbench.brokers.librdkafka import translate
from workbench.brokers.local.ports import free_port
from workbench.capture import record_to
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError

PATIENCE = 30  # seconds after which something that should come is taken to be lost


def unique(word):
    return f"{word}-{uuid4().hex[:10]}"


def outgoing(channel, value=b"{}", key=b"o-1", headers=()):
    return Outgoing(channel, key, list(headers), value)


def take(reader, n):
    """At least ``n`` records; fewer only when they don't come at all."""
    found, deadline = [], time.monotonic() + PATIENCE
    while len(found) < n and time.monotonic() < deadline:
        found += reader.poll(0.2)
    return found


def deal_with(consumer, n):
    """At least ``n`` records, each poll's committed: SQS gives ten of one key, and then waits."""
    found, deadline = [], time.monotonic() + PATIENCE
    while len(found) < n and time.monotonic() < deadline:
        records = consumer.poll(0.2)
        consumer.commit(next_offsets(records))
        found += records
        if records:
            deadline = time.monotonic() + PATIENCE
    return found


def next_offsets(records):
    offsets = {}
    for record in records:
        position = Position(record.channel, record.partition)
        offsets[position] = max(offsets.get(position, 0), record.offset + 1)
    return offsets


def at(record):
    """To commit all that was read before a record, or to read on from it."""
    return {Position(record.channel, record.partition): record.offset}


def place_in(record):
    return record.channel, record.partition, record.offset


def ends(broker, channel):
    return broker.end_offsets([channel])


def until(happened):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def settle(members):
    """Let every member learn what it is given; for use in a condition."""
    for member in members:
        member.poll(0.1)
    return True


class BrokerSuite:
    """Inherited by a class for each broker, which gives the ``broker`` fixture."""

    keeps_nulls = True
    """Whether a header without a value, and an event with neither key nor value, stay so."""
    partitions = 3
    """How many a channel has that is to have three."""
    tells_offsets = True
    """Whether the broker says at which offset an event landed."""
    keeps_offsets = True
    """Whether it keeps where a group reads on, so that it can be told and changed."""
    keeps_events = True
    """Whether it keeps events for groups that there are not yet."""
    transactions = True
    """Whether it can send events and commit offsets in one step."""

    def landed(self, channel, offset):
        """What is answered for an event at partition 0."""
        return Landed(channel, 0, offset if self.tells_offsets else None)

    def everything(self, channel):
        """All partitions of a channel that is to have three."""
        return {Position(channel, n) for n in range(self.partitions)}

    def vanish(self, member):
        """Be rid of a member as a kill is, where the broker is not told by the next one."""

    @pytest.fixture
    def impatient(self, broker):
        """A broker that soon gives up waiting."""
        return broker

    @pytest.fixture
    def orders(self, broker):
        """A channel of three partitions."""
        name = unique("orders")
        broker.ensure_channels({name: 3})
        return name

    @pytest.fixture
    def queue(self, broker):
        """A channel of one partition."""
        name = unique("queue")
        broker.ensure_channels({name: 1})
        return name

    @pytest.fixture
    def send(self, broker):
        """Sends a batch with a producer of the test's own."""
        with closing(broker.producer()) as producer:
            yield lambda *batch: producer.send(batch)

    @pytest.fixture
    def hearing(self, broker):
        """Makes groups that hear channels from now on: not every broker keeps events for others."""

        def hearing(*channels):
            group = unique("g")
            broker.subscribe([Subscription(group, dict.fromkeys(channels))])
            return group

        return hearing

    @pytest.fixture
    def join(self, broker):
        """Joins a group; who joined is closed at the end."""
        joined = []

        def join(group, channel, member="m-0"):
            joined.append(broker.consumer(group, [channel], member))
            return joined[-1]

        yield join
        for consumer in reversed(joined):
            with suppress(BrokerError):
                consumer.close()

    # --- publishing -----------------------------------------------------------------------

    def test_what_is_published_lands_at_a_partition_and_offset_and_is_read_back_there(
        self, broker, orders, send
    ):
        before = int(time.time() * 1000)
        (landed,) = send(outgoing(orders, b'{"n":1}', b"o-1", [("ce_id", b"7")]))
        assert isinstance(landed, Landed)
        with broker.reader({Position(orders, landed.partition): landed.offset or 0}) as reader:
            (record,) = take(reader, 1)
        assert Landed(*record[:3]) == landed._replace(offset=landed.offset or 0)
        assert (record.key, list(record.headers), record.value) == (
            b"o-1",
            [("ce_id", b"7")],
            b'{"n":1}',
        )
        assert before - 1000 <= record.time_ms <= time.time() * 1000 + 1000

    def test_a_reader_in_batches_gives_the_same_records(self, broker, orders, send):
        send(*[outgoing(orders, str(n).encode(), f"o-{n}".encode()) for n in range(20)])
        begins, ends_now = broker.begin_offsets([orders]), ends(broker, orders)
        with broker.reader(begins) as reader:
            records = take(reader, 20)
        found, reached = [], dict(begins)
        with broker.batch_reader(begins) as reader:
            while any(reached[place] < end for place, end in ends_now.items()):
                for batch in reader.poll_batches(0.2):
                    found += batch.records()
                    reached[batch.position] = batch.next
        assert [r._replace(headers=list(r.headers)) for r in sorted(found, key=place_in)] == [
            r._replace(headers=list(r.headers), message_id="")
            for r in sorted(records, key=place_in)
        ]

    def test_events_of_one_key_stay_in_order_in_one_partition(
        self, broker, orders, send, join, hearing
    ):
        group = hearing(orders)
        batch = [outgoing(orders, str(n).encode(), f"o-{n % 7}".encode()) for n in range(210)]
        landed = send(*batch)
        homes = {}
        for event, place in zip(batch, landed, strict=True):
            homes.setdefault(event.key, set()).add(place.partition)
        assert all(len(partitions) == 1 for partitions in homes.values())
        read = {}
        for record in deal_with(join(group, orders), 210):
            read.setdefault(record.key, []).append(int(record.value))
        assert read == {f"o-{k}".encode(): list(range(k, 210, 7)) for k in range(7)}

    def test_events_without_a_key_land_too(self, orders, send, join, hearing):
        group = hearing(orders)
        landed = send(*[outgoing(orders, str(n).encode(), None) for n in range(9)])
        assert all(isinstance(place, Landed) for place in landed)
        records = take(join(group, orders), 9)
        assert sorted(int(record.value) for record in records) == list(range(9))
        assert {record.key for record in records} == {None}

    def test_an_event_without_a_value_lands_as_one(self, queue, send, join, hearing):
        group = hearing(queue)
        send(outgoing(queue, None, b"o-1"), outgoing(queue, None, None), outgoing(queue, b"", b""))
        records = take(join(group, queue), 3)
        assert [(record.key, record.value) for record in records] == [
            (b"o-1", None),
            (None, None if self.keeps_nulls else b""),
            (b"", b""),
        ]

    def test_headers_keep_their_order_repeats_bytes_and_unicode(self, queue, send, join, hearing):
        group = hearing(queue)
        headers = [
            ("größe", "żółć 😀".encode()),
            ("twice", b"1"),
            ("twice", b"2"),
            ("raw", bytes(range(256))),
            ("empty", b""),
        ]
        send(outgoing(queue, headers=headers))
        (record,) = take(join(group, queue), 1)
        assert list(record.headers) == headers

    def test_a_header_without_a_value_lands_as_null_or_else_empty(self, queue, send, join, hearing):
        group = hearing(queue)
        send(outgoing(queue, headers=[("nothing", None)]))
        (record,) = take(join(group, queue), 1)
        assert list(record.headers) == [("nothing", None if self.keeps_nulls else b"")]

    def test_keys_and_values_are_bytes_untouched(self, queue, send, join, hearing):
        group = hearing(queue)
        send(
            outgoing(queue, "naïve 😀".encode(), "schlüssel".encode()),
            outgoing(queue, b"\xff\x00", b"\xfe"),
        )
        records = take(join(group, queue), 2)
        assert [(record.key, record.value) for record in records] == [
            ("schlüssel".encode(), "naïve 😀".encode()),
            (b"\xfe", b"\xff\x00"),
        ]

    def test_the_largest_event_and_the_largest_dead_letter_are_taken(
        self, queue, send, join, hearing
    ):
        group = hearing(queue)
        event, letter = b"e" * (EVENT_BYTES - 3), b"l" * (DEAD_LETTER_BYTES - 3)
        landed = send(outgoing(queue, event), outgoing(queue, letter))
        assert [type(place) for place in landed] == [Landed, Landed]
        assert [r.value for r in take(join(group, queue), 2)] == [event, letter]

    def test_one_too_large_is_refused_the_others_go_on_and_the_producer_lives(
        self, broker, queue, send
    ):
        huge = outgoing(queue, b"h" * (DEAD_LETTER_BYTES + 500_000))
        first, refused, last = send(outgoing(queue), huge, outgoing(queue))
        assert isinstance(refused, EventRefusedError)
        assert [first, last] == [self.landed(queue, 0), self.landed(queue, 1)]
        (after,) = send(outgoing(queue))
        assert after == self.landed(queue, 2)
        assert broker.end_offsets([queue]) == {Position(queue, 0): 3}

    def test_a_channel_that_is_not_there_is_said_and_the_others_go_on(self, queue, impatient):
        missing = unique("missing")
        with closing(impatient.producer()) as producer:
            refused, landed = producer.send([outgoing(missing), outgoing(queue)])
        assert isinstance(refused, BrokerError)
        assert missing in str(refused)
        assert landed == self.landed(queue, 0)

    def test_a_producer_serves_several_threads(self, broker, orders):
        answers = []
        with closing(broker.producer()) as producer:

            def run(name):
                answers.extend(producer.send([outgoing(orders, key=name) for _ in range(50)]))

            threads = [threading.Thread(target=run, args=(b"t%d" % n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
        assert all(isinstance(answer, Landed) for answer in answers)
        assert len(set(answers) if self.tells_offsets else answers) == 200
        assert sum(broker.end_offsets([orders]).values()) == 200

    # --- groups ---------------------------------------------------------------------------

    def test_every_group_gets_every_event_and_a_new_group_reads_from_the_start(
        self, orders, send, join
    ):
        send(*[outgoing(orders, str(n).encode(), str(n).encode()) for n in range(20)])
        for group in (unique("billing"), unique("shipping")):
            if not self.keeps_events:
                assert join(group, orders).poll(0.5) == []
                continue
            records = take(join(group, orders), 20)
            assert sorted(int(record.value) for record in records) == list(range(20))

    def test_what_was_committed_is_where_a_group_resumes(self, broker, queue, send, join, hearing):
        group = hearing(queue)
        send(*[outgoing(queue, str(n).encode()) for n in range(10)])
        first = join(group, queue)
        fifth = take(first, 10)[4]
        assert first.commit(at(fifth)) is True
        first.close()
        assert broker.committed(group) == (at(fifth) if self.keeps_offsets else {})
        assert [r.value for r in take(join(group, queue), 6)] == [
            b"4",
            b"5",
            b"6",
            b"7",
            b"8",
            b"9",
        ]

    def test_what_a_member_read_and_did_not_commit_is_read_again_by_the_next(
        self, queue, send, join, hearing
    ):
        group = hearing(queue)
        send(*[outgoing(queue, str(n).encode()) for n in range(5)])
        vanished = join(group, queue, "inventory-0")
        assert len(take(vanished, 5)) == 5
        self.vanish(vanished)
        again = join(group, queue, "inventory-0")
        records = take(again, 5)
        assert [r.value for r in records] == [b"0", b"1", b"2", b"3", b"4"]
        assert again.commit(next_offsets(records)) is True

    def test_a_member_whose_place_was_taken_can_not_commit(
        self, broker, queue, send, join, hearing
    ):
        group = hearing(queue)
        send(outgoing(queue), outgoing(queue))
        paused = join(group, queue, "inventory-0")
        records = take(paused, 2)
        successor = join(group, queue, "inventory-0")
        take(successor, 2)
        assert paused.commit(next_offsets(records)) is False
        assert broker.committed(group) == {}

    @pytest.mark.parametrize("ending", ["closed", "killed"])
    def test_a_member_that_comes_back_reading_more_channels_is_given_them(
        self, broker, orders, queue, send, ending, hearing
    ):
        group = hearing(orders, queue)
        with suppress(BrokerError), closing(broker.consumer(group, [queue], "m-0")) as before:
            send(outgoing(queue, b"1"))
            before.commit(next_offsets(take(before, 1)))
            if ending == "closed":
                before.close()
            else:
                self.vanish(before)
            send(outgoing(queue, b"2"), outgoing(orders, b"3"))
            broker.make_way([Coming(group, "m-0", [queue, orders])])
            with closing(broker.consumer(group, [queue, orders], "m-0")) as after:
                assert sorted(record.value for record in take(after, 2)) == [b"2", b"3"]

    def test_members_of_a_group_share_the_partitions_and_leave_none_out(
        self, broker, orders, send, join
    ):
        group = unique("g")
        members = [join(group, orders, f"m-{n}") for n in range(2)]
        at_work = 2 if broker.shares else 1

        def shared():
            held = [member.assigned() for member in members if member.assigned()]
            return len(held) == at_work and set.union(*held) == self.everything(orders)

        until(lambda: settle(members) and shared())
        assert all(member.joined() for member in members)
        assert not members[0].assigned() & members[1].assigned()

    # --- transactions ---------------------------------------------------------------------

    @pytest.fixture
    def transacting(self, broker):
        """Makes transactional producers, which are closed at the end."""
        if not self.transactions:
            pytest.skip("it has none, and says so: see the test of that")
        made = []

        def make(name):
            made.append(broker.transactional_producer(name, "g"))
            return made[-1]

        yield make
        for producer in reversed(made):
            with suppress(BrokerError):
                producer.close()

    def test_a_transaction_sends_events_and_commits_offsets_and_a_note_in_one_step(
        self, broker, orders, queue, send, join, transacting, hearing
    ):
        group = hearing(queue)
        send(*[outgoing(queue, str(n).encode()) for n in range(3)])
        member = join(group, queue)
        take(member, 3)
        assert member.committed() == {}
        seen = []

        def look():
            with broker.reader(broker.begin_offsets([orders])) as reader:
                seen.append(reader.poll(0.5))

        batch = [outgoing(orders, str(n).encode(), f"o-{n}".encode()) for n in range(20)]
        place = Position(queue, 0)
        landed = transacting("t").transact(batch, {place: Commit(2, "7")}, member, look)
        assert seen == [[]]  # sent, and not to be seen before it is committed
        assert all(isinstance(answer, Landed) for answer in landed)
        with broker.reader(broker.begin_offsets([orders])) as reader:
            records = take(reader, 20)
            assert sorted(int(record.value) for record in records) == list(range(20))
            until(lambda: not reader.poll(0.1) and reader.positions() == ends(broker, orders))
        assert member.committed() == {place: Commit(2, "7")}
        assert broker.committed(group) == {place: 2}

    def test_a_refused_event_undoes_its_transaction_and_is_said_to_be_to_blame(
        self, broker, orders, queue, send, join, transacting, hearing
    ):
        group = hearing(queue)
        send(outgoing(queue))
        member = join(group, queue)
        take(member, 1)
        producer = transacting("t")
        bad = outgoing(orders, b"x" * (DEAD_LETTER_BYTES + 200_000))
        offsets = {Position(queue, 0): Commit(1)}
        answers = producer.transact([outgoing(orders, b"1"), bad], offsets, member)
        assert [type(answer) for answer in answers] == [BrokerError, EventRefusedError]
        assert member.committed() == {}
        producer.transact([outgoing(orders, b"2")], offsets, member)
        with broker.reader(broker.begin_offsets([orders])) as reader:
            assert [record.value for record in take(reader, 1)] == [b"2"]
        assert member.committed() == offsets

    def test_what_a_producer_left_open_is_undone_by_the_next_of_its_name(
        self, broker, orders, queue, send, join, transacting, hearing
    ):
        group = hearing(queue)
        send(outgoing(queue))
        member = join(group, queue)
        take(member, 1)

        def crash():
            raise KeyboardInterrupt

        earlier, place = transacting("t"), Position(queue, 0)
        with suppress(KeyboardInterrupt):
            earlier.transact([outgoing(orders, b"lost")], {place: Commit(1)}, member, crash)
        later = transacting("t")
        assert member.committed() == {}
        later.transact([outgoing(orders, b"kept")], {place: Commit(1)}, member)
        with broker.reader(broker.begin_offsets([orders])) as reader:
            assert [record.value for record in take(reader, 1)] == [b"kept"]
            until(lambda: not reader.poll(0.1) and reader.positions() == ends(broker, orders))
        with pytest.raises(BrokerError):
            earlier.transact([outgoing(orders, b"late")], {place: Commit(1)}, member)

    def test_a_member_that_is_one_no_more_commits_nothing_and_sends_nothing(
        self, broker, orders, queue, send, join, transacting, hearing
    ):
        group = hearing(queue)
        send(outgoing(queue))
        place = Position(queue, 0)
        first = join(group, queue)
        take(first, 1)
        second = join(group, queue)
        take(second, 1)
        stale = transacting("t")
        assert stale.transact([outgoing(orders, b"stale")], {place: Commit(1)}, first) is None
        transacting("u").transact([outgoing(orders, b"right")], {place: Commit(1)}, second)
        with broker.reader(broker.begin_offsets([orders])) as reader:
            assert [record.value for record in take(reader, 1)] == [b"right"]

    def test_whoever_has_no_transactions_says_what_to_do_instead(self, broker):
        if not self.transactions:
            says = f"^{broker.kind} has no transactions: use delivery='at-least-once'"
            with pytest.raises(BrokerError, match=says):
                broker.transactional_producer("t", "g")
            with pytest.raises(BrokerError, match=says):
                broker.may_transact()
        else:
            broker.may_transact()

    # --- members --------------------------------------------------------------------------

    def test_what_is_given_back_is_read_again_and_the_rest_is_not(self, queue, send, join, hearing):
        group = hearing(queue)
        send(*[outgoing(queue, str(n).encode()) for n in range(5)])
        member = join(group, queue)
        fourth = take(member, 5)[3]
        member.give_back({**at(fourth), Position("elsewhere", 0): 0})
        assert [record.value for record in take(member, 2)] == [b"3", b"4"]

    def test_a_member_knows_when_it_has_joined_and_where_it_reads(self, queue, send, join, hearing):
        group = hearing(queue)
        send(outgoing(queue))
        member = join(group, queue)
        records = take(member, 1)
        assert member.joined()
        assert member.positions() == next_offsets(records)

    def test_the_partitions_of_a_member_that_was_dismissed_go_to_the_others(
        self, broker, orders, join
    ):
        group = unique("g")
        members = [join(group, orders, f"m-{n}") for n in range(2)]
        at_work = 2 if broker.shares else 1
        until(lambda: settle(members) and sum(bool(m.assigned()) for m in members) == at_work)
        gone = max(range(2), key=lambda n: (bool(members[n].assigned()), n))
        members[gone].close()
        broker.dismiss(group, f"m-{gone}")
        stays = members[1 - gone]
        until(lambda: settle([stays]) and stays.assigned() == self.everything(orders))

    def test_several_channels_are_read_together(self, orders, queue, send, broker, hearing):
        group = hearing(orders, queue)
        send(outgoing(orders, b"a"), outgoing(queue, b"b"))
        with broker.consumer(group, [orders, queue], "m-0") as consumer:
            assert {(r.channel, r.value) for r in take(consumer, 2)} == {
                (orders, b"a"),
                (queue, b"b"),
            }

    def test_a_poll_gives_at_most_what_was_asked_for_and_loses_nothing(
        self, queue, send, join, hearing
    ):
        group = hearing(queue)
        send(*[outgoing(queue, str(n).encode()) for n in range(30)])
        consumer = join(group, queue)
        sizes, values, deadline = [], [], time.monotonic() + PATIENCE
        while len(values) < 30 and time.monotonic() < deadline:
            records = consumer.poll(0.2, 7)
            consumer.commit(next_offsets(records))
            sizes.append(len(records))
            values += [int(record.value) for record in records]
        assert max(sizes) == 7
        assert values == list(range(30))

    # --- offsets --------------------------------------------------------------------------

    def test_lag_is_what_was_sent_and_is_not_committed_read_or_not(
        self, broker, orders, send, join, hearing
    ):
        group = hearing(orders)

        def lag():
            return broker.lags({group: {orders}})

        send(*[outgoing(orders, b"x", str(n).encode()) for n in range(30)])
        assert broker.committed(group) == {}
        assert broker.begin_offsets([orders]) == dict.fromkeys(self.everything(orders), 0)
        assert lag() == {group: 30}
        consumer = join(group, orders)
        until(lambda: lag() == {group: 30})  # a queue's count may be off while it is being read
        records = take(consumer, 30)
        assert lag() == {group: 30}
        assert consumer.commit(next_offsets(records)) is True
        assert lag() == {group: 0}
        send(*[outgoing(orders, b"x", str(n).encode()) for n in range(7)])
        assert sum(broker.end_offsets([orders]).values()) == 37
        assert lag() == {group: 7}
        consumer.close()
        assert lag() == {group: 7}

    def test_channels_that_are_not_there_have_no_offsets(self, broker, queue):
        missing = unique("missing")
        nothing = {Position(queue, 0): 0}
        assert broker.end_offsets([missing, queue]) == nothing
        assert broker.begin_offsets([missing, queue]) == nothing
        assert broker.offsets_at([missing, queue], datetime.now(UTC)) == nothing
        assert broker.end_offsets([]) == {}

    def test_offsets_are_found_by_the_time_of_appending(self, broker, queue, send):
        send(outgoing(queue), outgoing(queue))
        with broker.reader({Position(queue, 0): 0}) as reader:
            last = take(reader, 2)[-1]
        between = datetime.fromtimestamp((last.time_ms + 1) / 1000, UTC)
        while time.time() * 1000 < last.time_ms + 3:
            time.sleep(0.001)
        send(outgoing(queue))
        at = {
            "before": between - timedelta(hours=1),
            "between": between,
            "after": between + timedelta(hours=1),
        }
        found = {name: broker.offsets_at([queue], time) for name, time in at.items()}
        assert found == {
            "before": {Position(queue, 0): 0},
            "between": {Position(queue, 0): 2},
            "after": {Position(queue, 0): 3},
        }

    def test_a_reader_starts_where_it_is_told_and_disturbs_no_group(
        self, broker, queue, send, join, hearing
    ):
        group = hearing(queue)
        send(*[outgoing(queue, str(n).encode()) for n in range(6)])
        consumer = join(group, queue)
        records = take(consumer, 6)
        consumer.commit(at(records[3]))
        with broker.reader({Position(queue, 0): 4}) as reader:
            assert [record.value for record in take(reader, 2)] == [b"4", b"5"]
        assert broker.committed(group) == (at(records[3]) if self.keeps_offsets else {})
        assert broker.lags({group: {queue}}) == {group: 3}
        assert consumer.assigned() == {Position(queue, 0)}
        assert consumer.commit(next_offsets(records)) is True

    def test_a_capture_goes_on_where_its_folder_ends(self, broker, queue, send, tmp_path):
        if not self.keeps_events:
            pytest.skip("what was answered is gone: there is nothing to go on with")
        for n, sent in enumerate((3, 0, 2)):
            send(*[outgoing(queue, f"{n}/{k}".encode()) for k in range(sent)])
            folder = record_to(broker, [queue], tmp_path / "log")
            assert folder.new == sent
        assert folder.events == 5
        assert folder.what_is_lost() == []

    # --- house-keeping --------------------------------------------------------------------

    @pytest.mark.parametrize("ending", ["closed", "killed"])
    def test_a_group_without_members_is_rewound(self, broker, queue, send, ending, hearing):
        group = hearing(queue)
        send(*(outgoing(queue, b"%d" % n) for n in range(4)))
        with suppress(BrokerError), closing(broker.consumer(group, [queue], "m-0")) as before:
            before.commit(next_offsets(take(before, 4)))
            if ending == "closed":
                before.close()
            if not self.keeps_offsets:
                with pytest.raises(BrokerError, match=f"keeps no offsets, so {group} can't be "):
                    broker.rewind(group, {Position(queue, 0): 2})
                return
            broker.rewind(group, {Position(queue, 0): 2})
            assert broker.committed(group) == {Position(queue, 0): 2}
            with closing(broker.consumer(group, [queue], "m-0")) as after:
                assert [record.value for record in take(after, 2)] == [b"2", b"3"]

    def test_making_channels_twice_keeps_them_and_their_events(self, broker, orders, send):
        send(outgoing(orders))
        more = unique("more")
        broker.ensure_channels({orders: 5, more: 2})
        broker.ensure_channels({orders: 3, more: 2})
        assert {orders, more} <= broker.channels()
        ends = broker.end_offsets([orders, more])
        assert len(ends) == self.partitions + min(2, self.partitions)
        assert sum(ends.values()) == 1

    def test_deleted_channels_and_groups_are_forgotten_and_can_be_made_again(
        self, broker, orders, send, join, hearing
    ):
        group = hearing(orders)
        send(*[outgoing(orders, b"old", str(n).encode()) for n in range(10)])
        consumer = join(group, orders, "first-0")
        consumer.commit(next_offsets(take(consumer, 10)))
        consumer.close()
        broker.delete([orders, unique("missing")], [group, unique("missing")])
        assert orders not in broker.channels()
        assert broker.committed(group) == {}
        assert broker.end_offsets([orders]) == {}

        broker.ensure_channels({orders: 3})
        broker.subscribe([Subscription(group, {orders: None})])
        assert broker.end_offsets([orders]) == dict.fromkeys(self.everything(orders), 0)
        landed = send(*[outgoing(orders, b"new", str(n).encode()) for n in range(10)])
        assert all(isinstance(place, Landed) for place in landed)
        records = take(join(group, orders, "second-0"), 10)
        assert [record.value for record in records] == [b"new"] * 10

    def test_the_cluster_has_one_id(self, broker):
        assert broker.cluster_id
        assert broker.cluster_id == broker.cluster_id


@pytest.mark.memory
class TestMemoryBroker(BrokerSuite):
    @pytest.fixture
    def broker(self):
        return MemoryBroker()

    def test_two_of_them_are_two_clusters(self, broker):
        assert MemoryBroker().cluster_id != broker.cluster_id

    def test_the_append_time_is_that_of_its_clock(self):
        broker = MemoryBroker(now=lambda: 1_000_000.5)
        broker.ensure_channels({"orders": 1})
        broker.producer().send([outgoing("orders")])
        (record,) = broker.reader({Position("orders", 0): 0}).poll(0)
        assert record.time_ms == 1_000_000_500

    def test_a_deleted_group_forgets_the_members_that_a_kill_left_behind(
        self, broker, orders, send
    ):
        vanished = broker.consumer("g", [orders], "first-0")
        broker.delete([orders], ["g"])
        broker.ensure_channels({orders: 3})
        send(*[outgoing(orders, key=str(n).encode()) for n in range(10)])
        heir = broker.consumer("g", [orders], "second-0")
        assert heir.assigned() == {Position(orders, n) for n in range(3)}
        assert len(heir.poll(0)) == 10
        assert vanished.commit({Position(orders, 0): 1}) is False
        vanished.close()


@pytest.mark.kafka
class TestKafkaBroker(BrokerSuite):
    keeps_nulls = False  # kafka-python can send neither; it reads both

    @pytest.fixture
    def broker(self, kafka):
        with KafkaBroker(kafka.bootstrap_servers) as broker:
            yield broker

    @pytest.fixture
    def impatient(self, kafka):
        with KafkaBroker(kafka.bootstrap_servers, timeout=0.7) as broker:
            yield broker

    def test_the_cluster_is_the_one_it_says(self, broker, kafka):
        assert broker.cluster_id == kafka.cluster_id

    def test_channels_keep_append_time_whatever_an_event_says_and_retention_is_set(
        self, broker, queue
    ):
        found = broker._admin.describe_configs([ConfigResource("TOPIC", queue)])
        text = str(found)
        assert "LogAppendTime" in text
        assert str(7 * 24 * 3600 * 1000) in text

    def test_what_is_never_answered_is_said_soon_however_much_it_is(self, broker, queue):
        with closing(broker.producer()) as producer:
            producer.send([outgoing(queue)])  # it knows the cluster by now
            waits = []

            class Silence:
                def get(self, timeout):
                    waits.append(timeout)
                    time.sleep(min(timeout, 0.3))
                    raise KafkaTimeoutError

            def stuck(*_, **__):
                raise KafkaTimeoutError

            client = producer.client
            client.send = lambda *_, **__: Silence()
            client.flush = stuck  # which kafka-python calls to close it, too
            answers = producer.send([outgoing(queue)] * 500)
            assert {type(answer) for answer in answers} == {BrokerError}
            assert sum(waits) < 10  # not a second for each
            assert producer.client is not client  # this one may be of no more use
            assert client._closed
            assert isinstance(producer.send([outgoing(queue)])[0], Landed)

    def test_what_follows_a_full_poll_is_read_at_once(self, kafka, queue, orders, send):
        # kafka-python asked for the other channel only, which answers after fetch_max_wait_ms.
        with (
            KafkaBroker(kafka.bootstrap_servers, fetch_max_wait_ms=25_000) as broker,
            closing(broker.reader({Position(queue, 0): 0, Position(orders, 0): 0})) as reader,
        ):
            for n in range(3):
                send(*[outgoing(queue)] * 20)
                taken = [reader.poll(10, limit=10) for _ in range(2)]
                assert [len(records) for records in taken] == [10, 10], f"round {n}"

    def test_an_open_transaction_counts_only_where_it_is_asked_for(self, broker, queue):
        producer = broker.connect(KafkaProducer, transactional_id=unique("t"))
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(queue, b"{}").get(PATIENCE)
        assert broker.end_offsets([queue]) == {Position(queue, 0): 0}
        assert broker.end_offsets([queue], committed=False) == {Position(queue, 0): 1}
        producer.commit_transaction()  # whose mark takes an offset, too
        until(lambda: broker.end_offsets([queue]) == {Position(queue, 0): 2})
        assert broker.end_offsets([queue], committed=False) == {Position(queue, 0): 2}
        producer.close()

    def test_what_kafka_python_raises_is_said_in_words(self, broker, queue):
        def silent(*_, **__):
            raise NodeNotReadyError(1)

        with closing(broker.consumer(unique("g"), [queue], "m")) as member:
            until(lambda: member.poll(0.1) is not None and member.assigned())
            for name in ("poll", "position", "commit", "committed"):
                setattr(member._client, name, silent)
            silence = r": it does not answer now \(NodeNotReadyError: 1\)\.$"
            with pytest.raises(BrokerError, match="^Kafka could not be read" + silence):
                member.poll(0)
            with pytest.raises(BrokerError, match="^Kafka did not say where to read on" + silence):
                member.positions()
            with pytest.raises(BrokerError, match="^the offsets could not be committed" + silence):
                member.commit({Position(queue, 0): 0})
            with pytest.raises(BrokerError, match="^Kafka did not say what is committed" + silence):
                member.committed()

    def test_a_channel_without_a_leader_is_waited_for_and_not_left_out(
        self, impatient, queue, monkeypatch
    ):
        ask, answers = impatient._admin.describe_topics, []

        def leaderless(topics):
            answers.append(ask(topics))
            for topic in answers[-1]:
                for partition in topic["partitions"]:
                    partition["error_code"] = LeaderNotAvailableError.errno
            return answers[-1]

        def at_last(topics):
            return (leaderless if len(answers) < 2 else ask)(topics)

        monkeypatch.setattr(impatient._admin, "describe_topics", at_last)
        assert impatient.end_offsets([queue]) == {Position(queue, 0): 0}
        monkeypatch.setattr(impatient._admin, "describe_topics", leaderless)
        with pytest.raises(BrokerUnavailableError, match=r"has not answered within 0\.7 s"):
            impatient.end_offsets([queue])

    def test_a_group_with_a_living_member_is_deleted_too(self, broker, queue, send, join):
        group = unique("g")
        send(outgoing(queue))
        consumer = join(group, queue)
        consumer.commit(next_offsets(take(consumer, 1)))
        broker.delete([], [group])
        assert broker.committed(group) == {}


@pytest.mark.rabbitmq
class TestRabbitMQBroker(BrokerSuite):
    partitions = 1
    tells_offsets = keeps_offsets = transactions = False

    @pytest.fixture
    def broker(self, rabbitmq):
        with open_broker({"kind": rabbitmq.kind, **rabbitmq.client_settings()}) as broker:
            yield broker


@pytest.mark.aws
class TestAWSBroker(BrokerSuite):
    """On moto, a stand-in: what AWS itself does otherwise is said in :mod:`workbench.brokers.aws`."""

    partitions = 1
    tells_offsets = keeps_offsets = keeps_events = transactions = False

    @pytest.fixture
    def broker(self, aws, tmp_path, monkeypatch):
        # What a member that vanished held comes again sooner than otherwise.
        monkeypatch.setattr(aws_member, "VISIBILITY", 3)
        with AWSBroker("eu-central-1", endpoint_url=aws, spool=tmp_path) as broker:
            yield broker

    def vanish(self, member):
        member._closing.set()
        member._thread.join()

    def test_the_largest_event_and_the_largest_dead_letter_are_taken(
        self, queue, send, join, hearing
    ):
        group = hearing(queue)
        event, letter = b"e" * (224 * 1024 - 200), b"l" * (256 * 1024 - 200)
        larger, noted = b"e" * (224 * 1024 + 1), [("dl_service", b"billing")]
        *landed, refused = send(
            outgoing(queue, event), outgoing(queue, letter, headers=noted), outgoing(queue, larger)
        )
        assert landed == [Landed(queue, 0, None)] * 2
        assert re.search(
            r"too large: 229,\d{3} bytes as a message, and at most 229,376 a", str(refused)
        )
        assert [r.value for r in deal_with(join(group, queue), 2)] == [event, letter]

    def test_what_a_member_read_and_did_not_commit_is_read_again_by_the_next(
        self, queue, send, join, hearing
    ):
        group = hearing(queue)
        send(*[outgoing(queue, str(n).encode()) for n in range(5)])
        vanished = join(group, queue, "inventory-0")
        assert len(take(vanished, 5)) == 5
        self.vanish(vanished)
        # AWS keeps the order of a key; moto gives the last first once their visibility has ended.
        records = deal_with(join(group, queue, "inventory-0"), 5)
        assert sorted(r.value for r in records) == [b"0", b"1", b"2", b"3", b"4"]

    def test_members_of_a_group_share_the_partitions_and_leave_none_out(self, broker):
        assert not broker.shares  # nobody starts two members of one group

    def test_the_partitions_of_a_member_that_was_dismissed_go_to_the_others(self, broker):
        broker.dismiss("nobody", "nobody-0")  # there is nothing to hand over

    def test_a_member_whose_place_was_taken_can_not_commit(self, queue, send, join, hearing):
        """It is not told, but what it has not committed in time is given to the next one."""
        group = hearing(queue)
        send(outgoing(queue, b"1"))
        paused = join(group, queue, "inventory-0")
        take(paused, 1)
        self.vanish(paused)
        successor = join(group, queue, "inventory-0")
        records = take(successor, 1)
        assert [record.value for record in records] == [b"1"]
        paused._held.clear()  # what closes it at the end is to take nothing from its successor
        assert successor.commit(next_offsets(records)) is True


class BulkKafkaBroker(KafkaBroker):
    """Reads and sends in bulk only."""

    reader = KafkaBroker.bulk_reader
    producer = KafkaBroker.bulk_producer


@pytest.mark.kafka
class TestKafkaBrokerInBulk(BrokerSuite):
    """The same promises, with confluent-kafka in the place of kafka-python where it can be."""

    @pytest.fixture
    def broker(self, kafka):
        with BulkKafkaBroker(kafka.bootstrap_servers) as broker:
            yield broker

    @pytest.fixture
    def impatient(self, kafka):
        with BulkKafkaBroker(kafka.bootstrap_servers, timeout=0.7) as broker:
            yield broker

    def test_it_is_confluent_kafka_that_reads_and_sends(self, broker):
        with closing(broker.producer()) as producer, broker.reader({}) as reader:
            assert type(producer).__name__ == "BulkKafkaProducer"
            assert type(reader).__name__ == "BulkKafkaReader"

    def test_a_key_has_one_partition_whoever_sends_it(self, broker, orders, send):
        keys = [b"", "schlüssel".encode(), *(b"o-%d" % n for n in range(50))]
        batch = [outgoing(orders, key=key) for key in keys]
        homes = [place.partition for place in send(*batch)]
        with closing(KafkaBroker.producer(broker)) as other:
            assert [place.partition for place in other.send(batch)] == homes

    def test_a_large_channel_is_read_whole_and_in_order(self, broker, orders, send):
        for begin in range(0, 20_000, 2_000):
            numbers = range(begin, begin + 2_000)
            send(*(outgoing(orders, b"%d" % n, b"o-%d" % (n % 100)) for n in numbers))
        with broker.reader(broker.begin_offsets([orders])) as reader:
            found = take(reader, 20_000)
            until(lambda: not reader.poll(0.1) and reader.positions() == ends(broker, orders))
        assert sorted(int(record.value) for record in found) == list(range(20_000))
        for partition in range(3):
            there = [int(r.value) for r in found if r.partition == partition]
            assert there == sorted(there)

    def test_a_reader_whose_offset_is_gone_begins_with_what_is_kept(self, broker, queue, send):
        send(outgoing(queue, b"kept"))
        with broker.reader({Position(queue, 0): 100}) as reader:
            assert [record.value for record in take(reader, 1)] == [b"kept"]

    def test_a_channel_that_is_deleted_while_it_is_read_is_said_or_waited_for(
        self, broker, queue, send
    ):
        send(outgoing(queue))
        with broker.reader({Position(queue, 0): 0}) as reader:
            take(reader, 1)
            broker.delete([queue], [])
            with suppress(BrokerError):
                assert reader.poll(0.5) == []


@pytest.mark.kafka
def test_without_confluent_kafka_kafka_python_does_all(kafka, monkeypatch):
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with (
        KafkaBroker(kafka.bootstrap_servers) as broker,
        closing(broker.bulk_producer()) as producer,
        broker.bulk_reader({}) as reader,
    ):
        assert type(producer).__name__ == "KafkaProducerClient"
        assert type(reader).__name__ == "KafkaReader"


@pytest.mark.kafka
def test_a_setting_that_confluent_kafka_has_not_leaves_all_to_kafka_python(kafka):
    said = (
        "^replays go at kafka-python's pace: confluent-kafka, which is faster, is not set up "
        "for retry_backoff_ms.$"
    )
    with KafkaBroker(kafka.bootstrap_servers, retry_backoff_ms=123) as broker:
        with pytest.warns(UserWarning, match=said):
            broker.bulk_producer().close()
        with broker.bulk_reader({}) as reader:  # a second warning would be an error here
            assert type(reader).__name__ == "KafkaReader"


def test_what_is_known_of_a_connection_is_said_in_librdkafkas_words():
    assert translate({
        "bootstrap_servers": "here:9092", "security_protocol": "SASL_SSL", "client_id": None,
        "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "ada",
        "sasl_plain_password": "hunter2", "ssl_cafile": "ca.pem", "ssl_check_hostname": False,
        "ssl_certfile": "both.pem",
    }) == {
        "bootstrap.servers": "here:9092", "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "ada", "sasl.password": "hunter2",
        "ssl.ca.location": "ca.pem", "ssl.endpoint.identification.algorithm": "none",
        "ssl.certificate.location": "both.pem", "ssl.key.location": "both.pem",
    }  # fmt: skip


@pytest.mark.parametrize(
    "setting", [("ssl_crlfile", "x"), ("ssl_context", "x"), ("sasl_mechanism", "OAUTHBEARER")]
)
def test_what_would_make_a_connection_less_safe_or_fail_is_not_left_out(setting):
    with pytest.raises(LookupError, match=rf"^'?{setting[0]}'?$"):
        translate(dict([setting]))


def test_an_unreachable_cluster_is_said_in_a_sentence():
    port = free_port()
    broker = KafkaBroker(f"127.0.0.1:{port}", timeout=0.2)
    expected = rf"^no Kafka answered at 127\.0\.0\.1:{port} within 0\.2 s; is it running"
    for call in (
        *(broker.channels, broker.producer, lambda: broker.consumer("g", ["c"], "m")),
        *(broker.bulk_producer, lambda: broker.bulk_reader({Position("c", 0): 0})),
    ):
        with pytest.raises(BrokerUnavailableError, match=expected):
            call()


def test_something_that_accepts_and_never_answers_is_no_kafka():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(
            BrokerUnavailableError,
            match=f"something listens at {address}, but did not let this client in within",
        ):
            KafkaBroker(address, timeout=0.4).channels()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"security_protocol": "SALS_SSL"}, r"^security_protocol is none that there is: use one"),
        ({"security_protocol": "ssl"}, r"use one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL\.$"),
        ({"sasl_mechanism": "SCRAM"}, r"^sasl_mechanism is none that there is: use one of PLAIN"),
        ({}, r"^sasl_plain_password has no part in security_protocol PLAINTEXT, which asks for no"),
        ({"security_protocol": "SSL"}, r"^sasl_plain_password has no part in .* SSL, which asks"),
        (
            {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "ssl_cafile": "x"},
            r"^ssl_cafile has no part in security_protocol SASL_PLAINTEXT, which encrypts nothing",
        ),
        ({"security_protocol": "SASL_SSL"}, r"^security_protocol SASL_SSL needs a sasl_mechanism"),
    ],
)
def test_settings_that_would_be_less_safe_than_they_look_are_refused_at_once(settings, said):
    with pytest.raises(BrokerError, match=said) as raised:
        KafkaBroker("127.0.0.1:9", sasl_plain_password="hunter2", **settings)
    assert "hunter2" not in str(raised.value)


def test_secrets_are_in_no_repr_and_no_error():
    broker = KafkaBroker(
        f"127.0.0.1:{free_port()}",
        timeout=0.2,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_plain_username="ada",
        sasl_plain_password="hunter2",
    )
    assert "hunter2" not in repr(broker)
    assert broker.client_settings()["sasl_plain_password"] == "hunter2"
    with pytest.raises(BrokerError) as raised:
        broker.channels()
    assert "hunter2" not in str(raised.value)
