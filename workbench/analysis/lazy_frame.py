"""A frame whose columns are read when a question asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from workbench.analysis.arrays import Bools


class LazyFrame:
    """What a question takes for a DataFrame; it reads.

    ``frame[name]``, ``name in frame``, its ``columns``, length and index are those of the DataFrame,
    and no other column is read for them. All else reads the whole of it and is asked of that.

    Parameters
    ----------
    names
        The columns, in their order. ``offset`` is one of them.
    read
        Reads one.
    """

    def __init__(self, names: Sequence[str], read: Callable[[str], pd.Series[Any]]) -> None:
        self.columns = pd.Index(names)
        self._read = read
        self._held: dict[str, pd.Series[Any]] = {}

    def __getitem__(self, wanted: Any) -> Any:
        if isinstance(wanted, str) and wanted in self:
            if wanted not in self._held:
                self._held[wanted] = self._read(wanted)
            return self._held[wanted]
        return self.whole()[wanted]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self["offset"])

    @property
    def index(self) -> pd.RangeIndex:
        """Counts from 0."""
        return pd.RangeIndex(len(self))

    def whole(self) -> pd.DataFrame:
        """All of it, as a DataFrame."""
        return pd.DataFrame({name: self[name] for name in self})

    def rows(self, chosen: Bools) -> pd.DataFrame:
        """Some rows of it; of the columns that were not asked for no more is held than these."""
        kept = {n: (self._held[n] if n in self._held else self._read(n))[chosen] for n in self}
        return pd.DataFrame(kept)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.whole(), name)
