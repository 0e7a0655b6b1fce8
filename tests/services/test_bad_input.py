"""Whatever stands on a channel: no service dies of it, and nothing is lost without a reason."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.conftest import Stage
from workbench.choreography import Choreography
from workbench.events import Event, to_kafka
from workbench.services import DELIVERIES, RetryPolicy

pytestmark = pytest.mark.memory


class Placed(Event, version=1, key="id"):
    id: str
    units: int = 1


class Reserved(Event, version=1, key="id"):
    id: str


def shop():
    design = Choreography()

    @design.service("inventory").on()
    def reserve(event: Placed, ctx) -> Reserved:
        ctx.state["units"] = ctx.state.get("units", 0) + event.units
        return Reserved(id=event.id)

    return design


GOOD = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"shop"),
    ("ce_type", b"Placed"),
    ("content-type", b"application/json"),
    ("ce_time", b"2026-01-01T00:00:00Z"),
    ("ce_correlationid", b"f-1"),
    ("ce_traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
]
"""Headers of an event that is all right."""
ODD_TEXTS = st.sampled_from(
    [b"", b" ", b"\x00", b"\xff\xfe", "é€😀".encode(), b"x" * 10_000, b"9999-12-31T23:59:59Z",
     b"0001-01-01T00:00:00+14:00", b"not a time", b"00-xyz", b"2.0", b"null", b"Placed", b"Nobody's"]
)  # fmt: skip
TEXTS = st.none() | ODD_TEXTS | st.binary(max_size=20)
NAMES = st.sampled_from([name for name, _ in GOOD]) | st.sampled_from(
    ["CE_ID", "ce_", "ce_x y", "rt_turn", "dl_service", "rt_due", "traceparent", ""]
)
CHANGES = st.lists(st.tuples(NAMES, TEXTS), max_size=4)
VALUES = st.sampled_from(
    [b'{"id": "o-1", "units": 2}', b'{"id": "o-1"}', b'{"id": 1}', b"{}", b"", b"[" * 5_000,
     b'{"id": "o-1", "units": 1e999}', b'{"id": "o-1", "units": NaN}', b"\xff\xfe", b"null", None]
)  # fmt: skip


@st.composite
def records(draw):
    changed = dict(draw(CHANGES))
    headers = [(name, changed.pop(name, text)) for name, text in GOOD]
    headers = [header for header in headers if header[1] is not None or draw(st.booleans())]
    headers += changed.items()
    doubled = draw(st.lists(st.sampled_from(headers), max_size=2)) if headers else []
    key = draw(st.sampled_from([b"o-1", b"", None, b"\xff"]))
    return key, draw(st.permutations([*headers, *doubled])), draw(VALUES)


def account(here, name, n):
    """All of n records are handled, ignored, duplicates, or dead letters that say why."""
    (life,) = here.runner.lives().values()
    assert (life.up, life.crashes) == (True, 0)
    assert here.lag(name) == 0
    counts = here.counts(name)
    kinds = ("handled", "ignored", "duplicates", "dead_letters")
    assert sum(counts.get(kind, 0) for kind in kinds) == n, counts
    letters = here.letters(name)
    assert len(letters) == counts.get("dead_letters", 0)
    for letter in letters:
        assert letter.error_type
        assert letter.error_message
        assert (letter.channel, letter.service) == ("Placed", name)
        assert letter.last_failure >= letter.first_failure


@settings(max_examples=150, deadline=None)
@given(batch=st.lists(records(), min_size=1, max_size=6), delivery=st.sampled_from(DELIVERIES))
def test_any_record_is_handled_ignored_skipped_or_a_dead_letter_that_says_why(batch, delivery):
    with tempfile.TemporaryDirectory() as folder:
        policy = RetryPolicy(attempts=1, later=())
        here = Stage(shop(), Path(folder), policy, delivery)
        for key, headers, value in batch:
            here.raw("Placed", key, headers, value)
        here.start().run()
        account(here, "inventory", len(batch))
        here.rewind("inventory")  # the same again is nothing new
        here.run()
        counts = here.counts("inventory")
        assert counts.get("handled", 0) + counts.get("dead_letters", 0) <= len(batch)
        assert len(here.letters("inventory")) == counts.get("dead_letters", 0)
        here.runner.close()


def good(here, n):
    """An event that is all right, behind whatever came before it."""
    here.publish(Placed(id=f"o-{n}"))


@pytest.mark.parametrize(
    ("what", "headers", "value"),
    [
        ("a header bomb", [*GOOD, *((f"x-{n}", b"y") for n in range(20_000))], b'{"id": "o-1"}'),
        ("one header, many times", [*GOOD, *([("ce_x", b"y")] * 20_000)], b'{"id": "o-1"}'),
        ("long ids", [*GOOD[:1], ("ce_id", b"i" * 10_000), *GOOD[2:]], b'{"id": "o-1"}'),
        ("long flow", [*GOOD[:6], ("ce_correlationid", b"f" * 10_000)], b'{"id": "o-1"}'),
        ("no trace", [*GOOD[:7], ("traceparent", b"zz-not-one")], b'{"id": "o-1"}'),
        ("far future", [*GOOD[:5], ("ce_time", b"9999-12-31T23:59:59Z")], b'{"id": "o-1"}'),
        ("a large key", GOOD, b'{"id": "' + b"k" * 10_000 + b'"}'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_odd_but_an_event_is_handled_and_its_effect_travels(stage, what, headers, value):
    here = stage(shop()).start()
    here.raw("Placed", b"k", headers, value)
    good(here, 2)
    here.run()
    assert here.state("inventory") == {"units": 2}, what
    assert [event.type for event in here.events("inventory")] == ["Reserved", "Reserved"]
    assert here.letters("inventory") == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ce_id": None}, "'id' is missing"),
        ({"ce_source": None}, "'source' is missing"),
        ({"ce_type": None}, "'type' is missing"),
        ({"ce_id": b""}, "id"),
        ({"ce_specversion": b"7.0"}, "specversion"),
        ({"ce_time": b"yesterday"}, "not a CloudEvent"),
    ],
    ids=str,
)
def test_what_is_no_event_is_a_dead_letter_with_the_reason(stage, change, why):
    here = stage(shop()).start()
    headers = [(name, change.get(name, text)) for name, text in GOOD]
    here.raw("Placed", b"k", headers, b'{"id": "o-1"}')
    good(here, 2)
    here.run()
    (letter,) = here.letters("inventory")
    assert letter.error_type == "EventError"
    assert why in letter.error_message
    assert here.state("inventory") == {"units": 1}
    (record,) = here.records("inventory.dead-letters")
    kept = dict(record.headers)
    assert all(kept[name] == text for name, text in headers)  # as it came, byte for byte


def test_an_id_that_is_used_twice_is_one_event_or_a_dead_letter(stage):
    here = stage(shop()).start()
    envelope = here.envelope(Placed(id="o-1"), id="same")
    for _ in range(3):
        here.put(envelope)
    other = here.envelope(Placed(id="o-1", units=7), id="same")
    here.put(other)
    here.run()
    assert here.state("inventory") == {"units": 1}
    assert here.counts("inventory")["duplicates"] == 2
    (letter,) = here.letters("inventory")
    assert letter.error_message.startswith(
        "id reused with other data: shop/same was handled before"
    )
    assert to_kafka(other)[2] == here.records("inventory.dead-letters")[0].value
