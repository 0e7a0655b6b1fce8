import json
from uuid import UUID

import pytest

from workbench.capture import read
from workbench.errors import LogError

HEADER = "event_id,event_type,occurred_at,flow"
ROWS = [
    (
        str(UUID(int=2**100 + n)),
        ("OrderPlaced", "OrderPaid", "OrderShipped")[n % 3],
        f"2026-11-23T09:00:{n:02d}Z",
        f"o-{n // 3}",
    )
    for n in range(30)
]
IDS = [row[0] for row in ROWS]


def reading(tmp_path, text):
    path = tmp_path / "log"
    path.write_text(text, newline="")
    return read(path, progress=False)


def table(header, *more, end="\n"):
    return "".join(f"{line}{end}" for line in [header, *(",".join([*row, *more]) for row in ROWS)])


def test_quotes_that_a_backslash_escapes_are_part_of_a_value(tmp_path):
    text = table(f"{HEADER},payload", r'"{\"note\":\"a \\\"b\\\", c\"}"')
    found = reading(tmp_path, text)
    assert found.frame["data"].tolist() == [{"note": 'a "b", c'}] * 30
    assert found.rejected.empty


@pytest.mark.parametrize("data", [{"note": 'a "b", c'}, {"\\": None}, {'\\"': "\\"}])
def test_a_backslash_before_doubled_quotes_is_a_backslash(tmp_path, data):
    cell = json.dumps(data).replace('"', '""')
    found = reading(tmp_path, table(f"{HEADER},payload", f'"{cell}"'))
    assert found.frame["data"].tolist() == [data] * 30


@pytest.mark.parametrize("delimiter", ["\t", "|"])
def test_json_in_the_last_column_is_a_value_without_a_header_as_well(tmp_path, delimiter):
    gift = json.dumps({"type": "gift", "at": "2020-01-01T00:00:00Z"})
    found = reading(tmp_path, "".join(delimiter.join([*row, gift]) + "\n" for row in ROWS))
    assert found.mapping.format == {"\t": "TSV", "|": "CSV with '|'"}[delimiter]
    assert found.frame["id"].tolist() == IDS


@pytest.mark.parametrize("head", ["orders.shop", "INFO\torders.go:12\tsent"])
def test_json_after_a_time_and_a_tag_or_a_level_is_still_an_event_on_its_own(tmp_path, head):
    events = (json.dumps({"id": u, "type": kind, "flow": o}) for u, kind, _, o in ROWS)
    found = reading(tmp_path, "".join(f"{ROWS[0][2]}\t{head}\t{event}\n" for event in events))
    assert found.mapping.format == "text with JSON at the end of its lines"
    assert found.frame["id"].tolist() == IDS


def test_names_and_values_in_a_cell_make_no_logfmt_of_a_table(tmp_path):
    lines = (f"{n},{','.join(row)},a=1 b=2 c=3\n" for n, row in enumerate(ROWS))
    found = reading(tmp_path, "".join(lines))
    assert found.mapping.format == "CSV"
    assert found.mapping["id"] == "column 2"


def test_names_and_values_behind_a_time_with_a_comma_are_still_logfmt(tmp_path):
    lines = (f"2026-11-23 09:00:00,123 id={u} type={k} a=x,y b=y,z\n" for u, k, _, _ in ROWS)
    found = reading(tmp_path, "".join(lines))
    assert found.mapping.format == "text of names and values (logfmt)"
    assert found.frame["id"].tolist() == IDS


@pytest.mark.parametrize("sign", ["\u2028", "\x85", "\f", "\v"])
def test_only_line_feeds_end_lines(tmp_path, sign):
    found = reading(tmp_path, table(f"{HEADER},note", f"a{sign}b"))
    assert found.frame["note"].tolist() == [f"a{sign}b"] * 30


@pytest.mark.parametrize(
    "line",
    [
        'sent {"id": "%s", "type": "%s", "at": "%s", "flow": "%s"} in 3 ms',
        "[2026-11-23 09:00:00,123: INFO/Main] Task %s[%s], %s, %s",
    ],
)
def test_json_inside_a_line_and_a_time_in_brackets_are_no_names_of_columns(tmp_path, line):
    with pytest.raises(LogError, match=r"it is no CSV with a header; take it apart with pandas"):
        reading(tmp_path, "".join(f"{line % row}\n" for row in ROWS))


@pytest.mark.parametrize(
    "types",
    [
        "UUID,LowCardinality(String),DateTime64(3),Nullable(String)",
        "uuid,text,timestamp,varchar(20)",
    ],
)
def test_a_row_of_types_below_the_header_is_no_event(tmp_path, types):
    found = reading(tmp_path, table(f"{HEADER}\n{types}"))
    assert found.frame["id"].tolist() == IDS
    assert found.rejected[["line", "reason"]].values.tolist() == [
        [2, "this row names the types of the columns"]
    ]


def test_comments_above_the_header_are_rejected(tmp_path):
    found = reading(tmp_path, table(f"# exported, by hand\n#\n\n{HEADER}"))
    assert found.frame["id"].tolist() == IDS
    assert found.rejected[["line", "reason", "text"]].values.tolist() == [
        [1, "this line is a comment", "# exported, by hand"],
        [2, "this line is a comment", "#"],
    ]


def test_a_header_may_begin_as_a_comment_does(tmp_path):
    found = reading(tmp_path, table(f"# of today\n#{HEADER}"))
    assert found.frame["id"].tolist() == IDS
    assert found.rejected["text"].tolist() == ["# of today"]


def test_what_influxdb_says_above_each_table_is_no_event(tmp_path):
    above = "#datatype,string,string,dateTime:RFC3339,string\n#default,,,,"
    rows = "".join(f",{','.join(row)}\n" for row in ROWS)
    found = reading(tmp_path, f"{above}\n,{HEADER}\n{rows}\n{above}\n,{HEADER}\n")
    assert found.frame["id"].tolist() == IDS
    assert found.rejected["reason"].tolist() == [
        "this line is a comment",
        "this line is a comment",
        "this line is a comment",
        "this line is a comment",
        "this row repeats the header",
    ]
