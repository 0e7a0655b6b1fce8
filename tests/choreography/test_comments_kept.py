"""Saving a design keeps the comments that people wrote in its files."""

import json
import random
import shutil
from pathlib import Path

import pytest

from workbench.choreography import Choreography
from workbench.choreography.comments import with_comments_of
from workbench.choreography.documents import read_yaml, yaml_text

SAMPLES = Path(__file__).parents[2] / "sample_data"

COMMENTED = """\
# Orders, as the shop sees them.

events:
  OrderPlaced:
    key: order_id  # one customer, one order
  # Nobody ships without it.
  StockReserved:
    key: order_id
  # An old one.
  OutOfStock:
    key: order_id  # beside what goes

# --- who does what ---
services:
  inventory:
    # The happy path.
    - whenever: OrderPlaced  # the '#' in it's no comment
      if: 'data.order_id != " # 1"'
      emit:
        StockReserved:
          order_id: data.order_id  # the same
    # - whenever: OutOfStock
  billing: []
# The end.
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "choreography.yaml").write_text(COMMENTED)
    schema = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    for name in ("OrderPlaced", "StockReserved", "OutOfStock"):
        home = tmp_path / "events" / name
        home.mkdir(parents=True)
        (home / "draft.json").write_text(json.dumps(schema))
    return tmp_path


def saved(design, folder):
    design.save(folder)
    assert Choreography.load(folder) == design
    return (folder / "choreography.yaml").read_text()


def test_a_forced_release_adds_its_reason_and_nothing_else(folder):
    design = Choreography.load(folder)
    design.release("OrderPlaced")
    design.save(folder)
    draft = folder / "events/OrderPlaced/draft.json"
    draft.write_text('{"type": "object", "properties": {"order_id": {"type": "integer"}}}')
    design = Choreography.load(folder)
    design.release("OrderPlaced", force=True, reason="nobody reads it")
    beside = "    key: order_id  # one customer, one order\n"
    added = "    forced:\n      2: nobody reads it\n"
    assert saved(design, folder) == COMMENTED.replace(beside, beside + added)


def test_a_silenced_rule_is_added_below_what_is_there(folder):
    design = Choreography.load(folder)
    design.silence("nobody-hears", "StockReserved", "so it is")
    entry = "silenced:\n  - rule: nobody-hears\n    subject: StockReserved\n    reason: so it is\n"
    assert saved(design, folder) == COMMENTED.replace("# The end.\n", entry + "# The end.\n")


def test_an_added_reaction_leaves_the_comments_of_the_others(folder):
    design = Choreography.load(folder)
    design.services["inventory"].whenever("StockReserved", emit={}, name="count")
    text = saved(design, folder)
    assert "    - name: count\n" in text
    assert [line for line in COMMENTED.split("\n") if line not in text.split("\n")] == []


def test_what_is_said_of_an_event_type_goes_with_it_and_all_else_stays(folder):
    design = Choreography.load(folder)
    del design.event_types["OutOfStock"]
    design.save(folder)
    gone = "  # An old one.\n  OutOfStock:\n    key: order_id  # beside what goes\n"
    assert (folder / "choreography.yaml").read_text() == COMMENTED.replace(gone, "")


def test_an_upcaster_keeps_its_comments(tmp_path):
    shutil.copytree(SAMPLES / "fintech", tmp_path, dirs_exist_ok=True)
    path = tmp_path / "events/TransactionAuthorised/2.upcaster.yaml"
    text = "# Cents were cents.\n" + path.read_text().replace("\n", "  # beside\n", 1)
    path.write_text(text)
    Choreography.load(tmp_path).save(tmp_path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "old",
    [
        b"\xff\xfe",
        b"a: [1, # open",
        b"a: 1\na: 2 # twice",
        b"a: &x [1] # anchor\nb: *x\n",
        b"# c\n" + b"[" * 1_000,
        b"# nothing but this",
        b"- # a list\n- 2\n",
        b"# one\n---\na: 1\n---\nb: 2 # two\n",
        b"# a\xe2\x80\xa8services: 2\n",
        b"? [a, b] # a list for a name\n: 1\n",
        b"services: !!python/object:os.system x # c\n",
        b"#" * 6_000_000,
    ],
    ids=range(12),
)
def test_whatever_the_file_was_saving_writes_the_design(tmp_path, old):
    (tmp_path / "choreography.yaml").write_bytes(old)
    design = Choreography()
    design.service("billing")
    saved(design, tmp_path)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("- name: p\n# q\n- name: q\n", "- name: q\n  x: 1\n- name: r\n",
         "# q\n- name: q\n  x: 1\n- name: r\n"),
        ("- a  # a\n- b  # b\n- c  # c\n", "- b\n- new\n- c\n", "- b  # b\n- new\n- c  # c\n"),
        ("a: {x: 1,  # x\n  # y\n  y: 2}  # end\n", "a:\n  x: 1\n  y: 3\n",
         "a:  # x\n  x: 1\n  # y\n  y: 3  # end\n"),
        ("a: 1  # one\nb: 2\n", "a: 'p\n\n  q'\nb: 3\n", "# one\na: 'p\n\n  q'\nb: 3\n"),
        ("a:\n  b: 1\n  # of a\n# c\nc: 1\n\n# d\nd: 1\n", "a:\n  b: 2\nd: 1\n",
         "a:\n  b: 2\n  # of a\n\n# d\nd: 1\n"),
    ],
    ids=["item-gone", "items-shift", "flow", "text-of-lines", "name-gone"],
)  # fmt: skip
def test_a_comment_goes_where_its_entry_stands_now(tmp_path, before, now, expected):
    path = tmp_path / "some.yaml"
    path.write_text(before)
    assert with_comments_of(path, now) == expected


def commented(text, rng):
    """A YAML text with comments of all kinds at random lines."""
    lines = []
    for line in text.splitlines():
        if rng.random() < 0.3:
            lines += rng.choice([[""], ["# top"], ["", "      # deep: *x 'it", ""]])
        lines.append(line + (f"  # beside {len(lines)}" if rng.random() < 0.3 else ""))
    return "\n".join(lines) + "\n"


def changed(value, rng):
    """Plain data with some of it gone, changed or new."""
    if isinstance(value, dict):
        kept = {name: changed(each, rng) for name, each in value.items() if rng.random() > 0.05}
        return kept | ({"new": [1, {"a": "# no: comment"}]} if rng.random() < 0.1 else {})
    if isinstance(value, list):
        kept = [changed(each, rng) for each in value if rng.random() > 0.1]
        return [*kept, {"name": "new"}] if rng.random() < 0.1 else kept
    return rng.choice(["two\nlines # here", 1.5, None, ["x"], {}]) if rng.random() < 0.05 else value


@pytest.mark.parametrize("name", ["fintech", "orders", "signup"])
def test_whatever_changes_the_text_without_its_comments_is_what_is_written(name, tmp_path):
    from ruamel.yaml import YAML

    plain = YAML(typ="safe", pure=True)
    path = tmp_path / "some.yaml"
    before = plain.load((SAMPLES / name / "choreography.yaml").read_text("utf-8"))
    for seed in range(10):
        rng = random.Random(seed)
        path.write_text(commented(yaml_text(before), rng))
        text = yaml_text(changed(before, rng))
        kept = with_comments_of(path, text)
        path.with_name("kept.yaml").write_text(kept)
        assert read_yaml(path.with_name("kept.yaml")) == plain.load(text) == plain.load(kept)
        assert "# beside" in kept
        assert with_comments_of(path, yaml_text(before)) == path.read_text()
