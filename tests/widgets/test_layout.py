from __future__ import annotations

from itertools import combinations

import pytest

from workbench.choreography import Choreography
from workbench.events import EventType
from workbench.widgets.graph_model import DEAD, EVENT, SERVICE, base_style, graph_of, label
from workbench.widgets.layout import layered


def box(node):
    (x, y), (w, h) = node.place, node.size
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def apart(a, b) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_no_two_nodes_of_the_order_example_overlap(order_graph):
    for one, other in combinations(order_graph.nodes, 2):
        assert apart(box(one), box(other)), (one.name, other.name)


def test_cause_runs_left_to_right_but_for_the_one_edge_that_closes_the_circle(order_graph):
    backward = [
        (edge.source.name, edge.target.name)
        for edge in order_graph.edges
        if edge.target.kind != DEAD and edge.target.place.x < edge.source.place.x
    ]
    assert backward == [("OrderCancelled", "inventory")]


def test_an_edge_over_several_layers_bends_around_the_cards_between(order_graph):
    for edge in order_graph.edges:
        for bend in edge.bends:
            for node in order_graph.nodes:
                left, top, right, bottom = box(node)
                inside = left < bend.x < right and top < bend.y < bottom
                assert not inside, (edge.source.name, edge.target.name, node.name)
    assert any(edge.bends for edge in order_graph.edges)


def test_dead_letters_hang_below_their_service_with_a_dashed_edge(order_graph):
    service, dead = order_graph.node(SERVICE, "billing"), order_graph.node(DEAD, "billing")
    assert dead.place.x == service.place.x
    assert dead.place.y > service.place.y
    edge = order_graph.edge((SERVICE, "billing"), (DEAD, "billing"))
    style = {rule["selector"]: rule["style"] for rule in base_style(order_graph)}
    assert style[f"#{edge.id}"]["line-style"] == "dashed"
    assert style[f"#{dead.id}"]["label"] == "dead letters"


def test_ids_and_selectors_never_hold_a_name_from_the_design(order_graph):
    assert {node.id[0] for node in order_graph.nodes} == {"n"}
    assert all(node.id[1:].isdigit() for node in order_graph.nodes)
    for rule in base_style(order_graph):
        assert rule["selector"] in ("node", "edge") or rule["selector"][:2] in ("#n", "#e")
        assert rule["style"]


def test_kinds_differ_in_shape_and_not_in_colour_alone(order_graph):
    style = {rule["selector"]: rule["style"] for rule in base_style(order_graph)}
    shapes = [
        style[f"#{order_graph.node(kind, name).id}"].get("shape", style["node"]["shape"])
        for kind, name in ((EVENT, "OrderPlaced"), (SERVICE, "billing"), (DEAD, "billing"))
    ]
    assert len(set(shapes)) == 3


def test_the_same_design_gives_the_same_picture(order_graph):
    from workbench.examples.orders import order_choreography

    assert graph_of(order_choreography()) == order_graph


def test_an_empty_design_is_an_empty_graph():
    assert graph_of(Choreography()).nodes == ()


def test_a_long_name_gets_a_wider_card():
    design = Choreography()
    design.event(EventType("CustomerAddressWasCorrected", {}))
    (node,) = graph_of(design).nodes
    assert node.size[0] > 240


def test_a_very_long_name_is_cut_with_an_ellipsis():
    assert label("A" * 60).endswith("…")


@pytest.mark.parametrize(
    "edges", [[("a", "b"), ("b", "a")], [("a", "a")], [("a", "b"), ("b", "c"), ("c", "a")], []]
)
def test_circles_of_any_kind_are_laid_out(edges):
    layout = layered(dict.fromkeys("abc", (10, 10)), edges, rank_gap=5, node_gap=5)
    places = list(layout.nodes.values())
    assert len(set(places)) == 3


def test_three_hundred_nodes_are_laid_out_in_a_moment():
    names = [f"n{i}" for i in range(300)]
    edges = [(names[i], names[i + 1 + i % 7]) for i in range(290)]
    layout = layered(dict.fromkeys(names, (100, 40)), edges, rank_gap=50, node_gap=20)
    assert len(set(layout.nodes.values())) == 300
