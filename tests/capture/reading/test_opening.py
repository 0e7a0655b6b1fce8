import bz2
import contextlib
import gzip
import io
import lzma
import random
import sqlite3
import tarfile
import zipfile

import pandas as pd
import pytest
import zstandard

from workbench.capture import from_frame, read
from workbench.capture.reading import opening
from workbench.capture.reading.finding_files import files_of
from workbench.capture.reading.opening import OpenedFile
from workbench.errors import LogError

EVENT = '{"id": "%d", "type": "Größer", "time": "2026-11-23T12:00:00Z"}\n'
LINES = "".join(EVENT % n for n in range(3_000))


def written(tmp_path, content, name="log"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "pack",
    [lambda b: b, gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress],
    ids=["plain", "gz", "bz2", "xz", "zst"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_compression_and_encoding_are_told_by_the_content_whatever_the_name(
    tmp_path, pack, encoding
):
    path = written(tmp_path, pack(LINES.encode(encoding)), "strange.name")
    got = [line.decode() for _, line in OpenedFile(path).lines()]
    assert got == LINES.splitlines()


def test_several_members_and_frames_are_one_file(tmp_path):
    one, two = LINES[:1000].encode(), LINES[1000:].encode()
    pack = zstandard.ZstdCompressor().compress
    padded_xz = lzma.compress(one) + b"\0" * 8 + lzma.compress(two) + b"\0" * 4
    bz2_ = bz2.compress(one) + bz2.compress(two)
    for content in (
        gzip.compress(one) + gzip.compress(two),
        pack(one) + pack(two),
        padded_xz,
        bz2_,
    ):
        opened = OpenedFile(written(tmp_path, content))
        assert b"".join(block for _, block in opened.blocks(1)) == LINES.encode()
        assert not opened.rejected


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress]
)
def test_what_stands_behind_an_archive_does_not_vanish_unsaid(tmp_path, pack):
    found = read(written(tmp_path, pack(LINES.encode()) + b"and more text"), progress=False)
    assert len(found.frame) == len(LINES.splitlines())
    reason = "the compressed file is cut or damaged here, what is before was read"
    assert found.rejected["reason"].str.startswith(reason).tolist() == [True]


