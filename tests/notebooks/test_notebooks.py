"""Every notebook runs from top to bottom, in a kernel of its own, on a real Kafka."""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_FIRE = ("crashes", "copies on the channel", "to charge", "charged")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS


def executed(path, data):
    """The notebook as it is after a run, with a Kafka and service files of its own."""
    import nbformat  # heavy
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": ROOT}}
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where)
    client.execute(env={**os.environ, "XDG_DATA_HOME": str(data)})
    return notebook


@pytest.fixture(scope="module")
def runs(ahead, tmp_path_factory):
    return ahead(lambda path: executed(path, tmp_path_factory.mktemp(path.stem)), "path", 2)


@pytest.mark.notebook
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(runs, path):
    notebook = runs[path].result()
    texts = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert texts
    if path.stem == "01_order_choreography":
        assert any("charged since the kill: 200.00" in text for text in texts)
    if path.stem == "02_events_that_evolve":
        said = "\n".join(texts)
        ordered, charged = re.search(r"ordered: (\S+)\ncharged: (\S+)", said).groups()
        assert ordered == charged
        assert "v1: is fine" in said
        assert "would refuse 200 of 200 captured payloads" in said
        assert "[key-changed]" in said
        assert "exit code 1" in said
        assert texts[-1].startswith("OrderPlaced v4 is not released, for it is not BACKWARD")
    if path.stem == "03_failure_and_delivery":
        sums = re.findall(r"to charge: +(\S+)\s+charged: +(\S+)", "\n".join(texts))
        assert len(sums) == 4
        assert all(due == charged for due, charged in sums)
        assert any("letters left: 0" in text for text in texts)
        fire = next(text for text in texts if "copies on the channel" in text)
        rows = {name: re.search(rf"{name} +(\S+) +(\S+)\n", fire + "\n").groups() for name in _FIRE}
        assert "0" not in rows["crashes"]
        assert rows["copies on the channel"][1] == "0"  # in transactions
        assert rows["to charge"] == rows["charged"]
        assert any("HotelReleased" in text and "compensated" in text for text in texts)
        assert any("the hotel does not answer" in text and "owed" in text for text in texts)
        instances = [text for text in texts if "billing/4" in text and "design" in text]
        assert [re.findall("older|current", text) for text in instances] == [
            ["older", "older", "older", "current"],
            ["current"] * 4,
        ]
    if path.stem == "04_follow_a_flow":
        said = "\n".join(texts)
        assert said.count("⚠ shipping/ship gave it up after 3 attempts") == 2 + 1  # and why
        assert re.search(r"the gateway's trace goes on: \d+ spans of 4 services", said)
        assert said.count("dead letters handed back: 1") == 2
        assert "converged: True" in said
        assert 'event_type="PaymentReceived",service="shipping"} 1.0' in said
        assert "on RabbitMQBroker" in said or not os.environ.get("CI")
        assert "services in the log: inventory, billing, shipping, orders" in said
    if path.stem == "05_captured_logs":
        said = "\n".join(texts)
        assert "time            ← headers.t             given, ms" in said
        assert "24 are silent" in said
        assert "the same answers: True True" in said
        assert "data.country == 'PT' on OrderPlaced, 0 % of the" in said  # after the deployment


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_errors_or_secrets(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output["output_type"] == "error"]
