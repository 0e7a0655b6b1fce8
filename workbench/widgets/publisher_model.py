"""What the publisher knows: the type chosen, the values in its form, and what was published."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench import look
from workbench.errors import WorkbenchError
from workbench.events import Examples
from workbench.widgets.burst import Burst
from workbench.widgets.form_model import FormField, fields_of, read_form, text_of
from workbench.widgets.table import Column, Row
from workbench.widgets.text import clock

if TYPE_CHECKING:
    from workbench.events import EventType
    from workbench.session import Published, Workbench

KEPT = 20
LANDED_COLUMNS: list[Column] = [
    {"key": "time", "label": "time", "mono": True},
    {"key": "type", "label": "event type"},
    {"key": "key", "label": "key", "mono": True},
    {"key": "outcome", "label": "landed on, or why it was refused", "wrap": True},
    {"key": "partition", "label": "partition", "align": "right"},
    {"key": "offset", "label": "offset", "align": "right"},
    {"key": "id", "label": "event id", "mono": True},
]


class PublisherModel:
    """Plain Python: the widget draws it, a test calls it. Safe to use from several threads."""

    def __init__(self, wb: Workbench, seed: int | None = None) -> None:
        self._wb = wb
        self._seed = random.randrange(2**32) if seed is None else seed
        self._made: dict[str, tuple[EventType, Examples]] = {}
        self._lock = threading.RLock()
        self._landed: deque[Row] = deque(maxlen=KEPT)
        self._count = 0

    def event_types(self) -> list[str]:
        """What can be chosen: first what no service emits, since flows begin there."""
        design = self._wb.choreography
        return sorted(design.event_types, key=lambda name: bool(design.emitters(name)))

    def event_type(self, name: str) -> EventType:
        """The event type of that name."""
        return self._wb.choreography.event_types[name]

    def fields(self, name: str) -> list[FormField]:
        """The form for an event type."""
        return fields_of(self.event_type(name))

    def new_texts(self, name: str) -> dict[str, str]:
        """Plausible values, as texts for the form."""
        payload = self._payload(self.event_type(name))
        return {field.name: text_of(field, payload.get(field.name)) for field in self.fields(name)}

    def _payload(self, event_type: EventType) -> Any:
        """Another plausible payload, whose ids are new and whose times are of late."""
        with self._lock:
            known, made = self._made.get(event_type.name, (None, None))
            if made is None or known != event_type:
                now = datetime.now(UTC).replace(microsecond=0)
                made = Examples(event_type, self._seed, now)
                self._made[event_type.name] = event_type, made
            return next(made)

    def problems(self, name: str, texts: Mapping[str, str]) -> dict[str, str]:
        """Field → what is wrong with it; empty if it can be published."""
        return read_form(self.event_type(name), texts)[1]

    def publish(self, name: str, texts: Mapping[str, str]) -> str | None:
        """Publish what stands in the form; a sentence if it was refused."""
        payload, wrong = read_form(self.event_type(name), texts)
        if wrong:
            said = "; ".join(f"{f}: {text}" if f else text for f, text in wrong.items())
            self._refused(name, payload, said)
            return said
        try:
            (published,) = self._wb.publish_many([(name, payload)])
        except WorkbenchError as error:
            self._refused(name, payload, str(error))
            return str(error)
        self._land([published], [payload])
        return published.error

    def burst(self, name: str, n: int, rate: float) -> Burst:
        """A burst to run in a thread; connects to the broker here, in the caller's."""
        event_type = self.event_type(name)
        _ = self._wb.broker  # may start one, which says so where it was asked for

        def send(payloads: Sequence[dict[str, Any]]) -> list[Published]:
            published = self._wb.publish_many([(name, payload) for payload in payloads])
            self._land(published[-KEPT:], payloads[-KEPT:])
            return published

        return Burst(n, rate, lambda: self._payload(event_type), send)

    def landed(self) -> list[Row]:
        """Where the last events landed, newest first."""
        with self._lock:
            return list(self._landed)[::-1]

    def _key(self, name: str, payload: Any) -> str:
        try:
            return self.event_type(name).key_of(payload) or "–"
        except (WorkbenchError, KeyError):
            return "–"

    def _land(self, published: Sequence[Published], payloads: Sequence[Any]) -> None:
        with self._lock:
            for one, payload in zip(published, payloads, strict=True):
                if one.error is not None:
                    self._refused(one.type, payload, one.error)
                    continue
                cells = {
                    "outcome": {"text": f"✓ {one.channel}", "tone": "good"},
                    "partition": str(one.partition),
                    "offset": f"{one.offset:,}",
                    "id": one.id,
                }
                self._add(one.type, self._key(one.type, payload), cells, "")

    def _refused(self, name: str, payload: Any, why: str) -> None:
        outcome = {"text": f"{look.TROUBLE_SIGN} refused: {why}", "tone": "bad"}
        self._add(name, self._key(name, payload), {"outcome": outcome}, "bad")

    def _add(self, name: str, key: str, cells: dict[str, Any], tone: str) -> None:
        with self._lock:
            self._count += 1
            about = {"time": clock(datetime.now(UTC)), "type": name, "key": key}
            self._landed.append(
                {"key": str(self._count), "cells": {**about, **cells}, "tone": tone}
            )
