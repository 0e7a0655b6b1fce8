"""What all widgets share: the style sheet, sentences with a tone, and callbacks that can't fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from workbench import look
from workbench.errors import WorkbenchError
from workbench.widgets.text import escape

if TYPE_CHECKING:
    from workbench.session import Workbench

GOOD, BAD, PLAIN = "good", "bad", "plain"
_SIGNS = {GOOD: "✓ ", BAD: f"{look.TROUBLE_SIGN} ", PLAIN: ""}


_HEIGHTS = range(160, 641, 20)


def height_class(pixels: float) -> str:
    """The CSS class of the next height up, in steps of 20 px.

    A class, because cytoscape fits its first picture before ``layout.height`` holds.
    """
    return f"wb-h{next((height for height in _HEIGHTS if height >= pixels), _HEIGHTS[-1])}"


def style_sheet() -> ipywidgets.HTML:
    """The workbench's CSS, once in every widget: it follows JupyterLab's light or dark theme."""
    css = (Path(__file__).parent / "widgets.css").read_text("utf-8")
    css += "".join(f".wb-h{px} {{ height: {px}px !important; }}\n" for px in _HEIGHTS)
    sheet = ipywidgets.HTML(f"<style>{css}</style>")
    sheet.layout.display = "none"  # the rules hold all the same
    return sheet


def heading(text: str) -> ipywidgets.HTML:
    """A section's title."""
    return ipywidgets.HTML(f'<div class="wb-heading">{escape(text)}</div>')


def sentence(text: str, tone: str = PLAIN) -> str:
    """HTML of a sentence; trouble has a sign as well as a colour."""
    if not text:
        return ""
    return f'<div class="wb-sentence wb-{tone}">{_SIGNS[tone]}{escape(text)}</div>'


class Message(ipywidgets.HTML):
    """One sentence that says how the last thing went."""

    def say(self, text: str, tone: str = PLAIN) -> None:
        """Show a sentence instead of the last one."""
        value = sentence(text, tone)
        self.value = value  # traitlets sends nothing if it is the same


def explain(error: BaseException) -> str:
    """An error in a sentence: ours as it is, any other with its kind."""
    if isinstance(error, WorkbenchError):
        return str(error)
    return f"{type(error).__name__}: {error}"


@contextmanager
def shown(message: Message, wb: Workbench | None = None) -> Iterator[None]:
    """Run a callback's work: an exception, and what the workbench says, go to ``message``.

    In JupyterLab they would otherwise appear nowhere.
    """
    said: list[str] = []
    before = wb.say if wb is not None else None
    if wb is not None:
        wb.say = said.append
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
        message.say(explain(error), BAD)
    finally:
        if wb is not None and before is not None:
            wb.say = before
        if said:
            message.value += "".join(sentence(text) for text in said)


def button(
    label: str, act: Callable[[], Any], *, tone: str = "", hint: str = "", width: str = "auto"
) -> ipywidgets.Button:
    """A button that calls ``act``; its label says what it does."""
    made = ipywidgets.Button(
        description=label, button_style=tone, tooltip=hint, layout={"width": width}
    )
    made.on_click(lambda _: act())
    return made
