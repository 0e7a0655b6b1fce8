"""The palette and the shapes: one place that graph, plots and diagrams all take them from.

Event-storming colours, so that an architect reads them at a glance. A shape or a sign always goes
with a colour: events are rounded cards, services hexagons, channels pills, trouble carries a sign.
The fills hold dark text (``TEXT``) in a light and in a dark theme alike; whatever is drawn on the
theme's own background uses ``QUIET``, which is readable on both.
"""

from __future__ import annotations

from typing import Final

EVENT_FILL: Final = "#fdba5b"
EVENT_BORDER: Final = "#d97706"
SERVICE_FILL: Final = "#d9c8f5"
SERVICE_BORDER: Final = "#8b5cf6"
CHANNEL_FILL: Final = "#e2e8f0"
CHANNEL_BORDER: Final = "#64748b"
EXTERNAL_FILL: Final = "#fbcfe8"
EXTERNAL_BORDER: Final = "#db2777"
VIEW_FILL: Final = "#bbf7d0"
VIEW_BORDER: Final = "#16a34a"
TROUBLE_FILL: Final = "#fecaca"
TROUBLE_BORDER: Final = "#dc2626"

DEAD_FILL: Final = "#fff1f1"
"""Where dead letters would go, while there are none."""

TROUBLE_SIGN: Final = "⚠"
"""Stands beside everything red: trouble is never told by colour alone."""

TEXT: Final = "#1f2937"
"""Text on any of the fills."""

QUIET: Final = "#787d86"
"""Text and rules on the theme's background: at least 4:1 on white and on JupyterLab's dark."""

EDGE: Final = "#9aa3b2"
EDGE_ACTIVE: Final = "#f59e0b"
EDGE_WIDTH: Final = 1.8
EDGE_WIDTH_ACTIVE: Final = 3.0

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
FONT_SIZE: Final = 13
FONT_SIZE_EDGE: Final = 10
FONT_SIZE_PLOT: Final = 15

EVENT_SHAPE: Final = "round-rectangle"
SERVICE_SHAPE: Final = "hexagon"
CHANNEL_SHAPE: Final = "barrel"
DEAD_SHAPE: Final = "barrel"
EVENT_SIZE: Final = (132, 48)
SERVICE_SIZE: Final = (146, 54)
CHANNEL_SIZE: Final = (120, 36)
DEAD_SIZE: Final = (122.0, 26.0)

NODE_GAP: Final = 28
RANK_GAP: Final = 64
"""Cause runs left to right; these are dagre's ``nodeSep`` and ``rankSep``."""

SERIES: Final = ("#d97706", "#8b5cf6", "#0d9488", "#3b82f6", "#db2777", "#787d86")
"""Plot series, first to last; the last is for "all others". Red stays trouble's own."""
