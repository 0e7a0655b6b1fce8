"""Conditions on events: what they find, and what they refuse."""

import ast
import contextlib
import json
import re
import warnings

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis import EventLog
from workbench.analysis.condition_words import EACH, path_text, value_text
from workbench.analysis.conditions import rows_where
from workbench.errors import LogError


@pytest.fixture
def log(event) -> EventLog:
    payloads = [
        {"total": 50, "to": {"city": "Oslo"}, "lines": [{"sku": "a"}], "no identifier": True},
        {"total": 150.5, "to": {"city": "Rome"}, "lines": []},
        {"total": "150"},
        {"total": True},
        None,
    ]
    return EventLog(
        [event("OrderPlaced", f"o-{n}", n * 1000, data=data) for n, data in enumerate(payloads)]
        + [event("StockReserved", None, 9000, data={"total": 200}, partition=3, key="k")]
    )


def found(log: EventLog, condition: str) -> list[str]:
    return [row.split("/")[0] for row in log.where(condition).frame["id"]]


@pytest.mark.parametrize(
    ("condition", "flows"),
    [
        ("type == 'OrderPlaced' and data.total > 100", ["o-1"]),
        ("100 < data.total", ["o-1", "None"]),
        ("data.total == 150.5 or data.total == 50", ["o-0", "o-1"]),
        ("data.total == '150'", ["o-2"]),
        ("data.total == True", ["o-3"]),
        ("data.total", ["o-3"]),
        ("data.to.city in ['Oslo', 'Bergen']", ["o-0"]),
        ("data.to.city not in ('Oslo',) and data.to.city is not None", ["o-1"]),
        ("data.lines[0].sku == 'a'", ["o-0"]),
        ("data['no identifier']", ["o-0"]),
        ("not type == 'OrderPlaced'", ["None"]),
        ("type != 'OrderPlaced'", ["None"]),
        ("correlation_id is None", ["None"]),
        ("data is None", ["o-4"]),
        ("partition >= 3", ["None"]),
        ("key == 'k'", ["None"]),
        ("time >= '2026-11-23 12:00:03' and time < '2026-11-23T12:00:05+00:00'", ["o-3", "o-4"]),
        ("0 <= data.total <= 60", ["o-0"]),
        ("type == source", []),
        ("key == 7", []),
        ("type > 'P'", ["None"]),
        ("data.total > -1 and data.total < 60", ["o-0"]),
        ("data.lines[-1].sku == 'a'", ["o-0"]),
        ("data.lines[:].sku == 'a'", ["o-0"]),
        ("data.lines[:].sku in ('b', 'a')", ["o-0"]),
        ("data.`no identifier` == True", ["o-0"]),
        ("`key` == 'k'", ["None"]),
    ],
)
def test_a_condition_finds(log, condition, flows):
    assert found(log, condition) == flows


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "data.$id == 1",
            r"at '\$id == 1': a name with other letters inside JSON stands in quotes",
        ),
        ("type = 'A'", r"^the condition .* can't be read at \"= 'A'\": write == to compare\.$"),
        ("type == 'A' and key = 1", r"can't be read at '= 1': write == to compare\.$"),
        ("type <> 'A'", r"can't be read at \"<> 'A'\": write !=\.$"),
        ("type == 'A' AND key == 1", r"at 'AND key == 1': write and, or, not, in and is in small"),
        ("type == 'A' || key == 1", r"can't be read at '\| key == 1': write or\.$"),
        ("type like 'A%'", r"at \"like 'A%'\": a part of a text is looked for in the frame, Event"),
        ("data.total between 1 and 2", r"at 'between 1 and 2': write 10 <= data.total <= 20\.$"),
        ("type == 'A' and", r"^the condition .* can't be read: something is missing at its end\.$"),
        ("(type == 'A'", r"can't be read at \"\(type == 'A'\": '\(' was never closed\.$"),
        ("`a b` == 1 1", r"can't be read at '1': invalid syntax\.$"),
        (
            "",
            r"^a condition is missing: write one, like \"type == 'OrderPlaced' and data.total > 100",
        ),
        (None, r"^a condition is a text, like .*, and not a value of type NoneType\. With a mask"),
        (
            "Betrag (€) > 1",
            r"at '€\) > 1': a name with other letters stands in backticks, like `Geb",
        ),
        (
            "type is null",
            r"^there is no column 'null' in this log: write `is None` or `is not None`",
        ),
        (
            "key != NULL",
            r"^there is no column 'NULL' in this log: write `is None` or `is not None`",
        ),
        (
            "type == 'A' or true",
            r"no column 'true' in this log: write True, as in data.paid == True",
        ),
        (
            "type in [OrderPlaced]",
            r"^a condition can't say '\[OrderPlaced\]': text stands in quotes: 'O",
        ),
        ("key in ['a', null]", r"^a condition can't say \"\['a', null\]\": write None\.$"),
        ("type in OrderPlaced", r"`in` wants a list of values, like \['DE', 'FR'\]"),
        ("type == A", r"no column 'A' in this log \(text stands in quotes: 'A'\): it has id, type"),
        (
            "type == order.paid",
            r"no column 'order' in this log \(text stands in quotes: 'order.paid'\)",
        ),
        ("type == order-paid", r"can't say 'order-paid': text stands in quotes: 'order-paid'\.$"),
        (
            "data.x-flow == 'c'",
            r"^a condition can't say 'data.x-flow': .* it is data\['x-flow'\]\.$",
        ),
        (
            "data.x-flow.a-b-1 == 2",
            r"with a hyphen in its name it is data\['x-flow'\]\['a-b-1'\]\.$",
        ),
        (
            "ce-type == 'A'",
            r"^a condition can't say 'ce-type': with a hyphen in its name it is `ce-type`",
        ),
        ("tpye == 'A'", r"there is no column 'tpye' in this log: did you mean type\?"),
        ("frobnicated == 1", "there is no column 'frobnicated' in this log: it has id, type, "),
        ("open('x') == 1", r"a condition can't say \"open\('x'\)\": compare columns or paths"),
        ("type == data.__class__()", r"a condition can't say 'data.__class__\(\)'"),
        ('"Gebühr (€)" > 10', r"'Gebühr \(€\)' > 10.*compares two values.*`Gebühr \(€\)` > 10"),
        ("`fee` > 10", "there is no column 'fee' in this log: it has id, type, "),
        ("`type`() == 1", r"a condition can't say '`type`\(\)'"),
        ("data.lines[:].sku == type", r"what \[:\] finds is compared with a value"),
        ("data[1:2] == 1", r"a condition can't say 'data\[1:2\]'"),
        ("data.total + 1 > 2", r"a condition can't say 'data.total \+ 1'"),
        ("type in 'abc'", r"`in` wants a list of values, like \['DE', 'FR'\]"),
        ("time > 'soon'", "'soon' is not a time: write one like '2026-11-23 09:00'."),
        ("(" * 300, "can't be read"),
        (
            "correlation_id == 7100260",
            r"^correlation_id is text and never equal to the number 7100260: write '7100260', in q",
        ),
        ("data.total > 1 and 5 != id", r"^id is text and .* 5: write '5', in quotes\.$"),
        ("type in ['OrderPlaced', 3]", r"^type is text and never equal to the number 3: write '3'"),
        ("partition == '3'", r"^partition is a whole number and .* text '3': write a number, with"),
        ("x" * 20_000, "a condition of 20,000 letters is too long"),
    ],
)
def test_what_a_condition_cannot_say_is_said(log, condition, message):
    with pytest.raises(LogError, match=message):
        log.where(condition)


