from pathlib import Path

import pandas as pd
import pytest

from workbench.analysis import EventLog

HERE = Path(__file__).parent
MYSQL = """\
mysql> SELECT * FROM outbox\\G
*************************** 1. row ***************************
          id: 1
  event_type: OrderPlaced
aggregate_id: o-1
  created_at: 2026-11-20 10:00:00
     payload: {
  "total": 120,
  "url": "http://shop"
}
processed_at: NULL
*************************** 2. row ***************************
          id: 2
  event_type: OrderPaid
aggregate_id: o-1
  created_at: 2026-11-20 10:00:05
     payload: {"total": 90}
processed_at: 2026-11-20 10:00:06
2 rows in set (0.00 sec)
"""
CASSANDRA = """
@ Row 1
--------------+---------------------------------
 id           | 1
 event_type   | OrderPlaced
 aggregate_id | o-1
 created_at   | 2026-11-20 10:00:00.000000+0000
 payload      | {"total": 120, "url": "http://shop"}
 processed_at | null

@ Row 2
--------------+---------------------------------
 id           | 2
 event_type   | OrderPaid
 aggregate_id | o-1
 created_at   | 2026-11-20 10:00:05.000000+0000
 payload      | {"total": 90}
 processed_at | 2026-11-20 10:00:06.000000+0000

(2 rows)
"""
CLICKHOUSE = """\
Row 1:
──────
id:           1
event_type:   OrderPlaced
aggregate_id: o-1
created_at:   2026-11-20 10:00:00
payload:      {"total": 120, "url": "http://shop"}
processed_at: ᴺᵁᴸᴸ

Row 2:
──────
id:           2
event_type:   OrderPaid
aggregate_id: o-1
created_at:   2026-11-20 10:00:05
payload:      {"total": 90}
processed_at: 2026-11-20 10:00:06
"""
COPIED = """\
id,event_type,aggregate_id,created_at,payload,amount,note
e-1,OrderPlaced,o-1,2026-11-20 10:00:00.123+00,"{""note"": ""a | b"", ""total"": 120}",120.5,"first
second | third"
e-2,StockReserved,o-1,2026-11-20 10:00:01+00,"{""sku"": ""A-1""}",,
e-3,OrderPlaced,o-2,2026-11-20 10:00:02+00,"{""total"": 90}",90,Größe: XL + 1
e-4,OrderCancelled,o-2,2026-11-20 10:00:03+00,,1,NULL
"""
"""What ``\\copy outbox TO STDOUT CSV HEADER`` gives of the same rows."""


def written(tmp_path, text):
    path = tmp_path / "dump.txt"
    path.write_text(text)
    return EventLog.read(path, progress=False)


@pytest.mark.parametrize(
    ("text", "rejected"),
    [
        (MYSQL, ["this line stands outside of the rows.", "this line counts the rows."]),
        (CASSANDRA, ["this line counts the rows."]),
        (CLICKHOUSE, []),
    ],
    ids=["mysql", "cassandra", "clickhouse"],
)
def test_rows_of_any_shell_are_events(tmp_path, text, rejected):
    log = written(tmp_path, text)

    events = log.frame
    assert log.mapping.format == "rows of a database, a value a line"
    assert log.rejected["reason"].tolist() == rejected
    assert events["id"].tolist() == ["1", "2"]
    assert events["type"].tolist() == ["OrderPlaced", "OrderPaid"]
    assert events["data"].tolist() == [{"total": 120, "url": "http://shop"}, {"total": 90}]
    assert log.flows()["duration_ms"].tolist() == [5_000]
    assert events["processed_at"].isna().tolist() == [True, False]


@pytest.mark.parametrize("name", ["psql_expanded.txt", "psql_framed.txt"])
def test_what_psql_prints_is_what_it_copies(tmp_path, name):
    log, copied = EventLog.read(HERE / name, progress=False), written(tmp_path, COPIED)

    assert log.rejected.empty
    assert len(log) == 4
    for column in ("id", "type", "time", "correlation_id", "data", "amount", "note"):
        pd.testing.assert_series_equal(log.frame[column], copied.frame[column])
    assert log.where("amount > 100").flows()["correlation_id"].tolist() == ["o-1"]


