"""An answer: a table, the sentence that sums it up, and the picture that shows it."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.analysis.wording import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    import plotly.graph_objects as go


_CHANGED = "This table was changed since it was an answer: ask again for its sentence."


class WithAnother:
    """Draws a table together with another one, which is asked for only then; pickled, it is there.

    Parameters
    ----------
    draw
        Draws both.
    table, other
        Its arguments for the two.
    ask
        Gives the other one.
    """

    def __init__(
        self,
        draw: Callable[..., go.Figure | None],
        table: str,
        other: str,
        ask: Callable[[], pd.DataFrame],
    ) -> None:
        self._draw, self._table, self._other, self._ask = draw, table, other, ask

    def __call__(self, table: pd.DataFrame) -> go.Figure | None:
        """Draw them."""
        return self._draw(**{self._table: table, self._other: self._ask()})

    def __reduce__(self) -> tuple[Any, ...]:
        other = partial(pd.DataFrame, pd.DataFrame(self._ask()))
        return WithAnother, (self._draw, self._table, self._other, other)


class Answer(pd.DataFrame):
    """What a question to an event log returns: a DataFrame that can say and draw what it holds.

    It is a DataFrame in every way. What is made of it (a filter, a sort, a group) is a plain
    DataFrame, for the sentence would no longer be true of it. So if rows or columns are added or
    dropped in place, the sentence goes.

    Parameters
    ----------
    table
        The table, as the question documents it.
    sentence
        One sentence, or a few, that sum it up, without markup; or what says them, called only when
        they are asked for.
    draw
        Draws the table, unless there is nothing to draw; called only when :meth:`plot` is.

    Examples
    --------
    >>> slow = log.hops()  # doctest: +SKIP
    >>> slow.sentence  # doctest: +SKIP
    '4 kinds of hop; the slowest is …'
    >>> slow.plot()  # doctest: +SKIP
    """

    _metadata = ["_sentence", "_draw", "_asked"]  # noqa: RUF012 - as pandas wants it

    def __init__(
        self,
        table: pd.DataFrame,
        sentence: str | Callable[[], str],
        draw: Callable[[pd.DataFrame], go.Figure | None] | None = None,
    ) -> None:
        super().__init__(table)  # type: ignore[call-arg]
        self._sentence = sentence
        self._draw = draw
        self._asked = len(self), list(self.columns)

    @property
    def _is_changed(self) -> bool:
        return self._asked != (len(self), list(self.columns))

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what it says, and not what would say it."""
        return Answer, (pd.DataFrame(self), self.sentence, self._draw)

    @property
    def sentence(self) -> str:
        """What the table says, in a sentence."""
        if self._is_changed:
            return _CHANGED
        if not isinstance(self._sentence, str):
            self._sentence = self._sentence()
        return visible(self._sentence)

    def plot(self) -> go.Figure:  # type: ignore[override]
        """Draw the table; where it holds nothing to draw, the sentence says why."""
        from workbench.analysis.plots import empty

        if self._draw is None:
            return empty("This answer is best read: it has no picture.")
        figure = None if self._is_changed else self._draw(pd.DataFrame(self))
        return empty(self.sentence) if figure is None else figure

    def __repr__(self) -> str:
        """The sentence, then the table."""
        return "\n".join(map(visible, f"{self.sentence}\n{pd.DataFrame(self)!r}".split("\n")))

    def _repr_html_(self) -> str | None:
        table: Any = pd.DataFrame(self)._repr_html_()  # type: ignore[operator]
        return None if table is None else f"<p>{escape(self.sentence)}</p>{table}"
