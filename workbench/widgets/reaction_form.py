"""The designer's form for a reaction: whenever … (if …) (after …) then …."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from workbench.choreography import Choreography
from workbench.widgets.page import BAD, Message, button
from workbench.widgets.reaction_draft import (
    DATA,
    PYTHON,
    ReactionDraft,
    problems_of,
    proposed_mapping,
)

_WIDE = {"description_width": "110px"}
_LAYOUT = {"width": "440px"}


class ReactionForm(ipywidgets.VBox):
    """Says what is wrong as one types, and gives the draft to ``put``."""

    def __init__(
        self, design: Callable[[], Choreography], put: Callable[[ReactionDraft], bool]
    ) -> None:
        self._design, self._put = design, put
        self._name: str | None = None
        self._filling = False
        self._maps: dict[str, Any] = {}
        self._proposed: dict[str, str] = {}
        self._service = self._dropdown("Service")
        self._whenever = self._dropdown("whenever")
        self._guard = self._text("if (CEL)", "data.quantity <= 10.0; empty: always")
        self._after = self._text("after", "50ms, 2s, 15min; empty: at once")
        self._how = ipywidgets.Dropdown(
            description="by", options=[DATA, PYTHON], style=_WIDE, layout=_LAYOUT
        )
        self._emits = ipywidgets.SelectMultiple(
            description="then emit", options=[], rows=6, style=_WIDE, layout=_LAYOUT
        )
        self._hint = ipywidgets.HTML(
            '<span class="wb-quiet">Hold Ctrl (or ⌘) to choose several. '
            "One line a field: <code>field = expression over data</code></span>"
        )
        self._mappings = ipywidgets.VBox()
        self._message = Message()
        self._add = button("Add reaction", self._submit, tone="primary", width="170px")
        self._add.add_class("wb-add-reaction")
        left = [self._service, self._whenever, self._guard, self._after, self._how, self._emits]
        super().__init__(
            [
                ipywidgets.HBox(
                    [
                        ipywidgets.VBox(left),
                        ipywidgets.VBox([self._hint, self._mappings], layout={"flex": "1 1 auto"}),
                    ]
                ),
                self._message,
                ipywidgets.HBox([self._add, button("Clear", self.clear, width="110px")]),
            ]
        )
        for widget in (self._service, self._whenever, self._guard, self._after):
            widget.observe(lambda _: self._check(), "value")
        for widget in (self._whenever, self._how, self._emits):
            widget.observe(lambda _: self._offer_mappings(), "value")
        self.refresh()

    def refresh(self) -> None:
        """Offer the services and event types the design has now; what was chosen stays."""
        design = self._design()
        self._filling = True
        try:
            _offer(self._service, list(design.services))
            _offer(self._whenever, list(design.event_types))
            chosen = [name for name in self._emits.value if name in design.event_types]
            if list(self._emits.options) != list(design.event_types):
                self._emits.options = list(design.event_types)
                self._emits.value = tuple(chosen)
        finally:
            self._filling = False
        self._offer_mappings()

    def clear(self) -> None:
        """An empty form, for a new reaction."""
        design = self._design()
        service, whenever = next(iter(design.services), ""), next(iter(design.event_types), "")
        self.load(ReactionDraft(self._service.value or service, whenever))

    def load(self, draft: ReactionDraft) -> None:
        """Edit a reaction, or begin a new one."""
        self._filling = True
        try:
            self._name = draft.name
            self._add.description = "Change reaction" if draft.name else "Add reaction"
            self._service.disabled = draft.name is not None
            for widget, value in ((self._service, draft.service), (self._whenever, draft.whenever)):
                if value in widget.options:
                    widget.value = value
            self._guard.value, self._after.value = draft.guard, draft.after
            self._how.value = draft.how
            self._emits.value = tuple(e for e in draft.emits if e in self._emits.options)
            self._maps = {}
        finally:
            self._filling = False
        self._offer_mappings()
        for effect, text in draft.mappings.items():
            if effect in self._maps:
                self._maps[effect].value = text

    def draft(self) -> ReactionDraft:
        """What the form says now."""
        return ReactionDraft(
            self._service.value or "",
            self._whenever.value or "",
            tuple(self._emits.value),
            self._guard.value,
            self._after.value,
            self._how.value,
            {effect: area.value for effect, area in self._maps.items()},
            self._name,
        )

    def _offer_mappings(self) -> None:
        if self._filling:
            return
        types = self._design().event_types
        cause = types.get(self._whenever.value or "")
        wanted = tuple(self._emits.value) if self._how.value == DATA else ()
        kept = {effect: area for effect, area in self._maps.items() if effect in wanted}
        for effect in wanted:
            if cause is None:
                continue
            proposed = proposed_mapping(cause, types[effect])
            if effect not in kept:
                kept[effect] = self._area(proposed)
            elif self._proposed.get(effect) == kept[effect].value:
                kept[effect].value = proposed
            self._proposed[effect] = proposed
        self._maps = kept
        self._mappings.children = [
            child
            for effect, area in kept.items()
            for child in (ipywidgets.HTML(f"<b>{effect}</b>"), area)
        ]
        self._hint.layout.display = "" if wanted else "none"
        self._check()

    def _area(self, text: str) -> Any:
        area = ipywidgets.Textarea(
            value=text, layout={"width": "96%", "height": f"{44 + 20 * text.count(chr(10))}px"}
        )
        area.observe(lambda _: self._check(), "value")
        return area

    def _check(self) -> None:
        if self._filling:
            return
        quiet = self._name is None and not self._emits.value and not self._guard.value
        found = [] if quiet and not self._after.value else problems_of(self.draft(), self._design())
        self._message.say(" ".join(found), BAD)

    def _submit(self) -> None:
        if self._put(self.draft()):
            self.clear()

    def _dropdown(self, label: str) -> Any:
        return ipywidgets.Dropdown(description=label, options=[], style=_WIDE, layout=_LAYOUT)

    def _text(self, label: str, hint: str) -> Any:
        return ipywidgets.Text(description=label, placeholder=hint, style=_WIDE, layout=_LAYOUT)


def _offer(widget: Any, names: list[str]) -> None:
    if list(widget.options) != names:
        chosen = widget.value
        widget.options = names
        widget.value = chosen if chosen in names else next(iter(names), None)
