"""One share of a log larger than memory: rows on disk, and their index beside them.

A bucket is indexed when it is first asked, and keeps its index.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from workbench.analysis import spilled, stored_index
from workbench.analysis.index import FlowIndex
from workbench.analysis.lazy_frame import LazyFrame

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Bucket:
    """One share of a log: all events of some flows, in some files."""

    folder: Path
    names: tuple[str, ...]
    """The columns of the log, in their order."""

    def frame(self) -> LazyFrame:
        """Its rows, as ``standard_frame`` has them; a column is read when it is asked for."""
        columns = spilled.SpilledColumns(self._files)
        return LazyFrame(self.names, columns.read)

    def index(self) -> FlowIndex:
        """Its index: made once, and read from disk from then on."""
        folder = self.folder / "index"
        if not folder.exists():
            made: Any = self.frame()
            stored_index.save(FlowIndex.of(made), folder)
        return stored_index.load(folder)

    def holds(self, correlation_id: str) -> bool:
        """Whether an event of that flow is in it."""
        names = (spilled.read(file, ["correlation_id"])[0] for file in self._files)
        return any(pc.any(pc.equal(column, correlation_id)).as_py() for column in names)

    def flow(self, correlation_id: str) -> pd.DataFrame:
        """The rows of a flow: its events, their copies, and what else those may be copies of."""
        index, frame = self.index(), self.frame()
        mine = index.number_of(correlation_id)
        copies = np.isin(index.copy_flow, mine)
        chosen = np.zeros(len(frame) + 1, dtype=bool)  # the last is for no row at all, -1
        chosen[index.row[np.isin(index.flow, mine)]] = True
        chosen[index.copy[copies]] = chosen[index.copy_of[copies]] = True
        return frame.rows(chosen[:-1])

    @property
    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.arrow"))
