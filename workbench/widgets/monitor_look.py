"""From a snapshot to what the monitor draws: live graph rules, table rows, a flow as HTML."""

from __future__ import annotations

from typing import Any

from workbench import look
from workbench.widgets.feed import FlowStep
from workbench.widgets.graph_model import DEAD, EVENT, SERVICE, Graph, Rule, label
from workbench.widgets.monitor_model import ServiceNow, Snapshot
from workbench.widgets.table import Column, Row
from workbench.widgets.text import clock, compact, escape, milliseconds, plural, pretty, short

SERVICE_COLUMNS: list[Column] = [
    {"key": "service", "label": "service"},
    {"key": "state", "label": "state"},
    {
        "key": "handled",
        "label": "handled (events)",
        "align": "right",
        "hint": "events its reactions have dealt with",
    },
    {
        "key": "in_flight",
        "label": "in flight (events)",
        "align": "right",
        "hint": "handled, but their effects unsent or not committed",
    },
    {
        "key": "lag",
        "label": "lag (events)",
        "align": "right",
        "hint": "on its channels and not committed: the broker's end offset less the committed one",
    },
    {
        "key": "errors",
        "label": "errors (dead letters)",
        "align": "right",
        "hint": "events it gave up on",
    },
    {"key": "crashes", "label": "crashes", "align": "right", "hint": "times it ended unasked"},
    {"key": "actions", "label": ""},
]
EVENT_COLUMNS: list[Column] = [
    {"key": "time", "label": "time", "mono": True},
    {"key": "type", "label": "event type"},
    {"key": "source", "label": "source"},
    {"key": "subject", "label": "key", "mono": True},
    {"key": "flow", "label": "flow", "mono": True, "hint": "the correlation id's beginning"},
    {"key": "place", "label": "channel[partition]@offset", "mono": True},
]


def live_rules(graph: Graph, now: Snapshot) -> list[Rule]:
    """What differs from the graph at rest: counts, states, lag, dead letters, edges in use."""
    rules: list[Rule] = []
    for node in graph.nodes:
        if node.kind == EVENT:
            seen = now.seen.get(node.name, 0)
            if seen:
                rules.append(_rule(node.id, {"label": label(node.name, compact(seen))}))
        elif node.kind == SERVICE and node.name in now.services:
            rules.append(_rule(node.id, _service_style(now.services[node.name])))
        elif node.kind == DEAD and node.name in now.services:
            errors = now.services[node.name].errors
            if errors:
                style = {
                    "label": f"{look.TROUBLE_SIGN} {compact(errors)} dead",
                    "background-color": look.TROUBLE_FILL,
                    "border-width": 3,
                    "font-size": 15,
                    "font-weight": "bold",
                }
                rules.append(_rule(node.id, style))
    for edge in graph.edges:
        rate = _rate(edge.source.kind, edge.source.name, edge.target.name, now)
        if rate:
            style = {
                "width": look.EDGE_WIDTH_ACTIVE + 1,
                "line-color": look.EDGE_ACTIVE,
                "target-arrow-color": look.EDGE_ACTIVE,
                "label": f"{_round(rate)}/s",
                "text-background-opacity": 1,
                "z-index": 9,
            }
            rules.append(_rule(edge.id, style))
    return rules


def _rate(kind: str, source: str, target: str, now: Snapshot) -> float:
    if kind == SERVICE:
        return now.produced.get((source, target), 0.0)
    return sum(rate for (_, name), rate in now.produced.items() if name == source)


def _round(rate: float) -> str:
    """Two figures: a label seldom changes, and cytoscape keeps every label it ever drew."""
    if rate >= 1000:
        return f"{rate / 1000:.1f}k"
    digits = len(str(int(rate)))
    return f"{round(rate, 2 - digits) if digits > 2 else rate:.0f}"


def _service_style(service: ServiceNow) -> dict[str, Any]:
    figures = compact(service.handled)
    if service.lag:
        figures += f"\nlag {compact(service.lag)}"
    if service.state in ("running", "not started"):
        name = f"{service.name} ×{service.instances}" if service.instances > 1 else service.name
        return _fitted(name, figures)
    if service.state == "starting":
        return {"label": label(service.name, "starting …"), "border-style": "dashed"}
    behind = f"\nlag {compact(service.lag)}" if service.lag else ""
    return {
        **_fitted(service.name, f"{look.TROUBLE_SIGN} {service.state}{behind}"),
        "background-color": look.TROUBLE_FILL,
        "border-color": look.TROUBLE_BORDER,
        "border-style": "dashed",
        "border-width": 3,
    }


def _fitted(name: str, second: str) -> dict[str, Any]:
    """A service's text; with a third line it gets smaller, and the hexagon higher."""
    style: dict[str, Any] = {"label": label(name, second)}
    if "\n" in second:
        style |= {"font-size": 14, "height": look.SERVICE_SIZE[1] + 12}
    return style


