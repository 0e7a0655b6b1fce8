import csv
import io
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.analysis import EventLog
from workbench.capture import read
from workbench.capture.reading import sampling
from workbench.capture.reading.likeness import like_flows, one_root, told_by_type

STEPS = [("PaketEingeliefert", "Bote"), ("FachGeöffnet", "Fach"), ("PaketAbgeholt", "Fach"), ("GebührBezahlt", "Kasse")]  # fmt: skip
KINDS = ["OrderPlaced", "OrderPaid", "OrderSent"]


def parcels(flows=250, number="{:07d}".format, seed=1):
    """Rows of a dump whose ids are numbers, in the order of time; flows overlap."""
    chance = random.Random(seed)
    rows, n = [], 0
    for flow in range(flows):
        cause = ""
        for step, (kind, service) in enumerate(STEPS):
            n += 1
            rows.append(
                {
                    "Lfd. Nr.": number(n),
                    "Zeitpunkt": pd.Timestamp("2026-10-24T22:00Z")
                    + pd.Timedelta(seconds=10 * flow + 7 * step),
                    "Ereignisart": kind,
                    "Dienst": service,
                    "Auslöser Nr.": cause,
                    "Temperatur °C": f"{chance.randint(0, 31)},{chance.randint(0, 9)}",
                    "Zusatz": {"paket": {"nr": f"JJD{flow * 7919 % 10007}", "schrank": flow % 40}},
                }
            )
            cause = number(n)
    return sorted(rows, key=lambda row: row["Zeitpunkt"])


