import csv
import io
import json
import uuid
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.capture import read
from workbench.capture.reading.csv_rows import Csv
from workbench.capture.reading.csv_telling import csv_like
from workbench.capture.reading.opening import OpenedFile

HEADER = "id,type,time,data\n"
TIME = "2026-11-23T12:00:00Z"
KINDS = ["OrderPlaced", "OrderPaid", "OrderSent"]


def reading(tmp_path, text, **kwargs):
    path = tmp_path / "log.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, progress=False, **kwargs)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_what_stands_between_values_is_told_by_header_and_rows(tmp_path, delimiter):
    rows = [["id", "type", "time", "note"], ["1", "A", TIME, "a,b;c|d"], ["2", "B", TIME, ""]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    frame = reading(tmp_path, text.getvalue()).frame
    assert frame["id"].tolist() == ["1", "2"]
    assert frame["note"].tolist()[0] == "a,b;c|d"


def test_a_row_with_more_or_fewer_values_is_rejected_with_its_line(tmp_path):
    found = reading(
        tmp_path,
        f'{HEADER}1,A,{TIME},"a\nb"\n\n2,B\n3,C,{TIME},,,\n4,D,{TIME},{{}}\n',
    )
    assert found.frame["id"].tolist() == ["1", "4"]
    assert found.frame["data"].tolist() == ["a\nb", {}]
    assert found.rejected[["line", "reason", "text"]].values.tolist() == [
        [5, "this row has 2 values, and not 4 as the header", "2,B"],
        [6, "this row has 6 values, and not 4 as the header", f"3,C,{TIME},,,"],
    ]
    assert found.rejected["is_row"].all()


def test_a_quote_that_is_never_closed_costs_its_own_row_only(tmp_path):
    good = "".join(f"{n},A,{TIME},x\n" for n in range(100))
    found = reading(tmp_path, f'{HEADER}{good}a,"A,{TIME},x\n{good}')
    assert len(found.frame) == 200
    assert found.rejected["line"].tolist() == [102]


def test_a_name_that_stands_twice_in_the_header_gets_a_number(tmp_path):
    found = reading(tmp_path, f"id,type,time,id,\n1,A,{TIME},9,x\n")
    assert found.frame[["id", "id.2", "column 5"]].values.tolist() == [["1", 9, "x"]]


def test_numbers_are_numbers_and_what_only_looks_like_one_stays_text(tmp_path):
    found = reading(
        tmp_path, f"type,time,n,x,zip,flag,gap\nA,{TIME},1,1.5,007,true,\nB,{TIME},2,2,12,false,3\n"
    )
    assert {n: str(found.frame[n].dtype) for n in ("n", "x", "zip", "flag", "gap")} == {
        "n": "int64", "x": "float64", "zip": "str", "flag": "bool", "gap": "Int64",
    }  # fmt: skip


cells = st.text(st.sampled_from('ab",;\n\r é'), max_size=5)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8))
def test_rows_are_those_that_pythons_csv_reads_however_the_file_is_cut(tmp_path_factory, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["a", "b", "c"], *rows])
    path = tmp_path_factory.mktemp("csv") / "log.csv"
    path.write_bytes(text.getvalue().encode())
    opened = OpenedFile(path)
    blocks = opened.blocks
    opened.blocks = lambda: blocks(1)
    found = []
    for columns, height in Csv(",").batches(opened):
        found += [[columns[n][row].as_py() for n in "abc"] for row in range(height)]
    assert found == rows
    assert not opened.rejected


def test_prose_is_no_csv():
    assert csv_like(b"It was, they said,\na dark night.\nNobody knew, why, or, how.\n") is None


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["7,4", "", "-0,25"], [7.4, None, -0.25]),
        (["1.250,00", "3"], [1250.0, 3.0]),
        (["1,234", "7,5"], [1.234, 7.5]),
        (["1,234", "2,345"], ["1,234", "2,345"]),
        (["7,4", "n/a", "NULL", "-"], [7.4, None, None, None]),
        (["7,4", "free"], ["7,4", "free"]),
        (["7", "NULL"], [7, None]),
        (["true", "-"], [True, None]),
        (["NULL", "-"], ["NULL", "-"]),
        (["1,2,3", "4,5"], ["1,2,3", "4,5"]),
    ],
)
def test_a_comma_is_a_decimal_point_where_it_can_be_nothing_else(tmp_path, cells, values):
    path = tmp_path / "log.csv"
    rows = [f"A;2026-11-23T12:00:00Z;{cell}" for cell in cells]
    path.write_text("\n".join(["type;time;price", *rows]))
    found = read(path, progress=False).frame["price"]
    assert found.astype(object).where(found.notna(), None).tolist() == values


@pytest.mark.parametrize(
    ("prices", "amounts", "values"),
    [
        (["7,40", "1.008,10", "3"], ["1.234", "2.500", "12"], [1234, 2500, 12]),
        (["7,40", "1.008,10", "3"], ["1.234", "2.5", "12"], [1.234, 2.5, 12.0]),
        (["7,40", "1.008,10", "3"], ["1.234", "0.125", "12"], [1.234, 0.125, 12.0]),
        (["7.40", "8.10", "3"], ["1.234", "2.500", "12"], [1.234, 2.5, 12.0]),
    ],
)
def test_a_point_is_between_thousands_where_another_column_has_decimal_commas(
    tmp_path, prices, amounts, values
):
    path = tmp_path / "log.csv"
    rows = [f"A;2026-11-23T12:00:00Z;{p};{a}" for p, a in zip(prices, amounts, strict=True)]
    path.write_text("\n".join(["type;time;price;amount", *rows]))
    assert read(path, progress=False).frame["amount"].tolist() == values


