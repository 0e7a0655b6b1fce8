"""A live table: rows with keys, one of them chosen, buttons in a row if it has any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import anywidget
import traitlets


class Column(TypedDict, total=False):
    """One column: ``align`` is ``"right"`` for figures, ``mono`` for ids and code."""

    key: str
    label: str
    align: str
    mono: bool
    wrap: bool
    hint: str


class Row(TypedDict, total=False):
    """One row: texts by column; a cell with a tone is ``{"text": …, "tone": "bad"}``."""

    key: str
    cells: dict[str, Any]
    tone: str
    actions: list[dict[str, Any]]


class Table(anywidget.AnyWidget):
    """Rows in, a choice and button presses out; all state is in traits."""

    _esm = Path(__file__).parent / "table.js"
    _css = Path(__file__).parent / "table.css"

    columns: Any = traitlets.List().tag(sync=True)
    """What stands in a row, left to right; a column with the key ``actions`` holds buttons."""
    rows: Any = traitlets.List().tag(sync=True)
    """Top to bottom; a row keeps its place in the page as long as its key stays."""
    selected = traitlets.Unicode("").tag(sync=True)
    """The key of the chosen row; empty: none."""
    selectable = traitlets.Bool(default_value=False).tag(sync=True)
    """Whether a click on a row chooses it."""
    pause = traitlets.Bool(default_value=False).tag(sync=True)
    """Whether rows stand still while the pointer is over them."""
    height = traitlets.Unicode("").tag(sync=True)
    """The tallest it gets before it scrolls, in CSS; empty: as tall as its rows."""
    caption = traitlets.Unicode("").tag(sync=True)
    """A quiet line below the rows."""
    empty = traitlets.Unicode("").tag(sync=True)
    """Shown instead of no rows: what to do next."""

    def __init__(self, columns: Sequence[Column], **kwargs: Any) -> None:
        super().__init__(columns=list(columns), **kwargs)
        self._actors: list[Callable[[str, str], None]] = []
        self.on_msg(self._on_message)

    def on_action(self, act: Callable[[str, str], None]) -> None:
        """Call ``act(row key, action name)`` when a row's button is pressed."""
        self._actors.append(act)

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; nothing is sent if they are the ones shown already."""
        self.rows = list(rows)

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and {"key", "action"} <= content.keys():
            for act in self._actors:
                act(str(content["key"]), str(content["action"]))

    def __repr__(self) -> str:
        return f"Table({len(self.rows)} rows)"  # the whole state would fill the page
