"""What the shapes and colours of the graph mean."""

from __future__ import annotations

from workbench import look


def legend(*, live: bool = False) -> str:
    """The graph's legend as HTML."""
    dead = f"dead letters ({look.TROUBLE_SIGN} if there are any)" if live else "dead letters"
    entries = [
        (_card(look.EVENT_FILL, look.EVENT_BORDER), "event type (a draft has a dashed border)"),
        (_hexagon(look.SERVICE_FILL, look.SERVICE_BORDER), "service"),
        (_pill(look.DEAD_FILL, look.TROUBLE_BORDER), dead),
        (_line(look.TROUBLE_BORDER, "6 4"), "events a service gave up on"),
        (_line(look.EDGE, "6 4"), "undoing what was done, when a later step fails"),
    ]
    if live:
        entries = [
            (_card(look.EVENT_FILL, look.EVENT_BORDER), "event type: events seen"),
            (_hexagon(look.SERVICE_FILL, look.SERVICE_BORDER), "service: events handled"),
            (
                _hexagon(look.TROUBLE_FILL, look.TROUBLE_BORDER, "4 3"),
                f"{look.TROUBLE_SIGN} service that is not running",
            ),
            *entries[2:],
            (_line(look.EDGE_ACTIVE, "", 4), "events passing now, events/s"),
        ]
    shapes = "".join(f"<span>{shape}{text}</span>" for shape, text in entries)
    return f'<div class="wb-legend">{shapes}</div>'


def _card(fill: str, border: str) -> str:
    return _svg(
        f'<rect x="1" y="1" width="28" height="16" rx="4" fill="{fill}" stroke="{border}"'
        ' stroke-width="1.6"/>'
    )


def _hexagon(fill: str, border: str, dash: str = "") -> str:
    return _svg(
        f'<polygon points="1,9 8,1 22,1 29,9 22,17 8,17" fill="{fill}" stroke="{border}"'
        f' stroke-width="1.6" stroke-dasharray="{dash}"/>'
    )


def _pill(fill: str, border: str) -> str:
    return _svg(
        f'<path d="M2,4 Q15,1 28,4 L28,14 Q15,17 2,14 Z" fill="{fill}" stroke="{border}"'
        ' stroke-width="1.6"/>'
    )


def _line(colour: str, dash: str, width: float = 2) -> str:
    return _svg(
        f'<line x1="1" y1="9" x2="24" y2="9" stroke="{colour}" stroke-width="{width}"'
        f' stroke-dasharray="{dash}"/><polygon points="22,4 30,9 22,14" fill="{colour}"/>'
    )


def _svg(body: str) -> str:
    return f'<svg width="30" height="18" viewBox="0 0 30 18" aria-hidden="true">{body}</svg>'
