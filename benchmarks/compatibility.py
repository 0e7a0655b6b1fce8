"""``python -m benchmarks.compatibility [PART ...]``: the evidence for the compatibility check.

Parts:

``pairs FILE``
    Pairs of schemas with the verdict of another checker: where we differ, our verdict and a payload
    that proves it; how many breaking verdicts carry a payload that a validator has checked.
``random``
    Random pairs and payloads, in all drafts: no payload that the old schema allows may be refused
    by a new one that counts as compatible.
``peers FILE``
    The verdicts of other checkers on the same pairs.
``speed``
    A thousand pairs of event schemas, and hostile schemas.

Without a part all are run; those that need a file only if it is named. Exit code 1: a
counterexample was found.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
from pydantic import BaseModel

from benchmarks.random_schemas import RandomSchemas
from workbench.errors import EventError
from workbench.events import (
    Compatibility,
    Event,
    check_compatibility,
    examples,
    fill_defaults,
)

VALIDATORS = {
    4: jsonschema_rs.Draft4Validator,
    6: jsonschema_rs.Draft6Validator,
    7: jsonschema_rs.Draft7Validator,
    2019: jsonschema_rs.Draft201909Validator,
    2020: jsonschema_rs.Draft202012Validator,
}
DRAFTS = (2020, 2020, 2020, 2020, 2019, 7, 7, 6, 4)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compatibility")
    parser.add_argument("parts", nargs="*", default=["pairs", "random", "peers", "speed"])
    parser.add_argument(
        "--pairs", type=Path, help="a JSON file of pairs: reader, writer, compatible"
    )
    parser.add_argument("--node", type=Path, help="a folder with json-schema-diff in node_modules")
    parser.add_argument("--count", type=int, default=10_000, help="random pairs")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    code = 0
    for part in asked.parts:
        if part in ("pairs", "peers") and asked.pairs is None:
            print(f"{part}: no file of pairs was named (--pairs FILE).")
        elif part == "pairs":
            given_pairs(asked.pairs)
        elif part == "peers":
            peers(asked.pairs, asked.node)
        elif part == "random":
            code |= bool(random_pairs(asked.count, asked.seed)["counterexamples"])
        elif part == "speed":
            typical()
            hostile()
        else:
            parser.error(f"there is no part {part}")
    return code


# --- the given pairs ----------------------------------------------------------------------


def given_pairs(path: Path) -> None:
    """Our verdicts beside those of the file."""
    pairs = json.loads(path.read_text("utf-8"))
    agreed, proved, broken = 0, 0, 0
    print(f"{len(pairs)} pairs of {path.name}; where we differ:")
    for number, pair in enumerate(pairs):
        verdict = check_compatibility(pair["writer"], pair["reader"])
        broken += not verdict.compatible
        proved += any(change.proved for change in verdict.breaking)
        if verdict.compatible == pair["compatible"]:
            agreed += 1
            continue
        print(f"  {number}: {'compatible' if verdict.compatible else 'NOT compatible'}", end=", ")
        print(_reason(pair, verdict))
        print(f"      writer {json.dumps(pair['writer'])}")
        print(f"      reader {json.dumps(pair['reader'])}")
    share = proved / broken if broken else 1.0
    print(f"the same verdict: {agreed} of {len(pairs)}")
    print(f"breaking verdicts with a checked payload: {proved} of {broken} ({share:.0%})")


def _reason(pair: dict[str, Any], verdict: Compatibility) -> str:
    if not verdict.compatible:
        witness = json.dumps(verdict.breaking[0].witness)
        return f"for the writer allows {witness}, which the reader refuses"
    made = [*_samples(), *_made(pair["writer"])]
    allowed = [value for value in made if _takes(pair["writer"], value)]
    if not allowed:
        return "for the writer allows nothing at all that could be refused"
    refused = [value for value in allowed if not _takes(pair["reader"], value)]
    assert not refused, refused
    return f"for all {len(allowed):,} sample payloads are taken, such as {json.dumps(allowed[-1])}"


def _made(schema: Any) -> list[Any]:
    """Payloads made from a schema; none if it allows none, or is a tuple of draft-07."""
    try:
        return examples(schema, 5)
    except EventError:
        return []


def _samples() -> list[Any]:
    source = RandomSchemas(1)
    return [source.payload() for _ in range(5_000)]


def _takes(schema: Any, value: Any) -> bool:
    return VALIDATORS[7](schema, validate_formats=True).is_valid(value)


# --- random pairs -------------------------------------------------------------------------


def random_pairs(count: int, seed: int, most_seconds: float = float("inf")) -> Counter[str]:
    """How many pairs were compatible, refused, and contradicted by a payload."""
    found: Counter[str] = Counter()
    source = RandomSchemas(seed)
    payloads = [source.payload() for _ in range(1_500)]
    sources = {draft: RandomSchemas(seed * 10_000 + draft, draft) for draft in set(DRAFTS)}
    slowest, until = 0.0, time.monotonic() + most_seconds
    number = 0
    while found["pairs"] < count and time.monotonic() < until:
        number += 1
        draft = DRAFTS[number % len(DRAFTS)]
        old, new = sources[draft].pair()
        began = time.perf_counter()
        try:
            verdict = check_compatibility(old, new)
        except EventError:
            found["no schemas"] += 1  # a reference to what a change has removed, say
            continue
        slowest = max(slowest, time.perf_counter() - began)
        found["pairs"] += 1
        wrong = next(_counterexamples(old, new, draft, payloads), _NONE)
        if verdict.compatible:
            found["compatible"] += 1
            if wrong is not _NONE:
                found["counterexamples"] += 1
                print(f"COUNTEREXAMPLE {json.dumps([old, new, wrong])}")
        else:
            found["refused"] += 1
            proved = any(change.proved for change in verdict.breaking)
            found["refused, with a checked payload"] += proved
            found["refused, and no payload is known"] += not proved and wrong is _NONE
    print(f"random pairs, seed {seed}, drafts {sorted(set(DRAFTS))}:")
    for name, times in found.items():
        print(f"  {name}: {times:,}")
    print(f"  counterexamples: {found['counterexamples']}; the slowest took {slowest:.2f} s")
    return found


def _counterexamples(old: Any, new: Any, draft: int, payloads: list[Any]) -> Iterator[Any]:
    writer = VALIDATORS[draft](old, validate_formats=True)
    reader = VALIDATORS[draft](new, validate_formats=True)
    for payload in payloads:
        if writer.is_valid(payload) and not reader.is_valid(fill_defaults(new, payload)):
            yield payload


_NONE = object()


# --- peers --------------------------------------------------------------------------------


def peers(path: Path, node_folder: Path | None) -> None:
    """The verdicts of other checkers on the given pairs, and how long they took."""
    pairs = json.loads(path.read_text("utf-8"))
    print(f"{'checker':<18} {'verdicts':>8} {'as given':>9} {'right':>6} {'failed':>7} {'time':>9}")
    for name, check in _checkers(path, node_folder):
        began = time.perf_counter()
        answers = check(pairs)
        took = time.perf_counter() - began
        given = sum(a == pair["compatible"] for a, pair in zip(answers, pairs, strict=True))
        right = sum(a is not None and a == _truth(p) for a, p in zip(answers, pairs, strict=True))
        failed = answers.count(None)
        print(
            f"{name:<18} {len(pairs) - failed:>8} {given:>9} {right:>6} {failed:>7} {took:>7.2f} s"
        )
    print("right: no payload of 5,000, nor any checker's proof, contradicts it.")


Answers = list[bool | None]


def _checkers(path: Path, node_folder: Path | None) -> Iterator[tuple[str, Any]]:
    yield (
        "ours",
        lambda pairs: _each(pairs, lambda old, new: check_compatibility(old, new).compatible),
    )
    try:
        from jsonsubschema import isSubschema
    except ImportError:
        print("jsonsubschema is not installed: pip install jsonsubschema")
    else:
        yield "jsonsubschema", lambda pairs: _each(pairs, isSubschema)
    try:
        from jsoncompat import check_compat
    except ImportError:
        print("jsoncompat is not installed: pip install jsoncompat")
    else:
        yield (
            "jsoncompat",
            lambda pairs: _each(
                pairs,
                lambda old, new: check_compat(json.dumps(old), json.dumps(new), "deserializer"),
            ),
        )
    if node_folder is None:
        print("json-schema-diff needs Node: npm install json-schema-diff, then --node FOLDER")
    else:
        yield "json-schema-diff", lambda _: _in_node(path, node_folder)


def _each(pairs: list[Any], check: Any) -> Answers:
    answers: Answers = []
    for pair in pairs:
        try:
            answers.append(bool(check(pair["writer"], pair["reader"])))
        except Exception:
            answers.append(None)
    return answers


def _in_node(path: Path, folder: Path) -> Answers:
    command = ["node", "-e", _NODE, str(path.resolve())]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    answers: Answers = json.loads(done.stdout)
    return answers


_NODE = """
const {diffSchemas} = require('json-schema-diff');
const pairs = JSON.parse(require('fs').readFileSync(process.argv[1]));
(async () => {
  const out = [];
  for (const {writer, reader} of pairs) {
    try {
      const found = await diffSchemas({sourceSchema: writer, destinationSchema: reader});
      out.push(!found.removalsFound);
    } catch (error) { out.push(null); }
  }
  console.log(JSON.stringify(out));
})();
"""


_TRUTHS: dict[str, bool] = {}


def _truth(pair: dict[str, Any]) -> bool:
    """By sampling, whoever says what: whether any of 5,000 payloads contradicts containment."""
    key = json.dumps([pair["writer"], pair["reader"]], sort_keys=True)
    if key not in _TRUTHS:
        verdict = check_compatibility(pair["writer"], pair["reader"])
        proofs = [change.witness for change in verdict.breaking if change.proved]
        samples = [*_samples(), *proofs]
        _TRUTHS[key] = not any(
            _takes(pair["writer"], value)
            and not _takes(pair["reader"], fill_defaults(pair["reader"], value))
            for value in samples
        )
    return _TRUTHS[key]


# --- speed --------------------------------------------------------------------------------


class Address(BaseModel):
    street: str
    city: str
    zip: str
    country: str = "DE"


class Line(BaseModel):
    sku: str
    quantity: int
    price: Decimal


class OrderPlaced(Event, version=1, key="order_id"):
    order_id: str
    customer_id: str
    email: str | None = None
    lines: list[Line]
    address: Address
    total: Decimal
    currency: str = "EUR"
    express: bool = False


def typical(count: int = 1_000) -> float:
    """Pairs of event schemas, none like another."""
    pairs = list(_typical_pairs(count))
    began = time.perf_counter()
    verdicts = [check_compatibility(old, new, policy="lenient") for old, new in pairs]
    took = time.perf_counter() - began
    began = time.perf_counter()
    changes = sum(len(verdict.changes) for verdict in verdicts)
    explained = time.perf_counter() - began
    compatible = sum(verdict.compatible for verdict in verdicts)
    print(
        f"{count:,} pairs of event schemas: {took:.2f} s ({compatible:,} compatible); "
        f"explaining {changes:,} changes: {explained:.2f} s"
    )
    return took


def _typical_pairs(count: int) -> Iterator[tuple[Any, Any]]:
    rng = random.Random(1)
    for number in range(count):
        old: Any = copy.deepcopy(dict(OrderPlaced.event_type.schema))
        old["title"] = f"OrderPlaced{number}"  # so that none is read from memory
        old["properties"][f"field{number}"] = {"type": "integer", "minimum": number}
        new = copy.deepcopy(old)
        fields = new["properties"]
        change = rng.randrange(6)
        if change == 0:
            fields["note"] = {"type": "string"}
        elif change == 1:
            fields["note"] = {"type": "string", "default": ""}
            new["required"].append("note")
        elif change == 2:
            new["required"].append("currency")
        elif change == 3:
            fields["express"] = {"type": ["boolean", "null"]}
        elif change == 4:
            new["$defs"]["Line"]["properties"]["quantity"] = {"type": "integer", "minimum": 1}
        else:
            del fields["email"]
        yield old, new


def hostile() -> float:
    """The slowest of schemas that were made to take long."""
    slowest = 0.0
    for name, old, new in hostile_pairs():
        began = time.perf_counter()
        verdict = check_compatibility(old, new)
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        said = "compatible" if verdict.compatible else verdict.undecided or "not compatible"
        print(f"  {name:<28} {took:6.2f} s  {said}")
    print(f"hostile schemas: the slowest took {slowest:.2f} s")
    return slowest


def hostile_pairs() -> Iterator[tuple[str, Any, Any]]:
    deep: Any = {"type": "string"}
    for _ in range(5_000):
        deep = {"properties": {"a": deep}}
    yield "5,000 levels", deep, {**deep, "minProperties": 1}
    words = [f"v{n}" for n in range(10_000)]
    yield "enum of 10,000", {"enum": words}, {"enum": words[:-1]}
    field = {"properties": {"a": {"enum": words}}}
    yield "enum of 10,000 in a field", field, {"properties": {"a": {"enum": words[1:]}}}
    objects = [{"v": n} for n in range(10_000)]
    yield "enum of 10,000 objects", {"enum": objects}, {"enum": objects[:-1]}
    yield "30 anyOf multiplied", _multiplied(30, 1), _multiplied(30, 2)
    yield (
        "40 oneOf",
        *[
            {"oneOf": [{"properties": {f"a{n}": {"type": kind}}} for n in range(40)]}
            for kind in ("integer", "number")
        ],
    )
    yield "references, doubled 30 times", _doubled(30), {**_doubled(30), "minProperties": 1}
    yield "catastrophic regex", {"pattern": "^(a+)+$"}, {"pattern": "^((a|aa)+)+b$"}
    yield "regex of 2^30 states", *[{"pattern": f"(a|b)*a(a|b){{{n}}}"} for n in (30, 31)]
    tree = {"properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}}
    yield "recursive", {**tree, "required": ["l"]}, {**tree, "maxProperties": 1}
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    yield "a reference to itself", loop, {"type": "string"}
    many = {f"p{n}": {"type": "integer"} for n in range(5_000)}
    yield "5,000 properties", {"properties": many}, {"properties": many, "maxProperties": 3}
    yield "a billion items", {"type": "array", "minItems": 10**9}, {"minItems": 10**9 + 1}


def _multiplied(times: int, least: int) -> Any:
    choices = [
        {"anyOf": [{"required": [f"a{n}"]}, {"required": [f"b{n}"], "maxProperties": 99}]}
        for n in range(times)
    ]
    return {"allOf": choices, "minProperties": least}


def _doubled(times: int) -> Any:
    parts: Any = {
        f"d{n}": {"properties": {x: {"$ref": f"#/$defs/d{n + 1}"} for x in "ab"}}
        for n in range(times)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**parts, f"d{times}": {"type": "string"}}}


if __name__ == "__main__":
    raise SystemExit(main())
