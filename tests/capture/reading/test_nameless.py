import json

import pytest

from workbench.capture import read
from workbench.errors import LogError

FLOW = ["OrderPlaced", "StockReserved", "PaymentTaken", "OrderShipped"]
INSIDE = "2020-01-01T00:00:00Z"
"""A time in a payload, which is none of the event's."""


def stamp(row):
    return f"2026-01-01T00:{row // 60:02}:{row % 60:02}Z"


def mapping(tmp_path, rows, between="\t"):
    path = tmp_path / "dump.txt"
    path.write_text("".join(between.join(map(str, row)) + "\n" for row in rows))
    found = dict(read(path, progress=False).mapping)
    return {column: str(found[column]) for column in ("type", "time")}


@pytest.mark.parametrize("height", [1, 2, 40])
@pytest.mark.parametrize(
    "payload",
    [
        {"type": "gift"},
        {"event_type": "GiftCard"},
        {"time": INSIDE},
        {"type": "gift", "time": INSIDE, "id": "c-1"},
        {"kind": "CREDIT_CARD", "event_type": "x", "timestamp": INSIDE},
    ],
)
@pytest.mark.parametrize("types", [FLOW, [f"com.acme.{name}.v2" for name in FLOW],
                                   ["order.placed", "stock-reserved", "payment_taken", "order.shipped"]])  # fmt: skip
def test_types_and_times_without_a_name_win_over_names_in_the_json_beside_them(
    tmp_path, height, payload, types
):
    rows = [
        [stamp(n), "orders", types[n % 4], f"o-{n // 4}", json.dumps({**payload, "amount": n})]
        for n in range(height)
    ]
    assert mapping(tmp_path, rows) == {"type": "column 3", "time": "column 1"}


def test_a_header_whose_names_say_nothing_is_like_none(tmp_path):
    told = [[stamp(n), FLOW[n % 4], json.dumps({"event_type": "gift", "n": n})] for n in range(12)]
    rows = [["wann", "vorfall", "inhalt"], *told]
    assert mapping(tmp_path, rows) == {"type": "vorfall", "time": "wann"}


def test_events_named_in_json_win_over_classes_beside_it_and_a_constant_does_not(tmp_path):
    def rows(beside, name, values):
        return [
            [stamp(n), beside[n % len(beside)], f"r-{n // 4}", json.dumps({name: values[n % len(values)]})]
            for n in range(24)
        ]  # fmt: skip

    classes, said = ["OrderController", "PaymentController"], ["placed", "paid", "sent", "closed"]
    assert mapping(tmp_path, rows(classes, "event", said))["type"] == "column 4.event"
    assert mapping(tmp_path, rows(FLOW, "type", ["OrderCreated"]))["type"] == "column 2"


@pytest.mark.parametrize("height", [1, 40])
@pytest.mark.parametrize("beside", ["orders", "order.events", "OrderService", "order-service"])
def test_an_envelope_in_the_json_wins_over_what_reads_no_better_beside_it(tmp_path, height, beside):
    rows = [
        [stamp(n), beside, f"o-{n // 4}", json.dumps({"type": FLOW[n % 4], "time": INSIDE, "n": n})]
        for n in range(height)
    ]
    assert mapping(tmp_path, rows) == {"type": "column 4.type", "time": "column 4.time"}


def test_counts_since_1970_tell_a_table_without_a_header(tmp_path):
    rows = [
        [1767225600000 + n, "orders", FLOW[n % 4], json.dumps({"type": "gift", "n": n})]
        for n in range(12)
    ]
    assert mapping(tmp_path, rows) == {"type": "column 3", "time": "column 1"}


@pytest.mark.parametrize("inside", ["time", "occurred_at", "timestamp"])
def test_a_time_without_a_name_wins_over_one_in_the_json_beside_a_type_with_a_name(
    tmp_path, inside
):
    told = [
        [
            f"01.03.2026 09:00:{n:02}",
            FLOW[n % 4],
            f"V-{n // 4}",
            json.dumps({inside: INSIDE, "n": n}),
        ]
        for n in range(24)
    ]
    rows = [["Zeitpunkt", "Ereignis", "Vorgang", "Nutzdaten"], *told]
    assert mapping(tmp_path, rows) == {"type": "Ereignis", "time": "Zeitpunkt"}


def test_when_an_event_was_received_is_not_its_time_where_its_payload_says_one(tmp_path):
    told = [[FLOW[n % 4], stamp(n + 60), json.dumps({"occurred_at": stamp(n)})] for n in range(24)]
    rows = [["type", "received_at", "payload"], *told]
    assert mapping(tmp_path, rows)["time"] == "payload.occurred_at"


@pytest.mark.parametrize("said", [{"status": "created"}, {"id": "c-1", "name": "Ann"}])
def test_json_is_the_payload_and_neither_types_nor_services_however_few_there_are(tmp_path, said):
    path = tmp_path / "dump.tsv"
    rows = [
        [stamp(n), ["order-placed", "order-paid"][n % 2], json.dumps(said | {"n": n % 2}), "shop"]
        for n in range(24)
    ]
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    found = read(path, progress=False).mapping
    assert (found["type"], found["data"]) == ("column 2", "column 3")
    assert found.get("source") != "column 3"


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [0, 2, 1, 3]])
def test_of_two_times_without_a_name_the_one_that_says_the_hour_is_the_events(tmp_path, order):
    path = tmp_path / "log.csv"
    rows = [["Ereignis", "Stichtag", "Uhr", "Nutzdaten"]] + [
        [FLOW[n % 4], f"0{n}.10.2026", f"0{n}.09.2026 10:00:00", json.dumps({"type": "gift", "n": n}).replace('"', '""')]
        for n in range(1, 9)
    ]  # fmt: skip
    path.write_text("".join(";".join(f'"{row[at]}"' for at in order) + "\n" for row in rows))
    found = read(path, progress=False).mapping
    assert (found["type"], found["time"], found["data"]) == ("Ereignis", "Uhr", "Nutzdaten")


def test_types_of_dotnet_are_types_though_they_hold_names_and_values(tmp_path):
    path = tmp_path / "log.jsonl"
    tail = ", Acme.Events, Version=1.0.0.0, Culture=neutral, PublicKeyToken=null"
    rows = [
        {"Headers": {"MessageId": f"m{n}", "ContentType": "application/json", "TimeSent": stamp(n),
                     "EnclosedMessageTypes": f"Acme.Events.{FLOW[n % 4]}{tail}"}, "Body": "{}"}
        for n in range(20)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read(path, progress=False).mapping["type"] == "Headers.EnclosedMessageTypes"


def test_an_empty_list_among_others_makes_no_empty_log(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"stuck": ["a", "b"], "loops": [], "at": INSIDE}))
    with pytest.raises(LogError, match="is not an event log: no column says the event type"):
        read(path, progress=False)
