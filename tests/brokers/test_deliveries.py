"""A member counts what a queue gives it, and finds again by offset what it has to acknowledge."""

import time

from workbench.brokers import Position, Record
from workbench.brokers.deliveries import Deliveries


def came(deliveries, *tags, channel="orders"):
    """Messages of a queue, each with its tag as its value."""
    for tag in tags:
        deliveries.deliver(Record(channel, 0, 0, 0, None, [], str(tag).encode()), tag)


def begun(*channels):
    deliveries = Deliveries()
    deliveries.begin(channels or ["orders"])
    return deliveries


def values(records):
    return [int(record.value) for record in records]


ORDERS, BILLS = Position("orders", 0), Position("bills", 0)


def test_what_is_committed_is_acknowledged_and_the_rest_stays():
    deliveries = begun()
    came(deliveries, 7, 8, 9)
    records = deliveries.take(10)
    assert deliveries.commit({ORDERS: records[2].offset}) == [7, 8]
    assert deliveries.commit({ORDERS: records[2].offset}) == []
    assert (len(deliveries), deliveries.tags()) == (1, [9])


def test_what_was_not_read_is_not_acknowledged():
    deliveries = begun()
    came(deliveries, 1, 2)
    (read,) = deliveries.take(1)
    assert deliveries.commit({ORDERS: read.offset + 100}) == [1]
    assert deliveries.unread == 1


def test_each_channel_is_committed_for_itself():
    deliveries = begun("orders", "bills")
    came(deliveries, 1, 2)
    came(deliveries, 3, channel="bills")
    came(deliveries, 4)
    last = deliveries.take(10)[-1]
    assert deliveries.commit({ORDERS: last.offset + 1}) == [1, 2, 4]
    assert deliveries.commit({BILLS: last.offset + 1}) == [3]


def test_what_is_given_back_is_read_again_first_in_order_and_under_the_same_offset():
    deliveries = begun("orders", "bills")
    came(deliveries, 1, 2, 3)
    came(deliveries, 4, channel="bills")
    came(deliveries, 5)
    records = deliveries.take(4)
    deliveries.give_back({BILLS: records[3].offset})
    deliveries.give_back({ORDERS: records[1].offset, Position("elsewhere", 0): 0})
    assert deliveries.positions() == {ORDERS: records[1].offset, BILLS: records[3].offset}
    again = deliveries.take(10)
    assert values(again) == [2, 3, 4, 5]
    assert again[:3] == records[1:]


def test_where_it_reads_on_is_past_the_last_that_was_read():
    deliveries = begun()
    start = deliveries.end
    came(deliveries, 1, 2)
    assert deliveries.positions() == {ORDERS: start}
    deliveries.take(1)
    assert deliveries.positions() == {ORDERS: start + 1}


def test_offsets_grow_over_restarts_and_connections():
    before = time.time_ns() // 1000
    deliveries = begun()
    assert deliveries.end >= before
    came(deliveries, *range(1000))
    end = deliveries.end
    deliveries.begin(["orders"])
    assert len(deliveries) == 0
    assert deliveries.positions()[ORDERS] >= end


def test_the_first_that_is_held_tells_whether_all_before_is_done():
    deliveries = begun()
    came(deliveries, 1, 2)
    fence = deliveries.end
    records = deliveries.take(2)
    deliveries.commit({ORDERS: records[1].offset})
    assert deliveries.first < fence
    deliveries.commit({ORDERS: records[1].offset + 1})
    assert deliveries.first >= fence
