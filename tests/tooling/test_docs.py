"""The Python in the documentation runs, and gives what stands below it."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

import pytest

from tools import lock

BLOCKS = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of a page: what kind it is, and what stands in it."""

    line: int
    kind: str
    text: str


def blocks(page, heading):
    text = (lock.ROOT / page).read_text()
    start = text.index(f"{heading}\n")
    end = text.find(f"\n{heading.split()[0]} ", start) if start else len(text)
    return [
        Block(text[: found.start()].count("\n") + 2, found["info"], found["text"])
        for found in BLOCKS.finditer(text, start, end)
    ]


def run(block, names):
    """Run a block; returns what its last expression shows, or ``None``."""
    code = ast.parse("\n" * (block.line - 1) + block.text)
    last = code.body.pop() if isinstance(code.body[-1], ast.Expr) else None
    exec(compile(code, "docs", "exec"), names)
    if last is None:
        return None
    return repr(eval(compile(ast.Expression(last.value), "docs", "eval"), names))


@pytest.mark.parametrize(
    ("page", "heading"),
    [
        ("docs/captured_logs.md", "# Captured logs"),
        ("README.md", "## Any dump in, the answer out"),
    ],
)
def test_the_python_of_a_page_runs_in_order_and_gives_what_stands_below_it(
    page, heading, tmp_path, monkeypatch
):
    (tmp_path / "sample_data").symlink_to(lock.ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    names, shown = {}, None
    for block in blocks(page, heading):
        if block.kind == "python":
            shown = run(block, names)
        elif block.kind == "text":
            assert shown == block.text.rstrip("\n"), f"{page}:{block.line}"
        else:
            assert block.kind == "python no-run"
            ast.parse(block.text)
