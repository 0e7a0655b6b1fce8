import json
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from workbench.capture import read

START = datetime(2026, 9, 21, 14, tzinfo=UTC)
STEPS = [("OrderPlaced", "shop"), ("StockReserved", "stock"), ("OrderPaid", "billing"), ("OrderShipped", "post")]  # fmt: skip


def uuid(flow, step):
    return str(UUID(int=(flow + 1) * 7919 * 2**64 + step * 31 + 5, version=4))


def mapped(tmp_path, shape, seed=None):
    """The mapping of thirty flows of four events, each caused by the one before."""
    rows = [
        shape(flow, step, (START + timedelta(seconds=9 * flow + step)).isoformat())
        for flow in range(30)
        for step in range(4)
    ]
    if seed is not None:
        random.Random(seed).shuffle(rows)
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return read(path, progress=False).mapping


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
@pytest.mark.parametrize("names", ["correlationId traceId", "traceId correlationId"])
def test_a_flows_first_event_is_not_the_cause_though_it_is_the_id_of_a_row(tmp_path, names, seed):
    def shape(flow, step, time):
        said = {"correlationId": uuid(flow, step - 1), "traceId": uuid(flow, 0)} if step else {}
        said = {name: said[name] for name in names.split() if name in said}
        return {"event_identifier": uuid(flow, step), "payload_type": STEPS[step][0], "time_stamp": time, "meta_data": said}  # fmt: skip

    found = mapped(tmp_path, shape, seed)
    assert found["causation_id"] == "meta_data.correlationId"
    assert found["correlation_id"] == "meta_data.traceId"
    assert found["id"] == "event_identifier"


def test_an_id_with_the_name_of_a_flow_or_a_cause_is_passed_over_for_a_plain_one(tmp_path):
    def shape(flow, step, time):
        root = uuid(flow, 100)
        said = {"correlationId": uuid(flow, 100 + step), "traceId": root}
        return {"event_identifier": uuid(flow, step), "kind": STEPS[step][0], "at": time, "meta": said}  # fmt: skip

    found = mapped(tmp_path, shape)
    assert (found["id"], found["correlation_id"]) == ("event_identifier", "meta.traceId")
    only = mapped(
        tmp_path,
        lambda flow, step, time: {
            "kind": STEPS[step][0],
            "at": time,
            "parent_id": uuid(flow, step) if step < 2 else None,
        },
    )
    assert "id" not in only


def test_what_a_logger_writes_is_named_by_its_message_and_its_service(tmp_path):
    found = mapped(
        tmp_path,
        lambda flow, step, time: {
            "level": 30, "time": time, "pid": 4000 + step, "hostname": "prod-1",
            "name": STEPS[step][1], "msg": STEPS[step][0], "reqId": uuid(flow, 9),
        },
    )  # fmt: skip
    assert (found["type"], found["source"], found["correlation_id"]) == ("msg", "name", "reqId")
    other = mapped(
        tmp_path,
        lambda flow, step, time: {"time": time, "name": STEPS[step][0], "msg": f"m {flow}"},
    )
    assert other["type"] == "name"


def test_the_cause_is_what_names_other_rows_and_not_a_parent_that_names_none(tmp_path):
    found = mapped(
        tmp_path,
        lambda flow, step, time: {
            "Id": uuid(flow, step), "MessageType": STEPS[step][0], "SentAt": time,
            "ConversationId": uuid(flow, step - 1) if step else str(UUID(int=0)),
            "ParentId": f"00-{flow + 1:032x}-{flow * 4 + step + 1:016x}-01", "CorrelationId": uuid(flow, 9),
        },
    )  # fmt: skip
    assert (found["causation_id"], found["correlation_id"]) == ("ConversationId", "CorrelationId")


def test_a_cause_of_minus_one_is_none_so_that_a_flow_has_one_beginning(tmp_path):
    found = mapped(
        tmp_path,
        lambda flow, step, time: {
            "position": 400 + 4 * flow + step, "source_position": 399 + 4 * flow + step if step else -1,
            "kind": STEPS[step][0], "at": time, "key": f"k-{flow}-{step // 2}",
            "value": {"processInstanceKey": 1000 + flow},
        },
    )  # fmt: skip
    assert found["causation_id"] == "source_position"
    assert found["correlation_id"] == "value.processInstanceKey"


def test_threads_and_processes_are_no_flows(tmp_path):
    found = mapped(
        tmp_path,
        lambda flow, step, time: {
            "RecordId": 88000 + 4 * flow + step, "kind": STEPS[step][0], "at": time,
            "ThreadId": flow % 17, "ProcessId": 700 + flow % 13,
        },
    )  # fmt: skip
    assert "correlation_id" not in found
