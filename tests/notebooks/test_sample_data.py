"""The captured logs that come along hold what is said of them; the designs run."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import Choreography, EventLog, Workbench
from workbench.errors import IncompatibleError
from workbench.events import examples
from workbench.examples import fintech, signup
from workbench.examples.orders import order_choreography, some_orders

SAMPLES = Path(__file__).parents[2] / "sample_data"
LOG = SAMPLES / "order_log.jsonl"
DESIGN = SAMPLES / "orders"


@pytest.fixture(scope="module")
def log() -> EventLog:
    return EventLog.read(LOG)


def test_the_order_log_has_some_thousand_flows(log):
    assert len(log.flows()) == 2_000


def test_the_order_log_holds_a_duplicate_and_a_dead_letter(log):
    assert log.n_duplicates >= 1
    assert log.n_dead_letters == 1


def test_the_stuck_orders_of_the_order_log_are_found_and_nothing_else(log):
    design = Choreography.load(DESIGN)
    stuck = log.stuck(design.expected_effects())
    assert set(stuck["event_type"]) == {"StockReserved", "PaymentReceived"}
    assert len(stuck) == 2
    by_design = log.stuck(design)
    assert by_design["waiting_on"].tolist() == ["billing", "shipping"]
    letter = stuck.set_index("event_type")["dead_letter"]["StockReserved"]
    assert letter.startswith("billing/charge: LookupError: the account of")


def test_the_order_log_departs_from_its_design_where_it_was_made_to_and_nowhere_else(log):
    answer = log.conformance(Choreography.load(DESIGN))
    assert answer[["kind", "service", "effect_type", "events"]].to_numpy().tolist() == [
        ["missing", "shipping", "OrderShipped", 1]
    ]
    assert "For 1 effect there is a dead letter instead." in answer.sentence
    assert log.skew()["negative"].sum() == 0


@pytest.mark.memory
def test_the_order_design_runs_with_no_python_and_every_order_ends(tmp_path):
    with Workbench(DESIGN, broker="memory://", folder=tmp_path, say=lambda text: None) as wb:
        wb.start()
        orders = some_orders(40, declined=5, sold_out=5)
        wb.publish_many([("OrderPlaced", order.model_dump()) for order in orders])
        wb.wait_until_idle()
        log = wb.capture(progress=False)
        ends = {"OrderCompleted", "OrderCancelled", "StockReleased"}
        counts = log.frame["type"].value_counts().to_dict()
        assert {name: counts[name] for name in ends} == {
            "OrderCompleted": 30,
            "OrderCancelled": 10,
            "StockReleased": 5,
        }
        assert set(log.flows()["last_type"]) <= ends
        assert log.n_dead_letters == 0
        assert wb.choreography == Choreography.load(DESIGN)


def test_the_order_designs_pass_their_checks():
    assert not Choreography.load(DESIGN).lint().at_least("warning")
    assert not order_choreography().lint().at_least("warning")


# --- the designs with versions ---------------------------------------------------------------

DESIGNS = {"signup": signup.signup_design, "fintech": fintech.fintech_choreography}
designs = pytest.mark.parametrize("name", DESIGNS)
FINTECH = Choreography.load(SAMPLES / "fintech")


@designs
def test_the_designs_with_versions_pass_their_checks_and_say_why_they_silence(name):
    design = Choreography.load(SAMPLES / name)
    notes = {problem.rule for problem in design.lint()}
    assert notes <= {"unbound-handler"}  # a file only announces a handler
    assert not DESIGNS[name]().lint()
    told = {problem.silenced for problem in design.lint(silenced=True)} - {None}
    assert told == set(design.silenced.values())


def test_the_sign_up_design_with_python_that_counts_passes_its_checks():
    assert not signup.signup_choreography().lint()


@designs
def test_a_design_folder_is_its_python_saved_and_saving_it_again_changes_nothing(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(SAMPLES / name, folder)
    before = contents(folder)
    design = Choreography.load(folder)
    assert design == DESIGNS[name]()
    design.save(folder)
    DESIGNS[name]().save(folder)
    assert contents(folder) == before


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


@designs
def test_the_files_of_a_design_are_what_saving_it_writes(name, tmp_path):
    DESIGNS[name]().save(tmp_path)
    kept, made = contents(SAMPLES / name), contents(tmp_path)
    file = Path("choreography.yaml")
    lines = kept.pop(file).decode().splitlines(keepends=True)
    assert lines[0].startswith("#")  # a few words on what it is, above what is saved
    assert "".join(line for line in lines if not line.startswith("#")) == made.pop(file).decode()
    assert kept == made


@designs
def test_an_event_of_each_design_has_three_versions_and_whoever_reads_it_says_which(name):
    design = Choreography.load(SAMPLES / name)
    (first,) = (event for event in design.event_types if not design.emitters(event))
    assert [*design.versions(first).known] == [1, 2, 3]
    assert len(design.upcasters[first]) == 1
    readers = [r for s in design.services.values() for r in s.reactions.values()]
    assert all(r.reads for r in readers if r.whenever == first and not r.compensates)
    assert len({r.reads for r in readers if r.whenever == first}) > 1
    for version in (1, 2, 3):
        kind = design.event_type(first, version)
        for payload in examples(kind, 20, seed=version):
            read = design.versions(first).read(payload, kind.dataschema)
            assert read.event_type.version == 3


@given(cents=st.integers(1, 999_999_999_999))
def test_an_old_amount_in_cents_is_read_in_euros_to_the_cent(cents):
    upcaster = FINTECH.upcasters["TransactionAuthorised"][1]
    (old,) = FINTECH.examples("TransactionAuthorised", version=1)
    new = upcaster.upcast({**old, "amount": cents})
    assert Decimal(new["amount"]) * 100 == cents
    assert new["currency"] == "EUR"


@designs
def test_the_history_can_be_released_again_and_only_what_was_forced_is_refused(name):
    design, again = Choreography.load(SAMPLES / name), Choreography()
    (first,) = (event for event in design.event_types if not design.emitters(event))
    (forced,) = design.evolution_of(first).forced.items()
    for version, kind in design.versions(first).known.items():
        again.event(kind)
        if version == forced[0]:
            with pytest.raises(IncompatibleError, match=f"{first} v{version} is not released"):
                again.release(first)
            again.release(first, force=True, reason=forced[1])
        else:
            again.release(first)
    assert again.released[first] == design.released[first]
