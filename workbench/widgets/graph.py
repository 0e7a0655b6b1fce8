"""The graph on the page: cytoscape, driven through its one style trait."""

from __future__ import annotations

from collections.abc import Sequence

import ipycytoscape
import ipywidgets

from workbench.widgets.graph_model import Graph, Rule, base_style
from workbench.widgets.page import height_class

_PAGE_WIDTH = 1300
_ZOOMABLE = 45
"""With more nodes than this, the wheel zooms; with fewer all is readable, and the page scrolls."""


class GraphView(ipywidgets.VBox):
    """Shows a :class:`Graph`; a graph of another shape replaces the old one whole.

    (Taking single elements out of cytoscape's graph corrupts it in the browser.)
    """

    def __init__(self, empty: str) -> None:
        super().__init__(layout={"width": "100%"})
        self._empty = empty
        self._graph: Graph | None = None
        self._style: list[Rule] = []
        self._base: list[Rule] = []
        self._cytoscape: ipycytoscape.CytoscapeWidget | None = None
        self.load(Graph())

    @property
    def graph(self) -> Graph:
        """What is shown."""
        assert self._graph is not None
        return self._graph

    def load(self, graph: Graph) -> None:
        """Show a graph; nothing happens if it is the one shown already."""
        if graph == self._graph:
            return
        self._graph, self._base, old = graph, base_style(graph), self._cytoscape
        if not graph.nodes:
            self._cytoscape = None
            self.children = [ipywidgets.HTML(f'<div class="wb-empty">{self._empty}</div>')]
        else:
            self._cytoscape = self._made(graph)
            self.children = [self._cytoscape]
        self._style = list(self._base)
        if old is not None:
            old.close()

    def paint(self, rules: Sequence[Rule] = ()) -> bool:
        """Lay live rules over the look at rest: one message, and none if nothing changed."""
        style = [*self._base, *rules]
        if self._cytoscape is None or style == self._style:
            return False
        self._style = style
        self._cytoscape.cytoscape_style = style
        return True

    def _made(self, graph: Graph) -> ipycytoscape.CytoscapeWidget:
        height = graph.height * min(1.0, _PAGE_WIDTH / max(graph.width, 1)) + 36
        large = len(graph.nodes) > _ZOOMABLE
        made = ipycytoscape.CytoscapeWidget(
            layout={"width": "100%"},
            max_zoom=3 if large else 1.15,
            user_zooming_enabled=large,
            user_panning_enabled=large,
            auto_ungrabify=True,
            box_selection_enabled=False,
        )
        made.add_class("wb-graph")
        made.add_class(height_class(height))
        made.graph.add_graph_from_json(graph.elements(), directed=True)
        made.cytoscape_layout = {
            "name": "preset",
            "positions": graph.positions(),
            "fit": True,
            "padding": 14,
        }
        made.cytoscape_style = list(self._base)
        return made
