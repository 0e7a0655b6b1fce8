"""Logs: a line for each thing that happened, a handler's own among them, and nothing personal."""

import logging
import threading
from pathlib import Path

import orjson
import pytest
import structlog
from pydantic import Field

from workbench.choreography import Choreography
from workbench.events import Event
from workbench.services import STEPS, RetryPolicy, service_spec
from workbench.services.happening import Happening
from workbench.services.log_file import LogFile, read_log, rotated
from workbench.services.logs import Logs
from workbench.services.own_lines import taking_lines

pytestmark = pytest.mark.memory


class Placed(Event, version=1, key="id"):
    id: str
    email: str = Field(default="ann@example.com", json_schema_extra={"x-personal-data": True})
    card: int = Field(default=41_000_123, json_schema_extra={"x-personal-data": True})


class Reserved(Event, version=1, key="id"):
    id: str


@pytest.fixture
def design():
    found = Choreography()
    for event in (Placed, Reserved):
        found.event(event)
    return found


@pytest.fixture
def inventory(design):
    return design.service("inventory")


def reserve(event: Placed) -> Reserved:
    return Reserved(id=event.id)


def logged(here, label="inventory"):
    return [orjson.loads(line) for line in read_log(here.folder / f"{label}.jsonl")]


def own(here, label="inventory"):
    return [line for line in logged(here, label) if "logger" in line]


def events(here, label="inventory"):
    return [line["event"] for line in logged(here, label)]


# --- what happens ---------------------------------------------------------------------------


def test_an_event_handled_has_a_line_that_says_which_where_and_how_long(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start().publish(Placed(id="o-1")).run()
    here.runner.stop("inventory")
    assert events(here) == ["service started", "handled", "service stopped"]
    (cause,), (record,) = here.events("Placed"), here.records("Placed")
    assert logged(here)[1] == {
        "time": "2026-01-01T00:00:00Z",
        "level": "info",
        "service": "inventory",
        "instance": 1,
        "event": "handled",
        "event_type": "Placed",
        "event_id": cause.id,
        "source": "shop",
        "correlation_id": cause.id,
        "causation_id": None,
        "trace_id": cause.traceparent[3:35],
        "channel": "Placed",
        "partition": record.partition,
        "offset": record.offset,
        "reaction": "reserve",
        "attempt": 1,
        "duration_ms": 0.0,
    }


def test_an_effect_emitted_has_a_line_with_its_cause_at_the_level_of_debugging(
    inventory, design, stage
):
    inventory.on(after="1min")(reserve)
    here = stage(design, log_level="debug").start().publish(Placed(id="o-1")).run()
    (effect,) = here.events("inventory")
    (line,) = [line for line in logged(here) if line["event"] == "emitted"]
    assert (line["event_id"], line["causation_id"]) == (effect.id, effect.causationid)
    assert (line["channel"], line["event_type"]) == ("inventory", "Reserved")
    assert line["due"] == "2026-01-01T00:01:00Z"


def test_a_failure_is_a_warning_a_later_try_says_when_and_giving_up_is_an_error(
    inventory, design, stage
):
    @inventory.on()
    def never(event: Placed) -> Reserved:
        raise ValueError("no stock")

    here = stage(design, retry=RetryPolicy(attempts=2, later=(60,)))
    here.start().publish(Placed(id="o-1")).run()
    lines = logged(here)[1:]
    assert [(line["event"], line["level"], line["attempt"]) for line in lines] == [
        ("failed", "warning", 1),
        ("failed", "warning", 2),
        ("handed to a later try", "info", 2),
        ("failed", "warning", 3),
        ("dead-lettered", "error", 3),
    ]
    assert {line["error"] for line in lines if "error" in line} == {"ValueError: no stock"}
    assert "due" in lines[2]


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("debug", ["service started", "failed", "tried again", "handled", "emitted"]),
        ("info", ["service started", "failed", "handled"]),
        ("warning", ["failed"]),
        ("error", []),
        ("off", []),
    ],
)
def test_a_log_has_lines_of_its_level_and_above(inventory, design, stage, level, words):
    tries = []

    @inventory.on()
    def shaky(event: Placed) -> Reserved:
        tries.append(event.id)
        if len(tries) == 1:
            raise ValueError("not yet")
        return Reserved(id=event.id)

    here = stage(design, log_level=level).start().publish(Placed(id="o-1")).run()
    assert events(here) == words


@pytest.mark.parametrize("step", STEPS[3:])
def test_what_is_done_again_after_a_crash_has_one_line(inventory, design, stage, step):
    inventory.on()(reserve)
    here = stage(design)
    here.start(kill_at=(step, 1)).publish(Placed(id="o-1")).run()
    assert events(here).count("handled") == 1


