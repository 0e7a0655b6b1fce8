"""A log and the files it is read from and written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.analysis.condition_words import path_text
from workbench.analysis.wording import count
from workbench.capture.columns import COLUMNS
from workbench.capture.reading import Reading, no_rejects, read
from workbench.capture.writing import write_log

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Self

    from workbench.capture.reading import Given, LogMapping


class Stored:
    """What an event log knows of the files that it came from, and how it becomes one."""

    _frame: pd.DataFrame
    _reading: Reading | None = None

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        mapping: Given | None = None,
        *,
        expanded: int | None = None,
        progress: bool = True,
    ) -> Self:
        """Read a log that anybody wrote: JSON lines, CSV, Parquet, Arrow, and many tools' exports.

        Format, compression and encoding are told by the content. Which of its columns are ours is
        guessed from names and values, and shown by :attr:`mapping`. What can't be read is kept in
        :attr:`rejected`.

        Parameters
        ----------
        path
            A file, a pattern (``"logs/*.jsonl.gz"``), a folder (every file in it but hidden ones),
            or several.
        mapping
            Our column → theirs, where a guess is wrong: ``{"correlation_id":
            "headers.x-request-id", "type": "data.kind"}``. Dots go into nested JSON; a key that
            holds a dot may be written in quotes: ``'tags."service.name"'``. ``None``: there is no such
            column. Times that name no zone are UTC, or of the one behind ``@``: ``{"time": "when @
            Europe/Berlin"}``.
        expanded
            Bytes that a compressed file may expand to, and a JSON document may have. By default a
            file may expand 300 times, a document have 1 GiB.
        progress
            Whether a bar shows how far it is, where there is somebody to see it.

        Raises
        ------
        LogError
            A file can't be read or is no event log, or the mapping names nothing in it.
        """
        return cls._of(read(path, mapping, expanded=expanded, progress=progress))

    @classmethod
    def _of(cls, reading: Reading) -> Self:
        log = cls.__new__(cls)
        vars(log).update(_frame=reading.frame, _reading=reading)
        return log

    def save(self, path: str | os.PathLike[str], *, progress: bool = True) -> Path:
        """Write the log, whole or not at all, in the format that the path's ending names.

        ``.jsonl``, ``.csv`` and ``.xes`` (compressed with ``.gz`` or ``.zst`` behind), ``.parquet``,
        ``.arrow`` or ``.feather``. :meth:`read` gives the same log again, without its
        :attr:`rejected`. A bar shows how far it is, where there is somebody to see it and
        ``progress`` is not false.

        Raises
        ------
        LogError
            The path ends otherwise, or the file can't be written.
        """
        return write_log(self._frame, path, progress=progress)

    @property
    def mapping(self) -> LogMapping | None:
        """Our columns and where they came from; ``None`` if the log was not read. Parts keep it.

        Shown, it is a table; ``{**log.mapping, "type": "kind"}`` is a mapping to read with again.
        """
        return None if self._reading is None else self._reading.mapping

    @property
    def rejected(self) -> pd.DataFrame:
        """What could not be read, of all the files: a part of a log keeps it.

        It is no part of the frame: ``EventLog(log.frame)`` and a log that was saved know nothing
        of it.

        Returns
        -------
        pandas.DataFrame
            One row for each: ``file`` (str), ``line`` (int64, from 1; -1 if unknown), ``reason``
            (str), ``text`` (str: what stood there, cut) and ``is_row`` (bool): false for a ruler, a
            banner, a comment, which are no events.
        """
        return no_rejects() if self._reading is None else self._reading.rejected.copy()

    @property
    def mapped(self) -> frozenset[str]:
        """Where standard columns were read of, as conditions name it: what is said there is said twice."""
        entries = () if self._reading is None else self._reading.mapping.entries
        paths = (
            path for each in entries if each.column in COLUMNS for path in (each.path, *each.joins)
        )
        return frozenset(path_text(path[0], list(path[1:])) for path in paths)

    @property
    def unread(self) -> int:
        """How many rows could not be read: what is missing may be in one of them."""
        return 0 if self._reading is None else int(self._reading.rejected["is_row"].sum())

    def _read_facts(self) -> dict[str, str]:
        """Say of a log that was read how well that went, as names and texts."""
        if self._reading is None:
            return {}
        bad = self._reading.rejected
        facts = {"read as": f"{self._reading.mapping.sentence} (log.mapping)"}
        if len(bad):
            beside = len(bad) - self.unread
            told = [count(self.unread, "row")] if self.unread else []
            told += [f"{count(beside, 'line')} beside rows"] if beside else []
            files = count(bad["file"].nunique(), "file")
            facts["rejected"] = f"{' and '.join(told)} of {files} (log.rejected)"
        if self._reading.notes:
            facts["while reading"] = "; ".join(self._reading.notes)
        return facts

    def _read_words(self) -> list[str]:
        return [f"{name} {text}" for name, text in self._read_facts().items()]