def test_a_first_row_of_values_is_an_event_and_no_header(tmp_path):
    rows = [f"{uuid4()},{KINDS[n % 3]},{TIME},f{n // 3}" for n in range(40)]
    found = reading(tmp_path, "\n".join([*rows, rows[0]]))
    assert len(found.frame) == 41
    assert found.mapping["type"] == "column 2"
    assert found.notes[0] == (
        f"the first row of {tmp_path / 'log.csv'} holds values and no names, so its columns are called "
        "column 1, column 2 and so on"
    )


@pytest.mark.parametrize(
    ("delimiter", "ruler"),
    [(",", "--,----,----,----"), ("\t", "==\t====\t====\t===="), ("|", ":---|---|:---:|-")],
)
def test_a_ruler_under_the_header_is_no_event(tmp_path, delimiter, ruler):
    header = HEADER.replace(",", delimiter)
    rows = [f"{n}{delimiter}A{delimiter}{TIME}{delimiter}-" for n in range(3)]
    found = reading(tmp_path, header + "\n".join([ruler, *rows, ruler]))
    assert found.frame["id"].tolist() == ["0", "1", "2"]
    assert found.rejected[["line", "reason", "text"]].values.tolist() == [
        [2, "this row is a ruler", ruler],
        [6, "this row is a ruler", ruler],
    ]
    assert not found.rejected["is_row"].any()


def test_a_row_without_values_and_lines_in_a_text_are_no_rulers(tmp_path):
    found = reading(tmp_path, f'{HEADER}-,-,{TIME},-\n2,B,{TIME},"a\n---,---,---,---\nb"\n')
    assert found.frame["data"].tolist()[1] == "a\n---,---,---,---\nb"
    assert found.rejected.empty


def test_a_header_that_comes_again_is_no_event(tmp_path):
    found = reading(tmp_path, f"{HEADER}1,A,{TIME},x\n{HEADER}2,B,{TIME},y\n\n{HEADER.rstrip()}")
    assert found.frame["id"].tolist() == ["1", "2"]
    assert found.rejected[["line", "reason"]].values.tolist() == [
        [3, "this row repeats the header"],
        [6, "this row repeats the header"],
    ]


def test_blanks_that_align_columns_are_no_part_of_values(tmp_path):
    text = f" id | type | time | data \n----+------+------+------\n 1  | A    | {TIME} |      \n(1 row)\n"
    found = reading(tmp_path, text)
    assert found.frame[["id", "type"]].values.tolist() == [["1", "A"]]
    assert found.frame["data"].isna().all()
    reasons = ["this row is a ruler", "this line counts the rows"]
    assert found.rejected["reason"].tolist() == reasons


def test_what_excel_is_told_about_the_separator_is_no_row(tmp_path):
    found = reading(tmp_path, f"sep=;\r\nid;type;time\r\n1;A, B;{TIME}\r\n2;B,C;{TIME}\r\n")
    assert found.frame["type"].tolist() == ["A, B", "B,C"]
    assert found.mapping.format == "CSV with ';'"


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("serial", [False, True])
def test_a_table_without_names_may_hold_json_and_count_its_rows(tmp_path, delimiter, serial):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    for n in range(60):
        flow, step = divmod(n, 3)
        ids = [str(uuid.UUID(int=2**100 + k)) for k in (n, n - 1, 10**6 + flow)]
        kind = ("OrderPlaced", "OrderPaid", "OrderShipped")[step]
        data = {"order": f"o-{flow}", "amount": n % 17, "about": "x" * 90}
        row = [ids[0], kind, ids[2], ids[1] if step else "", json.dumps(data)]
        writer.writerow([n + 1, *row, f"2026-11-21 13:{flow:02d}:{step:02d}.5+00"][not serial :])
    path = tmp_path / "outbox.csv"
    path.write_text(text.getvalue())
    found = read(path, progress=False)
    assert dict(found.mapping) == {
        name: f"column {place + serial}"
        for name, place in {
            "id": 1, "type": 2, "time": 6, "correlation_id": 3, "causation_id": 4, "data": 5
        }.items()
    }  # fmt: skip
    assert len(found.frame) == 60


@pytest.mark.parametrize(
    ("end", "is_cut"),
    [("2026-11-20 10:00:1", True), ("2026-11-20 10:00:19", False), ("2026-11-20 10:0\n", False)],
)
def test_a_value_that_may_be_cut_off_is_said(tmp_path, end, is_cut):
    rows = "".join(f"{n},A,2026-11-20 10:00:{n}\n" for n in range(10, 20))
    notes = reading(tmp_path, f"id,type,time\n{rows}20,B,{end}").notes
    said = "the last line of {} does not end, and its last value is short: it may be cut off"
    assert (said.format(tmp_path / "log.csv") in notes) == is_cut
