"""Tables as databases draw them: with edges, rulers, and cells of several lines."""

import pytest

from workbench.analysis import EventLog

MYSQL = """\
+-----+---------------+--------------+---------------------+-------------------+
| id  | event_type    | aggregate_id | created_at          | payload           |
+-----+---------------+--------------+---------------------+-------------------+
| e-1 | OrderPlaced   | o-1          | 2026-11-20 10:00:00 | {"total": 120}    |
| e-2 | StockReserved | o-1          | 2026-11-20 10:00:01 | {"sku": "A", "n": 1} |
| e-3 | OrderPlaced   | o-2          | 2026-11-20 10:00:02 | NULL              |
+-----+---------------+--------------+---------------------+-------------------+
3 rows in set (0.00 sec)
"""
PSQL = """\
 id  |  event_type   | aggregate_id |     created_at      |       payload       | note
-----+---------------+--------------+---------------------+---------------------+------
 e-1 | OrderPlaced   | o-1          | 2026-11-20 10:00:00 | {                  +| one +
     |               |              |                     |   "total": 120,    +| two
     |               |              |                     |   "say": "\\"A+\\""  +|
     |               |              |                     | }                   |
 e-2 | StockReserved | o-1          | 2026-11-20 10:00:01 | {"sku": "A", "n": 1} | A+
 e-3 | OrderPlaced   | o-2          | 2026-11-20 10:00:02 |                     | C
(3 rows)
"""


def written(tmp_path, text):
    path = tmp_path / "dump.txt"
    path.write_text(text)
    return EventLog.read(path, progress=False)


@pytest.mark.parametrize("question", ["", "mysql> SELECT * FROM outbox;\n"])
def test_a_table_with_edges_is_one_without(tmp_path, question):
    log = written(tmp_path, question + MYSQL)

    assert log.frame["id"].tolist() == ["e-1", "e-2", "e-3"]
    assert log.frame["type"].tolist() == ["OrderPlaced", "StockReserved", "OrderPlaced"]
    assert log.frame["data"].tolist()[:2] == [{"total": 120}, {"sku": "A", "n": 1}]
    assert log.flows()["duration_ms"].tolist() == [1_000, 0]
    assert not [name for name in log.frame if name.startswith("column ")]
    said = ["this line is a comment"] if question else []
    said += 3 * ["this row is a ruler"] + ["this line counts the rows"]
    assert log.rejected["reason"].tolist() == said


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_cells_of_several_lines_are_one_value(tmp_path, ends):
    log = written(tmp_path, PSQL.replace("\n", ends))

    assert log.frame["id"].tolist() == ["e-1", "e-2", "e-3"]
    first = {"total": 120, "say": '"A+"'}
    assert log.frame["data"].tolist()[:2] == [first, {"sku": "A", "n": 1}]
    assert log.frame["note"].tolist() == ["one\ntwo", "A+", "C"]
    assert log.rejected["reason"].tolist() == ["this row is a ruler", "this line counts the rows"]


def test_a_value_that_ends_in_a_plus_goes_on_in_no_row_that_says_something(tmp_path):
    lines = [f"e-{n}|A+|2026-11-20 10:00:0{n}|f|B+\n" for n in range(4)]
    log = written(tmp_path, "id|type|time|correlation_id|grade\n" + "".join(lines))
    assert log.frame["type"].tolist() == ["A+"] * 4
    assert log.frame["grade"].tolist() == ["B+"] * 4


def test_lines_that_go_on_in_no_other_stay_as_they_are(tmp_path):
    rows = ['e-1|A+|2026-11-20 10:00:01|f|"one\r\ntwo\rthree"', "e-2|B|2026-11-20 10:00:02|f|x"]
    path = tmp_path / "dump.txt"
    path.write_bytes("\n".join(["id|type|time|correlation_id|note", *rows, ""]).encode())
    log = EventLog.read(path, progress=False)
    assert log.frame["type"].tolist() == ["A+", "B"]
    assert log.frame["note"].tolist() == ["one\r\ntwo\rthree", "x"]
