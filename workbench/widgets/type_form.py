"""The designer's form for an event type: its name, key, and typed fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from workbench.widgets.field_kinds import KEEP, KINDS, FieldDraft
from workbench.widgets.page import BAD, Message, button

_NO_KEY = "no key: in no order"


class TypeForm(ipywidgets.VBox):
    """Says ``problem(name, fields, key, editing)`` as one types, and gives all to ``put``."""

    def __init__(
        self,
        problem: Callable[[str, Sequence[FieldDraft], str | None, str | None], str],
        put: Callable[[str, Sequence[FieldDraft], str | None, str | None], bool],
    ) -> None:
        self._problem, self._put = problem, put
        self._editing: str | None = None
        self._filling = False
        self._rows: list[_FieldRow] = []
        wide = {"description_width": "90px"}
        self._name = ipywidgets.Text(
            description="Event type", placeholder="OrderPlaced", style=wide
        )
        self._key = ipywidgets.Dropdown(
            description="Key field", options=[(_NO_KEY, "")], value="", style=wide
        )
        self._fields = ipywidgets.VBox()
        self._message = Message()
        self._add = button("Add event type", self._submit, tone="primary", width="170px")
        self._add.add_class("wb-add-type")
        self._cancel = button("Clear", self.clear, width="110px")
        super().__init__(
            [
                ipywidgets.HBox([self._name, self._key]),
                ipywidgets.HTML("<span>Fields</span>"),
                self._fields,
                button("+ field", self._add_field, width="110px"),
                self._message,
                ipywidgets.HBox([self._add, self._cancel]),
            ]
        )
        self._name.observe(lambda _: self._check(), "value")
        self._key.observe(lambda _: self._check(), "value")
        self.clear()

    def clear(self) -> None:
        """An empty form, for a new event type."""
        self.load(None, [FieldDraft("")], None)
        self._message.say("")

    def load(self, name: str | None, fields: Sequence[FieldDraft], key: str | None) -> None:
        """Edit an event type; ``None``: a new one."""
        self._filling = True
        try:
            self._editing = name
            self._name.value = name or ""
            self._add.description = "Change event type" if name else "Add event type"
            self._rows = [_FieldRow(field, self._check, self._drop) for field in fields]
            self._place()
            self._offer_keys()
            self._key.value = key if key in self._names() else ""
        finally:
            self._filling = False
        self._check()

    def _names(self) -> list[str]:
        return [row.name.value for row in self._rows if row.name.value]

    def _offer_keys(self) -> None:
        chosen, filling = self._key.value, self._filling
        options = [(_NO_KEY, ""), *((name, name) for name in dict.fromkeys(self._names()))]
        if tuple(self._key.options) != tuple(options):
            self._filling = True
            self._key.options = options
            self._key.value = chosen if chosen in self._names() else ""
            self._filling = filling

    def _add_field(self) -> None:
        self._rows.append(_FieldRow(FieldDraft(""), self._check, self._drop))
        self._place()
        self._check()

    def _drop(self, row: _FieldRow) -> None:
        self._rows.remove(row)
        self._place()
        self._check()

    def _place(self) -> None:
        self._fields.children = tuple(self._rows)

    def _drafts(self) -> list[FieldDraft]:
        drafts = [row.draft() for row in self._rows]
        return [draft for draft in drafts if draft.name or len(drafts) > 1]

    def _check(self) -> None:
        if self._filling:
            return
        self._offer_keys()
        problem = ""
        if self._name.value or self._names():
            problem = self._problem(
                self._name.value, self._drafts(), self._key.value or None, self._editing
            )
        self._message.say(problem, BAD)

    def _submit(self) -> None:
        if self._put(self._name.value, self._drafts(), self._key.value or None, self._editing):
            self.clear()


class _FieldRow(ipywidgets.HBox):
    def __init__(
        self, field: FieldDraft, changed: Callable[[], Any], drop: Callable[[_FieldRow], Any]
    ) -> None:
        self._schema = field.schema
        kinds = [*KINDS, KEEP] if field.kind == KEEP else list(KINDS)
        self.name = ipywidgets.Text(
            value=field.name, placeholder="order_id", layout={"width": "220px"}
        )
        self.kind = ipywidgets.Dropdown(options=kinds, value=field.kind, layout={"width": "160px"})
        self.required = ipywidgets.Checkbox(
            value=field.required, description="required", indent=False, layout={"width": "110px"}
        )
        for widget in (self.name, self.kind, self.required):
            widget.observe(lambda _: changed(), "value")
        cross = button("✕", lambda: drop(self), hint="remove this field", width="40px")
        super().__init__([self.name, self.kind, self.required, cross])

    def draft(self) -> FieldDraft:
        name = self.name.value.strip()
        return FieldDraft(name, self.kind.value, bool(self.required.value), self._schema)