def test_a_column_with_odd_letters_is_named_in_backticks(event):
    log = EventLog(
        [
            event("A", f"f{n}", 0, **{"Gebühr (€)": n, "a`b": "x`y", "if": {"b c": [n]}})
            for n in (9, 11)
        ]
    )
    assert found(log, "`Gebühr (€)` > 10") == ["f11"]
    assert found(log, "10 > `Gebühr (€)`") == ["f9"]
    assert found(log, "type == 'A' and `if`['b c'][0] == 9") == ["f9"]
    assert found(log, "type != '`Gebühr (€)`' and `if`.`b c`[:] == 11") == ["f11"]


def test_a_name_with_odd_letters_is_told_to_stand_in_backticks(event):
    names = ["log.level", "order no", "Betrag (€)", "logger"]
    log = EventLog([event("A", "f", 0, **dict.fromkeys(names, 1))])
    with pytest.raises(
        LogError, match=r"no column 'log' in this log: did you mean `log\.level`\?$"
    ):
        log.where("log.level == 'INFO'")
    with pytest.raises(LogError, match=r"at 'no == 1': .* stands in backticks, `order no`\.$"):
        log.where("order no == 1")
    with pytest.raises(LogError, match=r"at '€\) > 1': .* stands in backticks, `Betrag \(€\)`\.$"):
        log.where("Betrag (€) > 1")
    with pytest.raises(LogError, match=r"at '= 1': write == to compare\.$"):
        log.where("type == 'order no' and logger = 1")