@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress]
)
def test_of_a_cut_archive_what_stands_before_the_cut_is_read_and_the_cut_is_told(tmp_path, pack):
    noise = random.Random(1)  # that can't be compressed into one block
    lines = "".join((EVENT % n).replace("ö", noise.randbytes(200).hex()) for n in range(3_000))
    content = pack(lines.encode())
    found = read(written(tmp_path, content[: len(content) // 2]), progress=False)
    assert 1_000 < len(found.frame) < 2_000
    assert found.frame["id"].tolist() == [str(n) for n in range(len(found.frame))]
    line, reason = found.rejected.iloc[-1][["line", "reason"]]
    assert reason.startswith("the compressed file is cut or damaged here, what is before was read")
    assert line in (len(found.frame) + 1, len(found.frame) + 2)


def test_bytes_that_are_no_utf_8_make_their_line_windows_1252(tmp_path):
    good, bad = EVENT.encode(), EVENT.encode("cp1252")
    found = read(written(tmp_path, good % 1 + bad % 2 + b"\x81" + good % 3), progress=False)
    assert found.frame["type"].tolist() == ["Größer", "Größer"]
    assert found.notes == ("2 lines are not in UTF-8, read as Windows-1252",)
    assert found.rejected["line"].tolist() == [3]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_line_that_is_no_event_before_such_bytes_does_not_hide_that_the_rest_is(tmp_path, pack):
    content = b"# page 1 of 1\n" + EVENT.encode("cp1252") % 1 + EVENT.encode("cp1252") % 2
    found = read(written(tmp_path, pack(content)), progress=False)
    assert found.frame["type"].tolist() == ["Größer", "Größer"]
    assert found.rejected["line"].tolist() == [1]
    assert found.notes == ("2 lines are not in UTF-8, read as Windows-1252",)


def test_what_expands_without_end_is_refused_until_somebody_says_how_far(tmp_path):
    path = written(tmp_path, gzip.compress(LINES.encode()))
    with pytest.raises(LogError, match=r"log expands to more than 100,000 bytes, .*expanded=…"):
        read(path, expanded=100_000, progress=False)
    assert len(read(path, expanded=1_000_000, progress=False).frame) == 3_000


def test_a_bomb_is_refused_by_its_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_HARMLESS", 1 << 20)
    path = written(tmp_path, gzip.compress(bytes(50 << 20)))
    with pytest.raises(LogError, match="expands to more than"):
        list(OpenedFile(path).blocks())


def test_a_line_without_end_is_rejected_and_the_lines_around_it_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "LONGEST_LINE", 3 << 20)
    good = EVENT.encode()
    path = written(tmp_path, good % 1 + b'{"id": "' + b"x" * (9 << 20) + b'"}\n' + good % 2)
    found = read(path, progress=False)
    assert found.frame["id"].tolist() == ["1", "2"]
    (row,) = found.rejected.itertuples()
    assert (row.line, row.reason) == (2, "the line is longer than 3,145,728 bytes")
    assert row.text == ('{"id": "' + "x" * 300)[:300]


def test_a_folder_and_a_pattern_name_files_in_order_and_a_file_once(tmp_path):
    hidden = [
        ".hidden.jsonl",
        ".part-0.parquet.crc",
        "_SUCCESS",
        "_delta_log/0.json",
        ".git/config",
    ]
    for name in ("b.jsonl", "a.gz", "deep/c", "deep/d.log", *hidden):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in files_of(tmp_path)] == ["a.gz", "b.jsonl", "c", "d.log"]
    both = [tmp_path / "b.jsonl", str(tmp_path / "*.jsonl")]
    assert [path.name for path in files_of(both)] == ["b.jsonl"]


def test_a_folder_is_read_whatever_the_names_of_its_files(tmp_path):
    line = EVENT.encode()
    for name, content in (
        ("a.jsonl", line % 1),
        ("app.log", line % 2),
        ("dump.gz", gzip.compress(line % 3)),
    ):
        written(tmp_path, content, name)
    found = read(tmp_path, progress=False)
    assert found.frame["id"].tolist() == ["1", "2", "3"]
    assert found.frame.equals(read(tmp_path / "*", progress=False).frame)


def test_a_file_that_is_no_log_ends_the_read_of_a_folder_as_of_a_list(tmp_path):
    log = written(tmp_path, EVENT.encode() % 1, "a.jsonl")
    note = written(tmp_path, b"# What is here\n\nLogs.\n", "note.md")
    for paths in (tmp_path, [log, note]):
        with pytest.raises(LogError, match=r"note\.md can't be read: no line of its beginning is"):
            read(paths, progress=False)


def test_what_is_not_there_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for name, why in (
        ("absent.jsonl", "can't be read: No such file"),
        ("*.jsonl", "can't be read: no file matches this pattern"),
        ("empty", "empty can't be read: the folder holds no file"),
    ):
        with pytest.raises(LogError, match=why):
            read(tmp_path / name, progress=False)


@pytest.mark.parametrize("text", [b"", b"\n \n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_an_empty_log_that_says_so(tmp_path, text):
    path = tmp_path / "log"
    path.write_bytes(text)
    found = read(path, progress=False)
    assert found.frame.empty
    assert found.mapping.format == "an empty file"
    assert found.notes == (f"{path} is empty",)


def test_a_compressed_file_that_is_damaged_at_its_start_is_refused(tmp_path):
    path = tmp_path / "log.gz"
    path.write_bytes(b"\x1f\x8b\x08" + bytes(range(200)))
    with pytest.raises(LogError, match=r"log\.gz can't be read: it is compressed, and cut or damaged at its start: "):  # fmt: skip
        read(path, progress=False)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (None, "None is no file: give a path, a pattern such as"),
        (5, "5 is no file"),
        (b"log.jsonl", "b'log.jsonl' is no file"),
        (["log.jsonl", None], "None is no file"),
        (pd.DataFrame({"a": [1]}), r"^a DataFrame is no file: EventLog\(frame\) takes it for a log\.$"),
        ("https://example.org/log.jsonl", "https://example.org/log.jsonl can't be read: .* no network connection is opened; download it first"),
        ("s3://bucket/log.jsonl", "s3://bucket/log.jsonl can't be read"),
    ],
)  # fmt: skip
def test_what_is_no_file_is_told_in_a_sentence(what, told):
    with pytest.raises(LogError, match=told):
        read(what, progress=False)


def test_lines_that_end_as_on_old_macs_are_lines(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"id,type,time\r1,A,2026-11-23T12:00:00Z\r2,B,2026-11-23T12:00:01Z\r")
    assert read(path, progress=False).frame["id"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO outbox (id, type) VALUES ('1', 'A');\nINSERT INTO outbox (id, type) VALUES ('2', 'B');\n",
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nINSERT INTO outbox VALUES('1','A');\n",
        "-- dump\nSET x = 0;\n\nCOPY public.outbox (id, type) FROM stdin;\n1\tA\n2\tB\n\\.\n",
    ],
)
def test_sql_is_refused_with_what_to_do_instead(tmp_path, text):
    path = tmp_path / "outbox.sql"
    path.write_text(text)
    with pytest.raises(LogError, match=r"it is SQL; export the table as CSV with a header instead"):
        read(path, progress=False)


