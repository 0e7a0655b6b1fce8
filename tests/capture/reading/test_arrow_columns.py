"""What other programs write into Parquet and Arrow files is read as a log holds it."""

import datetime as dt
import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from workbench.analysis import EventLog
from workbench.analysis.scanned import ScannedLog
from workbench.capture.reading.arrays import python_values
from workbench.capture.reading.arrow_columns import as_held

N = 200
TEXT, BYTES = pa.string(), pa.binary()
WORDS = pa.dictionary(pa.int32(), TEXT)
HEADERS = pa.list_(pa.struct([("key", TEXT), ("value", BYTES)]))
NINE = dt.datetime.fromisoformat("2026-11-25T09:30:00.250")
NINE_UTC = NINE.replace(tzinfo=dt.UTC)


def field(name, kind):
    return pa.struct([(name, kind)])


def held(values, kind):
    column = pa.array(values, kind)
    whole, part = python_values(as_held(column)), python_values(as_held(column[1:]))
    assert part == whole[1:]
    return whole


def events(**columns):
    """Flows of two events, whose ids are bytes; what else there is says which flow, and which cause."""
    common = {
        "type": ["Placed", "Paid"] * (N // 2),
        "time": pa.array([n * 1_000 for n in range(N)], pa.int64()).cast(pa.timestamp("ms", "UTC")),
        "id": [b"C-%d" % n for n in range(N)],
    }
    return pa.table({**common, **columns})


def cause(row):
    return b"C-%d" % (row - 1) if row % 2 else None


def flow(row):
    return b"f%d" % (row // 2)


def read(table, path, mapping=None):
    pq.write_table(table, path)
    return EventLog.read(path, mapping, progress=False)


@pytest.mark.parametrize(
    ("kind", "value", "as_json"),
    [
        (pa.timestamp("us"), NINE, "2026-11-25T09:30:00.250000"),
        (pa.timestamp("ms", "Europe/Berlin"), NINE_UTC, "2026-11-25T09:30:00.250Z"),
        (pa.timestamp("ns"), NINE, "2026-11-25T09:30:00.250000000"),
        (pa.timestamp("s"), NINE.replace(microsecond=0), "2026-11-25T09:30:00"),
        (pa.timestamp("s"), 253_402_300_800, "10000-01-01T00:00:00"),
        (pa.date32(), NINE.date(), "2026-11-25"),
        (pa.time64("us"), NINE.time(), "09:30:00.250000"),
        (pa.duration("ms"), dt.timedelta(seconds=-3.5), "-PT3.500S"),
        (pa.duration("s"), dt.timedelta(seconds=90), "PT90S"),
        (pa.decimal128(10, 2), Decimal("12.50"), 12.5),
        (pa.decimal128(38, 0), Decimal(10**30 + 1), 10**30 + 1),
        (pa.decimal128(38, 2), Decimal(f"{10**20}.10"), f"{10**20}.10"),
        (BYTES, "Größe".encode(), "Größe"),
        (BYTES, b"\xff\x01", "ff01"),
        (pa.binary(2), b"ab", "ab"),
        (pa.binary_view(), b"ab", "ab"),
        (WORDS, "ab", "ab"),
        (pa.list_(BYTES), [b"ab", None], ["ab", None]),
        (pa.list_(pa.date32(), 1), [NINE.date()], ["2026-11-25"]),
        (pa.list_view(field("a", BYTES)), [{"a": b"b"}], [{"a": "b"}]),
        (pa.map_(TEXT, BYTES), [("h", b"f0")], {"h": "f0"}),
        (pa.map_(pa.int32(), WORDS), [(1, "a")], {"1": "a"}),
        (field("b", pa.map_(TEXT, field("c", BYTES))), {"b": [("k", {"c": b"v"})]}, {"b": {"k": {"c": "v"}}}),
        (pa.float64(), 1.5, 1.5),
        (pa.bool_(), True, True),
    ],
)  # fmt: skip
def test_whatever_stands_inside_a_struct_is_json(kind, value, as_json):
    rows = [None, {"a": value}, {"a": None}]
    assert held(rows, field("a", kind)) == [None, {"a": as_json}, {"a": None}]


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pa.array([b"a", b"\xff"], BYTES), ["a", "ff"]),
        (pa.array([b"a", b"\xff"], BYTES).dictionary_encode(), ["a", "ff"]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pc.run_end_encode(pa.array(["a", "a"])), ["a", "a"]),
        (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), [str(uuid.UUID(int=1))]),
        (pa.array([Decimal("0.1"), None], pa.decimal128(38, 18)), [0.1, None]),
        (pa.array([NINE.date()]), ["2026-11-25"]),
        (pa.array([{}, None], pa.struct([])), [{}, None]),
    ],
)
def test_a_column_is_read_however_it_is_stored(column, found):
    assert python_values(as_held(column)) == found


def test_a_key_that_a_map_has_twice_has_all_its_values():
    pairs = [[("a", "1"), ("b", "2"), ("a", "3")], None, []]
    assert held(pairs, pa.map_(TEXT, TEXT)) == [{"a": ["1", "3"], "b": "2"}, None, {}]