def _rule(id_: str, style: dict[str, Any]) -> Rule:
    return {"selector": f"#{id_}", "style": style}


# --- tables -------------------------------------------------------------------------------


def service_rows(now: Snapshot, *, readonly: bool = False) -> list[Row]:
    """One row a service, with its buttons."""
    rows: list[Row] = []
    for service in now.services.values():
        trouble = service.state in ("killed", "crashed", "stopped")
        sign = {"running": "▲ running", "starting": "△ starting", "not started": "– not started"}
        state = sign.get(service.state, f"{look.TROUBLE_SIGN} {service.state}")
        if service.instances > 1:
            state += f" ×{service.instances}"
        tone = "bad" if trouble else "good" if service.state == "running" else "quiet"
        cells: dict[str, Any] = {
            "service": service.name,
            "state": {"text": state, "tone": tone},
            "handled": f"{service.handled:,}",
            "in_flight": f"{service.in_flight:,}" if service.up else "–",
            "lag": "–" if service.lag is None else f"{service.lag:,}",
            "errors": _alarm(service.errors),
            "crashes": _alarm(service.crashes),
        }
        actions: list[dict[str, Any]] = [
            {"name": "kill", "label": "Kill", "off": readonly or not service.up},
            {
                "name": "restart",
                "label": "Start" if service.state == "not started" else "Restart",
                "off": readonly,
            },
        ]
        row: Row = {"key": service.name, "cells": cells, "actions": actions}
        row["tone"] = "bad" if trouble or service.errors else ""
        rows.append(row)
    return rows


def _alarm(n: int) -> Any:
    return {"text": f"{look.TROUBLE_SIGN} {n:,}", "tone": "bad"} if n else "0"


def event_rows(events: list[dict[str, Any]]) -> list[Row]:
    """One row an event, newest first."""
    rows: list[Row] = []
    for event in events:
        bad = bool(event["dead_letter"] or event["undecoded"])
        kind = event["type"] or "not an event"
        cells = {
            "time": clock(event["time"] or event["broker_time"]),
            "type": {"text": f"{look.TROUBLE_SIGN} {kind}", "tone": "bad"} if bad else kind,
            "source": event["source"] or "–",
            "subject": event["subject"] or event["key"] or "–",
            "flow": short(event["correlation_id"]),
            "place": event["place"],
        }
        rows.append({"key": event["place"], "cells": cells, "tone": "bad" if bad else ""})
    return rows


def flow_html(steps: list[FlowStep], chosen: str, total: int = 0) -> str:
    """A flow, cause before effect, each event with its latency and its payload; all escaped."""
    if not steps:
        return '<div class="wb-empty">Choose an event above to see its whole flow.</div>'
    first = steps[0].event
    times = [step.event["time"] for step in steps if step.event["time"] is not None]
    took = (
        f", {milliseconds((max(times) - min(times)).total_seconds())[1:]} in all" if times else ""
    )
    title = f"Flow {escape(first['correlation_id'] or 'without a correlation id')}"
    about = f"{plural(len(steps), 'event')}{took}"
    if total > len(steps):
        about = f"the first {len(steps)} of its {plural(total, 'event')}"
    if first["causation_id"] and steps[0].cause is None:
        about += "; its beginning is older than what the monitor holds"
    items = "".join(_step(step, step.event["place"] == chosen) for step in steps)
    return f'<div class="wb-heading">{title} <span class="wb-quiet">{about}</span></div>{items}'


def _step(step: FlowStep, chosen: bool) -> str:  # noqa: FBT001 - a private helper
    event = step.event
    kind = escape(event["type"] or "not an event")
    source = escape(event["source"] or "?")
    if event["dead_letter"] or event["undecoded"]:
        why = escape(event["dead_letter"] or event["undecoded"])
        head = f'<b class="wb-bad">{look.TROUBLE_SIGN} {kind}</b> dead letter: {why}'
    else:
        head = f"<b>{kind}</b> from {source}"
    after = ""
    if step.latency is not None and step.cause is not None:
        after = f"{milliseconds(step.latency)} after {escape(step.cause['type'])}"
    state = " wb-chosen" if chosen else ""
    opened = " open" if chosen else ""
    return (
        f'<details class="wb-step{state}" style="margin-left:{26 * step.depth}px"{opened}>'
        f'<summary><span class="wb-time">{clock(event["time"])}</span> {head}'
        f' <span class="wb-quiet">{after}</span></summary>'
        f'<pre class="wb-log">{escape(pretty(event["data"]))}</pre>'
        f'<div class="wb-quiet">id {escape(event["id"])} · {escape(event["place"])}</div></details>'
    )
