"""``workbench logs``: what services and their handlers log, as a shell shows it."""

import json
import logging
import threading
from uuid import uuid4

import pytest
import structlog

from workbench import Workbench
from workbench.choreography import Choreography
from workbench.events import Event


class Asked(Event, version=1, key="id"):
    id: str


def answer(event: Asked) -> None:
    structlog.get_logger().info("answering \x1b[31mred\x1b[0m", text="a\nb")
    logging.getLogger("shop").info("as well as ever")
    logging.getLogger("shop").warning("%d of %d", "bad")  # noqa: PLE1206
    thread = threading.Thread(target=structlog.get_logger().warning, args=("from aside",))
    thread.start()
    thread.join()
    print("printed")


@pytest.fixture
def design():
    found = Choreography()
    found.event(Asked)
    found.service("desk").on()(answer)
    return found


@pytest.mark.kafka
def test_what_happened_is_printed_in_order_and_can_do_nothing_to_a_terminal(
    here, design, kafka, tmp_path
):
    design.save(tmp_path / "design")
    namespace = f"t{uuid4().hex[:10]}"
    where = {"bootstrap_servers": kafka.bootstrap_servers, "namespace": namespace}
    with Workbench(design, say=lambda text: None, **where) as wb:
        wb.start()
        published = wb.publish(Asked(id="1"))
        wb.wait_until_idle(30)
        assert "printed" in wb.output("desk")
        wb.stop()
    command = ("logs", "design", "--bootstrap-servers", kafka.bootstrap_servers)
    command = (*command, "--namespace", namespace)
    code, out, errors = here(*command)
    assert (code, errors) == (0, "")
    words = [
        "service started", "answering", "as well as ever", "%d of %d", "from aside",
        "handled Asked", "service stopped",
    ]  # fmt: skip
    assert all(word in text for word, text in zip(words, out.splitlines(), strict=True))
    assert "\x1b" not in out
    assert r"text=a\nb" in out

    code, out, _ = here(*command, "--correlation-id", published.correlation_id, "--json")
    lines = [json.loads(text) for text in out.splitlines()]
    assert [line["event_id"] for line in lines] == [published.id] * 4
    assert lines[0]["text"] == "a\nb"
    code, out, _ = here(*command, "--service", "desk", "--level", "warning")
    assert len(out.splitlines()) == 2
    code, _, errors = here(*command, "--service", "dsk")
    assert (code, errors.startswith("workbench: there is no service 'dsk'")) == (2, True)
