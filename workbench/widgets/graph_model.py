"""The design as a graph: nodes and edges with synthetic ids, their places and their looks.

Ids are ``n0``, ``e0``, …: a name from a design never becomes part of a selector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import Any

from workbench import look
from workbench.choreography import Choreography, Service
from workbench.widgets.layout import Point, layered

EVENT, SERVICE, DEAD = "event", "service", "dead"
RANK_GAP, NODE_GAP, DEAD_GAP = 40, 26, 22
FONT_SIZE = 16
_LETTER = 9.1
Style = dict[str, Any]
Rule = dict[str, Any]


@dataclass(frozen=True)
class Node:
    """One card, hexagon or pill."""

    id: str
    kind: str
    name: str
    place: Point
    size: tuple[float, float]
    draft: bool = False


@dataclass(frozen=True)
class Edge:
    """From what it comes to what follows; ``bends`` are the points it passes on its way.

    ``undoing``: it is there for compensations alone.
    """

    id: str
    source: Node
    target: Node
    bends: tuple[Point, ...] = ()
    undoing: bool = False


@dataclass(frozen=True)
class Graph:
    """All of a design's nodes and edges, placed."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    width: float = 0.0
    height: float = 0.0
    _nodes: Mapping[tuple[str, str], Node] = field(default_factory=dict, compare=False)
    _edges: Mapping[tuple[str, str, str, str], Edge] = field(default_factory=dict, compare=False)

    def node(self, kind: str, name: str) -> Node | None:
        """The node of an event type, a service, or a service's dead letters."""
        return self._nodes.get((kind, name))

    def edge(self, source: tuple[str, str], target: tuple[str, str]) -> Edge | None:
        """The edge between two nodes, each given as (kind, name)."""
        return self._edges.get((*source, *target))

    def elements(self) -> dict[str, list[Any]]:
        """As cytoscape's JSON."""
        return {
            "nodes": [
                {"data": {"id": n.id}, "position": {"x": n.place.x, "y": n.place.y}}
                for n in self.nodes
            ],
            "edges": [
                {"data": {"id": e.id, "source": e.source.id, "target": e.target.id}}
                for e in self.edges
            ],
        }

    def positions(self) -> dict[str, dict[str, float]]:
        """Node id → place, for the preset layout."""
        return {n.id: {"x": n.place.x, "y": n.place.y} for n in self.nodes}


def signature(choreography: Choreography) -> Any:
    """What the graph depends on: while it stays equal, so does the graph."""
    types = tuple((name, choreography.is_draft(name)) for name in list(choreography.event_types))
    services = tuple(
        (name, service.consumes, service.emits, tuple(_forward(name, service)))
        for name, service in list(choreography.services.items())
    )
    return types, services


def graph_of(choreography: Choreography) -> Graph:
    """The graph of a design."""
    services = {name: choreography.services[name] for name in list(choreography.services)}
    keys = [(EVENT, name) for name in list(choreography.event_types)]
    keys += [(SERVICE, name) for name in services]
    ids = {key: f"n{n}" for n, key in enumerate(keys)}
    links: list[tuple[tuple[str, str], tuple[str, str]]] = []
    for name, service in services.items():
        links += [((EVENT, cause), (SERVICE, name)) for cause in service.consumes]
        links += [((SERVICE, name), (EVENT, effect)) for effect in service.emits]
    links = [(a, b) for a, b in dict.fromkeys(links) if a in ids and b in ids]
    forward = {link for name, service in services.items() for link in _forward(name, service)}
    sizes = {ids[key]: _size(*key) for key in keys}
    dead_height = look.DEAD_SIZE[1] + DEAD_GAP
    room = {
        ids[key]: (w, h + 2 * dead_height if key[0] == SERVICE else h)
        for key, (w, h) in zip(keys, sizes.values(), strict=True)
    }
    layout = layered(
        room,
        [(ids[a], ids[b]) for a, b in links],
        rank_gap=RANK_GAP,
        node_gap=NODE_GAP,
        least={ids[SERVICE, name]: 1 for name in services},
    )
    nodes = {
        key: Node(
            ids[key],
            key[0],
            key[1],
            layout.nodes[ids[key]],
            sizes[ids[key]],
            draft=key[0] == EVENT and choreography.is_draft(key[1]),
        )
        for key in keys
    }
    edges = {}
    for n, (a, b) in enumerate(links):
        bends = tuple(layout.bends.get((ids[a], ids[b]), ()))
        edges[(*a, *b)] = Edge(f"e{n}", nodes[a], nodes[b], bends, (a, b) not in forward)
    for name in services:
        above = nodes[SERVICE, name]
        drop = above.size[1] / 2 + DEAD_GAP + look.DEAD_SIZE[1] / 2
        place = Point(above.place.x, above.place.y + drop)
        dead = Node(f"n{len(nodes)}", DEAD, name, place, look.DEAD_SIZE)
        nodes[DEAD, name] = dead
        edges[SERVICE, name, DEAD, name] = Edge(f"e{len(edges)}", above, dead)
    return Graph(
        tuple(nodes.values()), tuple(edges.values()), layout.width, layout.height, nodes, edges
    )