def test_a_poison_event_has_a_line_that_says_where_it_stands(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design)
    landed = here.raw("Placed", b"o-1", [("ce_type", b"Placed")], b"{")
    here.start().run()
    line = logged(here)[-1]
    assert (line["event"], line["level"]) == ("dead-lettered as poison", "error")
    assert (line["channel"], line["partition"], line["offset"]) == tuple(landed)


def test_each_instance_has_a_file_of_its_own(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design)
    here.start("inventory").start("inventory", instance=2)
    assert logged(here, "inventory.2")[0]["instance"] == 2
    assert logged(here)[0]["instance"] == 1


# --- a handler's own ------------------------------------------------------------------------


def test_what_a_handler_logs_has_the_fields_of_its_event(inventory, design, stage):
    @inventory.on()
    def note(event: Placed) -> None:
        structlog.get_logger().info("reserved", sku="s-1")
        logging.getLogger("shop.stock").warning("low on %s", "s-1", extra={"left": 3})

    here = stage(design).start().publish(Placed(id="o-1")).run()
    mine = own(here)
    (cause,) = here.events("Placed")
    assert [(line["event"], line["level"], line["logger"]) for line in mine] == [
        ("reserved", "info", "handler"),
        ("low on s-1", "warning", "shop.stock"),
    ]
    assert (mine[0]["sku"], mine[1]["left"]) == ("s-1", 3)
    for line in mine:
        assert (line["event_id"], line["reaction"], line["attempt"]) == (cause.id, "note", 1)
    assert "reserved" not in here.output("inventory")


def test_what_a_failing_attempt_has_logged_is_kept(inventory, design, stage):
    @inventory.on()
    def never(event: Placed) -> None:
        structlog.get_logger().info("trying")
        raise ValueError("no")

    here = stage(design).start().publish(Placed(id="o-1")).run()
    assert [line["attempt"] for line in own(here)] == [1, 2, 3]


def test_services_in_one_thread_do_not_mix_their_lines(design, stage):
    for name in ("billing", "inventory"):

        @design.service(name).on(name=f"at_{name}")
        def note(event: Placed, ctx) -> None:
            structlog.contextvars.bind_contextvars(**{ctx.service: True})
            structlog.get_logger().info(f"in {ctx.service}")

    here = stage(design).start().publish(Placed(id="o-1"), Placed(id="o-2")).run()
    for name, other in (("billing", "inventory"), ("inventory", "billing")):
        assert [line["event"] for line in own(here, name)] == [f"in {name}"] * 2
        assert all(line[name] is True and other not in line for line in own(here, name))


def test_an_error_that_a_handler_logs_has_its_traceback(inventory, design, stage):
    @inventory.on()
    def caught(event: Placed) -> None:
        try:
            raise KeyError("sku")
        except KeyError:
            structlog.get_logger().exception("went on")
            logging.getLogger("shop").exception("went on, too")

    here = stage(design).start().publish(Placed(id="o-1")).run()
    for line in own(here):
        assert (line["level"], line["error"]) == ("error", "KeyError: 'sku'")
        assert 'raise KeyError("sku")' in line["traceback"]


class Nasty:
    def __repr__(self):
        raise RuntimeError("never shown")


def test_whatever_a_handler_logs_is_kept_as_well_as_can_be(inventory, design, stage):
    ring = []
    ring.append(ring)

    @inventory.on()
    def strange(event: Placed) -> None:
        log = structlog.get_logger()
        log.info("odd", nasty=Nasty(), ring=ring, big=10**30, nan=float("nan"), raw=b"\xff",
                 keys={1: "a", (2, 3): "b", None: "c"}, lone="\ud800")  # fmt: skip
        log.info("huge", text="x" * 10_000_000, many=list(range(100_000)))
        log.info(Nasty())
        log.info("taken", service="mine", event_id="mine", error="mine", offset="mine")
        log.info("%s and %s", "one", "two")

    here = stage(design).start().publish(Placed(id="o-1")).run()
    odd, huge, nasty, taken, formatted = own(here)
    assert odd["nasty"] == "<Nasty that can't be shown>"
    assert (odd["big"], odd["nan"]) == (str(10**30), "nan")
    assert odd["keys"] == {"1": "a", "(2, 3)": "b", "None": "c"}
    assert len(orjson.dumps(huge)) < 50_000
    assert "letters)" in huge["text"]
    assert nasty["event"] == "<Nasty that can't be shown>"
    assert taken["service"] == "inventory"
    assert (taken["service_"], taken["event_id_"], taken["offset_"]) == ("mine",) * 3
    assert taken["error"] == "mine"
    assert formatted["event"] == "one and two"
    assert here.counts("inventory")["handled"] == 1