def test_a_column_that_was_read_under_another_name_is_named(tmp_path):
    file = tmp_path / "log.jsonl"
    lines = ({"kind": "A", "when": "2026-11-23T12:00Z", "doc": {"order.id": n}} for n in range(3))
    file.write_text("\n".join(map(json.dumps, lines)))
    log = EventLog.read(file, {"type": "kind", "time": "when", "data": "doc"})
    with pytest.raises(
        LogError, match=r"'kind' in this log: it was read as type, so write type\.$"
    ):
        log.where("kind == 'A'")
    with pytest.raises(LogError, match=r"it was read as data, so write data\['order\.id'\]\.$"):
        log.where('doc."order.id" == 1')


@pytest.mark.parametrize(
    "headers",
    [
        [{"key": "x-tenant", "value": "zeta"}, {"key": "a.b", "value": "1"}],
        [["x-tenant", "zeta"], ["a.b", "1"]],
        {"x-tenant": "zeta", "a.b": "1"},
        '{"x-tenant": "zeta", "a.b": "1"}',
    ],
)
def test_a_name_goes_into_headers_however_they_are_written(event, headers):
    log = EventLog(
        [
            event("A", "here", 0, headers=headers),
            event("A", "else", 1, headers=[["x-tenant", "eta"]]),
            event("A", "none", 2, headers=None),
        ]
    )
    assert found(log, "headers['x-tenant'] == 'zeta'") == ["here"]
    assert found(log, "headers.`x-tenant` != 'zeta'") == ["else", "none"]
    assert found(log, "headers.\"a.b\" == '1'") == ["here"]
    with pytest.warns(UserWarning, match=r"did you mean headers\['x-tenant'\]\?$"):
        assert found(log, "headers.`x-tennant` == 'zeta'") == []


def test_the_path_that_a_mapping_shows_finds_what_was_read(tmp_path):
    file = tmp_path / "log.jsonl"
    lines = (
        {
            "type": "A",
            "time": "2026-11-23T12:00Z",
            "ctx": {"msg": {"hdrs": [["Ref", f"C-{n}"], ["order.id", f"o-{n}"]]}},
        }
        for n in range(3)
    )
    file.write_text("\n".join(map(json.dumps, lines)))
    log = EventLog.read(
        file, {"correlation_id": "ctx.msg.hdrs.Ref", "id": 'ctx.msg.hdrs."order.id"'}
    )
    for column, value in (("correlation_id", "C-1"), ("id", "o-1")):
        part = log.where(f"{log.mapping[column]} == {value!r}")
        assert part.frame[column].tolist() == [value]


def test_rows_are_found_by_a_part_of_a_text_as_the_error_tells(log):
    frame = log.frame
    found = EventLog(frame[frame["type"].str.contains("Order", na=False)])
    assert set(found.frame["type"]) == {"OrderPlaced"}


def test_what_colon_finds_holds_if_it_holds_for_any(event):
    lines = [[1, 2], [2, 3], [], None, [None], "12"]
    log = EventLog([event("A", f"{n}", n, data={"n": found}) for n, found in enumerate(lines)])
    assert found(log, "data.n[:] == 2") == ["0", "1"]
    assert found(log, "data.n[:] != 2") == ["0", "1", "4"]
    assert found(log, "not data.n[:] == 2") == ["2", "3", "4", "5"]
    assert found(log, "data.n[:] not in (2, 9)") == ["2", "3", "4", "5"]
    assert found(log, "data.n[:] is None") == ["4"]
    assert found(log, "data.n[:] is not None") == ["0", "1"]