def test_a_database_is_read_by_what_its_refusal_says(tmp_path):
    path = tmp_path / "outbox.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE outbox (id, type, time, payload)")
        row = ("1", "OrderPlaced", "2026-11-23T12:00:00Z", '{"total": 5}')
        database.execute("INSERT INTO outbox VALUES (?, ?, ?, ?)", row)
        database.commit()
        with pytest.raises(
            LogError, match="it is an SQLite database; give EventLog a table"
        ) as said:
            read(path, progress=False)
        told = str(said.value).split("of it: ")[1].removesuffix(".")
        assert told == 'EventLog(pd.read_sql("SELECT * FROM outbox", sqlite3.connect(path)))'
        log = from_frame(pd.read_sql("SELECT * FROM outbox", database)).frame
    assert log["data"][0] == {"total": 5}


def test_a_byte_order_mark_before_a_line_is_no_part_of_it(tmp_path):
    half = LINES.splitlines(keepends=True)
    joined = "\ufeff" + "".join(half[:1_500]) + "\ufeff" + "".join(half[1_500:])
    found = read(written(tmp_path, joined.encode()), progress=False)
    assert len(found.frame) == 3_000
    assert found.rejected.empty


def test_lines_may_end_in_carriage_returns_where_line_feeds_stand_in_values(tmp_path):
    rows = "".join(f'{n},Placed,2026-11-23T12:00:00Z,"a\nb"\r' for n in range(20))
    found = read(written(tmp_path, f"id,type,time,note\r{rows}".encode()), progress=False)
    assert found.frame["note"].tolist() == ["a\nb"] * 20


def packed(archive, name):
    content = io.BytesIO()
    if archive == "tar":
        with tarfile.open(fileobj=content, mode="w") as file:
            file.addfile(tarfile.TarInfo(name))
    else:
        with zipfile.ZipFile(content, "w") as file:
            file.writestr(name, "")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (packed("tar", "log.csv"), "a tar archive; unpack it first"),
        (gzip.compress(packed("tar", "log.csv")), "a tar archive; unpack it first"),
        (packed("zip", "log.csv"), "a zip archive; unpack it first"),
        (packed("zip", "xl/workbook.xml"), "an Excel workbook; save its sheet as CSV"),
    ],
    ids=["tar", "tar.gz", "zip", "xlsx"],
)
def test_what_is_packed_otherwise_is_told_what_to_do_with(tmp_path, content, what):
    with pytest.raises(LogError, match=f"can't be read: it is {what}"):
        read(written(tmp_path, content), progress=False)
