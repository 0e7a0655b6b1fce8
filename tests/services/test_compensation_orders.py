"""Any small design, in any order of work and with kills in between: the same is undone."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.choreography import Choreography
from workbench.events import Envelope, EventType, Trail, from_kafka
from workbench.services import STEPS, RetryPolicy

pytestmark = pytest.mark.memory

FAILURES = ("Late", "Lost")
SERVICES = ("s0", "s1", "s2")
SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
ID = {"id": "data.id"}

# A step reacts to the effect of an earlier one (or to the first event), and does or fails.
NODE = st.fixed_dictionaries(
    {
        "parent": st.integers(0, 5),
        "service": st.sampled_from(SERVICES),
        "fails": st.sampled_from([None, None, *FAILURES]),
        "undone_for": st.sets(st.sampled_from(FAILURES)),
        "after": st.sampled_from([0.0, 0.0, 2.0]),
    }
)
DESIGNS = st.lists(NODE, min_size=2, max_size=7).map(
    lambda nodes: [{**node, "parent": node["parent"] % (n + 1)} for n, node in enumerate(nodes)]
)


def design_of(nodes):
    """Node n (from 1) reacts to E{its parent} and emits E{n}, or its failure; U{n} undoes it."""
    design = Choreography()
    kinds = [f"{kind}{n}" for kind in "EU" for n in range(len(nodes) + 1)]
    for name in (*kinds, *FAILURES):
        design.event(EventType(name, SCHEMA, key="id"))
    for n, node in enumerate(nodes, 1):
        service = design.service(node["service"])
        effect = node["fails"] or f"E{n}"
        service.whenever(f"E{node['parent']}", name=f"r{n}", emit={effect: ID})
        if node["undone_for"]:
            service.compensate(
                f"r{n}", when=sorted(node["undone_for"]), emit={f"U{n}": ID}, after=node["after"]
            )
    return design


def path_of(nodes, n):
    """The steps that lead to node n, the first one first, itself left out."""
    found = []
    while n := nodes[n - 1]["parent"]:
        found.insert(0, n)
    return found


def run(nodes, seed, stage):
    """All that happened, in a work order of its own: (type, id) → the event."""
    chance = random.Random(seed)
    here = stage(design_of(nodes), RetryPolicy(attempts=1, later=()))
    names = list(here.design.services)
    chance.shuffle(names)
    here.start(*names)
    first = here.design.event_types["E0"]
    here.put(Envelope.first(first, {"id": "x"}, source="shop", time=here.clock.now(), id="0"))
    for _ in range(chance.randint(0, 30)):
        name = chance.choice(names)
        if chance.random() < 0.2:
            here.runner.kill(name)
            kill_at = (chance.choice(STEPS), chance.randint(1, 2))
            here.start(name, kill_at=kill_at if chance.random() < 0.5 else None)
        elif name in here.runner._workers:
            here.runner._turn(name)
        if chance.random() < 0.1:
            here.clock.sleep(1)
    here.run()
    found = {}
    for channel in here.design.all_channels():
        for record in here.records(channel):
            event = from_kafka(record.headers, record.value)
            found.setdefault((event.type, event.id), event)
    assert not [letter for name in names for letter in here.letters(name)]
    here.runner.close()
    return found


@given(nodes=DESIGNS, seeds=st.tuples(st.integers(0, 999), st.integers(0, 999)))
@settings(max_examples=40)
def test_what_is_undone_depends_on_the_design_alone(stage, nodes, seeds):
    one, two = (run(nodes, seed, stage) for seed in seeds)
    assert one.keys() == two.keys()
    for events in (one, two):
        check(nodes, events)


def check(nodes, events):
    alive = [
        n
        for n in range(1, len(nodes) + 1)
        if not any(nodes[before - 1]["fails"] for before in path_of(nodes, n))
    ]
    failed = {nodes[n - 1]["fails"] for n in alive} - {None}
    # What nobody undoes anything for is no failure, and who emits it has done its step.
    failures = set().union(*(node["undone_for"] for node in nodes))
    done = [n for n in alive if nodes[n - 1]["fails"] not in failures]
    expected = [f"U{n}" for n in done if nodes[n - 1]["undone_for"] & failed]
    assert sorted(type_ for type_, _ in events if type_[0] == "U") == sorted(expected)

    by_id = {event.id: event for event in events.values()}
    steps = {f"r{n}": n for n in range(1, len(nodes) + 1)}
    paths = {}  # failure's id → the steps on its trail that it undoes
    for event in events.values():
        if event.type in failed:
            trail = [steps[step] for _, step, _ in Trail.of(event).done]
            paths[event.id] = [n for n in trail if event.type in nodes[n - 1]["undone_for"]]
    for event in events.values():
        if event.type[0] != "U":
            continue
        n, cause = int(event.type[1:]), by_id[event.causationid]
        if cause.type[0] == "U":  # the step right after it, on the way to some failure
            next_ = int(cause.type[1:])
            assert any((n, next_) in pairwise(path) for path in paths.values())
        else:  # nothing is to be undone before it, on the way to this failure
            path = paths[cause.id]
            assert n not in path or path[-1] == n
        assert cause.time <= event.time
    if len(paths) == 1:
        ((failure, path),) = paths.items()
        chain = [by_id[failure]]
        for n in reversed(path):
            (undone,) = [event for event in events.values() if event.type == f"U{n}"]
            assert undone.causationid == chain[-1].id
            chain.append(undone)
