"""What a changed design breaks that runs as it was."""

import json
import subprocess

import pytest

from workbench.choreography import Choreography
from workbench.choreography.differences import differences, drafts
from workbench.design_history import design_at
from workbench.errors import DesignError
from workbench.events import EventType


def design(**changes):
    """Shop and billing: billing reacts to OrderPlaced, which is released."""
    found = Choreography()
    found.event(changes.get("order", order()))
    found.event(EventType("OrderPaid", {"type": "object", "properties": {"id": {}}}, key="id"))
    found.service("billing").whenever("OrderPlaced", emit={"OrderPaid": {"id": "data.id"}})
    if changes.get("release", True):
        found.release("OrderPlaced")
    return found


def order(version=1, key="id", **fields):
    properties = {"id": {"type": "string"}, "total": {"type": "number"}, **fields}
    return EventType("OrderPlaced", {"type": "object", "properties": properties}, version, key)


def test_a_design_that_is_the_same_breaks_nothing():
    assert differences(design(), design()) == []


def test_a_draft_that_breaks_new_readers_is_an_error_with_its_payload():
    new = design()
    new.event(order(version=2, total={"type": "integer"}))
    [problem] = differences(design(), new)
    assert (problem.rule, problem.subject, problem.severity) == (
        "incompatible",
        "OrderPlaced v2",
        "error",
    )
    assert "not BACKWARD compatible with v1: `total` was number and is integer now" in (
        problem.message
    )
    assert 'For example {"total": 0.5}' in problem.message


def test_an_event_type_that_was_never_released_is_compared_as_it_was():
    old = design(release=False)
    new = design(release=False, order=order(total={"type": "integer"}))
    [problem] = differences(old, new)
    assert "not BACKWARD compatible with it was" not in problem.message
    assert "not BACKWARD compatible with what it was: `total`" in problem.message


def test_what_was_forced_with_a_reason_is_a_note():
    new = design()
    new.event(order(version=2, total={"type": "integer"}))
    new.release("OrderPlaced", force=True, reason="nobody has written halves")
    [problem] = differences(design(), new)
    assert (problem.severity, problem.silenced) == ("note", "nobody has written halves")


def test_a_released_version_that_changed_or_went_is_an_error():
    new = design(order=order(total={"type": "integer"}))
    rules = {problem.rule: problem.message for problem in differences(design(), new)}
    assert (
        "OrderPlaced v1 is released and never changes, but it has changed"
        in (rules["released-changed"])
    )


def test_an_event_that_is_gone_is_missed_by_those_who_reacted():
    new = Choreography()
    new.event(EventType("OrderPaid", {"type": "object", "properties": {"id": {}}}, key="id"))
    [problem] = differences(design(), new)
    assert (problem.rule, problem.severity) == ("event-gone", "error")
    assert problem.message == "OrderPlaced is gone, and billing would wait for it in vain."


def test_another_key_or_channel_is_an_error():
    new = design()
    new.event(order(version=2, key="total"))
    new.channels["OrderPlaced"] = "orders-2"
    rules = {problem.rule: problem.message for problem in differences(design(), new)}
    assert "the key of OrderPlaced was id and is total" in rules["key-changed"]
    assert "OrderPlaced moves from OrderPlaced to orders-2" in rules["channel-changed"]


def test_a_reaction_that_would_break_is_an_error_even_if_the_schemas_are_compatible():
    new = design()
    new.event(EventType("OrderPlaced", {"type": "object", "properties": {"total": {}}}, 2))
    found = {problem.rule: problem for problem in differences(design(), new)}
    assert found["reader-breaks"].subject == "billing/on_OrderPlaced"
    assert "`id` is gone" in found["reader-breaks"].message
    assert "the key of OrderPlaced was id and is none" in found["key-changed"].message
    assert {problem.rule for problem in drafts(new)} >= {"reader-breaks", "key-changed"}


def test_a_reaction_may_read_the_version_that_comes_with_the_change():
    new = design()
    new.event(order(version=2, note={"type": "string"}))
    new.release("OrderPlaced")
    new.services["billing"].remove("on_OrderPlaced")
    new.service("billing").whenever("OrderPlaced", reads=[2], emit={"OrderPaid": {"id": "data.id"}})
    assert differences(design(), new) == []


def test_what_was_forced_long_ago_is_not_told_again():
    old = design()
    old.event(order(version=2, total={"type": "integer"}))
    old.release("OrderPlaced", force=True, reason="nobody has written halves")
    assert differences(old, old) == []


def test_the_drafts_of_a_design_are_held_to_its_own_released_versions():
    found = design()
    assert drafts(found) == []
    found.event(order(version=2, total={"type": "integer"}))
    assert [problem.rule for problem in drafts(found)] == ["incompatible"]


# --- as git has it ------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True)

    git("init", "--quiet", "--initial-branch=main")
    design().save(tmp_path / "designs" / "shop")
    git("add", "-A")
    git("commit", "--quiet", "-m", "as it runs")
    return tmp_path


def test_a_design_is_compared_with_a_commit(repository):
    folder = repository / "designs" / "shop"
    draft = dict(order(total={"type": "integer"}).schema)
    (folder / "events" / "OrderPlaced" / "draft.json").write_text(json.dumps(draft, indent=2))
    old = design_at(folder, "main")
    assert old == design()
    [problem] = differences(old, Choreography.load(folder))
    assert problem.file == str(folder / "events" / "OrderPlaced" / "draft.json")
    lines = (folder / "events" / "OrderPlaced" / "draft.json").read_text().splitlines()
    assert '"total"' in lines[problem.line - 1]


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("no-such-branch", r"git can't say what shop was: there is no commit no-such-branch\."),
        ("--output=x", r"git can't say what shop was"),
    ],
)
def test_a_commit_that_there_is_not_is_one_sentence(repository, ref, message):
    with pytest.raises(DesignError, match=message):
        design_at(repository / "designs" / "shop", ref)
    assert not list(repository.glob("**/x"))


def test_a_folder_that_the_commit_has_not_is_one_sentence(repository):
    folder = repository / "elsewhere"
    folder.mkdir()
    with pytest.raises(DesignError, match=r"there was no folder elsewhere at main; was it moved\?"):
        design_at(folder, "main")


def test_a_folder_in_no_repository_is_one_sentence(tmp_path):
    with pytest.raises(DesignError, match=r"git can't say what \S+ was: not a git repository"):
        design_at(tmp_path, "main")
