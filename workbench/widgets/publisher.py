"""The publisher: a form from an event type's schema; one event, or a burst of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.widgets.burst import Burst
from workbench.widgets.form_model import FormField
from workbench.widgets.page import BAD, GOOD, Message, button, heading, sentence, shown, style_sheet
from workbench.widgets.publisher_model import LANDED_COLUMNS, PublisherModel
from workbench.widgets.table import Table
from workbench.widgets.text import escape

if TYPE_CHECKING:
    from workbench.session import Workbench

_DRAW_SECONDS = 0.2
_NO_TYPE = "No event type yet: add one in wb.designer(), or with wb.event(OrderPlaced)."
_NOTHING = "Nothing published yet: check the values above and press Publish."


class Publisher(ipywidgets.VBox):
    """Fills in plausible values, publishes, and shows where each event landed."""

    def __init__(self, wb: Workbench) -> None:
        self._wb = wb
        self._model = PublisherModel(wb)
        self._inputs: dict[str, Any] = {}
        self._errors: dict[str, ipywidgets.HTML] = {}
        self._filling = False
        self._running: Burst | None = None
        self._type = ipywidgets.Dropdown(
            description="Event type", layout={"width": "420px"}, style={"description_width": "90px"}
        )
        self._type.add_class("wb-publisher-type")
        self._type.observe(lambda _: self._show_form(), "value")
        self._form = ipywidgets.VBox(layout={"width": "100%"})
        self._form.add_class("wb-form")
        self._whole = ipywidgets.HTML()
        self._publish = button("Publish", self._on_publish, tone="primary", width="130px")
        self._publish.add_class("wb-publish")
        self._again = button("New values", self._fill, width="130px")
        self._n = _number("events", 100, 1, 1_000_000, "100px")
        self._rate = _number("events/s (0: as fast as it goes)", 50, 0, 1_000_000, "100px")
        self._burst = button("Burst", self._on_burst, tone="info", width="130px")
        self._stop = button("Stop", self._on_stop, width="130px")
        self._stop.disabled = True
        self._progress = ipywidgets.IntProgress(layout={"width": "260px"})
        self._message = Message()
        self._landed = Table(LANDED_COLUMNS, empty=_NOTHING, height="380px")
        again = button(
            "↻", self.refresh, hint="offer the design's event types as they are now", width="40px"
        )
        super().__init__(
            [
                style_sheet(),
                ipywidgets.HBox([self._type, again]),
                self._form,
                self._whole,
                ipywidgets.HBox([self._publish, self._again]),
                heading("Burst: the same event type, fresh values for each"),
                ipywidgets.HBox(
                    [*self._n, *self._rate, self._burst, self._stop, self._progress],
                    layout={"flex_flow": "row wrap", "align_items": "center"},
                ),
                self._message,
                heading("Where they landed, newest first"),
                self._landed,
            ],
            layout={"width": "100%"},
        )
        self.add_class("wb-widget")
        self.refresh()

    def refresh(self) -> None:
        """Offer the event types the design has now."""
        names = self._model.event_types()
        chosen = self._type.value
        self._type.options = names
        self._publish.disabled = self._again.disabled = self._burst.disabled = not names
        self._type.value = chosen if chosen in names else next(iter(names), None)
        self._show_form()

    # --- the form -------------------------------------------------------------------------

    def _show_form(self) -> None:
        name = self._type.value
        self._inputs, self._errors = {}, {}
        if name is None:
            self._form.children = [ipywidgets.HTML(f'<div class="wb-empty">{_NO_TYPE}</div>')]
            return
        with shown(self._message):
            rows = [self._row(field) for field in self._model.fields(name)]
            empty = '<div class="wb-quiet">This event type has no fields.</div>'
            self._form.children = rows or [ipywidgets.HTML(empty)]
            self._fill()

    def _row(self, field: FormField) -> ipywidgets.HBox:
        width = {"width": "380px"}
        made: Any
        if field.kind == "choice":
            options = field.choices if field.required else ("", *field.choices)
            made = ipywidgets.Dropdown(options=[(_plain(c), c) for c in options], layout=width)
        elif field.kind == "json":
            made = ipywidgets.Textarea(layout={**width, "height": "96px"})
        else:
            made = ipywidgets.Text(layout=width)
        made.add_class(f"wb-field-{len(self._inputs)}")
        made.observe(lambda _: self._check(), "value")
        self._inputs[field.name] = made
        self._errors[field.name] = ipywidgets.HTML(layout={"flex": "1 1 auto"})
        key = " · key" if field.is_key else ""
        about = (
            f'<b>{escape(field.name)}</b> <span class="wb-quiet">{escape(field.hint)}{key}</span>'
        )
        return ipywidgets.HBox(
            [ipywidgets.HTML(about, layout={"width": "300px"}), made, self._errors[field.name]],
            layout={"align_items": "center", "width": "100%"},
        )

    def _fill(self) -> None:
        with shown(self._message):
            texts = self._model.new_texts(self._type.value)
            self._filling = True
            try:
                for name, text in texts.items():
                    self._inputs[name].value = text
            finally:
                self._filling = False
            self._check()

    def _texts(self) -> dict[str, str]:
        return {name: made.value or "" for name, made in self._inputs.items()}

    def _check(self) -> None:
        if self._filling or self._type.value is None:
            return
        with shown(self._message):
            wrong = self._model.problems(self._type.value, self._texts())
            for name, error in self._errors.items():
                error.value = sentence(wrong.get(name, ""), BAD)
            self._whole.value = sentence(wrong.get("", ""), BAD)

    # --- publishing -----------------------------------------------------------------------

    def _on_publish(self) -> None:
        with shown(self._message, self._wb):
            refused = self._model.publish(self._type.value, self._texts())
            if refused:
                self._message.say(f"Refused: {refused}", BAD)
            else:
                self._message.say("Published; the next one has new values.", GOOD)
                self._fill()
        self._landed.show(self._model.landed())

    def _on_burst(self) -> None:
        with shown(self._message, self._wb):
            if self._running is not None and not self._running.done:
                self._message.say("A burst is running already; stop it first.", BAD)
                return
            n, rate = self._n[0].value, self._rate[0].value
            burst = self._model.burst(self._type.value, n, rate)
            self._running = burst
            self._progress.max, self._progress.value = n, 0
            self._stop.disabled, self._burst.disabled = False, True
            self._message.say(f"Publishing {n:,} events …")
            threading.Thread(target=burst.run, name="burst", daemon=True).start()
            threading.Thread(
                target=self._follow, args=(burst,), name="burst-draw", daemon=True
            ).start()

    def _on_stop(self) -> None:
        if self._running is not None:
            self._running.stop()

    def _follow(self, burst: Burst) -> None:
        pause = threading.Event()
        while True:
            done = burst.done
            with shown(self._message):
                self._progress.value = burst.sent + burst.refused
                self._landed.show(self._model.landed())
                if done:
                    self._stop.disabled, self._burst.disabled = True, False
                    self._message.say(burst.summary(), BAD if burst.problem else GOOD)
            if done:
                return
            pause.wait(_DRAW_SECONDS)

    def __repr__(self) -> str:
        return f"Publisher({self._type.value!r})"


def _number(unit: str, value: int, low: int, high: int, width: str) -> list[Any]:
    box = ipywidgets.BoundedIntText(value=value, min=low, max=high, layout={"width": width})
    return [box, ipywidgets.HTML(f"<span>&nbsp;{escape(unit)}&emsp;</span>")]


def _plain(choice: str) -> str:
    return choice[1:-1] if choice.startswith('"') else choice
