import json
import random
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from workbench.analysis import EventLog
from workbench.capture import read
from workbench.errors import LogError

TYPES = ["OrderPlaced", "StockReserved", "PaymentReceived", "OrderShipped"]
SERVICES = ["shop", "inventory", "billing", "shipping"]


def events():
    """Twenty flows of four events, each caused by the one before, mixed by time."""
    chance = random.Random(7)
    made = []
    for flow in range(20):
        cause = None
        for step, (kind, service) in enumerate(zip(TYPES, SERVICES, strict=True)):
            event = {
                "id": f"{chance.getrandbits(64):x}",
                "type": kind,
                "source": service,
                "time": datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(seconds=flow + 3 * step),
                "flow": f"f-{flow * 7919 % 1000}",
                "cause": cause,
                "payload": {"order": flow, "total": chance.random() * 100},
            }
            cause = event["id"]
            made.append(event)
    return sorted(made, key=lambda event: event["time"])


EVENTS = events()


def written(tmp_path, shape, events=EVENTS):
    path = tmp_path / "dump.jsonl"
    path.write_text("".join(json.dumps(shape(event)) + "\n" for event in events))
    return path


def micros(event):
    return round(event["time"].timestamp() * 1e6)


SHAPES = {
    "in other words": lambda e: {
        "eventId": e["id"], "eventType": e["type"], "emittedBy": e["source"],
        "occurredAt": e["time"].isoformat(), "x-correlation-id": e["flow"], "causedBy": e["cause"],
        "payload": e["payload"],
    },
    "in words nobody thought of": lambda e: {
        "wann": micros(e), "was": e["type"], "wer": e["source"], "faden": e["flow"],
        "nummer": e["id"], "wegen": e["cause"], "inhalt": e["payload"],
    },
    "in letters": lambda e: {
        "a": e["payload"], "b": e["cause"], "c": e["flow"], "d": e["source"], "e": e["type"],
        "f": e["id"], "g": e["time"].timestamp(),
    },
    "in an envelope, with headers as pairs and the payload as text": lambda e: {
        "headers": [["x-request-id", e["flow"]], ["parent", e["cause"]]],
        "meta": {"uuid": e["id"], "kind": e["type"], "ts": micros(e), "service": {"name": e["source"]}},
        "body": json.dumps(e["payload"]),
    },
    "in an envelope of short names": lambda e: {
        "env": {"msg": e["id"], "re": e["cause"], "saga": e["flow"], "pub": e["source"],
        "emitted": micros(e)}, "evt": {"n": e["type"], "v": 2}, "pl": e["payload"],
    },
    "in an index": lambda e: {
        "_id": e["id"], "_source": {"@timestamp": e["time"].isoformat(), "event.name": e["type"],
        "service.name": e["source"], "trace.id": e["flow"], "parent.id": e["cause"],
        "message": json.dumps(e["payload"])},
    },
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_dump_is_understood(tmp_path, shape):
    frame = read(written(tmp_path, shape), progress=False).frame
    for ours, theirs in (
        ("id", "id"), ("type", "type"), ("source", "source"), ("time", "time"),
        ("correlation_id", "flow"), ("data", "payload"),
    ):  # fmt: skip
        assert frame[ours].tolist() == [event[theirs] for event in EVENTS], ours
    causes = frame["causation_id"].astype(object).where(frame["causation_id"].notna(), None)
    assert causes.tolist() == [event["cause"] for event in EVENTS]


@pytest.mark.parametrize("shape", ["in other words", "in an index"])
def test_three_events_are_enough_where_names_say_it(tmp_path, shape):
    frame = read(written(tmp_path, SHAPES[shape], EVENTS[:3]), progress=False).frame
    assert frame["type"].tolist() == [event["type"] for event in EVENTS[:3]]
    assert frame["correlation_id"].tolist() == [event["flow"] for event in EVENTS[:3]]


def test_what_is_not_mapped_is_kept_beside_nested_values_as_json(tmp_path):
    path = written(
        tmp_path,
        lambda e: {"ts": micros(e), "kind": e["type"], "host": "h-1", "n": 7, "tags": {"a": [1]}},
    )
    frame = read(path, progress=False).frame
    assert frame["n"].dtype == "int64"
    assert frame["tags"].dtype == "json"
    assert frame["tags"][0] == {"a": [1]}


def test_a_mapping_corrects_a_guess_and_reaches_into_nested_json(tmp_path):
    path = written(
        tmp_path,
        lambda e: {
            "ts": 1, "at": e["time"].isoformat(), "topic": "all", "value": {"kind": e["type"]},
            "headers": {"x-request-id": e["flow"], "a.b": e["id"]}, "a.b": e["source"],
        },
    )  # fmt: skip
    given = {
        "time": "at", "type": "value.kind", "correlation_id": "headers.x-request-id",
        "id": 'headers."a.b"', "source": "a.b",
    }  # fmt: skip
    log = EventLog.read(path, given, progress=False)
    assert log.frame["type"].tolist() == [event["type"] for event in EVENTS]
    assert log.frame["id"].tolist() == [event["id"] for event in EVENTS]
    assert log.frame["source"].tolist() == [event["source"] for event in EVENTS]
    assert log.frame["correlation_id"].nunique() == 20
    assert {ours: log.mapping[ours] for ours in given} == given | {"source": '"a.b"'}
    again = EventLog.read(path, {**log.mapping, "source": "topic"}, progress=False)
    assert again.frame["source"].unique().tolist() == ["all"]


@pytest.mark.parametrize("payload", ["data", "body", "value"])
def test_a_path_that_is_given_into_the_payload_leaves_the_payload_where_it_is(tmp_path, payload):
    path = written(
        tmp_path,
        lambda e: {"ts": micros(e), payload: {"kind": e["type"], "flow": e["flow"], "n": 1}},
    )
    given = {"type": f"{payload}.kind", "correlation_id": f"{payload}.flow"}
    log = EventLog.read(path, given, progress=False)
    assert log.mapping["data"] == payload
    assert log.frame["data"][0] == {"kind": EVENTS[0]["type"], "flow": EVENTS[0]["flow"], "n": 1}


def test_a_mapping_that_names_nothing_says_what_is_near(tmp_path):
    path = written(
        tmp_path, lambda e: {"ts": micros(e), "kind": e["type"], "headers": {"req": "1"}}
    )
    with pytest.raises(
        LogError,
        match=r"mapping: 'correlation_id': 'headers\.rec' names nothing in .*dump\.jsonl; near are headers\.req",
    ):
        read(path, {"correlation_id": "headers.rec"}, progress=False)
    wanted = r"'kind' is no column of an event log: they are id, type.*; and beside them dead_letter, key, subject, attempts"
    with pytest.raises(LogError, match=wanted):
        read(path, {"kind": "type"}, progress=False)


def test_a_mapping_of_a_file_without_any_row_says_that_there_is_none(tmp_path):
    (tmp_path / "log.json").write_text('[[1, {"type": "A"}]]')
    with pytest.raises(LogError, match=r"'type': 'kind' names nothing in .*, of which no row could be read\.$"):  # fmt: skip
        read(tmp_path / "log.json", {"type": "kind"}, progress=False)


@pytest.mark.parametrize("failed", [None, False, "", {}])
def test_a_mapping_names_what_answers_ask_for_beside_the_standard_columns(tmp_path, failed):
    def shape(e):
        fails = e["type"] == "OrderShipped" and e["flow"] == EVENTS[0]["flow"]
        return SHAPES["in other words"](e) | {
            "about": {"why": "no stock" if fails else failed, "nr": e["payload"]["order"]},
            "subject": "theirs",
        }

    given = {"dead_letter": "about.why", "key": "about.nr", "subject": "about.nr"}
    log = EventLog.read(written(tmp_path, shape), given, progress=False)
    assert log.n_dead_letters == 1
    assert log.frame["dead_letter"].dropna().tolist() == ["no stock"]
    numbers = [str(e["payload"]["order"]) for e in EVENTS]
    assert log.frame["key"].tolist() == log.frame["subject"].tolist() == numbers
    assert set(log.frame["their_subject"]) == {"theirs"}
    assert {column: log.mapping[column] for column in given} == given


def test_the_mapping_is_shown_as_a_table_in_which_nothing_is_markup(tmp_path):
    path = written(tmp_path, lambda e: {"ts": micros(e), "kind": "<b>Bold</b>", "<i>": 1})
    mapping = read(path, {"type": "kind"}, progress=False).mapping
    assert repr(mapping).splitlines()[:3] == [
        "JSON lines, read as",
        "ours  ← theirs  how          example",
        "type  ← kind    given        <b>Bold</b>",
    ]
    assert "guessed, µs" in repr(mapping)
    assert "&lt;b&gt;Bold" in mapping._repr_html_()
    assert "<b>" not in mapping._repr_html_()


def test_a_file_that_says_no_type_or_no_time_is_told_what_to_do(tmp_path):
    path = written(tmp_path, lambda e: {"n": e["payload"]["total"], "at": micros(e)})
    with pytest.raises(LogError, match=r'no column says the event type; name it: mapping=\{"type"'):
        read(path, progress=False)
    path = written(tmp_path, lambda e: {"kind": e["type"]})
    with pytest.raises(LogError, match=r'says when an event happened; name it: mapping=\{"time"'):
        read(path, progress=False)


def test_files_of_different_shapes_are_read_as_one_log(tmp_path):
    for number, shape in enumerate(SHAPES.values()):
        written(tmp_path, shape).rename(tmp_path / f"{number}.jsonl")
    found = read(tmp_path / "*.jsonl", progress=False)
    assert len(found.frame) == 80 * len(SHAPES)
    assert found.frame["correlation_id"].nunique() == 20
    assert len(found.mapping.others) == len(SHAPES) - 1
    assert "5 other files were mapped in another way" in repr(found.mapping)


def test_a_data_frame_with_columns_of_other_names_is_a_log():
    frame = pd.DataFrame([SHAPES["in other words"](event) for event in EVENTS])
    frame["when"] = pd.to_datetime(frame.pop("occurredAt"))
    frame["weight"] = range(len(frame))
    log = EventLog(frame)
    assert log.frame["time"].tolist() == [event["time"] for event in EVENTS]
    assert log.frame["data"].tolist() == [event["payload"] for event in EVENTS]
    assert log.frame["weight"].tolist() == list(range(80))
    assert log.mapping["id"] == "eventId"
    named = EventLog(frame, {"correlation_id": "payload.order"})
    assert named.frame["correlation_id"].tolist() == [str(e["payload"]["order"]) for e in EVENTS]


def test_a_zero_or_a_root_is_no_cause_in_logs_of_others(tmp_path):
    path = written(
        tmp_path, lambda e: SHAPES["in other words"](e) | {"causedBy": e["cause"] or "root"}
    )
    assert read(path, progress=False).frame["causation_id"].isna().sum() == 20


def test_what_is_named_as_the_key_may_be_the_flow_too(tmp_path):
    log = read(
        written(tmp_path, SHAPES["in other words"]), {"key": "x-correlation-id"}, progress=False
    )
    assert log.frame["key"].tolist() == log.frame["correlation_id"].tolist()


def test_a_log_that_says_no_type_is_told_all_its_columns(tmp_path):
    path = written(
        tmp_path, lambda e: {"at": micros(e), **{f"c{n}": e["payload"] for n in range(60)}}
    )
    with pytest.raises(LogError, match=r"There are at, c0, c0\.order, c0\.total, .* c59\.total\.$"):
        read(path, progress=False)
    path = written(tmp_path, lambda e: {"at": micros(e), **{f"c{n}": 1 for n in range(300)}})
    with pytest.raises(LogError, match=r" c198 and 101 more\.$"):
        read(path, progress=False)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_guess_is_taken_back_by_none(tmp_path, nothing):
    path = written(tmp_path, SHAPES["in other words"])
    found = read(path, {"correlation_id": nothing, "channel": nothing}, progress=False)
    assert {"correlation_id", "channel"} <= {*found.mapping.missing}
    assert found.frame["correlation_id"].isna().all()
    assert found.frame["x-correlation-id"].notna().all()
    assert found.mapping["id"] == "eventId"
    found.frame.to_parquet(tmp_path / "ours.parquet")
    again = read(tmp_path / "ours.parquet", {"data": nothing}, progress=False).frame
    assert again["data"].isna().all()


def test_a_mapping_that_is_none_is_refused_in_a_sentence(tmp_path):
    path = written(tmp_path, SHAPES["in other words"])
    with pytest.raises(LogError, match=r"mapping: 'type' is a int: give the path of a column as text, or None"):  # fmt: skip
        read(path, {"type": 5}, progress=False)
    with pytest.raises(LogError, match=r"mapping is a str: give a dict of our columns and theirs"):
        read(path, "kind", progress=False)


def test_attempts_may_stand_anywhere_and_are_whole_numbers(tmp_path):
    def shape(e):
        return SHAPES["in other words"](e) | {"about": {"tries": 3 if e["cause"] else None}}

    log = EventLog.read(written(tmp_path, shape), {"attempts": "about.tries"}, progress=False)
    assert log.frame["attempts"].dtype == "Int64"
    assert log.frame["attempts"].value_counts(dropna=False).to_dict() == {3: 60, pd.NA: 20}
    assert log.mapping["attempts"] == "about.tries"


def test_the_mapping_says_which_files_were_mapped_in_another_way_and_how(tmp_path):
    paths = []
    for name, shape in (("a", "in other words"), ("b", "in letters")):
        paths.append(written(tmp_path, SHAPES[shape]).rename(tmp_path / f"{name}.jsonl"))
    mapping = read(paths, progress=False).mapping
    assert mapping["id"] == "eventId"
    assert mapping.others[str(paths[1])]["id"] == "f"
    assert "1 other file was mapped in another way" in repr(mapping)
    assert "b.jsonl: id ← f, type ← e, source ← d, time ← g" in repr(mapping)


@pytest.mark.parametrize("column", ["partition", "offset", "attempts"])
def test_a_column_of_whole_numbers_that_is_named_and_holds_none_is_refused(tmp_path, column):
    path = written(tmp_path, SHAPES["in other words"])
    with pytest.raises(
        LogError,
        match=rf"mapping: '{column}' holds whole numbers, and nothing in 'emittedBy' is one: it holds 'shop'\.",
    ):
        read(path, {column: "emittedBy"}, progress=False)
    some = written(
        tmp_path, lambda e: SHAPES["in other words"](e) | {"n": "7" if e["cause"] else "-"}
    )
    assert {*read(some, {column: "n"}, progress=False).frame[column].dropna()} >= {7}


def test_a_column_that_is_never_guessed_has_no_guess_to_take_back(tmp_path):
    path = written(tmp_path, SHAPES["in other words"])
    with pytest.raises(LogError, match=r"mapping: 'key' is empty text: give the path of a column"):
        read(path, {"key": ""}, progress=False)


WRONG_PATHS = {
    "payload..order": r"names nothing in .*; a dot in it has no name beside it; a name that holds dots is "
    r"written in quotes: '\"payload\.\.order\"'\.",
    "payload.": "a dot in it has no name beside it",
    "lines[0].sku": r"a place in a list can't be mapped, only the whole list or a name in a list of names and values; EventLog\(log",
    "lines.0.sku": r"lines is a list, and a dot goes only into one of names and values: of objects with "
    r"key, name, k, n, header … and value, v, val …\.",
    "lines.sku": r"lines is a list, and a dot",
}


@pytest.mark.parametrize("given", WRONG_PATHS)
def test_a_path_that_can_name_nothing_is_refused_with_the_reason(tmp_path, given):
    path = written(
        tmp_path, lambda e: SHAPES["in other words"](e) | {"lines": [{"sku": "a", "qty": 1}]}
    )
    with pytest.raises(LogError, match=WRONG_PATHS[given]):
        read(path, {"correlation_id": given}, progress=False)


def test_of_a_wrong_name_in_headers_those_near_are_named(tmp_path):
    headers = {"headers": [{"key": "x-request-id", "value": "r"}, {"key": "tenant", "value": "z"}]}
    path = written(tmp_path, lambda e: SHAPES["in other words"](e) | headers)
    with pytest.raises(
        LogError,
        match=r"'headers\.x-requst-id' names nothing in .*; near are headers\.x-request-id",
    ):
        read(path, {"correlation_id": "headers.x-requst-id"}, progress=False)


def test_a_key_that_holds_two_dots_may_be_named(tmp_path):
    path = written(tmp_path, lambda e: SHAPES["in other words"](e) | {"a..b": e["flow"]})
    for given in ("a..b", '"a..b"'):
        assert read(path, {"key": given}, progress=False).mapping["key"] == '"a..b"'


LISTS = ["n v", "k v", "name value", "Name Value", "key value", "key val", "key stringValue",
         "header value", "headerName headerValue", "HEADER_KEY HEADER_VALUE", "property value"]  # fmt: skip


@pytest.mark.parametrize("words", LISTS)
def test_headers_may_be_a_list_of_names_and_values_whatever_these_are_called(tmp_path, words):
    name, value = words.split()

    def shape(e):
        headers = [{name: "x-request-id", value: e["flow"]}, {name: "uid", value: e["id"]}]
        return {"ts": micros(e), "kind": e["type"], "ctx": {"hdrs": headers}}

    found = read(written(tmp_path, shape), progress=False)
    assert found.mapping["correlation_id"] == "ctx.hdrs.x-request-id"
    assert found.frame["id"].tolist() == [event["id"] for event in EVENTS]


def test_a_list_of_objects_with_other_fields_is_no_list_of_names_and_values(tmp_path):
    path = written(
        tmp_path, lambda e: SHAPES["in other words"](e) | {"lines": [{"sku": "a", "qty": 1}]}
    )
    with pytest.raises(LogError, match="lines is a list"):
        read(path, {"key": "lines.a"}, progress=False)


@pytest.mark.parametrize("column", ["id", "correlation_id"])
def test_the_mapping_and_the_log_say_that_many_rows_have_no_id_or_no_flow(tmp_path, column):
    theirs = {"id": "eventId", "correlation_id": "x-correlation-id"}[column]

    def shape(e, without=("OrderPlaced",)):
        found = SHAPES["in other words"](e)
        return found | {theirs: None} if e["type"] in without else found

    log = EventLog.read(written(tmp_path, shape), {column: theirs}, progress=False)
    assert f"{column} is empty in 25% of the rows looked at" in repr(log.mapping)
    assert f"no {column} in 25% of the rows" in repr(log)
    full = EventLog.read(written(tmp_path, lambda e: shape(e, ())), progress=False)
    assert "empty" not in repr(full.mapping)


@pytest.mark.parametrize(
    "nothing", ["NULL", "null", "-", "N/A", "na", "(null)", "None", "\\N", "<null>"]
)
def test_where_a_table_has_nothing_there_is_none(tmp_path, nothing):
    path = tmp_path / "events.csv"
    rows = ["nr;typ;zeit;vorgang;ursache;fehler"]
    for n in range(30):
        for place, kind in enumerate("ABC"):
            flow, cause = f"o{n}" if n % 5 else nothing, f"e{n}-{place - 1}" if place else nothing
            rows.append(
                f"e{n}-{place};{kind};2026-09-21T08:{n:02}:0{place}Z;{flow};{cause};{nothing}"
            )
    path.write_text("\n".join(rows))
    mapping = {
        "id": "nr",
        "type": "typ",
        "correlation_id": "vorgang",
        "causation_id": "ursache",
        "dead_letter": "fehler",
    }
    log = EventLog.read(path, mapping, progress=False)
    assert log.events == 90
    assert log.n_dead_letters == 0
    assert log.without_flow == 18
    assert set(log.orphans()["where"]) == {"in no flow"}  # those of the 18 that name a cause


@pytest.mark.parametrize("ending", ["json", "jsonl", "parquet"])
def test_a_type_may_be_a_list_of_names_and_is_the_first(tmp_path, ending):
    hops = (("Submitted", "portal"), ("Checked", "policy"), ("Priced", "pricing"))
    frame = pd.DataFrame(
        {
            "messageId": f"m{i}-{j}", "conversationId": f"c{i}", "initiatorId": f"m{i}-{j - 1}" if j else None,
            "sourceAddress": f"rabbitmq://mq/{service}", "destinationAddress": f"rabbitmq://mq/Acme:{kind}",
            "messageType": [f"urn:message:Acme:{kind}", "urn:message:Acme:IEvent"] if i or j else "Submitted",
            "sentTime": f"2026-09-21T08:{i:02}:{j:02}Z", "message": f'{{"n": {i}}}',
        }
        for i in range(60) for j, (kind, service) in enumerate(hops)
    )  # fmt: skip
    path = tmp_path / f"dump.{ending}"
    if ending == "parquet":
        frame.iloc[1:].to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=ending == "jsonl")
    log = EventLog.read(path, progress=False)
    assert dict(log.mapping) == {
        "id": "messageId", "type": "messageType", "source": "sourceAddress", "time": "sentTime",
        "correlation_id": "conversationId", "causation_id": "initiatorId", "data": "message",
    }  # fmt: skip
    assert log.frame["type"].iloc[-3:].tolist() == [f"urn:message:Acme:{kind}" for kind, _ in hops]
    assert log.frame["type"].nunique() == (3 if ending == "parquet" else 4)