def test_a_thread_that_takes_its_context_along_is_known(inventory, design, stage):
    from contextvars import copy_context

    @inventory.on()
    def aside(event: Placed) -> None:
        log = structlog.get_logger()
        thread = threading.Thread(target=copy_context().run, args=(log.info, "from aside"))
        thread.start()
        thread.join()

    here = stage(design).start().publish(Placed(id="o-1")).run()
    (line,) = own(here)
    assert (line["event"], line["reaction"]) == ("from aside", "aside")


def test_what_the_notebook_logs_goes_where_it_always_does(inventory, design, stage, capsys):
    inventory.on()(reserve)
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    here = stage(design).start().publish(Placed(id="o-1")).run()
    structlog.get_logger().info("from the notebook", cell=7)
    assert "from the notebook" in capsys.readouterr().out
    assert (root.level, root.handlers) == before
    assert own(here) == []


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append((record.levelname, record.levelno, record.getMessage()))


@pytest.fixture
def shown():
    """What handlers of the notebook's own are given: of the root, and of a logger by itself."""
    kept, shop = Kept(), logging.getLogger("shop")
    loggers = (logging.getLogger(), shop)
    for logger in loggers:
        logger.addHandler(kept)
    yield kept.texts
    for logger in loggers:
        logger.removeHandler(kept)


def test_what_a_handler_logs_below_a_warning_is_in_its_log_and_nowhere_else(
    inventory, design, stage, shown
):
    loud = logging.getLogger("loud")
    loud.setLevel(logging.DEBUG)

    @inventory.on()
    def note(event: Placed) -> None:
        logging.getLogger("shop").info("taking %s", event.id, extra={"left": 3})
        logging.getLogger("shop").debug("too low for its log")
        thread = threading.Thread(target=logging.getLogger("shop").info, args=("from aside",))
        thread.start()
        thread.join()
        loud.info("shown in any case")

    root = logging.getLogger()
    before = root.level, list(root.handlers)
    here = stage(design).start().publish(Placed(id="o-1")).run()
    mine = own(here)
    assert [(line["event"], line["level"]) for line in mine] == [
        ("taking o-1", "info"),
        ("shown in any case", "info"),
    ]
    assert mine[0]["left"] == 3
    assert "service_level" not in mine[0]
    assert shown == [("INFO", logging.INFO, "shown in any case")]
    assert (root.level, root.handlers) == before


def test_a_level_that_the_notebook_has_set_holds_for_its_services(inventory, design, stage, shown):
    @inventory.on()
    def note(event: Placed) -> None:
        logging.getLogger("shop").warning("low")
        logging.getLogger("shop").error("out")

    root = logging.getLogger()
    usual = root.level
    root.setLevel(logging.ERROR)
    try:
        here = stage(design).start().publish(Placed(id="o-1")).run()
        assert root.level == logging.ERROR
    finally:
        root.setLevel(usual)
    assert [line["event"] for line in own(here)] == ["out"]
    assert shown == [("ERROR", logging.ERROR, "out")] * 2


def test_two_at_work_at_once_leave_logging_as_it_was_when_the_last_is_done():
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    one, other = taking_lines(logging.INFO), taking_lines(logging.DEBUG)
    one.__enter__()
    other.__enter__()
    assert root.level == logging.DEBUG
    other.__exit__(None, None, None)
    assert root.level == logging.INFO
    assert len(root.handlers) == len(before[1]) + 1
    one.__exit__(None, None, None)
    assert (root.level, root.handlers) == before


# --- what no log shows ----------------------------------------------------------------------


def test_no_payload_is_shown_unless_it_is_asked_for(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design).start().publish(Placed(id="o-1")).run()
    assert all("payload" not in line for line in logged(here))
    here = stage(design, log_payloads=True).start().publish(Placed(id="o-1")).run()
    (shown,) = [line["payload"] for line in logged(here) if line["event"] == "handled"]
    assert shown == {"id": "o-1", "email": "***", "card": "***"}


def test_personal_values_are_masked_in_errors_and_in_what_a_handler_logs(inventory, design, stage):
    @inventory.on()
    def leaky(event: Placed) -> None:
        log = structlog.get_logger()
        told = f"mail to {event.email}"
        log.info(told, card=event.card, whole=event, key={event.email: 1})
        logging.getLogger("shop").warning("card %s", event.card)
        raise ValueError(f"bad card {event.card} of {event.email!r}")

    here = stage(design, retry=RetryPolicy(attempts=1, later=()))
    here.start().publish(Placed(id="o-1")).run()
    text = b"".join(read_log(here.folder / "inventory.jsonl")).decode()
    assert "ann@" not in text
    assert "41000123" not in text
    assert "ValueError: bad card *** of '***'" in text
    mine = own(here)
    assert (mine[0]["event"], mine[0]["card"]) == ("mail to ***", "***")
    assert mine[0]["whole"] == {"id": "o-1", "email": "***", "card": "***"}
    assert mine[1]["event"] == "card ***"


