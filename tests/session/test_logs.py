"""The services' logs as one table: in causal order, narrowed, and never spoilt by a bad line."""

import json
import random
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from workbench import Workbench
from workbench.errors import ServiceError
from workbench.examples.orders import order_choreography, some_orders
from workbench.session.logs import read_logs

START = datetime(2026, 1, 1, tzinfo=UTC)
ROUTE = ["inventory", "billing", "shipping"]


def line(service, seconds, event="handled", **fields):
    at = (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"time": at, "level": "info", "service": service, "instance": 1, "event": event} | fields


def write(folder, name, *lines):
    texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    (folder / f"{name}.jsonl").write_text("".join(f"{text}\n" for text in texts))


def test_lines_of_all_services_are_sorted_by_time(tmp_path):
    write(tmp_path, "a", line("a", 3), line("a", 1))
    write(tmp_path, "b", line("b", 2))
    frame = read_logs(tmp_path)
    assert frame["service"].tolist() == ["a", "b", "a"]
    assert frame["time"].is_monotonic_increasing


def test_an_effect_never_stands_before_its_cause_whatever_the_clocks_say(tmp_path):
    write(
        tmp_path, "shop",
        line("billing", 0, event_id="e2", source="inventory", causation_id="e1"),
        line("billing", 0, event="failed", event_id="e2", source="inventory", causation_id="e1"),
        line("shipping", -5, event_id="e3", source="billing", causation_id="e2"),
        line("inventory", 9, event_id="e1", source="shop"),
        line("orders", 10),
    )  # fmt: skip
    frame = read_logs(tmp_path)
    assert frame["event_id"].fillna("").tolist() == ["e1", "e2", "e2", "e3", ""]


def test_causes_that_run_in_a_ring_come_to_an_end(tmp_path):
    write(
        tmp_path, "a",
        line("a", 1, event_id="x", source="a", causation_id="y"),
        line("a", 2, event_id="y", source="a", causation_id="x"),
        line("a", 3, event_id="z", source="a", causation_id="z"),
    )  # fmt: skip
    assert len(read_logs(tmp_path)) == 3


def test_a_log_without_lines_has_the_columns_all_the_same(tmp_path):
    empty = read_logs(tmp_path)
    write(tmp_path, "a", line("a", 1, attempt=1, duration_ms=0.5, due="2026-01-01T00:00:00Z"))
    full = read_logs(tmp_path)
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert str(full["time"].dtype) == "datetime64[ns, UTC]"
    assert {str(full[name].dtype) for name in ("instance", "partition", "offset", "attempt")} == {
        "Int64"
    }
    assert str(full["duration_ms"].dtype) == "float64"
    assert str(full["service"].dtype) == "str"


def test_lines_that_cannot_be_read_are_counted_and_a_torn_last_one_is_not(tmp_path):
    write(
        tmp_path, "a", line("a", 1), "{", "[]", '"text"', '{"time": 7}', "",
        line("a", 1) | {"time": "yesterday"},
    )  # fmt: skip
    with (tmp_path / "a.jsonl").open("a") as file:
        file.write('{"time": "20')
    frame = read_logs(tmp_path)
    assert len(frame) == 1
    assert frame.attrs["rejected"] == 5


def test_a_line_with_values_of_any_kind_spoils_no_column(tmp_path):
    write(
        tmp_path, "a", line("a", 1),
        line("a", 2, offset="x", attempt=1.5, duration_ms="long", due=[], error={"a": 1}, more=[1]),
        line("a", 3, partition=10**25, payload={"a": 1}),
    )  # fmt: skip
    frame = read_logs(tmp_path)
    assert frame[["offset", "attempt", "duration_ms", "due", "partition"]].isna().all().all()
    assert frame["fields"][1] == {"more": [1]}
    assert frame["payload"][2] == {"a": 1}


def test_lines_are_narrowed_by_what_is_asked_for(tmp_path):
    write(
        tmp_path, "a",
        line("a", 1, correlation_id="f", event_id="e"),
        line("a", 2, correlation_id="g", event_id="f"),
        line("a", 3, level="error"),
    )  # fmt: skip
    write(tmp_path, "a.2", line("a", 4, instance=2))
    assert len(read_logs(tmp_path, correlation_id="f")) == 1
    assert len(read_logs(tmp_path, event_id="f")) == 1
    assert len(read_logs(tmp_path, service="a")) == 4
    assert len(read_logs(tmp_path, service="a/2")) == 1
    assert len(read_logs(tmp_path, level="warning")) == 1
    for since in (START + timedelta(seconds=3), "2026-01-01 00:00:03", "2026-01-01T01:00:03+01:00"):
        assert len(read_logs(tmp_path, since=since)) == 2
    with pytest.raises(ServiceError, match=r"^the level is one of 'debug', .*, not 'loud'\.$"):
        read_logs(tmp_path, level="loud")
    with pytest.raises(ServiceError, match=r"^since='soon' is not a time"):
        read_logs(tmp_path, since="soon")


def test_an_order_is_one_table_from_its_placing_to_its_end():
    with Workbench(order_choreography(), broker="memory://") as wb:
        wb.start()
        (published, *_) = wb.publish_many(some_orders(3))
        wb.wait_until_idle(30)
        frame = wb.logs(published.correlation_id)
        assert frame["service"].tolist() == [*ROUTE, "orders"]
        assert set(frame["event"]) == {"handled"}
        assert frame["causation_id"].tolist()[1:] == frame["event_id"].tolist()[:-1]
        assert wb.logs(service="billing", event_id=frame["event_id"][1])["event"].tolist() == [
            "handled"
        ]
        with pytest.raises(ServiceError, match=r"^there is no service 'biling'"):
            wb.logs(service="biling")


def test_a_workbench_says_which_levels_there_are():
    with pytest.raises(
        ServiceError,
        match=r"^the log level is one of 'debug', 'info', 'warning', 'error', 'off', not 'loud'\.$",
    ):
        Workbench(log_level="loud")


@pytest.mark.kafka
def test_an_order_has_its_lines_in_four_files_and_one_causal_order(kafka, tmp_path):
    from uuid import uuid4

    design = order_choreography()
    with Workbench(
        design,
        bootstrap_servers=kafka.bootstrap_servers,
        namespace=f"t{uuid4().hex[:10]}",
        folder=tmp_path,
        log_level="debug",
        say=lambda text: None,
    ) as wb:
        wb.start()
        published = wb.publish_many(some_orders(30))
        wb.wait_until_idle(60)
        chosen = random.Random(7).choice(published).correlation_id
        files = {path.stem for path in wb.folder.glob("*.jsonl") if chosen in path.read_text()}
        assert files == {*ROUTE, "orders"}
        frame = wb.logs(chosen)
        assert frame.loc[frame["event"] == "handled", "service"].tolist() == [*ROUTE, "orders"]
        emitted, seen = {}, set()
        for row in frame.itertuples():
            if row.event == "emitted":
                emitted[row.event_id] = row.causation_id
                assert row.causation_id in seen
            elif pd.notna(row.causation_id):
                assert emitted[row.event_id] == row.causation_id
            seen.add(row.event_id)
        assert len(emitted) == 4
        wb.stop()
        assert (wb.logs()["event"] == "service stopped").sum() == 4