def _forward(name: str, service: Service) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """The links of a service's reactions that are no compensations."""
    for reaction in list(service.reactions.values()):
        if not reaction.compensates:
            for cause in (reaction.whenever, *reaction.unless):
                yield (EVENT, cause), (SERVICE, name)
            for effect in reaction.emits:
                yield (SERVICE, name), (EVENT, effect)


def _size(kind: str, name: str) -> tuple[float, float]:
    width, height = look.EVENT_SIZE if kind == EVENT else look.SERVICE_SIZE
    margin = 22 if kind == EVENT else 52
    return max(float(width), margin + _LETTER * min(len(name), 32)), float(height)


# --- the look -----------------------------------------------------------------------------


def base_style(graph: Graph) -> list[Rule]:
    """How everything looks at rest; live rules are added after these and win."""
    rules = [
        _rule(
            "node",
            {
                "shape": look.EVENT_SHAPE,
                "background-color": look.EVENT_FILL,
                "border-color": look.EVENT_BORDER,
                "border-width": 2,
                "color": look.TEXT,
                "font-family": look.FONT,
                "font-size": FONT_SIZE,
                "text-wrap": "wrap",
                "text-valign": "center",
                "text-halign": "center",
                "line-height": 1.25,
                "overlay-opacity": 0,
            },
        ),
        _rule(
            "edge",
            {
                "curve-style": "bezier",
                "width": look.EDGE_WIDTH,
                "line-color": look.EDGE,
                "target-arrow-color": look.EDGE,
                "target-arrow-shape": "triangle",
                "arrow-scale": 1.2,
                "font-family": look.FONT,
                "font-size": FONT_SIZE,
                "color": look.TEXT,
                "text-background-color": look.EVENT_FILL,
                "text-background-opacity": 0,
                "text-background-padding": 3,
                "text-background-shape": "roundrectangle",
                "overlay-opacity": 0,
            },
        ),
    ]
    rules += [_rule(f"#{node.id}", _node_style(node)) for node in graph.nodes]
    rules += [_rule(f"#{edge.id}", _edge_style(edge)) for edge in graph.edges]
    return rules


def label(name: str, second: str = "") -> str:
    """A node's text: its name above, a figure below.

    A label that reads exactly ``data(x)`` would be taken as a mapping; no name can, since
    parentheses are refused in names.
    """
    shown = name if len(name) <= 32 else f"{name[:31]}…"
    return f"{shown}\n{second}" if second else shown


def _node_style(node: Node) -> Style:
    style: Style = {"width": node.size[0], "height": node.size[1], "label": label(node.name)}
    if node.kind == SERVICE:
        style |= {
            "shape": look.SERVICE_SHAPE,
            "background-color": look.SERVICE_FILL,
            "border-color": look.SERVICE_BORDER,
        }
    elif node.kind == DEAD:
        style |= {
            "shape": look.DEAD_SHAPE,
            "background-color": look.DEAD_FILL,
            "border-color": look.TROUBLE_BORDER,
            "border-width": 1,
            "font-size": FONT_SIZE,
            "label": "dead letters",
        }
    elif node.draft:
        style |= {"border-style": "dashed"}
    return style


def _edge_style(edge: Edge) -> Style:
    if edge.target.kind == DEAD:
        return {
            "curve-style": "straight",
            "line-style": "dashed",
            "line-color": look.TROUBLE_BORDER,
            "target-arrow-color": look.TROUBLE_BORDER,
            "width": 1.5,
        }
    line: Style = {"line-style": "dashed"} if edge.undoing else {}
    if not edge.bends:
        return {"curve-style": "bezier", **line}
    weights, distances = _relative(edge.source.place, edge.target.place, edge.bends)
    return {
        "curve-style": "unbundled-bezier",
        "edge-distances": "node-position",
        "control-point-weights": weights,
        "control-point-distances": distances,
        **line,
    }


def _relative(start: Point, end: Point, bends: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Points as cytoscape wants them: how far along the straight line, how far beside it."""
    dx, dy = end.x - start.x, end.y - start.y
    length = hypot(dx, dy) or 1.0
    weights, distances = [], []
    for bend in bends:
        px, py = bend.x - start.x, bend.y - start.y
        weights.append(round((px * dx + py * dy) / length**2, 4))
        distances.append(round((py * dx - px * dy) / length, 1))
    return weights, distances


def _rule(selector: str, style: Style) -> Rule:
    return {"selector": selector, "style": style}
