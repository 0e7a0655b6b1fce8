"""Random JSON Schemas, schemas a little different from them, and random payloads; seeded.

Small on purpose, with few names, texts and numbers: then payloads fall on both sides of the rules.
"""

from __future__ import annotations

import json
import random
from typing import Any

NAMES = ["a", "b", "ab"]
TEXTS = ["", "a", "b", "ab", "abc", "2020-01-01", "x@y.zz"]
NUMBERS = [-2, -1, 0, 1, 2, 3, 4, 6, 1.5, 2.5, 0.5]
TYPES = ["string", "integer", "number", "array", "object", "null", "boolean"]
DIALECTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}


class RandomSchemas:
    """One seeded source.

    Parameters
    ----------
    seed
        Of everything that comes out.
    draft
        4, 6, 7, 2019 or 2020: in whose words the schemas are written.
    """

    def __init__(self, seed: int, draft: int = 2020) -> None:
        self._rng, self._draft = random.Random(seed), draft

    def pair(self) -> tuple[Any, Any]:
        """An old schema and a new one, four times in five a change of the old."""
        old = self._document()
        new = self._changed(old) if self._chance(0.8) else self._document()
        if self._chance(0.5):
            self._add_defaults(new := json.loads(json.dumps(new)))
        return self._worded(old), self._worded(new)

    def payload(self, depth: int = 0) -> Any:
        """A JSON value, at most three levels deep."""
        kind = self._rng.randrange(9 if depth < 2 else 7)
        if kind == 0:
            return None
        if kind == 1:
            return self._chance(0.5)
        if kind in (2, 3):
            return self._rng.choice(NUMBERS)
        if kind in (4, 5, 6):
            return self._rng.choice(TEXTS)
        if kind == 7:
            return [self.payload(depth + 1) for _ in range(self._rng.randrange(4))]
        return {name: self.payload(depth + 1) for name in [*NAMES, "z"] if self._chance(0.5)}

    # --- schemas, in the words of 2020-12 -------------------------------------------------

    def _document(self) -> Any:
        names = self._rng.sample(["P", "Q"], self._rng.randrange(3)) if self._chance(0.3) else []
        schema = self._schema(0, names)
        if isinstance(schema, dict) and names:
            schema["$defs"] = {name: self._schema(2, names) for name in names}
        return schema

    def _schema(self, depth: int, names: list[str]) -> Any:
        plain = [True, {}, {"type": "string"}, {"type": "integer"}, {"type": "null"}, False]
        if depth > 3 or self._chance(0.06):
            return self._rng.choice([*plain, {"const": self.payload(1)}])
        one_of = ["string", "integer", "number", "array", "object", "object", "array"]
        kind = self._rng.choice([*one_of, None, "several", "combined", "enum"])
        if kind == "enum":
            return {"enum": self._distinct([self.payload(1) for _ in range(self._upto(4))])}
        schema: dict[str, Any] = {}
        if kind == "several":
            schema["type"] = self._rng.sample(TYPES, self._upto(3))
        elif kind not in (None, "combined"):
            schema["type"] = kind
        for keyword, rules in (
            ("string", self._string), ("number", self._number), ("integer", self._number),
            ("array", self._array), ("object", self._object),
        ):  # fmt: skip
            if kind == keyword or (kind in (None, "several") and self._chance(0.25)):
                schema |= rules(depth, names)
        self._combine(schema, depth, names, 0.5 if kind == "combined" else 0.12)
        if names and self._chance(0.1):
            schema["$ref"] = f"#/$defs/{self._rng.choice(names)}"
        return schema

    def _string(self, _depth: int, _names: list[str]) -> dict[str, Any]:
        return self._some(
            minLength=(0.4, lambda: self._rng.randrange(3)),
            maxLength=(0.4, lambda: self._rng.randrange(4)),
            pattern=(0.3, lambda: self._rng.choice(["^a", "b$", "^[ab]*$", "^ab?$", "a", "a*"])),
            format=(0.15, lambda: self._rng.choice(["date", "email", "ipv4", "unheard-of"])),
        )

    def _number(self, _depth: int, _names: list[str]) -> dict[str, Any]:
        return self._some(
            minimum=(0.4, lambda: self._rng.choice([-1, 0, 1, 2, 1.5])),
            maximum=(0.4, lambda: self._rng.choice([0, 1, 3, 4, 2.5])),
            exclusiveMinimum=(0.2, lambda: self._rng.choice([-1, 0, 1])),
            exclusiveMaximum=(0.2, lambda: self._rng.choice([1, 2, 3, 4])),
            multipleOf=(0.2, lambda: self._rng.choice([1, 2, 3, 0.5, 1.5])),
        )

    def _array(self, depth: int, names: list[str]) -> dict[str, Any]:
        def part() -> Any:
            return self._schema(depth + 1, names)

        schema = self._some(
            items=(0.5, part),
            prefixItems=(0.3, lambda: [part() for _ in range(self._upto(2))]),
            minItems=(0.3, lambda: self._rng.randrange(3)),
            maxItems=(0.3, lambda: self._rng.randrange(4)),
            uniqueItems=(0.2, lambda: True),
            contains=(0.2, part),
            unevaluatedItems=(0.08, part),
        )
        if "contains" in schema:
            schema |= self._some(
                minContains=(0.3, lambda: self._rng.randrange(3)),
                maxContains=(0.3, lambda: self._upto(2)),
            )
        return schema

    def _object(self, depth: int, names: list[str]) -> dict[str, Any]:
        def part() -> Any:
            return self._schema(depth + 1, names)

        def some_names(most: int) -> list[str]:
            return self._rng.sample(NAMES, self._upto(most))

        return self._some(
            properties=(0.7, lambda: {name: part() for name in some_names(3)}),
            required=(0.4, lambda: some_names(2)),
            additionalProperties=(0.4, lambda: self._rng.choice([False, False, True, part()])),
            patternProperties=(0.2, lambda: {self._rng.choice(["^a", "b$", "^[ab]"]): part()}),
            propertyNames=(
                0.15,
                lambda: self._rng.choice([{"maxLength": 1}, {"pattern": "^a"}, {"enum": ["a"]}]),
            ),
            minProperties=(0.15, lambda: self._rng.randrange(3)),
            maxProperties=(0.15, lambda: self._rng.randrange(3)),
            dependentRequired=(0.1, lambda: {self._rng.choice(NAMES): some_names(1)}),
            dependentSchemas=(0.1, lambda: {self._rng.choice(NAMES): part()}),
            unevaluatedProperties=(0.1, lambda: self._rng.choice([False, part()])),
        )

    def _combine(self, schema: dict[str, Any], depth: int, names: list[str], chance: float) -> None:
        def part() -> Any:
            return self._schema(depth + 1, names)

        def parts(most: int) -> list[Any]:
            return [part() for _ in range(self._upto(most))]

        schema |= self._some(
            anyOf=(chance, lambda: parts(3)),
            oneOf=(chance / 2, lambda: parts(3)),
            allOf=(chance / 2, lambda: parts(2)),
            **{"not": (chance / 2, part), "if": (chance / 2, part)},
        )
        if "if" in schema:
            schema |= self._some(**{"then": (0.8, part), "else": (0.5, part)})

    # --- changes --------------------------------------------------------------------------

    def _changed(self, schema: Any) -> Any:
        schema = json.loads(json.dumps(schema))
        if not isinstance(schema, dict) or not schema:
            return self._schema(1, [])
        keyword, how = self._rng.choice(list(schema)), self._rng.randrange(4)
        part = schema[keyword]
        if how == 0:
            del schema[keyword]
        elif keyword in ("properties", "$defs") and part:
            name = self._rng.choice(list(part))
            part[name] = self._changed(part[name])
        elif how == 1 and isinstance(part, dict) and keyword not in _NO_SCHEMA:
            schema[keyword] = self._changed(part)
        elif how == 2:
            other = self._schema(1, [])
            schema |= other if isinstance(other, dict) else {}
        elif "$defs" not in schema:
            schema = {"anyOf": [schema, self._schema(1, [])]}
        return schema

    def _add_defaults(self, schema: Any) -> None:
        if isinstance(schema, list):
            for part in schema:
                self._add_defaults(part)
        if not isinstance(schema, dict):
            return
        for keyword, part in schema.items():
            if keyword in ("enum", "const"):
                continue
            self._add_defaults(part)
            if keyword == "properties":
                for rule in part.values():
                    if isinstance(rule, dict) and self._chance(0.3):
                        rule["default"] = self.payload(1)

    # --- the words of other drafts --------------------------------------------------------

    def _worded(self, schema: Any) -> Any:
        schema = self._reworded(schema)
        if self._draft == 4 and isinstance(schema, bool):
            schema = {} if schema else {"not": {}}
        if isinstance(schema, dict) and self._draft != 2020:
            schema = {"$schema": DIALECTS[self._draft], **schema}
        return schema

    def _reworded(self, schema: Any) -> Any:
        if isinstance(schema, bool) and self._draft == 4:
            return {} if schema else {"not": {}}
        if not isinstance(schema, dict) or self._draft == 2020:
            return schema
        found: dict[str, Any] = {}
        for keyword, part in schema.items():
            if keyword in ("properties", "patternProperties", "$defs", "dependentSchemas"):
                found[keyword] = {name: self._reworded(rule) for name, rule in part.items()}
            elif keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
                found[keyword] = [self._reworded(rule) for rule in part]
            elif keyword in ("enum", "const", "default", "dependentRequired", "required"):
                found[keyword] = part
            else:
                found[keyword] = self._reworded(part)
        prefix = found.pop("prefixItems", None)
        if prefix is not None:
            if "items" in found:
                found["additionalItems"] = found["items"]
            found["items"] = prefix
        if self._draft < 2019:
            dependencies = {
                **found.pop("dependentRequired", {}),
                **found.pop("dependentSchemas", {}),
            }
            if dependencies:
                found["dependencies"] = dependencies
            if "$defs" in found:
                found["definitions"] = found.pop("$defs")
            if "$ref" in found:
                found["$ref"] = found["$ref"].replace("$defs", "definitions")
        if self._draft == 4:
            for exclusive, bound in (
                ("exclusiveMinimum", "minimum"),
                ("exclusiveMaximum", "maximum"),
            ):
                if exclusive in found:
                    found[bound], found[exclusive] = found[exclusive], True
        return found

    # --- chances --------------------------------------------------------------------------

    def _some(self, **rules: Any) -> dict[str, Any]:
        return {name: make() for name, (chance, make) in rules.items() if self._chance(chance)}

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _upto(self, most: int) -> int:
        return self._rng.randint(1, most)

    @staticmethod
    def _distinct(values: list[Any]) -> list[Any]:
        return list({json.dumps(value, sort_keys=True): value for value in values}.values())


_NO_SCHEMA = {
    "properties", "patternProperties", "$defs", "dependentRequired", "dependentSchemas", "const",
    "default",
}  # fmt: skip