def test_conditions_and_explanations_go_into_a_struct_of_times_decimals_and_bytes(tmp_path):
    kind = pa.struct(
        [("build", pa.int32()), ("at", pa.timestamp("us")), ("price", pa.decimal128(9, 2))]
    )
    meta = [{"build": n % 3, "at": NINE, "price": Decimal(n)} for n in range(N)]
    log = read(events(meta=pa.array(meta, kind)), tmp_path / "log", {"correlation_id": None})
    assert log.frame["meta"][1] == {"build": 1, "at": "2026-11-25T09:30:00.250000", "price": 1.0}
    assert len(log.where("meta.build == 1")) == 67
    assert len(log.where("meta.price >= 150 and meta.at >= '2026-11-25'")) == 50

    log = read(
        events(meta=pa.array(meta, kind), correlation_id=list(map(str, range(N)))), tmp_path / "log"
    )
    assert log.explain(log.where("meta.build == 1"))["attribute"].iloc[0] == "meta.build"


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("meta", [{"flow": flow(n), "cause": cause(n)} for n in range(N)], pa.struct([("flow", BYTES), ("cause", BYTES)])),
        ("headers", [[{"key": "flow", "value": flow(n)}, {"key": "cause", "value": cause(n)}] for n in range(N)], HEADERS),
        ("meta", [[("flow", flow(n)), ("cause", cause(n))] for n in range(N)], pa.map_(TEXT, BYTES)),
    ],
    ids=["a struct", "Kafka's headers", "a map"],
)  # fmt: skip
def test_a_mapping_is_guessed_from_nested_bytes_as_the_frame_will_hold_them(
    tmp_path, name, values, kind
):
    log = read(events(**{name: pa.array(values, kind)}), tmp_path / "log")
    assert log.mapping["correlation_id"] == f"{name}.flow"
    assert log.mapping["causation_id"] == f"{name}.cause"
    assert {entry.column: entry.example for entry in log.mapping.entries}["id"] == "C-0"
    assert log.frame["id"][0] == log.frame["causation_id"][1] == "C-0"
    assert "b'" not in repr(log.mapping)


@pytest.mark.parametrize("kind", [TEXT, BYTES])
def test_a_mapping_and_a_condition_name_keys_of_a_map(tmp_path, kind):
    meta = pa.array([[("h", flow(n).decode())] for n in range(N)], pa.map_(TEXT, TEXT))
    table = events(meta=meta.cast(pa.map_(TEXT, kind)))
    log = read(table, tmp_path / "log", {"correlation_id": "meta.h"})
    assert log.frame["meta"][0] == {"h": "f0"}
    assert len(log.where("meta.h == 'f1'")) == 2
    assert len(log.flow("f1")) == 2


@pytest.mark.parametrize(
    ("kind", "value", "as_json"),
    [
        (field("a", WORDS), {"a": "x"}, {"a": "x"}),
        (pa.list_(WORDS), ["x"], ["x"]),
        (pa.map_(TEXT, WORDS), [("a", "x")], {"a": "x"}),
    ],
    ids=["struct", "list", "map"],
)
def test_nested_words_are_read_from_all_groups_of_rows(tmp_path, kind, value, as_json):
    pq.write_table(events(x=pa.array([value] * N, kind)), tmp_path / "log", row_group_size=77)
    log = EventLog.read(tmp_path / "log", progress=False)
    assert log.frame["id"].tolist() == [f"C-{n}" for n in range(N)]
    assert log.frame["x"].tolist() == [as_json] * N


@pytest.mark.parametrize("saved", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_log_with_such_columns_is_saved_and_read_back(tmp_path, saved):
    table = events(
        price=pa.array([Decimal(n) / 4 for n in range(N)], pa.decimal128(9, 2)),
        day=[NINE.date()] * N,
        headers=pa.array([[{"key": "a", "value": b"\xff"}]] * N, HEADERS),
    )
    log = read(table, tmp_path / "log")
    log.save(tmp_path / saved, progress=False)
    again = EventLog.read(tmp_path / saved, progress=False)
    for name in ("price", "day", "headers"):
        assert again.frame[name].tolist() == log.frame[name].tolist()


def test_columns_that_stand_in_the_names_of_folders_are_read(tmp_path):
    rows = [
        {"event_id": f"e{n}", "event_type": kind, "tier": tier, "ts": 1790000000 + n}
        for n, (kind, tier) in enumerate([("A", "x y"), ("B", "z"), ("A", None), ("B", "z")])
    ]
    table = pa.Table.from_pylist(rows)
    pq.write_to_dataset(table, tmp_path / "log", partition_cols=["event_type", "tier"])
    log = EventLog.read(tmp_path / "log", progress=False)
    frame = log.frame.sort_values("id")
    assert frame["type"].tolist() == ["A", "B", "A", "B"]
    assert frame["tier"].fillna("").tolist() == ["x y", "z", "", "z"]
    assert log.where("tier == 'z'").events == 2
    with ScannedLog((tmp_path / "log").rglob("*.parquet"), memory=1_000) as scanned:
        assert scanned.where("tier == 'z'").events == 2
