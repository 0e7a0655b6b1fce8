"""The dead letters of a design, as a table: looked at, redriven, discarded, or edited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from workbench.errors import DeadLetterError

if TYPE_CHECKING:
    from workbench.session.desk import Desk

Selection = str | pd.Series | Iterable[str] | None
"""Which letters: a query such as ``"service == 'billing'"``, a boolean Series, the names of
letters or the ids of events, or ``None`` for all that are shown."""


class DeadLetters(pd.DataFrame):
    """A table of dead letters, newest last; a part of it (``letters[mask]``) is one too.

    Its index, ``letter``, names each by where it stands: ``channel[partition]@offset``. Columns:
    ``status`` (``open``, ``redriven``, ``edited`` or ``discarded``), ``service``, ``reaction`` (empty for
    an event that could not be read), ``type``, ``id``, ``correlation_id``, ``traceparent`` (null
    where the event has none), ``fingerprint``, ``error_type``, ``error_message``, ``attempts``,
    ``redrives``, ``first_failure`` and ``last_failure`` (UTC), ``channel``, ``partition``,
    ``offset`` and ``key`` (where the event stood at first), ``reason`` (of what was decided),
    ``data`` (the payload's text) and ``traceback``.

    Where the table is shown, what schemas mark as personal (``"x-personal-data"``) is ``***``. Its
    cells hold it: ``data`` and ``key`` are the event's own, so that it can be edited.
    """

    _metadata: ClassVar[list[str]] = ["_desk"]
    _desk: Desk

    @property
    def _constructor(self) -> Callable[..., DeadLetters]:
        return DeadLetters

    def __repr__(self) -> str:
        return repr(self._shown())

    def _repr_html_(self) -> str | None:
        shown: Any = self._shown()
        html: str | None = shown._repr_html_()
        return html

    def _shown(self) -> pd.DataFrame:
        desk = getattr(self, "_desk", None)
        return pd.DataFrame(self) if desk is None else desk.shown.table(self)

    def by_fingerprint(self) -> pd.DataFrame:
        """The causes, most frequent first: one row for each error type and own frame.

        Columns: ``fingerprint``, ``n`` (letters), ``services``, ``types`` (names, by comma),
        ``first`` and ``last`` (UTC), ``example`` (the newest letter's error message).
        """
        named = {"services": ("service", _names), "types": ("type", _names)}
        grouped = self._shown().groupby("fingerprint", sort=False)
        found = grouped.agg(
            n=("service", "size"),
            first=("first_failure", "min"),
            last=("last_failure", "max"),
            example=("error_message", "last"),
            **named,
        )
        order = ["n", "services", "types", "first", "last", "example"]
        return found[order].sort_values("n", ascending=False, kind="stable").reset_index()

    def redrive(self, selection: Selection = None) -> int:
        """Hand letters back to the reactions that gave up on them; returns how many.

        Only open ones: what was redriven or discarded already is passed over. The events keep
        their ids and flows.

        Raises
        ------
        DeadLetterError
            Nothing is selected, or the broker did not take all of them; says how far it came.
        """
        return self._desk.redrive(self._selected(selection))

    def discard(self, selection: Selection = None, *, reason: str) -> int:
        """Close letters for good, for a reason that is kept; returns how many."""
        return self._desk.discard(self._selected(selection), reason)

    def edit_and_redrive(
        self,
        id: str,  # noqa: A002 - the column's name
        data: Mapping[str, Any],
        *,
        type: str | None = None,  # noqa: A002
    ) -> str:
        """Redrive an event with another payload; returns its new id.

        Parameters
        ----------
        id
            The event's id, or the letter's name where the id belongs to several letters or the
            event has none.
        data
            The new payload, which must satisfy the event type's schema.
        type
            The event type's name, where the letter's own can't be read.

        The new id is derived from the old one and the payload, so that the same edit twice is
        the same event; the ``redriveof`` attribute names the old one.
        """
        rows = self._selected([id])
        if len(rows) > 1:
            names = ", ".join(rows.index)
            raise DeadLetterError(f"{id!r} belongs to several letters: name one of {names}.")
        return self._desk.edit(rows.index[0], data, type)

    def _selected(self, selection: Selection) -> pd.DataFrame:
        frame = pd.DataFrame(self)
        if isinstance(selection, str):
            try:
                frame = frame.query(selection)
            except Exception as error:
                raise DeadLetterError(
                    f"{selection!r} selects nothing: {error}; write a condition on the columns, "
                    "such as \"service == 'billing'\", or a list of letters or ids."
                ) from error
        elif isinstance(selection, pd.Series):
            frame = frame[selection.reindex(frame.index, fill_value=False).astype(bool)]
        elif selection is not None:
            wanted = list(selection)
            unknown = sorted({*wanted} - {*frame.index} - {*frame["id"]})
            if unknown:
                raise DeadLetterError(f"there is no dead letter {unknown[0]!r} here.")
            frame = frame[frame.index.isin(wanted) | frame["id"].isin(wanted)]
        if frame.empty:
            raise DeadLetterError("no dead letter is selected.")
        return frame


def _names(values: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in values if value is not None}))