def test_a_path_that_no_event_has_is_hinted_at_if_one_is_named_nearly_so(log, event):
    with pytest.warns(
        UserWarning, match=r"^no event looked at has data.to.citty: .* data.to.city\?$"
    ):
        assert found(log, "data.to.citty == 'Oslo'") == []
    with pytest.warns(UserWarning, match=r"data.totl: did you mean data.total\?"):
        assert len(log.where("type == 'OrderPlaced' and data.totl is None")) == 5
    with pytest.warns(UserWarning, match=r"did you mean data\['no identifier'\]\?"):
        log.where("data.`No identifier`")
    shops = EventLog([event("A", "f", 0, data={"region": None, "lines": [{"sku": 1}]})])
    with pytest.warns(UserWarning, match=r"has data.regoin: did you mean data.region\?"):
        shops.where("data.regoin == 'ost'")
    with pytest.warns(UserWarning, match=r"did you mean data.lines\[:\].sku\?"):
        shops.where("data.lines[:].skuu == 1")
    orders = EventLog([event("A", "f", 0, data={"order.id": 1, "orders": 2})])
    with pytest.warns(UserWarning, match=r"data.order.id: did you mean data\['order\.id'\]\?$"):
        orders.where("data.order.id == 1")
    with pytest.warns(UserWarning, match=r"did you mean data\['order\.id'\]\?$"):
        orders.where("data.`order.idd` == 1")
    nested = EventLog([event("A", "f", 0, data={"customer": {"city": 1}})])
    with pytest.warns(UserWarning, match=r"did you mean data.customer.city\?$"):
        nested.where("data.custmer.citty == 1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shops.where("data.region == 'ost' or data.entirely.other is None")  # null is there
        shops.where("type == 'B' and data.regoin == 'ost'")  # nobody was looked at


def test_of_a_path_that_no_event_has_it_is_said_what_is_there(log, event):
    with pytest.warns(
        UserWarning, match=r"^no event looked at has data.vat: data has lines, no ide"
    ):
        assert found(log, "data.vat == 19") == []
    with pytest.warns(
        UserWarning, match=r"^no event looked at has data.to.zip: data.to has city\.$"
    ):
        assert found(log, "not data.to.zip > 1 and data.to is not None") == ["o-0", "o-1"]
    with pytest.warns(UserWarning, match=r"^no event looked at has type.name\.$"):
        assert found(log, "type.name == 'A'") == []
    wide = EventLog([event("A", "f", 0, data={f"k{n:04}": n for n in range(900)})])
    with pytest.warns(UserWarning, match=r"data has k0000, .*, k0009 and 890 more\.$"):
        wide.where("data.vat == 19")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(log, "data.vat is not None") == []


KEYS = st.lists(st.text(max_size=6) | st.sampled_from(["if", "ﬁ", "a.b", "`", "'"]), max_size=3)
VALUES = st.one_of(
    st.text(max_size=8),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


@given(keys=KEYS, value=VALUES, column=st.text(min_size=1, max_size=6))
def test_what_is_written_as_a_condition_is_read_as_it(keys, value, column):
    held = value
    for key in reversed(keys):
        held = {key: held}
    column = column.replace("`", "") + "_"
    event = {"type": "A", "time": pd.Timestamp("2026-11-23T12:00Z"), "data": held, column: [held]}
    log = EventLog([event, {**event, "data": None, column: None}])
    for place in (path_text("data", keys), path_text(column, [EACH, *keys])):
        assert rows_where(log.frame, f"{place} == {value_text(value)}").tolist() == [True, False]


@given(st.text(max_size=40))
def test_no_text_is_run_or_breaks_anything(text):
    log = EventLog([{"type": "A", "time": pd.Timestamp("2026-11-23T12:00Z"), "data": {"a": 1}}])
    with contextlib.suppress(LogError):
        log.where(text)


@pytest.mark.parametrize(
    ("time", "lacks"), [("1790000500", "has no unit"), ("'14:20'", "says no date")]
)
def test_a_time_is_compared_with_a_date(event, time, lacks):
    log = EventLog([event("A", "f", 0)])
    said = f"{time} {lacks}: write a time like '2026-11-23 09:00'."
    with pytest.raises(LogError, match=re.escape(said)):
        log.where(f"time > {time}")
    with pytest.raises(LogError, match=re.escape(said)):
        log.between(ast.literal_eval(time), None)


def test_a_column_of_times_without_a_zone_is_compared_as_utc(event):
    rows = [event("A", f"f{n}", n) for n in range(3)]
    days = pd.to_datetime(["2026-06-01", "2026-07-01", None])
    log = EventLog(pd.DataFrame(rows).assign(day=days))
    assert log.where("day >= '2026-06-15'").frame["correlation_id"].tolist() == ["f1"]
    assert log.where("day == '2026-06-01T02:00+02:00'").events == 1


def test_text_that_is_a_time_is_compared_as_one(event):
    said = [
        "2026-09-21T09:00:00Z",
        "2026-09-21 15:30",
        "2026-09-21T15:30:00.5+02:00",
        "n/a",
        None,
        7,
    ]
    others = ["2026-09-21 10:00", "2026-02-30", "2026-09-21T13:30:00,500Z", "2026-09-21", "x", 8]
    log = EventLog(
        [
            event("A", f"f{n}", n, data={"due": due, "paid": paid})
            for n, (due, paid) in enumerate(zip(said, others, strict=True))
        ]
    )

    def flows(condition: str) -> list[str]:
        return log.where(condition).frame["correlation_id"].tolist()

    assert flows("data.due < '2026-09-21 13:00'") == ["f0"]
    assert flows("'2026-09-21 13:00' <= data.due <= '2026-09-22'") == ["f1", "f2"]
    assert flows("data.due == '2026-09-21 09:00'") == ["f0"]
    assert flows("data.due in ['2026-09-21T17:30+02:00', 'n/a']") == ["f1", "f3"]
    assert flows("data.due == data.paid") == ["f2"]
    assert flows("data.due < data.paid") == ["f0", "f5"]
    # A day that isn't there is text like any other, and so is what is no time.
    assert flows("data.paid <= '2026-09-21'") == ["f1", "f3"]
    assert flows("data.due > '2026-09-21 15:00'") == ["f1", "f3"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("time < data.due", True),
        ("data.due > time", True),
        ("time == data.same", True),
        ("time != data.due", True),
        ("time >= data.due", False),
        ("time == data.nothing", False),
        ("time != data.word", True),
        ("started < time", True),
        ("started != data.due", True),
    ],
)
def test_a_column_of_times_is_compared_with_times_in_text(event, condition, holds):
    data = {"due": "2026-11-24", "same": "2026-11-23T13:00:00+01:00", "word": "x"}
    rows = [event("A", "f", 0, data=data), event("B", "f", 1, data=None)]
    started = pd.to_datetime(["2026-11-23 11:00", None])
    log = EventLog(pd.DataFrame(rows).assign(started=started))
    assert ("A" in log.where(condition).frame["type"].tolist()) is holds


@pytest.mark.parametrize(
    "text", ["2026-11-23T09Z", "2026-11-23t09:00:00z", "20261123T090000Z", "2026-11-23T09:00:00.000000000000Z",
             "2026-11-23 10:00 +01:00", "2026-11-23T09:00:00,0Z"]
)  # fmt: skip
def test_a_time_in_text_may_be_written_in_many_ways(event, text):
    log = EventLog([event("A", "f", 0, data={"at": text})])
    assert log.where("data.at == '2026-11-23T09:00:00Z'").events == 1
    assert log.where("data.at < '2026-11-23T09:00:00.000001Z'").events == 1


@pytest.mark.parametrize("time", ["04.09.2026", "4/9/2026 10:00", "13-03-26"])
def test_a_time_that_does_not_tell_the_day_from_the_month_is_refused(event, time):
    log = EventLog([event("A", "f", 0)])
    said = re.escape(f"{time!r} doesn't say which number is the month: write a time like '2026-11-")
    with pytest.raises(LogError, match=said):
        log.where(f"time >= {time!r}")
    with pytest.raises(LogError, match=said):
        log.between(None, time)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("data.price > 50", "data.price is text in every event looked at ('5.47'), which is neither equal to a number nor"),
        ("data.ms > '2026-09-21'", "at (17), which is neither equal to text nor before or after it."),
        ("data.lines[:].n in ['1', '2']", "data.lines[:].n is a number in every"),
        ("`preis (€)` < 3", "`preis (€)` is text in every event looked at ('7,40')"),
        ("data.price", "data.price is text in every event looked at ('5.47'), which is neither equal to true or false"),
    ],
)  # fmt: skip
def test_what_is_of_another_kind_in_all_events_is_said(event, condition, said):
    data = {"price": "5.47", "ms": 17, "lines": [{"n": 1}], "some": None}
    rows = [event("A", "f", n, data=data) | {"preis (€)": "7,40"} for n in range(3)]
    with pytest.warns(UserWarning, match=re.escape(said)):
        assert EventLog(rows).where(condition).events == 0


@pytest.mark.parametrize(
    "condition",
    ["data.price is None", "data.some == 5", "data.price in ['1', 2]", "type == 'A' and data.ms == 3", "data.ms != 3"],
)  # fmt: skip
def test_nothing_is_said_of_what_may_hold(event, condition):
    data = {"price": "5.47", "ms": 17, "some": None}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EventLog([event("A", "f", n, data=data) for n in range(3)]).where(condition)
