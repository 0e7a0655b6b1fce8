"""Files of other tools as a person reads them: by the reader, told by their content."""

from pathlib import Path

import pandas as pd
import pytest

from workbench.capture.reading.reader import read
from workbench.capture.writing import write_log

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "tool", "events"),
    [
        ("kcat_orders.jsonl", "kcat", 3),
        ("console_orders.txt", "kafka-console-consumer", 3),
        ("kafbat.json", "kafbat UI (JSON)", 10),
        ("kafbat.csv", "kafbat UI (CSV)", 11),
        ("akhq.json", "AKHQ", 10),
        ("redpanda.json", "Redpanda Console (JSON)", 10),
        ("otlp.json", "OTLP", 3),
        ("otlp.jsonl", "OTLP", 3),
        ("jaeger.json", "Jaeger", 3),
        ("zipkin.json", "Zipkin", 3),
        ("otlp_logs.json", "OTLP logs", 3),
        ("otlp_logs.jsonl", "OTLP logs", 3),
    ],
)
def test_a_file_is_read_by_its_content(name, tool, events, tmp_path):
    renamed = tmp_path / "dump"
    renamed.write_bytes((HERE / name).read_bytes())

    log = read(renamed, progress=False)

    assert log.mapping.format == tool
    assert len(log.frame) == events
    assert log.rejected.empty
    assert log.frame["correlation_id"].notna().sum() >= 2
    assert not log.frame["time"].isna().any()


@pytest.mark.parametrize(
    ("name", "tool", "reason"),
    [
        (
            "loki.json",
            "Loki",
            "a line of stream 2 holds neither a JSON object nor names and values.",
        ),
        (
            "cloudwatch.json",
            "CloudWatch",
            "the message of event 1 holds neither a JSON object nor names and values.",
        ),
    ],
)
def test_lines_that_a_log_platform_gave_are_events_if_they_end_in_json(name, tool, reason):
    log = read(HERE / name, progress=False)

    assert log.mapping.format == tool
    assert log.frame["type"].tolist() == ["OrderPlaced", "StockReserved", "PaymentReceived"]
    assert log.frame["source"].tolist() == ["shop", "inventory", "billing"]
    assert log.frame["causation_id"].tolist()[1:] == ["e1", "e2"]
    assert log.frame["time"].dt.strftime("%S.%f").tolist() == [
        "50.190000",
        "50.938000",
        "51.200000",
    ]
    assert log.mapping["broker_time"] == "stored_at"
    assert log.rejected["reason"].tolist() == [reason]


def test_log_records_of_opentelemetry_are_events_by_their_names():
    log = read(HERE / "otlp_logs.json", progress=False)

    assert log.frame["type"].tolist() == ["OrderPlaced", "StockReserved", "PaymentReceived"]
    assert log.frame["source"].tolist() == ["shop", "inventory", "billing"]
    assert log.frame["id"].tolist() == ["e1", "e2", "e3"]
    assert log.frame["causation_id"].tolist()[1:] == ["e1", "e2"]
    assert log.frame["data"].tolist() == [{"order": "o-1"}] * 3


def test_foreign_records_are_mapped_into_headers_and_data():
    mapping = {"type": "data.kind", "correlation_id": "headers.x-request-id"}

    log = read(HERE / "kcat_plain.jsonl", mapping, progress=False)

    assert log.frame["type"].dropna().tolist() == ["OrderPlaced"]
    assert log.frame["correlation_id"].dropna().tolist() == ["r-7"]
    assert log.frame["offset"].tolist() == list(range(7))
    assert log.frame["time"].equals(log.frame["broker_time"])


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".xes"])
@pytest.mark.parametrize("name", ["kafbat.json", "otlp.json"])
def test_what_was_read_is_saved_and_read_again(name, ending, tmp_path):
    log = read(HERE / name, progress=False).frame
    order = ["time", "channel", "partition", "offset", "id"]
    columns = [name for name in log.columns if log[name].notna().any()]

    again = read(write_log(log, tmp_path / f"log{ending}"), progress=False).frame

    pd.testing.assert_frame_equal(
        again.sort_values(order, ignore_index=True)[columns].map(held),
        log.sort_values(order, ignore_index=True)[columns].map(held),
        check_dtype=False,
    )


def held(cell):
    """As text, but for the letters that XML can't hold."""
    return str(cell).translate({0: "\ufffd", 1: "\ufffd"})