def test_lines_that_belong_to_nothing_are_rejected_and_rows_stay(tmp_path):
    log = written(tmp_path, MYSQL.replace("          id: 2", "Warning!\n          id: 2"))
    assert log.frame["id"].tolist() == ["1", "2"]
    assert "this line is none of a name and a value." in log.rejected["reason"].tolist()


def test_a_field_that_a_row_lacks_is_null(tmp_path):
    log = written(tmp_path, CLICKHOUSE.replace("event_type:   OrderPaid\n", ""))
    assert log.frame["type"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "below"),
    [
        (MYSQL, ["mysql> exit", "Bye"]),
        (CASSANDRA, ["cqlsh> exit"]),
        (CLICKHOUSE + "\n2 rows in set. Elapsed: 0.001 sec.\n", ["ch01 :) exit"]),
        ((HERE / "psql_expanded.txt").read_text(), ["Time: 12.3 ms", "shop=# select 'a' || 'b';"]),
    ],
    ids=["mysql", "cassandra", "clickhouse", "psql"],
)
def test_what_stands_below_rows_and_between_tables_is_no_value(tmp_path, text, below):
    log = written(tmp_path, text + "\n" + "\n".join(below) + "\n" + text)

    alone = written(tmp_path, text)
    assert set(below) <= set(log.rejected["text"])
    assert log.frame["data"].tolist() == 2 * alone.frame["data"].tolist()
    assert log.frame["type"].tolist() == 2 * alone.frame["type"].tolist()
    last = alone.frame.columns[-1]
    assert log.frame[last].dropna().tolist() == 2 * alone.frame[last].dropna().tolist()


def test_blank_lines_inside_of_a_value_are_kept(tmp_path):
    text = MYSQL.replace("     payload: {\n", "        note: one\n\nthree\n\n     payload: {\n")
    assert written(tmp_path, text).frame["note"].tolist()[0] == "one\n\nthree\n"


def test_a_value_may_say_how_many_rows_are_in_a_set(tmp_path):
    text = MYSQL.replace('payload: {"total": 90}', "payload: one\n2 rows in set (0.1 sec)")
    log = written(tmp_path, text)
    assert log.frame["data"].tolist()[1] == "one\n2 rows in set (0.1 sec)"
    assert log.frame["processed_at"].tolist()[1] == "2026-11-20 10:00:06"


def test_a_line_of_a_value_that_looks_like_a_field_is_none_where_other_rows_tell(tmp_path):
    third = MYSQL.split("\n")[11:18]
    more = "\n".join(third).replace("2. row", "3. row").replace("id: 2", "id: 3")
    text = MYSQL.replace('  "total": 120,', '     "total": 120,').replace(
        "2 rows", more + "\n2 rows"
    )
    log = written(tmp_path, text)
    assert log.frame["id"].tolist() == ["1", "2", "3"]
    assert log.frame["data"].tolist()[0] == {"total": 120, "url": "http://shop"}
    assert '"total"' not in log.frame


def test_a_table_with_other_names_may_follow_at_once(tmp_path):
    other = MYSQL.split("\n", 1)[1].replace("aggregate_id", "  order_hash").rsplit("2 rows", 1)[0]
    log = written(tmp_path, MYSQL.rsplit("2 rows", 1)[0] + other)
    assert log.frame["order_hash"].notna().tolist() == [False, False, True, True]


def test_what_stands_beside_rows_is_told_from_rows_that_are_lost(tmp_path):
    lost = MYSQL.replace("          id: 2", "Warning!\n          id: 2")
    log = written(tmp_path, lost)
    assert log.rejected.sort_values("line")["is_row"].tolist() == [False, True, False]
    assert log.unread == 1
    assert "rejected 1 row and 2 lines beside rows of 1 file" in repr(log)
