"""A flow's tree as HTML: in JupyterLab's own light or dark, every payload a click away.

Whatever stands in an event is shown and never run: all text is escaped. No scripts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from workbench import look
from workbench.analysis import wording
from workbench.analysis.causal_tree import SIGNS, CausalTree, Event, Line, Reacted

_LONGEST: Final = 4_000
"""Letters of a payload that are shown; it can be had as a whole by its event's id."""
_LOGGED: Final = 40
"""Lines of a handler's log that are shown."""
_DEEPEST: Final = 14
"""Levels that are indented; what is deeper stands below each other."""

_TONES: Final[Mapping[str, str]] = {
    "done": "done",
    "quiet": "not for it",
    "pending": "still to come",
    "trouble": "trouble",
}

_CSS: Final = f"""
.wb-flow {{ font-family: var(--jp-ui-font-family, {look.FONT}); font-size: 14px; line-height: 1.4;
  color: var(--jp-ui-font-color1, #1f2937); --wb-trouble: #c81e1e; --wb-done: #15803d;
  --wb-pending: #b45309; }}
[data-jp-theme-light="false"] .wb-flow {{ --wb-trouble: #fca5a5; --wb-done: #4ade80;
  --wb-pending: #fbbf24; }}
.wb-flow-head {{ font-size: 16px; font-weight: 600; overflow-wrap: anywhere; }}
.wb-flow-quiet {{ color: var(--jp-ui-font-color2, #5b6270); }}
.wb-flow-note {{ border-left: 4px solid #d97706; padding: 1px 0 1px 10px; margin: 4px 0; }}
.wb-flow-legend {{ display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 13px; margin: 4px 0 8px; }}
.wb-flow-line {{ display: flex; }}
.wb-flow-line > i {{ flex: 0 0 22px; position: relative; }}
.wb-flow-line > i.v::before, .wb-flow-line > i.t::before, .wb-flow-line > i.e::before {{ content: "";
  position: absolute; left: 8px; top: 0; bottom: 0; border-left: 1.5px solid {look.EDGE}; }}
.wb-flow-line > i.e::before {{ bottom: auto; height: 14px; }}
.wb-flow-line > i.t::after, .wb-flow-line > i.e::after {{ content: ""; position: absolute; left: 8px;
  top: 13px; width: 10px; border-top: 1.5px solid {look.EDGE}; }}
.wb-flow-body {{ flex: 1; min-width: 0; padding: 2px 0; overflow-wrap: anywhere; }}
.wb-flow-body summary {{ cursor: pointer; list-style-position: inside; }}
.wb-flow-type {{ background: {look.EVENT_FILL}; color: {look.TEXT}; border: 1px solid {look.EVENT_BORDER};
  border-radius: 6px; padding: 0 8px; font-weight: 600; }}
.wb-flow-who {{ background: {look.SERVICE_FILL}; color: {look.TEXT}; border: 1px solid {look.SERVICE_BORDER};
  border-radius: 2px; padding: 0 7px; }}
.wb-flow-facts {{ font-variant-numeric: tabular-nums; color: var(--jp-ui-font-color2, #5b6270); }}
.wb-flow-sign {{ display: inline-block; width: 1.3em; text-align: center; font-weight: 700; }}
.wb-flow .wb-trouble {{ color: var(--wb-trouble); }}
.wb-flow .wb-done {{ color: var(--wb-done); }}
.wb-flow .wb-pending {{ color: var(--wb-pending); }}
.wb-flow-ask {{ display: inline-block; }}
.wb-flow code {{ font: 12px var(--jp-code-font-family, monospace); background: none; color: inherit; padding: 0; }}
.wb-flow pre {{ margin: 4px 0 6px; padding: 8px 10px; max-height: 260px; overflow: auto; font: 12px/1.45
  var(--jp-code-font-family, monospace); white-space: pre-wrap; overflow-wrap: anywhere; border-radius: 4px;
  background: var(--jp-layout-color2, #f3f4f6); color: var(--jp-ui-font-color1, #111); }}
"""


def flow_html(
    tree: CausalTree, lines: Sequence[Line], head: str, facts: str, notes: Sequence[str]
) -> str:
    """A flow's page.

    Parameters
    ----------
    lines
        Those of the tree that are shown.
    head, facts, notes
        What stands above it.
    """
    used = {line.node.tone for line in lines if isinstance(line.node, Reacted)}
    legend = "".join(
        f"<span>{_sign(tone)}{meaning}</span>" for tone, meaning in _TONES.items() if tone in used
    )
    said = "".join(f"<div class='wb-flow-note'>{escape(note)}</div>" for note in notes)
    rows = "".join(map(_line, lines))
    left = tree.lines_in_all - len(lines)
    more = f"<div class='wb-flow-quiet'>{escape(tree.left_out(left))}</div>" if left else ""
    return (
        f"<div class='wb-flow'><style>{_CSS}</style><div class='wb-flow-head'>{escape(head)}</div>"
        f"<div class='wb-flow-quiet'>{escape(facts)}</div>{said}"
        f"<div class='wb-flow-legend wb-flow-quiet'>"
        f"<span><span class='wb-flow-type'>event</span> open it for its payload</span>"
        f"<span><span class='wb-flow-who'>service/reaction</span></span>{legend}</div>"
        f"{rows}{more}</div>"
    )


def _line(line: Line) -> str:
    guides = line.guides
    if len(guides) > _DEEPEST:
        guides = guides[-_DEEPEST:]
    cells = "".join(f"<i class='{guide}'></i>" for guide in guides)
    node = line.node
    body = _event(node) if isinstance(node, Event) else _reacted(node)
    return f"<div class='wb-flow-line'>{cells}<div class='wb-flow-body'>{body}</div></div>"


def _event(event: Event) -> str:
    since, *facts = event.facts()
    named = " · ".join(map(escape, facts))
    return (
        f"<details><summary><span class='wb-flow-type'>{escape(wording.cut(event.type, 80))}</span> "
        f"<span class='wb-flow-facts'>{escape(since)} · {named}</span></summary>"
        f"<div class='wb-flow-facts'>id <code>{escape(event.id)}</code></div>"
        f"<pre>{escape(_payload(event.data))}</pre></details>"
    )


def _reacted(reacted: Reacted) -> str:
    hint = (
        f" <code class='wb-flow-quiet wb-flow-ask'>{escape(reacted.hint)}</code>"
        if reacted.hint
        else ""
    )
    tone = f" class='wb-{reacted.tone}'" if reacted.tone == "trouble" else ""
    line = (
        f"{_sign(reacted.tone)}<span class='wb-flow-who'>{escape(reacted.who)}</span> "
        f"<span{tone}>{escape(reacted.text)}</span>{hint}"
    )
    if not reacted.logged:
        return line
    shown = [wording.cut(text, 400) for text in reacted.logged[:_LOGGED]]
    left = len(reacted.logged) - len(shown)
    lines = escape("\n".join([*shown, *([f"… {left:,} more"] if left else [])]))
    said = wording.count(len(reacted.logged), "line")
    return (
        f"<details><summary>{line} <span class='wb-flow-facts'>· logged {said}</span></summary>"
        f"<pre>{lines}</pre></details>"
    )


def _sign(tone: str) -> str:
    return f"<span class='wb-flow-sign wb-{tone}'>{SIGNS[tone]}</span>"  # type: ignore[index]


def _payload(data: Any) -> str:
    text = (
        data
        if isinstance(data, str)
        else json.dumps(data, indent=2, ensure_ascii=False, default=str)
    )
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… ({len(text):,} characters)"
