"""The monitor: the design's graph, live, with the services and the newest events below it."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench.widgets.graph import GraphView
from workbench.widgets.graph_model import graph_of, signature
from workbench.widgets.legend import legend
from workbench.widgets.monitor_look import (
    EVENT_COLUMNS,
    SERVICE_COLUMNS,
    event_rows,
    flow_html,
    live_rules,
    service_rows,
)
from workbench.widgets.monitor_model import Snapshot, Watch
from workbench.widgets.page import GOOD, Message, explain, heading, shown, style_sheet
from workbench.widgets.table import Table
from workbench.widgets.text import escape, plural

if TYPE_CHECKING:
    from workbench.session import Workbench

FLUSH_SECONDS = 0.2
_EVENTS = 50
_OUTPUT_LINES = 40
_NO_SERVICE = (
    "No service yet: design one in wb.designer(), or define one with @wb.service(…).on(…)."
)
_NO_EVENT = "No event yet: start the services with wb.start() and publish one with wb.publisher()."
_open: weakref.WeakKeyDictionary[Workbench, Monitor] = weakref.WeakKeyDictionary()


class Monitor(ipywidgets.VBox):
    """Watches a workbench until :meth:`stop`, or until the next monitor of it is made.

    One flusher draws five times a second at most, whatever the load; all that is drawn is state,
    so a page that is reloaded shows it again.
    """

    def __init__(self, wb: Workbench) -> None:
        self._wb = wb
        before = _open.pop(wb, None)
        if before is not None:
            before.stop()
        self._lock = threading.RLock()
        self._last: Snapshot | None = None
        self._shape: Any = None
        self._busy = False
        self._banner = ipywidgets.HTML()
        self._graph = GraphView(_NO_SERVICE)
        self._services = Table(SERVICE_COLUMNS, empty=_NO_SERVICE)
        self._services.on_action(self._act)
        self._message = Message()
        self._events = Table(
            EVENT_COLUMNS, empty=_NO_EVENT, selectable=True, pause=True, height="330px"
        )
        self._events.observe(lambda _: self._draw_flow(), "selected")
        self._flow = ipywidgets.HTML(flow_html([], ""))
        self._output_of = ipywidgets.Dropdown(description="Output of", options=[], value=None)
        self._output_of.observe(lambda _: self._draw_output(), "value")
        self._output = ipywidgets.HTML()
        super().__init__(
            [
                style_sheet(),
                self._banner,
                ipywidgets.HTML(legend(live=True)),
                self._graph,
                heading("Services"),
                self._services,
                self._message,
                heading("Newest events"),
                self._events,
                self._flow,
                heading("What the services print"),
                self._output_of,
                self._output,
            ],
            layout={"width": "100%"},
        )
        self.add_class("wb-widget")
        self._stopping = threading.Event()
        self._flusher = threading.Thread(target=self._flush, name="monitor-flush", daemon=True)
        self._watch: Watch | None = None
        try:
            self._watch = Watch(wb)
            self._watch.look_at_services()
            self._draw()
            self._watch.start()
            self._flusher.start()
            _open[wb] = self
        except Exception as error:  # noqa: BLE001 - shown where the monitor would be
            self._show_trouble(f"the broker does not answer: {explain(error)}")

    def snapshot(self) -> Snapshot:
        """What is shown of services and channels, for a script."""
        return self._watch.snapshot() if self._watch is not None else Snapshot()

    def stop(self) -> None:
        """Stop watching; what was last shown stays."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.stop()
        if self._flusher.is_alive() and self._flusher is not threading.current_thread():
            self._flusher.join(5)
        if _open.get(self._wb) is self:
            del _open[self._wb]

    def close(self) -> None:
        """Stop, and take the widget off the page."""
        self.stop()
        super().close()

    # --- drawing --------------------------------------------------------------------------

    def _flush(self) -> None:
        ticks = 0
        while not self._stopping.wait(FLUSH_SECONDS):
            ticks += 1
            try:
                self._draw()
                if ticks % 3 == 0:
                    self._draw_output()
            except Exception as error:  # noqa: BLE001 - the next tick draws everything anew
                self._show_trouble(f"the monitor could not draw: {explain(error)}")

    def _draw(self) -> None:
        assert self._watch is not None
        with self._lock:
            now = self._watch.snapshot()
            shape = signature(self._wb.choreography)
            if now == self._last and shape == self._shape:
                return
            if shape != self._shape:
                self._graph.load(graph_of(self._wb.choreography))
                self._shape = shape
            before, self._last = self._last, now
            self._graph.paint(live_rules(self._graph.graph, now))
            self._services.show(service_rows(now, readonly=self._wb.connection.readonly))
            self._show_trouble(now.trouble)
            names = list(now.services)
            if list(self._output_of.options) != names:
                chosen = self._output_of.value
                self._output_of.options = names
                self._output_of.value = chosen if chosen in names else next(iter(names), None)
            if before is None or now.events != before.events:
                self._events.show(event_rows(self._watch.newest(_EVENTS)))
                seen = plural(now.events, "event")
                reach = "all there are" if now.since_start else "the newest there were, and since"
                newest = f"The newest {_EVENTS} of {seen}" if now.events > _EVENTS else seen
                self._events.caption = f"{newest} read ({reach}). Click one for its flow."
                self._draw_flow()

    def _draw_flow(self) -> None:
        with self._lock:
            chosen = self._events.selected
            if self._watch is None or not chosen:
                return
            steps = self._watch.flow_of(chosen)
            value = flow_html(steps, chosen, self._watch.flow_size(chosen))
            if value != self._flow.value:
                self._flow.value = value

    def _draw_output(self) -> None:
        with self._lock:
            name = self._output_of.value
            if name is None:
                return
            text = ""
            if name in self._wb.lives():
                text = self._wb.output(name, _OUTPUT_LINES).strip()
            empty = f"{escape(name)} has printed nothing yet."
            log = f'<div class="wb-tail"><pre class="wb-log">{escape(text)}</pre></div>'
            value = log if text else _quiet(empty)
            if value != self._output.value:
                self._output.value = value

    def _show_trouble(self, trouble: str) -> None:
        value = f'<div class="wb-banner">⚠ {escape(trouble)}</div>' if trouble else ""
        if value != self._banner.value:
            self._banner.value = value

    # --- killing and restarting -----------------------------------------------------------

    def _act(self, service: str, action: str) -> None:
        acts: dict[str, Any] = {"kill": self._wb.kill, "restart": self._wb.restart}
        if action not in acts:
            return
        with self._lock:
            if self._busy:
                self._message.say("The last command is not done yet; wait a moment.")
                return
            self._busy = True
        self._message.say(f"{service}: {action} …")
        try:
            with shown(self._message, self._wb):
                acts[action](service)
                done = (
                    "killed; it stays down until it is restarted." if action == "kill" else "runs."
                )
                self._message.say(f"{service} {'was ' if action == 'kill' else ''}{done}", GOOD)
        finally:
            self._busy = False
        if self._watch is not None:
            with shown(self._message):
                self._watch.look_at_services()
                self._draw()

    def __repr__(self) -> str:
        return f"Monitor({len(self.snapshot().services)} services)"


def _quiet(text: str) -> str:
    return f'<div class="wb-quiet">{text}</div>'