def as_lines(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def as_csv(path, rows, without=()):
    text = io.StringIO()
    names = [name for name in rows[0] if name not in without]
    writer = csv.DictWriter(text, names, delimiter=";", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        time = row["Zeitpunkt"].strftime("%d.%m.%Y %H:%M:%S")
        writer.writerow(row | {"Zeitpunkt": time, "Zusatz": json.dumps(row["Zusatz"])})
    path.write_text(text.getvalue())
    return path


@pytest.mark.parametrize("given", [None, {"data": "Zusatz"}])
def test_a_correlation_id_is_found_in_json_in_a_cell_and_no_decimal_number_is_taken_for_one(
    tmp_path, given
):
    found = read(as_csv(tmp_path / "b.csv", parcels()), given, progress=False)
    assert found.mapping["correlation_id"] == "Zusatz.paket.nr"
    assert found.mapping["data"] == "Zusatz"
    assert found.frame["correlation_id"].nunique() == 250
    assert found.frame["causation_id"].notna().sum() == 750


@pytest.mark.parametrize("values", ["7,4 7.4 21,0", "1.250,00 3,50 12,10", "-1.5e3 2.5 3"])
def test_a_column_of_numbers_with_a_fraction_is_no_correlation_id(tmp_path, values):
    chance = random.Random(2)
    numbers = [f"{chance.randint(0, 9)}{each}" for each in values.split() for _ in range(30)]
    rows = [row | {"Temperatur °C": chance.choice(numbers)} for row in parcels()]
    path = as_csv(tmp_path / "b.csv", rows, without=["Zusatz", "Auslöser Nr."])
    assert "correlation_id" not in read(path, progress=False).mapping


def test_numbers_that_come_again_by_chance_are_no_flows(tmp_path):
    chance = random.Random(3)
    rows = [row | {"Temperatur °C": str(chance.randint(0, 99))} for row in parcels()]
    path = as_csv(tmp_path / "b.csv", rows, without=["Zusatz", "Auslöser Nr."])
    assert "correlation_id" not in read(path, progress=False).mapping
    path = as_csv(tmp_path / "b.csv", rows, without=["Auslöser Nr."])
    assert read(path, progress=False).mapping["correlation_id"] == "Zusatz.paket.nr"


@pytest.mark.parametrize(
    "number", ["{:07d}", "{}", "E{:07d}", "{:08x}-0000-4000-8000-00000000abcd"]
)
def test_a_cause_is_another_rows_id_whatever_its_column_is_called(tmp_path, number):
    found = read(as_csv(tmp_path / "b.csv", parcels(number=number.format)), progress=False)
    assert found.mapping["causation_id"] == '"Auslöser Nr."'
    assert found.frame["causation_id"].notna().sum() == 750


def test_small_numbers_that_are_ids_by_chance_are_no_causes(tmp_path):
    chance = random.Random(4)
    rows = [row | {"Auslöser Nr.": str(chance.randint(1, 1000))} for row in parcels(number=str)]
    found = read(as_csv(tmp_path / "b.csv", rows), progress=False)
    assert found.mapping["id"] == '"Lfd. Nr."'
    assert "causation_id" not in found.mapping


ORDERS = {
    "shuffled": lambda rows: random.Random(5).sample(rows, len(rows)),
    "by type": lambda rows: sorted(rows, key=lambda row: row["Ereignisart"]),
    "by type, shuffled inside": lambda rows: sorted(
        random.Random(6).sample(rows, len(rows)), key=lambda row: row["Ereignisart"]
    ),
    "by id": lambda rows: sorted(rows, key=lambda row: row["Lfd. Nr."]),
    "newest first": lambda rows: rows[::-1],
}


@pytest.mark.parametrize("most", [16_000, 2_500])
@pytest.mark.parametrize("order", ORDERS)
def test_a_dump_in_another_order_is_guessed_as_one_in_the_order_of_time(
    tmp_path, monkeypatch, order, most
):
    monkeypatch.setattr(sampling, "_MOST", most)
    rows = parcels(1_200, number=lambda n: f"{n * 2654435761 % 2**32:08x}")
    expected = dict(read(as_csv(tmp_path / "b.csv", rows), progress=False).mapping)
    assert {"id", "type", "correlation_id", "causation_id", "source"} <= expected.keys()
    path = as_csv(tmp_path / "b.csv", ORDERS[order](rows))
    assert dict(read(path, progress=False).mapping) == expected
    frame = pd.DataFrame(ORDERS[order](rows))
    assert EventLog(frame).mapping["causation_id"] == expected["causation_id"]


def test_what_a_mapping_names_may_stand_late_in_a_file(tmp_path):
    rows = [{"at": f"2026-11-23T12:{n % 60:02}:00Z", "kind": "A"} for n in range(5_000)]
    rows[-1]["flow"] = "f-1"
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    frame = read(path, {"correlation_id": "flow"}, progress=False).frame
    assert frame["correlation_id"].dropna().tolist() == ["f-1"]


def test_flows_look_like_flows_and_chance_does_not():
    kinds = ["A", "B", "C"] * 50
    flows = [n // 3 for n in range(150)]
    assert like_flows(flows, kinds, range(150)) == 1
    assert like_flows([n % 5 for n in range(150)], kinds, range(150)) < 0.2
    assert like_flows(list(range(150)), kinds, range(150)) is None
    backwards = range(149, -1, -1)
    assert like_flows(flows, kinds, backwards) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ABC")), min_size=40, max_size=80))
def test_likeness_is_as_a_plain_count_says(rows):
    values, kinds = zip(*rows, strict=True)
    groups = {v: [k for value, k in rows if value == v] for v in values}
    shared = {v: each for v, each in groups.items() if len(set(each)) > 1 or len(each) > 1}
    steps = Counter(p for each in groups.values() for p in pairwise(each) if p[0] != p[1])
    found = like_flows(values, kinds, range(len(rows)))
    assert found is None or 0 <= found <= 1
    if found is not None and steps:
        n = sum(map(len, shared.values()))
        apart = sum(len(set(each)) for each in shared.values()) / n
        turned = sum(min(n, steps[b, a]) for (a, b), n in steps.items()) / 2
        assert found == pytest.approx(apart * (1 - 2 * turned / steps.total()))


def test_the_type_of_an_effect_tells_that_of_its_cause_where_it_is_one():
    types = Counter(A=20, B=20, C=20)
    assert told_by_type([("A", "B"), ("B", "C")] * 10, types) == 1
    assert told_by_type([(a, b) for a in "ABC" for b in "ABC"] * 3, types) == pytest.approx(0)
    assert told_by_type([("A", "B")] * 3, types) == 0


def visits(customer, flow, flows=300, customers=100, root=None):
    """Flows of three events in a chain, of customers who come several times.

    ``customer`` and ``flow`` are the columns of the two, with a dot where they are nested.
    """
    chance = random.Random(0)
    rows = []
    for n in range(flows):
        who = f"cust-{chance.randrange(customers)}"
        for step, kind in enumerate("ABC"):
            row = {
                "id": f"e{n}-{step}",
                "type": kind,
                "time": 1789970400000 + n * 2000 + step * 100,
            }
            for column, value in ((customer, who), (flow, f"C-{n}")):
                *outer, name = column.split(".")
                (row.setdefault(outer[0], {}) if outer else row)[name] = value
            row["parent"] = f"e{n}-{step - 1}" if step else root
            rows.append(row)
    return rows


def as_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("customer", ["kunde", "ctx.kunde", "meta.kunde", "data.kunde", "key", "order_id"])  # fmt: skip
@pytest.mark.parametrize("flow", ["h.x-request-id", "headers.x-request-id", "vorgang", "zz", "a.b"])
def test_a_flow_has_one_event_without_a_cause_and_a_customer_has_several(tmp_path, customer, flow):
    path = as_jsonl(tmp_path / "log.jsonl", visits(customer, flow))
    assert read(path, progress=False).mapping["correlation_id"] == flow


@pytest.mark.parametrize("root", [None, "", "root", "0", "00000000-0000-0000-0000-000000000000"])
def test_an_event_without_a_cause_is_one_however_that_is_written(tmp_path, root):
    path = as_jsonl(tmp_path / "log.jsonl", visits("kunde", "h.x-request-id", root=root))
    assert read(path, progress=False).mapping["correlation_id"] == "h.x-request-id"


def test_a_flow_is_told_from_a_customer_in_a_shuffled_dump_too(tmp_path):
    rows = visits("kunde", "h.x-request-id", 8_000, 2_500)
    random.Random(1).shuffle(rows)
    path = as_jsonl(tmp_path / "log.jsonl", rows)
    assert read(path, progress=False).mapping["correlation_id"] == "h.x-request-id"


def test_a_customer_is_the_flow_where_nothing_is_better(tmp_path):
    rows = [{k: v for k, v in row.items() if k != "h"} for row in visits("kunde", "h.n")]
    path = as_jsonl(tmp_path / "log.jsonl", rows)
    assert read(path, progress=False).mapping["correlation_id"] == "kunde"


@pytest.mark.parametrize("name", ["x-request-id", "correlation", "trace", "vorgang"])
@pytest.mark.parametrize("without", ["parent", None])
def test_of_two_columns_that_say_the_same_the_one_with_a_known_name_is_the_flow(
    tmp_path, name, without
):
    rows = [
        {k: v for k, v in row.items() if k != without} | {name: row["wert"]}
        for row in visits("kunde", "wert")
    ]
    path = as_jsonl(tmp_path / "log.jsonl", rows)
    assert read(path, progress=False).mapping["correlation_id"] == name


def test_one_root_is_the_share_of_values_with_one_row_without_a_cause():
    assert one_root(["a", "a", "b", "b", None], [0, 2, 4]) == 1
    assert one_root(["a", "a", "b", "b"], [0, 1, 2]) == 0.5
    assert one_root(["a", "a"], []) == 0


def changes(flows=200, before=True, names=("evt_id", "parent_evt", "order_id")):
    """Rows of a change log: each has the row as it is, and as it was."""
    own, parent, order = names
    rows = []
    for flow in range(flows):
        was = None
        for step, status in enumerate(["Placed", "Reserved", "Paid", "Shipped"]):
            cause = f"e{flow}-{step - 1}" if step else None
            now = {order: f"o-{flow}", "status": status, own: f"e{flow}-{step}", parent: cause}
            row = {"after": now, "op": "u" if step else "c", "ts_ms": 1789970400000 + flow * 5000 + step * 300}  # fmt: skip
            rows.append({"before": was} | row if before else row)
            was = now
    return sorted(rows, key=lambda row: row["ts_ms"])


IDS = ["id", "correlation_id", "causation_id"]


@pytest.mark.parametrize(
    ("before", "names"),
    [(True, ("evt_id", "parent_evt", "order_id")), (False, ("nummer", "wegen", "faden"))],
)
def test_ids_are_where_they_are_whatever_is_named_as_the_payload(tmp_path, before, names):
    path = as_jsonl(tmp_path / "log.jsonl", changes(before=before, names=names))
    given = {"type": "after.status"}
    expected = read(path, given, progress=False).mapping
    assert [expected[column] for column in IDS] == [f"after.{names[n]}" for n in (0, 2, 1)]
    found = dict(read(path, given | {"data": "after"}, progress=False).mapping)
    assert found == {**expected, "data": "after"}


def test_an_id_with_gaps_is_passed_over_for_the_same_one_without(tmp_path):
    rows = changes(6_000)
    random.Random(2).shuffle(rows)
    path = as_jsonl(tmp_path / "log.jsonl", rows)
    given = {"type": "after.status", "data": "after"}
    found = read(path, given, progress=False)
    assert found.mapping["id"] == "after.evt_id"
    assert found.mapping["correlation_id"] == "after.order_id"
    assert found.frame["id"].is_unique


def test_a_cause_that_is_called_as_the_id_is_no_id_with_gaps(tmp_path):
    rows = [
        {"id": r["after"]["evt_id"], "parent": {"id": r["after"]["parent_evt"]}, "kind": r["after"]["status"],
         "ts": r["ts_ms"], "flow": {"id": r["after"]["order_id"]}}
        for r in changes()
    ]  # fmt: skip
    found = read(as_jsonl(tmp_path / "log.jsonl", rows), progress=False).mapping
    assert [found[column] for column in IDS] == ["id", "flow.id", "parent.id"]


@pytest.mark.parametrize("payload", ["record.value.body", "record.value", "audit", None])
def test_whoever_names_the_payload_changes_nothing_else(tmp_path, payload):
    path = tmp_path / "audit.jsonl"
    rows = [
        {
            "audit": {"at": f"2026-09-21T10:{n:02d}:00Z", "auditId": n},
            "record": {
                "value": {
                    "meta": {
                        "messageId": f"m{n}",
                        "messageType": "AB"[n % 2],
                        "occurredAt": 1790000000000 + n * 5000,
                        "headers": [["x-correlation", f"c{n // 2}"]]
                        + [["x-caused-by", f"m{n - 1}"]] * (n % 2),
                        "origin": {"app": "st"[n % 2]},
                    },
                    "body": {"n": n},
                }
            },
        }
        for n in range(40)
    ]
    as_lines(path, rows)
    guessed = dict(read(path, progress=False).mapping)
    named = dict(read(path, {"data": payload}, progress=False).mapping)
    assert guessed["id"] == "record.value.meta.messageId"
    assert guessed["data"] == "record.value.body"
    assert named == {k: v for k, v in guessed.items() if k != "data"} | (
        {} if payload is None else {"data": payload}
    )


@pytest.mark.parametrize(
    ("stamp", "form"), [("%Y%m%d%H%M%S", "YYYYMMDDhhmmss"), ("%Y-%m-%d-%H.%M.%S.%f", "text")]
)
def test_a_table_of_a_database_with_numbers_for_ids_is_mapped(tmp_path, stamp, form):
    first = datetime(2026, 9, 21, 9, tzinfo=UTC)
    rows = [
        {"EVENT_NO": 100_000 + n, "KIND": kind, "SVC": kind[:1], "ORDER_NO": f"O-{n // 3}",
         "PART": n // 3 % 4, "OFF": 7_000 + n, "STAMP": f"{first + timedelta(seconds=n):{stamp}}"}
        for n, kind in enumerate(["Placed", "Reserved", "Billed"] * 50)
    ]  # fmt: skip
    path = tmp_path / "events.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    found = read(path, progress=False)
    assert dict(found.mapping) == {
        "id": "EVENT_NO", "type": "KIND", "source": "SVC", "time": "STAMP",
        "correlation_id": "ORDER_NO", "partition": "PART", "offset": "OFF",
    }  # fmt: skip
    assert f"guessed, {form}" in str(found.mapping)
    assert found.frame["time"].max() == pd.Timestamp("2026-09-21T09:02:29Z")


@pytest.mark.parametrize("name", ["Libellé", "évènement", "Ereignisart", "Typ", "AKTION"])
def test_a_type_may_be_named_in_german_or_french(tmp_path, name):
    path = tmp_path / "events.csv"
    kinds = ["créé", "payé", "livré"] * 10
    first = datetime(2026, 9, 21, 9, tzinfo=UTC)
    rows = [
        {"Horodatage": (first + timedelta(seconds=n)).isoformat(), "N°": f"C-{n // 3}", name: kind}
        for n, kind in enumerate(kinds)
    ]
    pd.DataFrame(rows).to_csv(path, index=False, sep=";", encoding="latin-1")
    assert read(path, progress=False).mapping["type"] == name


@pytest.mark.parametrize("name", ["at_us", "ts_us", "epoch_us", "occurredAtMicros"])
def test_a_time_may_be_named_with_its_unit(tmp_path, name):
    path = tmp_path / "events.jsonl"
    rows = [
        {
            "id": f"e{n}",
            "type": "AB"[n % 2],
            "order_id": f"o{n // 2}",
            "shipped_at": 1_790_000_005 + n,
        }
        | {name: 1_790_000_000_000_000 + n * 1_000_000}
        for n in range(40)
    ]
    as_lines(path, rows)
    assert read(path, progress=False).mapping["time"] == name


@pytest.mark.parametrize("cause", ["causationId", "RelatedTo", "parent"])
def test_the_id_is_that_which_causes_name_and_not_that_of_the_message(tmp_path, cause):
    path = tmp_path / "events.jsonl"
    rows = [
        {
            "MessageId": f"m{n}",
            "ts": f"2026-11-23T12:00:{n:02}Z",
            "payload": {
                "id": f"e{n}",
                "type": KINDS[n % 3],
                "source": "shop",
                "orderId": f"o{n // 3}",
                cause: f"e{n - 1}" if n % 3 else None,
            },
        }
        for n in range(60)
    ]
    as_lines(path, [*rows, rows[-1] | {"MessageId": "m60"}])
    log = EventLog.read(path, progress=False)
    assert log.mapping["id"] == "payload.id"
    assert log.mapping["causation_id"] == f"payload.{cause}"
    assert len(log.duplicates()) == 1


@pytest.mark.parametrize("given", [None, {"correlation_id": "headers.traceparent"}])
def test_a_traceparent_names_its_trace(tmp_path, given):
    path = tmp_path / "events.jsonl"
    rows = [
        {
            "eventId": f"e{n}",
            "ts": f"2026-11-23T12:00:{n:02}Z",
            "kind": KINDS[n % 3],
            "headers": {"traceparent": f"00-{n // 3:032x}-{n:016x}-01"},
        }
        for n in range(60)
    ]
    as_lines(path, rows)
    found = read(path, given, progress=False)
    assert found.mapping["correlation_id"] == "headers.traceparent"
    assert found.frame["correlation_id"].tolist() == [f"{n // 3:032x}" for n in range(60)]


@pytest.mark.parametrize("given", [None, {"time": "fields.@timestamp", "type": "fields.event"}])
def test_lists_of_one_are_what_is_in_them(tmp_path, given):
    path = tmp_path / "hits.jsonl"
    rows = [
        {
            "_id": f"h{n}",
            "fields": {
                "@timestamp": [f"2026-11-23T12:00:{n:02}Z"],
                "event": [KINDS[n % 3]],
                "order_id": [n // 3],
                "tags": ["a", "b"],
            },
        }
        for n in range(60)
    ]
    as_lines(path, rows)
    found = read(path, given, progress=False)
    assert found.mapping["correlation_id"] == "fields.order_id"
    assert found.frame["type"].tolist()[:3] == KINDS
    assert found.frame["time"][1] == pd.Timestamp("2026-11-23T12:00:01Z")
    assert found.frame["correlation_id"].tolist()[3:6] == ["1"] * 3


@pytest.mark.parametrize("digits", [9, 10, 12, 13, 15, 16, 18, 19])
@pytest.mark.parametrize("kind", [int, str])
@pytest.mark.parametrize("name", ["order_id", "zlecenie"])
def test_long_numbers_of_orders_are_no_times_and_a_partition_is_no_flow(
    tmp_path, digits, kind, name
):
    chance = random.Random(digits)
    path = tmp_path / "events.jsonl"
    steps = ["Placed", "Reserved", "Paid", "Shipped"]
    rows = []
    for order in range(100):
        number = kind(chance.randint(4 * 10 ** (digits - 1), 9 * 10 ** (digits - 1)))
        rows += [
            {
                "msg_id": f"{order:05d}-{n}",
                "kind": step,
                "service": step.lower(),
                "at": 1795158000000 + order * 2000 + n * 300,
                "caused_by": f"{order:05d}-{n - 1}" if n else None,
                "kafka": {"partition": order % 4, "offset": order * 4 + n},
                name: number,
            }
            for n, step in enumerate(steps)
        ]
    as_lines(path, rows)
    found = read(path, progress=False)
    assert (found.mapping["correlation_id"], found.mapping["partition"]) == (
        name,
        "kafka.partition",
    )


@pytest.mark.parametrize("wrapping", [("kopf",), ("umschlag", "kopf"), ("a", "b", "kopf")])
def test_what_wraps_all_there_is_makes_nothing_deep(tmp_path, wrapping):
    path = tmp_path / "events.jsonl"
    lines = []
    for n in range(300):
        row = {
            "nummer": f"N-{n:05}",
            "art": ["WareBestellt", "WareGeprüft", "WareGeliefert"][n % 3],
            "dienst": ["laden", "lager", "post"][n % 3],
            "erzeugt": f"2026-11-23T12:{n // 60:02}:{n % 60:02}Z",
            "vorgang": f"V-{n // 3:04}",
            "grund": f"N-{n - 1:05}" if n % 3 else None,
        }
        for step in reversed(wrapping):
            row = {step: row}
        lines.append(json.dumps(row))
    path.write_text("\n".join(lines))
    front = ".".join(wrapping)
    assert {**read(path, progress=False).mapping} == {
        "id": f"{front}.nummer",
        "type": f"{front}.art",
        "source": f"{front}.dienst",
        "time": f"{front}.erzeugt",
        "correlation_id": f"{front}.vorgang",
        "causation_id": f"{front}.grund",
    }


def shop(n=12):
    """Events of a shop by flows of three, as a list of plain rows."""
    steps = [("OrderPlaced", "order-service"), ("OrderPaid", "billing-service"),
             ("OrderShipped", "shipping-service")]  # fmt: skip
    start = pd.Timestamp("2026-11-21T13:04:00.125Z")
    return [
        {
            "n": 3 * flow + step,
            "id": f"e{flow}-{step}",
            "kind": kind,
            "service": service,
            "flow": f"f{flow}",
            "cause": f"e{flow}-{step - 1}" if step else None,
            "time": (start + pd.Timedelta(seconds=60 * flow + 1.5 * step)).isoformat(),
        }
        for flow in range(n)
        for step, (kind, service) in enumerate(steps)
    ]


def envelope(row, **more):
    ids = {"event_id": row["id"], "correlation_id": row["flow"], "causation_id": row["cause"]}
    return ids | {"data": {"order": row["flow"]}} | more


@pytest.mark.parametrize(
    ("names", "rightly"),
    [
        (("published_at", "created_at"), "created_at"),
        (("ProcessedOnUtc", "OccurredOnUtc"), "OccurredOnUtc"),
        (("sent_at", "created_at"), "created_at"),
        (("EventProcessedUtcTime", "EventEnqueuedUtcTime"), "EventEnqueuedUtcTime"),
    ],
)
def test_an_event_is_as_old_as_itself_not_as_what_was_done_with_it(tmp_path, names, rightly):
    later = (pd.Timestamp(row["time"]).ceil("5s").isoformat() for row in shop())
    times = [
        {name: row["time"] if name == rightly else late for name in names}
        for row, late in zip(shop(), later, strict=True)
    ]
    rows = [envelope(row, type=row["kind"]) | said for row, said in zip(shop(), times, strict=True)]
    assert read(as_lines(tmp_path / "a.jsonl", rows), progress=False).mapping["time"] == rightly


def test_a_time_among_names_and_values_in_a_text_is_not_that_of_the_event(tmp_path):
    rows = [
        {"uid": row["id"], "kind": row["kind"], "when": row["time"], "flow": row["flow"]}
        | {"query": f"page={n % 9} occurred_at=2020-01-01T00:00:{n % 60:02d}Z user=u{n}"}
        for n, row in enumerate(shop())
    ]
    path = as_lines(tmp_path / "a.jsonl", rows)
    assert read(path, progress=False).mapping["time"] == "when"


def test_of_a_change_log_the_time_of_the_row_is_taken_and_not_the_connectors(tmp_path):
    rows = [
        {
            "after": {**envelope(row, type=row["kind"]), "occurred_at": row["time"]},
            "op": "c",
            "ts_us": 1_795_266_290_000_000 + 1_000_000 * row["n"],
        }
        for row in shop()
    ]
    found = read(as_lines(tmp_path / "a.jsonl", rows), progress=False)
    assert found.mapping["time"] == "after.occurred_at"


@pytest.mark.parametrize("name", ["service.name", "container.name", "cloud_RoleName", "app_name"])
def test_names_of_services_are_no_types_though_they_read_like_some(tmp_path, name):
    rows = [
        envelope(row, event={"action": row["kind"]}, timestamp=row["time"]) | {name: row["service"]}
        for row in shop()
    ]
    found = read(as_lines(tmp_path / "a.jsonl", rows), progress=False)
    assert found.mapping["type"] == "event.action"
    assert found.mapping["source"] == (f'"{name}"' if "." in name else name)


def test_a_file_an_hosts_constant_name_or_a_message_is_no_service(tmp_path):
    rows = [
        envelope(row, type=row["kind"], time=row["time"])
        | {"source": f"/var/log/containers/{row['service']}.log", "appName": "shop"}
        | {"message": f"Published {row['kind']}", "service": row["service"]}
        for row in shop()
    ]
    path = as_lines(tmp_path / "a.jsonl", [{"result": row} for row in rows])
    assert read(path, progress=False).mapping["source"] == "result.service"


def test_the_number_of_a_row_in_an_export_is_no_offset(tmp_path):
    rows = [
        {"preview": False, "offset": n, "result": envelope(row, type=row["kind"], time=row["time"])}
        for n, row in enumerate(reversed(shop()))
    ]
    path = as_lines(tmp_path / "a.jsonl", rows)
    assert "offset" not in read(path, progress=False).mapping
    path = as_lines(tmp_path / "b.jsonl", [row | {"topic": "orders"} for row in rows])
    assert read(path, progress=False).mapping["offset"] == "offset"


@pytest.mark.parametrize(
    ("kind", "value"), [("DataType", "StringValue"), ("Type", "Value"), ("dataType", "stringValue")]
)
def test_attributes_of_a_message_are_read_as_names_and_values(tmp_path, kind, value):
    rows = [
        {
            "MessageId": f"m{row['n']}",
            "Body": json.dumps({"order": row["flow"]}),
            "MessageAttributes": {
                name: {kind: "String", value: row[of]}
                for name, of in (
                    ("eventId", "id"), ("eventType", "kind"), ("producer", "service"),
                    ("correlationId", "flow"), ("causationId", "cause"), ("occurredAt", "time"),
                ) if row[of]
            },
        }
        for row in shop()
    ]  # fmt: skip
    found = read(as_lines(tmp_path / "a.jsonl", rows), progress=False)
    assert dict(found.mapping) == {
        "id": "MessageAttributes.eventId",
        "type": "MessageAttributes.eventType",
        "source": "MessageAttributes.producer",
        "time": "MessageAttributes.occurredAt",
        "correlation_id": "MessageAttributes.correlationId",
        "causation_id": "MessageAttributes.causationId",
        "data": "Body",
    }


@pytest.mark.parametrize("nothing", ["NULL", "\\N", "[NULL]", "(null)", "<nil>", "None", "-"])
def test_what_a_database_writes_for_nothing_is_no_id_under_our_names_either(tmp_path, nothing):
    lines = ["id\ttype\tsource\ttime\tcorrelation_id\tcausation_id"]
    lines += [
        "\t".join(
            [row["id"], row["kind"], row["service"], row["time"],
             row["flow"] if row["n"] else nothing, row["cause"] or nothing]
        )
        for row in shop()
    ]  # fmt: skip
    path = tmp_path / "a.tsv"
    path.write_text("\n".join(lines) + "\n")
    frame = read(path, progress=False).frame
    assert frame["causation_id"].isna().sum() == 12
    assert frame["correlation_id"].isna().tolist() == [True] + 35 * [False]


def later(row, seconds):
    return (pd.Timestamp(row["time"]) + pd.Timedelta(seconds=seconds)).isoformat()


def test_that_a_finer_time_stands_beside_one_in_whole_seconds_is_said(tmp_path):
    rows = [
        envelope(row, type=row["kind"], time=row["time"][:19] + "Z")
        | {"meta": {"stamp": row["time"], "due": "2027-01-01T00:00:00.5Z", "seen": later(row, 0.3)}}
        | {"stored_at": later(row, 0.1)}
        for row in shop()
    ]
    path = as_lines(tmp_path / "a.jsonl", rows)
    found = read(path, progress=False).mapping
    assert found["time"] == "time"
    assert (
        'time is in whole seconds, and meta.stamp says it finer: mapping={"time": "meta.stamp"}'
    ) in repr(found)
    assert "time in whole seconds where a finer one is told" in found.sentence
    right = read(path, {"time": "meta.stamp"}, progress=False)
    assert "finer" not in repr(right.mapping)
    assert (right.frame["time"].dt.microsecond > 0).all()


@pytest.mark.parametrize("own", [True, False])
def test_that_events_were_stored_together_some_seconds_later_is_said_and_no_time_of_a_flow(
    tmp_path, own
):
    began = pd.Timestamp("2026-11-27T12:00:00.123Z")
    rows = [
        {
            "kind": ("Placed", "Paid", "Sent")[n % 3],
            "flow": f"o-{n // 3}",
            "@timestamp": (began + pd.Timedelta(n * 400, "ms")).ceil("5s").isoformat(),
            "headers": {
                "t": (began + pd.Timedelta((n if own else n // 3) * 400, "ms")).isoformat()
            },
        }
        for n in range(60)
    ]
    found = read(as_lines(tmp_path / "a.jsonl", rows), progress=False).mapping
    assert found["time"] == "@timestamp"
    assert ("headers.t says it finer" in repr(found)) == own


def test_that_all_rows_are_of_one_type_is_said_where_the_name_tells_little(tmp_path):
    rows = [
        {"n": f"e{k}", "streamName": "2026/11/21", "when": f"2026-11-21T13:00:{k:02d}Z"}
        for k in range(40)
    ]
    found = read(as_lines(tmp_path / "a.jsonl", rows), {"type": "streamName"}, progress=False)
    assert "the same in all rows" not in repr(found.mapping)  # somebody said so
    found = read(as_lines(tmp_path / "b.jsonl", [row | {"eventLabel": "x"} for row in rows]),
                 progress=False)  # fmt: skip
    assert "type is the same in all rows looked at; if another" in repr(found.mapping)


@pytest.mark.parametrize("before", ["", "2026-11-21T13:04:50.190Z\t7f\tINFO\t"])
def test_a_cell_may_end_in_json(tmp_path, before):
    rows = [
        {"log": before + json.dumps({**envelope(row), "event_type": row["kind"]}) + "\n",
         "stream": "stdout", "time": row["time"]}
        for row in shop()
    ]  # fmt: skip
    found = read(as_lines(tmp_path / "a.jsonl", rows), progress=False)
    assert found.mapping["type"] == "log.event_type"
    assert found.mapping["correlation_id"] == "log.correlation_id"
    assert found.frame["data"].tolist()[0] == {"order": "f0"}


def test_a_good_name_is_enough_for_types_of_a_log_of_a_few_rows(tmp_path):
    kinds = ["Started", "Scheduled", "Running", "Completed", "Fired", "Signaled", "Timed", "Ended"]
    rows = [
        {"eventId": str(k), "eventTime": f"2026-11-21T13:04:0{k}Z", "eventType": kind}
        for k, kind in enumerate(kinds)
    ]
    path = as_lines(tmp_path / "a.jsonl", rows)
    assert read(path, progress=False).frame["type"].tolist() == kinds