def test_a_payload_that_fails_its_schema_is_masked_in_the_error(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design)
    headers = here.records  # read below, once an event is there
    here.publish(Placed(id="o-1"))
    (record,) = headers("Placed")
    bad = b'{"id": 7, "email": {"typed": "ann@example.com"}, "card": 41000123}'
    here.raw(
        "Placed", record.key, [(n, b"other" if n == "ce_id" else v) for n, v in record.headers], bad
    )
    here.start().run()
    text = b"".join(read_log(here.folder / "inventory.jsonl")).decode()
    assert "poison" in text
    assert "ann@" not in text


def test_a_payload_of_a_version_nobody_knows_is_not_shown(inventory, design, stage):
    inventory.on()(reserve)
    here = stage(design, log_payloads=True)
    event = here.envelope(Placed(id="o-1"))
    from dataclasses import replace

    here.put(replace(event, dataschema="urn:event:Placed:9"))
    here.start().run()
    (line,) = [line for line in logged(here) if line.get("event_type") == "Placed"]
    assert line["payload"] is None


def test_what_a_broker_says_is_not_in_a_log(inventory, design, stage):
    from workbench.errors import BrokerUnavailableError

    inventory.on()(reserve)
    here = stage(design)
    spec = service_spec(design, "inventory", namespace="", folder=here.folder, retry=RetryPolicy())
    logs = Logs(spec, here.clock)
    error = BrokerUnavailableError("nobody answers at secret-host with password hunter2")
    logs.happened([logs.note(Happening("crashed", here.clock.now(), error=error))])
    assert logged(here)[-1]["error"] == "BrokerUnavailableError"


# --- the file -------------------------------------------------------------------------------


def test_a_log_is_bounded_and_keeps_its_newest_lines(tmp_path):
    file = LogFile(tmp_path / "a.jsonl", limit=1_000)
    for n in range(200):
        file.write(b"%03d %s\n" % (n, b"x" * 45))
    lines = read_log(file.path)
    assert 20 <= len(lines) <= 40
    assert [int(line[:3]) for line in lines] == list(range(200 - len(lines), 200))
    assert file.path.stat().st_size <= 1_000
    assert rotated(file.path).stat().st_size <= 1_000


def test_a_line_torn_by_a_crash_spoils_no_other(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"whole": 1}\n{"to')
    assert read_log(path) == [b'{"whole": 1}']
    LogFile(path).write(b'{"next": 1}\n')
    assert read_log(path) == [b'{"whole": 1}', b'{"to', b'{"next": 1}']


def test_only_its_owner_may_read_a_log(tmp_path):
    LogFile(tmp_path / "a.jsonl").write(b"{}\n")
    assert Path(tmp_path / "a.jsonl").stat().st_mode & 0o077 == 0


def test_lines_of_several_threads_stay_whole(tmp_path):
    file = LogFile(tmp_path / "a.jsonl", limit=20_000)

    def write(letter):
        for _ in range(300):
            file.write(letter * 50 + b"\n")

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_log(file.path)) <= {b"a" * 50, b"b" * 50}


def test_personal_values_are_in_no_dead_letter_s_reason_and_in_no_output(inventory, design, stage):
    @inventory.on()
    def reserve(event: Placed) -> None:
        raise ValueError(f"no card {event.card} of {event.email}")

    here = stage(design, retry=RetryPolicy(attempts=1, later=()))
    here.start().publish(Placed(id="o-1")).run()
    (letter,) = here.letters("inventory")
    assert letter.error_message == "no card *** of ***"
    assert "ValueError: no card *** of ***" in letter.traceback
    told = here.output("inventory")
    assert "ValueError: no card *** of ***" in told
    assert "ann@example.com" not in told + letter.traceback


@pytest.mark.parametrize("payloads", [False, True])
def test_what_a_schema_refuses_is_in_the_dead_letter_and_in_a_log_only_if_payloads_are(
    inventory, design, stage, payloads
):
    class Labelled(Event, version=1, key="id"):
        id: str
        label: str = Field(max_length=5)

    @inventory.on()
    def reserve(event: Placed) -> Labelled:
        return Labelled.model_construct(id=event.id, label="unlimited")

    here = stage(design, retry=RetryPolicy(attempts=1, later=()), log_payloads=payloads)
    here.start().publish(Placed(id="o-1")).run()
    (letter,) = here.letters("inventory")
    said = 'Labelled v1: label: "unlimited" is longer than 5 characters.'
    assert letter.error_message == said
    shown = said if payloads else said.replace('"unlimited"', "***")
    errors = [line["error"] for line in logged(here) if "error" in line]
    assert set(errors) == {f"EventError: {shown}"}
