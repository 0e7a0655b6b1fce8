"""Where the nodes of a left-to-right graph stand: layers by longest path, few crossings.

Computed here rather than in the browser, so that a page that is reloaded, or a graph that grows by
one node, shows the same picture again. An edge that passes over layers, or goes back against the
stream, is given way points: it bends around the cards between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

Edge = tuple[str, str]
_SWEEPS = 8
_BEND_HEIGHT = 20.0


class Point(NamedTuple):
    """A place in the picture, in pixels; y grows downward."""

    x: float
    y: float


class Layout(NamedTuple):
    """Where everything stands: nodes by name, and the way points of the edges that bend."""

    nodes: dict[str, Point]
    bends: dict[Edge, list[Point]]
    width: float
    height: float


def layered(
    sizes: Mapping[str, tuple[float, float]],
    edges: Iterable[Edge],
    *,
    rank_gap: float,
    node_gap: float,
    least: Mapping[str, int] | None = None,
) -> Layout:
    """Lay out nodes of the given (width, height); cause runs left to right.

    ``least`` gives nodes that may not stand further left than a certain layer.
    """
    edges = list(dict.fromkeys((a, b) for a, b in edges if a != b))
    back = _back_edges(sizes, edges)
    forward = [(b, a) if (a, b) in back else (a, b) for a, b in edges]
    rank = _ranks(sizes, forward, least or {})
    heights = {name: height for name, (_, height) in sizes.items()}
    layers: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name in sizes:
        layers[rank[name]].append(name)
    chains: dict[Edge, list[str]] = {}
    links: list[Edge] = []
    for n, (a, b) in enumerate(forward):
        chain = [f"\0{n}/{level}" for level in range(rank[a] + 1, rank[b])]
        for level, dummy in enumerate(chain, rank[a] + 1):
            layers[level].append(dummy)
            heights[dummy] = _BEND_HEIGHT
        chains[edges[n]] = chain[::-1] if edges[n] in back else chain
        links += list(zip([a, *chain], [*chain, b], strict=True))
    _order(layers, links)
    y = _heights(layers, links, heights, node_gap)
    x: dict[str, float] = {}
    left = 0.0
    for layer in layers:
        widest = max((sizes[name][0] for name in layer if name in sizes), default=0.0)
        x.update(dict.fromkeys(layer, left + widest / 2))
        left += widest + rank_gap
    top = min((y[name] - heights[name] / 2 for name in y), default=0.0)
    bottom = max((y[name] + heights[name] / 2 for name in y), default=0.0)
    places = {name: Point(x[name], y[name] - top) for name in x}
    return Layout(
        nodes={name: places[name] for name in sizes},
        bends={edge: [places[dummy] for dummy in chain] for edge, chain in chains.items() if chain},
        width=max(left - rank_gap, 0.0),
        height=bottom - top,
    )


def _back_edges(names: Iterable[str], edges: Sequence[Edge]) -> set[Edge]:
    """The edges that close a cycle, found depth first from the nodes that nothing leads to."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for a, b in edges:
        after[a].append(b)
    entered = {b for _, b in edges}
    roots = [name for name in after if name not in entered] + list(after)
    done: set[str] = set()
    back: set[Edge] = set()
    for root in roots:
        path = [(root, iter(after[root]))] if root not in done else []
        open_ = {root}
        while path:
            name, rest = path[-1]
            step = next(rest, None)
            if step is None:
                path.pop()
                open_.discard(name)
                done.add(name)
            elif step in open_:
                back.add((name, step))
            elif step not in done:
                open_.add(step)
                path.append((step, iter(after[step])))
    return back


def _ranks(names: Iterable[str], edges: Sequence[Edge], least: Mapping[str, int]) -> dict[str, int]:
    rank = {name: least.get(name, 0) for name in names}
    for _ in range(len(rank)):
        moved = False
        for a, b in edges:
            if rank[b] <= rank[a]:
                rank[b] = rank[a] + 1
                moved = True
        if not moved:
            break
    return rank


def _neighbours(links: Sequence[Edge], *, forward: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for a, b in links:
        found.setdefault(b if forward else a, []).append(a if forward else b)
    return found


def _order(layers: list[list[str]], links: Sequence[Edge]) -> None:
    """Sort each layer by the mean place of its neighbours, keeping the best order seen."""
    before, after = _neighbours(links, forward=True), _neighbours(links, forward=False)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, links)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else after
        for layer in layers if forward else layers[::-1]:
            place = {name: n for other in layers for n, name in enumerate(other)}
            mean = {
                name: sum(place[other] for other in near[name]) / len(near[name])
                if name in near
                else place[name]
                for name in layer
            }
            layer.sort(key=lambda name: mean[name])
        count = _crossings(layers, links)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best


def _crossings(layers: Sequence[Sequence[str]], links: Sequence[Edge]) -> int:
    place = {name: (level, n) for level, layer in enumerate(layers) for n, name in enumerate(layer)}
    spans: dict[int, list[tuple[int, int]]] = {}
    for a, b in links:
        spans.setdefault(place[a][0], []).append((place[a][1], place[b][1]))
    return sum(
        (a1 - b1) * (a2 - b2) < 0
        for level in spans.values()
        for n, (a1, a2) in enumerate(level)
        for b1, b2 in level[:n]
    )


def _heights(
    layers: Sequence[Sequence[str]],
    links: Sequence[Edge],
    heights: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """Centres: as near to the mean of the neighbours as the gaps allow."""
    y = {}
    for layer in layers:
        total = sum(heights[name] + gap for name in layer) - gap
        at = -total / 2
        for name in layer:
            y[name] = at + heights[name] / 2
            at += heights[name] + gap
    before, after = _neighbours(links, forward=True), _neighbours(links, forward=False)
    for sweep in range(2 * _SWEEPS):
        near = before if sweep % 2 == 0 else after
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wish = [
                sum(y[other] for other in near[name]) / len(near[name]) if name in near else y[name]
                for name in layer
            ]
            y.update(zip(layer, _spread(wish, [heights[name] for name in layer], gap), strict=True))
    return y


def _spread(wish: Sequence[float], heights: Sequence[float], gap: float) -> list[float]:
    """The places nearest to the wishes, in the same order, that don't overlap."""
    offsets = [0.0]
    for one, other in pairwise(heights):
        offsets.append(offsets[-1] + (one + other) / 2 + gap)
    blocks: list[list[float]] = []  # [sum of wishes, how many]: pool adjacent violators
    for place, offset in zip(wish, offsets, strict=False):
        blocks.append([place - offset, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    level = [total / count for total, count in blocks for _ in range(int(count))]
    return [place + offset for place, offset in zip(level, offsets, strict=False)]
