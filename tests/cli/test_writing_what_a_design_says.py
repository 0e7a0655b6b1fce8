"""``workbench asyncapi`` and ``workbench models``: printed, or written to a file."""

import json
from pathlib import Path

import pytest

from workbench.choreography import Choreography
from workbench.choreography.asyncapi import asyncapi_text

ORDERS = Path(__file__).parents[2] / "sample_data" / "orders"


def test_a_document_is_printed_as_yaml_or_written_to_a_file(here, tmp_path):
    code, printed, _ = here("asyncapi", ORDERS)
    orders = Choreography.load(ORDERS)
    assert (code, printed) == (0, asyncapi_text(orders.asyncapi()))
    out = tmp_path / "billing.json"
    code, said, _ = here("asyncapi", ORDERS, "--service", "billing", "--out", out)
    assert (code, said) == (0, f"3 messages in {out}\n")
    assert json.loads(out.read_text()) == orders.asyncapi("billing")
    code, _, refused = here("asyncapi", ORDERS, "--service", "nobody", "--out", out)
    assert code == 2
    assert refused.startswith("workbench: there is no service 'nobody'")


def test_models_are_printed_as_python_or_written_to_a_file(here, tmp_path):
    pytest.importorskip("datamodel_code_generator", reason="needs choreography-workbench[models]")
    code, printed, _ = here("models", ORDERS)
    orders = Choreography.load(ORDERS)
    assert (code, printed) == (0, orders.python_source())
    out = tmp_path / "models.py"
    code, said, _ = here("models", ORDERS, "--out", out)
    assert (code, said) == (0, f"{len(orders.event_types)} event types in {out}\n")
    assert out.read_text() == printed
