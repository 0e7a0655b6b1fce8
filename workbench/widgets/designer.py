"""The designer: event types, services and reactions, with the graph growing as one goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.widgets.designer_model import (
    PROBLEM_COLUMNS,
    SERVICE_COLUMNS,
    TYPE_COLUMNS,
    DesignerModel,
)
from workbench.widgets.field_kinds import fields_of
from workbench.widgets.graph import GraphView
from workbench.widgets.graph_model import graph_of
from workbench.widgets.legend import legend
from workbench.widgets.page import GOOD, Message, button, heading, shown, style_sheet
from workbench.widgets.reaction_form import ReactionForm
from workbench.widgets.table import Table
from workbench.widgets.type_form import TypeForm

if TYPE_CHECKING:
    from workbench.session import Workbench

_EMPTY = "Nothing designed yet: add an event type below, such as OrderPlaced, then a service that reacts to it."
_TYPES, _REACTIONS = 0, 2


class Designer(ipywidgets.VBox):
    """Edits the workbench's own design; what it makes are drafts until they are released."""

    def __init__(self, wb: Workbench) -> None:
        self._wb = wb
        self._model = DesignerModel(wb)
        self._message = Message()
        self._graph = GraphView(_EMPTY)
        self._types = Table(TYPE_COLUMNS, empty="No event type yet: fill in the form above.")
        self._types.on_action(self._on_type)
        self._services = Table(
            SERVICE_COLUMNS, empty="No service yet: name one above, such as inventory."
        )
        self._services.on_action(self._on_reaction)
        self._problems = Table(PROBLEM_COLUMNS, empty="✓ Nothing to remark.", height="240px")
        self._type_form = TypeForm(self._model.type_problem, self._put_type)
        self._service_name = ipywidgets.Text(
            description="Service", placeholder="inventory", style={"description_width": "90px"}
        )
        self._reaction_form = ReactionForm(lambda: self._model.design, self._put_reaction)
        self._undo = button("Undo", self._on_undo, width="auto")
        self._folder = ipywidgets.Text(
            value=self._model.folder,
            description="Folder",
            layout={"width": "440px"},
            style={"description_width": "60px"},
        )
        save = button("Save design", self._on_save, tone="success", width="140px")
        again = button("↻", self.refresh, hint="show what was changed in Python", width="40px")
        add_service = button("Add service", self._on_service, tone="primary", width="140px")
        self._tabs = ipywidgets.Tab(
            [
                ipywidgets.VBox([self._type_form, self._types]),
                ipywidgets.VBox(
                    [ipywidgets.HBox([self._service_name, add_service])],
                ),
                ipywidgets.VBox([self._reaction_form]),
            ],
            titles=["Event types", "Services", "Reactions"],
        )
        super().__init__(
            [
                style_sheet(),
                ipywidgets.HTML(legend()),
                self._graph,
                ipywidgets.HBox(
                    [self._undo, again, self._folder, save], layout={"flex_flow": "row wrap"}
                ),
                self._message,
                self._tabs,
                heading("Services and their reactions"),
                self._services,
                heading("Worth a second look"),
                self._problems,
            ],
            layout={"width": "100%"},
        )
        self.add_class("wb-widget")
        self.refresh()

    def refresh(self) -> None:
        """Show the design as it is now, whoever changed it."""
        self._graph.load(graph_of(self._model.design))
        self._types.show(self._model.type_rows())
        self._services.show(self._model.service_rows())
        self._problems.show(self._model.problem_rows())
        self._reaction_form.refresh()
        last = self._model.last_change
        self._undo.disabled = last is None
        self._undo.description = f"↶ Undo: {last}" if last else "↶ Undo"

    def _do(self, act: Callable[[], str]) -> bool:
        """Make a change, show it, say how it went; whether it was made."""
        made = False
        with shown(self._message, self._wb):
            self._message.say(act(), GOOD)
            made = True
        with shown(self._message):
            self.refresh()
        return made

    def _put_type(self, *args: Any) -> bool:
        return self._do(lambda: self._model.put_type(*args))

    def _put_reaction(self, draft: Any) -> bool:
        return self._do(lambda: self._model.put_reaction(draft))

    def _on_service(self) -> None:
        if self._do(lambda: self._model.add_service(self._service_name.value.strip())):
            self._service_name.value = ""

    def _on_undo(self) -> None:
        self._do(lambda: f"Undone: {self._model.undo()}.")

    def _on_save(self) -> None:
        self._do(lambda: self._model.save(self._folder.value))

    def _on_type(self, name: str, action: str) -> None:
        if action == "remove":
            self._do(lambda: self._model.remove_type(name))
        elif action == "release":
            self._do(lambda: self._model.release(name))
        elif action == "edit":
            with shown(self._message):
                found = self._model.design.event_types[name]
                self._type_form.load(name, fields_of(found), found.key)
                self._tabs.selected_index = _TYPES

    def _on_reaction(self, key: str, action: str) -> None:
        service, _, name = key.partition("/")
        if action == "remove" and name:
            self._do(lambda: self._model.remove_reaction(service, name))
        elif action == "remove":
            self._do(lambda: self._model.remove_service(service))
        elif action == "edit":
            with shown(self._message):
                self._reaction_form.load(self._model.reaction(service, name))
                self._tabs.selected_index = _REACTIONS

    def __repr__(self) -> str:
        return f"Designer({self._model.design!r})"
