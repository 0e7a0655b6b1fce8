import json

import pandas as pd
import pytest

from workbench.capture import read
from workbench.capture.formats.tables import JsonTables

FRAME = pd.DataFrame(
    {
        "event_id": f"e{n}",
        "event_type": ["OrderPlaced", "OrderPaid"][n % 2],
        "ts": f"2026-09-21T14:00:{n:02}.500Z",
        "correlation_id": f"f{n // 2}",
        "note": None if n else 'a "quoted" [text',
    }
    for n in range(40)
)


def found(tmp_path, text):
    path = tmp_path / "table.json"
    path.write_text(text)
    return read(path, progress=False)


def azure(frame):
    columns = [{"name": name, "type": "string"} for name in frame]
    return {"tables": [{"name": "Primary", "columns": columns, "rows": rows(frame)}]}


def rows(frame):
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


TYPED = [{"name": name, "type": "String"} for name in FRAME]
TEXTS = {
    "split": FRAME.to_json(orient="split"),
    "columns": FRAME.to_json(orient="columns"),
    "columns, indented": FRAME.to_json(orient="columns", indent=2),
    "tables": json.dumps(azure(FRAME), indent=1),
    "one": json.dumps({"columns": [*FRAME], "rows": rows(FRAME)}),
    "values": json.dumps({"columns": [*FRAME], "values": rows(FRAME)}),
    "ES|QL": json.dumps({"took": 3, "columns": TYPED, "values": rows(FRAME)}),
    "ClickHouse, compact": json.dumps({"meta": TYPED, "data": rows(FRAME), "rows": 40}, indent=1),
    "ClickHouse": json.dumps({"meta": TYPED, "data": json.loads(FRAME.to_json(orient="records"))}),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_table_whose_columns_stand_apart_is_read(tmp_path, text):
    log = found(tmp_path, text)
    assert log.frame["id"].tolist() == FRAME["event_id"].tolist()
    assert log.frame["type"].tolist() == FRAME["event_type"].tolist()
    assert log.frame["note"].tolist()[0] == 'a "quoted" [text'
    assert log.mapping["correlation_id"] == "correlation_id"
    assert log.rejected.empty
    assert log.mapping.format == "a table in JSON"
    assert "index" not in log.frame


def test_a_table_without_rows_in_a_list_is_rejected(tmp_path):
    log = found(tmp_path, json.dumps({"meta": TYPED, "data": {"event_id": ["e1"]}}))
    assert log.rejected["reason"].tolist() == ["this table has no list of rows."]


def test_labels_of_rows_are_kept(tmp_path):
    log = found(tmp_path, FRAME.set_axis([f"r{n}" for n in range(40)]).to_json(orient="split"))
    assert log.frame["index"].tolist()[:2] == ["r0", "r1"]


def test_a_row_of_another_width_is_rejected(tmp_path):
    table = azure(FRAME)
    table["tables"][0]["rows"][3] = ["e3"]
    log = found(tmp_path, json.dumps(table))
    assert len(log.frame) == 39
    assert log.rejected["reason"].tolist() == [
        "this row has not one value for each of the 5 columns."
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"columns": ["a"], "data": {"a": 1}}',
        '{"a": {"0": 1, "1": 2}, "b": {"x": 1}}',
        '{"a": {"0": 1, "1": 2}}\n{"a": {"0": 1, "1": 2}}\n',
        '{"columns": 3, "rows": [[1]]}',
        '{"columns": [{"name": "id"}], "rows": [{"id": 1}]}',
        '{"items": {"0": {"id": 1}, "1": {"id": 2}}}',
        "",
    ],
)
def test_what_only_looks_like_a_table_is_none(text):
    assert not JsonTables().recognises(text.encode())


ROWS = [list(FRAME), *rows(FRAME)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, ROWS)),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        json.dumps({"range": "Events!A1:E41", "majorDimension": "ROWS", "values": ROWS}, indent=1),
    ],
    ids=["a line each", "a list", "a list, indented", "a sheet"],
)
def test_rows_that_are_lists_under_one_of_names_are_read(tmp_path, text):
    log = found(tmp_path, text)
    assert log.mapping.format == "rows in JSON"
    assert log.rejected.empty
    assert log.frame["id"].tolist() == FRAME["event_id"].tolist()
    assert log.frame["type"].tolist() == FRAME["event_type"].tolist()
    assert log.frame["correlation_id"].tolist() == FRAME["correlation_id"].tolist()
    assert log.frame["note"].tolist()[0] == 'a "quoted" [text'


def test_rows_that_are_no_lists_of_so_many_values_are_rejected(tmp_path):
    lines = [*map(json.dumps, ROWS[:3]), '["short"]', "{}", "[cut", *map(json.dumps, ROWS[3:])]
    log = found(tmp_path, "\n".join(lines))
    assert len(log.frame) == len(FRAME)
    assert log.rejected["line"].tolist() == [4, 5, 6]
    no_list = "this is no list of values."
    assert log.rejected["reason"].tolist() == [
        "this row has not one value for each of the 5 columns.", no_list, no_list
    ]  # fmt: skip
    cut = found(tmp_path, json.dumps(ROWS)[:-5])
    assert cut.rejected["reason"][0].startswith("the file is not JSON: ")


def test_a_row_of_types_below_the_names_is_no_event(tmp_path):
    types = [
        "LowCardinality(String)",
        "String",
        "DateTime64(3, 'UTC')",
        "String",
        "Nullable(String)",
    ]
    log = found(tmp_path, "\n".join(map(json.dumps, [ROWS[0], types, *ROWS[1:]])))
    assert log.frame["id"].tolist() == FRAME["event_id"].tolist()
    assert log.rejected[["line", "reason"]].to_numpy().tolist() == [
        [2, "this row names the types of the columns."]
    ]
