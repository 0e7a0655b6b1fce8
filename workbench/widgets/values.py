"""Plausible values for the fields of an event type, so that a form is never empty."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.events import EventType

_NAMES = (
    "Ada Lovelace",
    "Grace Hopper",
    "Alan Turing",
    "Mary Shelley",
    "Nikola Tesla",
    "Rosa Luxemburg",
)
_CITIES = ("Berlin", "Lisbon", "Vienna", "Oslo", "Turin", "Gent")
_STREETS = ("Mill Lane 4", "Harbour Road 12", "Station Street 7", "Castle Hill 1")
_PRODUCTS = ("lamp", "chair", "kettle", "bicycle", "notebook", "umbrella")
_REASONS = ("changed my mind", "too slow", "found it cheaper", "wrong address")
_REPEATED = re.compile(
    r"\^?(\[A-Z\]|\[a-z\]|\[0-9\]|\\d|\[A-Z0-9\])(?:\{(\d+)(?:,\d*)?\}|[+*])?\$?"
)
_LETTERS = {
    "[A-Z]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[a-z]": "abcdefghijklmnopqrstuvwxyz",
    "[0-9]": "0123456789",
    r"\d": "0123456789",
    "[A-Z0-9]": "ABCDEFGHJKLMNPQRSTUVWXYZ23456789",
}
_DEEPEST = 6


class Values:
    """Makes payloads: the same seed, the same payloads; no two with the same ids."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._next_id = self._random.randrange(1_000, 900_000)

    def payload(self, event_type: EventType) -> dict[str, Any]:
        """A payload of an event type; optional fields are filled in too."""
        self._next_id += 1
        return {
            name: self._value(name, schema, event_type, 0)
            for name, schema in event_type.properties.items()
        }

    def _value(self, name: str, schema: Any, event_type: EventType, depth: int) -> Any:
        schema = event_type.resolve(schema)
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return None
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._random.choice(list(schema["enum"]))
        if schema.get("default") is not None:
            return schema["default"]
        for choice in ("anyOf", "oneOf", "allOf"):
            if schema.get(choice):
                branches = [event_type.resolve(branch) for branch in schema[choice]]
                real = [branch for branch in branches if branch.get("type") != "null"]
                return self._value(name, (real or branches)[0], event_type, depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind == "object":
            found = schema.get("properties", {})
            return {n: self._value(n, s, event_type, depth + 1) for n, s in found.items()}
        if kind == "array":
            count = max(1, int(schema.get("minItems", 1)))
            items = schema.get("items", {"type": "string"})
            one = name.removesuffix("s")
            return [self._value(one, items, event_type, depth + 1) for _ in range(count)]
        if kind == "boolean":
            return self._random.random() < 0.5
        if kind in ("integer", "number"):
            return self._number(name.lower(), schema, whole=kind == "integer")
        return None if kind == "null" else self._text(name.lower(), schema)

    def _number(self, name: str, schema: Mapping[str, Any], *, whole: bool) -> float:
        low: float
        high: float
        low, high = (1, 5) if _about(name, "quantity", "count", "items", "units") else (1, 200)
        if _about(name, "age"):
            low, high = 18, 80
        low, high = _within(schema, low, high, step=1 if whole else 0.01)
        if schema.get("multipleOf"):
            size = schema["multipleOf"]
            number = float(-(-low // size) * size)
            return int(number) if whole else number
        if whole:
            return self._random.randint(int(-(-low // 1)), int(high // 1))
        return float(min(max(round(self._random.uniform(low, high), 2), low), high))

    def _text(self, name: str, schema: Mapping[str, Any]) -> str:
        form, pattern = schema.get("format"), schema.get("pattern")
        now = datetime.now(UTC).replace(microsecond=0)
        made = {
            "uuid": lambda: str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "date-time": now.isoformat,
            "date": lambda: str(now.date() + timedelta(days=self._random.randint(0, 9))),
            "time": lambda: "12:00:00Z",
            "email": self._email,
            "uri": lambda: "https://example.org/",
            "decimal": self._decimal,
        }
        if form in made:
            return made[form]()
        repeated = _REPEATED.fullmatch(pattern or "")
        if repeated:
            letters, length = _LETTERS[repeated[1]], int(repeated[2] or 3)
            return "".join(self._random.choice(letters) for _ in range(length))
        text = self._by_name(name)
        shortest, longest = schema.get("minLength", 0), schema.get("maxLength", len(text))
        return text.ljust(shortest, "x")[:longest]

    def _by_name(self, name: str) -> str:
        if name in ("id", "key") or name.endswith(("_id", "id", "_no", "number")):
            return f"{name[:1]}-{self._next_id}"
        pick = self._random.choice
        for words, make in (
            (("email", "mail"), self._email),
            (("phone",), lambda: f"+49 30 {self._random.randint(100_000, 999_999)}"),
            (("currency",), lambda: "EUR"),
            (("country",), lambda: "DE"),
            (("city", "town"), lambda: pick(_CITIES)),
            (("address", "street"), lambda: pick(_STREETS)),
            (("amount", "total", "price", "cost"), self._decimal),
            (("product", "sku", "item", "article"), lambda: pick(_PRODUCTS)),
            (("customer", "name", "person", "user"), lambda: pick(_NAMES)),
            (("reason", "why", "comment", "note"), lambda: pick(_REASONS)),
            (("status", "state"), lambda: "new"),
        ):
            if _about(name, *words):
                return make()
        return f"{name.replace('_', ' ')} {self._random.randint(1, 99)}"

    def _email(self) -> str:
        return f"{self._random.choice(_NAMES).split()[0].lower()}@example.org"

    def _decimal(self) -> str:
        return f"{self._random.randint(500, 20_000) / 100:.2f}"


def _within(
    schema: Mapping[str, Any], low: float, high: float, *, step: float
) -> tuple[float, float]:
    """The usual range, moved into the schema's bounds."""
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None and below is not None and below - above <= step:
        step = (below - above) / 2
    if above is not None:
        least = above + step
    if below is not None:
        most = below - step
    if least is not None and not low <= least <= high:
        low, high = least, least + (high - low)
    low = least if least is not None else low
    if most is not None:
        low, high = (min(low, most) if least is None else low), min(high, most)
    return low, max(low, high)


def _about(name: str, *words: str) -> bool:
    return any(word in name for word in words)
