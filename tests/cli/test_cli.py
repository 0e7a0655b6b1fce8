"""The command line: what it says, and what its exit codes mean."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest
from typer.testing import CliRunner

from workbench import EventLog, Workbench
from workbench.brokers import MemoryBroker, Outgoing
from workbench.cli import app, capturing
from workbench.errors import BrokerError
from workbench.examples.orders import (
    expected_totals,
    lost_and_doubled,
    observed_totals,
    order_choreography,
    some_orders,
)


def workbench(*args, cwd, data, check=False):
    """Run the command as a user would, with data folders of its own."""
    environment = {**os.environ, "XDG_DATA_HOME": str(data), "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-c", "from workbench.cli import main; main()", *map(str, args)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=check,
        timeout=110,
    )


@pytest.fixture
def design(tmp_path):
    """A design folder that needs no Python handler."""
    folder = tmp_path / "design"
    (folder / "events" / "OrderPlaced").mkdir(parents=True)
    (folder / "events" / "StockReserved").mkdir(parents=True)
    schema = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    for name in ("OrderPlaced", "StockReserved"):
        (folder / "events" / name / "1.json").write_text(json.dumps(schema))
    (folder / "choreography.yaml").write_text(
        "events:\n  OrderPlaced: {key: order_id}\n  StockReserved: {key: order_id}\n"
        "services:\n  inventory:\n    - whenever: OrderPlaced\n"
        "      emit:\n        StockReserved: {order_id: data.order_id}\n"
    )
    return folder


def test_help_names_every_verb():
    shown = CliRunner().invoke(app, ["--help"]).output
    verbs = "lab demo kafka run release capture mermaid lint doctor"
    for verb in verbs.split():
        assert verb in shown
    for broker in ("kafka", "rabbitmq"):
        assert "start" in CliRunner().invoke(app, [broker, "--help"]).output


def test_a_design_is_printed_as_a_picture_in_text(here, design):
    code, output, errors = here("mermaid", design)
    assert (code, errors) == (0, "")
    assert output.splitlines()[0] == "flowchart LR"
    assert '    s0["inventory"]' in output.splitlines()


def test_a_missing_design_is_one_sentence_and_exit_code_2(tmp_path):
    done = workbench("run", "nowhere", cwd=tmp_path, data=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "workbench: there is no design folder nowhere.\n"


def test_a_broken_design_is_one_sentence_and_exit_code_2(here, design):
    (design / "choreography.yaml").write_text("services:\n  a:\n    - whenever: Nothing\n")
    code, _, errors = here("capture", design, "--out", "x.jsonl")
    assert code == 2
    assert "choreography.yaml:3, field services.a[0].whenever" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ("--delivery", "twice"),
            "the delivery is 'at-least-once' or 'transactions', not 'twice'.",
        ),
        (("--instances", "0"), "a service has from 1 to 32 instances, not 0."),
    ],
)
def test_what_services_can_not_be_run_with_is_one_sentence(here, design, option, said):
    code, _, errors = here("run", design, "--bootstrap-servers", "127.0.0.1:1", *option)
    assert code == 2
    assert errors == f"workbench: {said}\n"


@pytest.mark.parametrize(
    ("verb", "out", "endings"),
    [
        ("asyncapi", "x.txt", ".yaml, .yml or .json"),
        ("models", "x.txt", ".py"),
        ("capture", "x.out", ".jsonl or .jsonl.gz"),
    ],
)
def test_a_file_is_called_after_what_is_written_to_it(here, design, tmp_path, verb, out, endings):
    code, output, errors = here(verb, design, "--out", out)
    assert (code, output) == (2, "")
    assert errors == f"workbench: the file to write must end in {endings}, and {out} does not.\n"
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say where to write: a file, --out, or a folder, --to."),
        (
            ("--out", "x.jsonl", "--to", "x"),
            "say where to write: a file, --out, or a folder, --to.",
        ),
        (
            ("--to", "x", "--live", "--last", 5),
            "--live has no end but Ctrl-C: leave out --last and --until.",
        ),
    ],
)
def test_a_capture_that_contradicts_itself_is_one_sentence(here, design, options, said):
    code, _, errors = here("capture", design, *options)
    assert (code, errors) == (2, f"workbench: {said}\n")


@pytest.mark.memory
@pytest.mark.parametrize("where", [("--out", "x.jsonl"), ("--to", "x")])
def test_a_live_capture_whose_broker_fails_keeps_what_came(
    here, design, tmp_path, monkeypatch, where
):
    class Failing(MemoryBroker):
        """Gives what it has, once."""

        def reader(self, start):
            reader, polls = super().reader(start), []

            def poll_batches(*args, first=reader.poll_batches):
                polls.append(1)
                if len(polls) > 1:
                    raise BrokerError("the broker is gone.")
                return first(*args)

            reader.poll_batches = poll_batches
            return reader

    broker = Failing()
    with Workbench(broker=broker) as wb:
        broker.ensure_channels({"t": 1})
        broker.producer().send([Outgoing("t", None, [], b"%d" % n) for n in range(3)])
        monkeypatch.setattr(capturing, "looking", lambda *_: wb)
        since = ("--channel", "t", "--since", "2000-01-01")
        code, output, errors = here("capture", design, "--live", *since, *where)
    assert code == 2
    assert errors.splitlines()[-1] == (
        "workbench: the live capture ended early; what came is kept: the broker is gone."
    )
    assert output.startswith("3 events of ")
    assert len(EventLog.read(tmp_path / where[1]).frame) == 3


def test_the_extra_that_models_needs_is_in_its_help():
    shown = CliRunner().invoke(app, ["models", "--help"]).output
    assert "pip install 'choreography-workbench[models]'" in " ".join(shown.split())


def test_kafka_status_is_exit_code_1_when_it_does_not_run(here):
    code, output, _ = here("kafka", "status")
    assert code == 1
    assert "Kafka is not running" in output


def test_an_unreachable_cluster_is_one_sentence(here, design, tmp_path):
    to = ("--out", "x.jsonl", "--bootstrap-servers", "127.0.0.1:1", "--timeout", 0.3)
    code, _, errors = here("capture", design, *to)
    assert code == 2
    assert "no Kafka answered at 127.0.0.1:1 within 0.3 s" in errors
    assert not (tmp_path / "x.jsonl").exists()


@pytest.mark.memory
def test_the_demo_accounts_for_every_order_in_memory_too(tmp_path):
    out = tmp_path / "log.jsonl"
    done = workbench(
        *("demo", "--broker", "memory://", "--orders", 60, "--out", out),
        cwd=tmp_path,
        data=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("lost: 0  doubled: 0")
    assert out.exists()


@pytest.mark.kafka
def test_the_demo_loses_and_doubles_nothing_on_kafka(tmp_path):
    done = workbench("demo", "--orders", 300, cwd=tmp_path, data=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed billing (SIGKILL)" in done.stdout
    assert done.stdout.rstrip().endswith("lost: 0  doubled: 0")
    assert (tmp_path / "order-log.jsonl").exists()


@pytest.mark.kafka
def test_kafka_starts_stays_and_stops_and_a_capture_uses_it(tmp_path, design, here):
    started = workbench("kafka", "start", cwd=tmp_path, data=tmp_path)  # it outlives its starter
    try:
        assert started.returncode == 0, started.stderr
        assert here("kafka", "status")[0] == 0
        code, output, errors = here("capture", design, "--out", "x.jsonl")
        assert code == 0, errors
        assert "0 events of KafkaBroker(" in output
        every = ("--to", "log", "--pattern", "*", "--since", "2026-01-01")
        code, _, errors = here("capture", design, *every)
        assert code == 2
        assert "no channel fits '*'; there are: none." in errors
    finally:
        stopped = workbench("kafka", "stop", cwd=tmp_path, data=tmp_path)
    assert "is stopped; its data stay in" in stopped.stdout


@pytest.mark.kafka
def test_running_services_serve_their_metrics(kafka, design, tmp_path):
    command = [
        *(sys.executable, "-c", "from workbench.cli import main; main()", "run", design),
        *("--bootstrap-servers", kafka.bootstrap_servers, "--namespace", "served"),
        *("--metrics-port", "0", "--folder", tmp_path / "files"),
    ]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            at, ready = running.stdout.readline(), running.stdout.readline()
            assert ready.startswith("running inventory on KafkaBroker(")
            url = at.removeprefix("metrics at ").strip()
            with urllib.request.urlopen(url, timeout=60) as answer:
                found = answer.read().decode()
        finally:
            running.terminate()
    assert 'choreography_service_up{service="inventory"} 1.0' in found
    assert list((tmp_path / "files").rglob("inventory.sqlite"))
    with pytest.raises(URLError):
        urllib.request.urlopen(url, timeout=60)


def test_the_expected_totals_of_some_orders_are_what_a_reader_would_count():
    orders = some_orders(100, declined=5, sold_out=3)
    assert sum(order.customer.startswith("declined-") for order in orders) == 5
    assert sum(order.product == "sold-out" for order in orders) == 3
    assert expected_totals(orders)["orders_completed"] == 92
    assert len(order_choreography().services) == 4


def test_what_is_missing_is_lost_and_what_is_too_much_is_doubled():
    expected = expected_totals(some_orders(10))
    assert lost_and_doubled(expected, expected) == (0, 0)
    less = {**expected, "parcels": expected["parcels"] - 1}
    more = {**expected, "units_reserved": expected["units_reserved"] + 2}
    assert lost_and_doubled(expected, less) == (1, 0)
    assert lost_and_doubled(expected, more) == (0, 1)
    assert observed_totals([{"parcels": 7}])["parcels"] == 7


def test_the_first_notebook_is_where_lab_looks_for_it():
    assert (Path(__file__).parents[2] / "notebooks" / "01_order_choreography.ipynb").exists()


# --- releasing -------------------------------------------------------------------------------


def test_a_draft_is_released_or_refused_with_a_payload_that_proves_it(design, here):
    yaml = (design / "choreography.yaml").read_text()
    home = design / "events" / "OrderPlaced"
    draft = home / "draft.json"
    draft.write_text('{"type": "object", "properties": {"order_id": {"type": "integer"}}}')
    code, out, err = here("release", design, "OrderPlaced")
    assert (code, err) == (1, "")
    assert out.startswith("OrderPlaced is not released: NOT compatible (BACKWARD, lenient)")
    assert "for example" in out
    assert draft.is_file()
    code, _, err = here("release", design, "OrderPlaced", "--force")
    assert code == 2
    assert "a forced release needs a reason" in err
    code, out, _ = here("release", design, "OrderPlaced", "--force", "--reason", "nobody reads it")
    assert (code, draft.exists(), (home / "2.json").is_file()) == (0, False, True)
    assert out.startswith(f"OrderPlaced v2 is released: {home / '2.json'}\n")
    assert "Before any service or publisher writes v2, mend what would break here" in out
    assert "[reader-breaks]" in out
    assert "2: nobody reads it" in (design / "choreography.yaml").read_text()
    code, _, err = here("release", design, "OrderPlaced")
    assert (code, yaml != (design / "choreography.yaml").read_text()) == (2, True)
    assert "OrderPlaced v2 is released already, and there is no draft of v3" in err


def test_a_release_leaves_what_people_wrote_in_the_design_as_it_is(design, here):
    file = design / "choreography.yaml"
    file.write_text(file.read_text() + "\n# Ask Ada before changing this.\n")
    before = file.read_text()
    home = design / "events" / "OrderPlaced"
    (home / "draft.json").write_text((home / "1.json").read_text())
    assert here("release", design, "OrderPlaced")[0] == 0
    assert file.read_text() == before
    assert {path.name for path in home.iterdir()} == {"1.json", "2.json", "released.lock"}


@pytest.mark.kafka
def test_a_flow_and_why_are_asked_from_a_shell(kafka, design, tmp_path, here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    settings = {"namespace": "asked", "folder": tmp_path / "files"}
    servers = kafka.bootstrap_servers
    with Workbench(design, bootstrap_servers=servers, say=lambda text: None, **settings) as wb:
        wb.start()
        published = wb.publish("OrderPlaced", {"order_id": "o-1"})
        wb.wait_until_idle()
    where = [f"--bootstrap-servers={servers}"]
    where += [f"--{name}={value}" for name, value in settings.items()]

    def ask(*asked):
        return here(*asked, *where)

    code, flow, errors = ask("flow", "design", published.id)
    assert (code, errors) == (0, "")
    assert "└─ ✓ inventory/on_OrderPlaced waited" in flow
    _, why, _ = ask("why", "design", published.id, "inventory")
    assert "✓ inventory/on_OrderPlaced reacted at" in why
    assert "[handled]" in why
    code, _, unknown = ask("flow", "design", "nothing")
    assert code == 2
    assert unknown.startswith("workbench: there is no flow 'nothing' on ")
    _, logs, _ = ask("logs", "design", "--event-id", published.id)
    assert "handled OrderPlaced" in logs
    where.remove("--namespace=asked")
    code, _, astray = ask("flow", "design", published.id)
    assert code == 2
    assert astray.startswith("workbench: there is none of the design's channels on ")
