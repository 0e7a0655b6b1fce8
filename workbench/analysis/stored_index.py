"""A flow index on disk: numbers as NumPy files that are mapped into memory, names as Arrow text.

Nothing of it is a pickle, so reading it runs nothing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pandas.api.extensions import ExtensionArray

from workbench.analysis import spilled
from workbench.analysis.index import FlowIndex
from workbench.errors import LogError

_FACTS: Final = "facts.json"
_NAMES: Final = "names"


def save(index: FlowIndex, folder: Path) -> None:
    """Write an index to a folder: whole or, if there is one already, not at all.

    Raises
    ------
    LogError
        It can't be written.
    """
    with spilled.writing(folder):
        made = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
        facts: dict[str, Any] = {}
        for name in (field.name for field in fields(FlowIndex)):
            value = getattr(index, name)
            if not isinstance(value, np.ndarray | ExtensionArray):
                facts[name] = value
            elif value.dtype in ("str", object):
                texts = pa.array(value, pa.large_string())
                spilled.write(pa.table({_NAMES: texts}), made / f"{name}.arrow")
            else:
                np.save(made / f"{name}.npy", np.asarray(value), allow_pickle=False)
        (made / _FACTS).write_text(json.dumps(facts))
        try:
            made.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(made)
            if not folder.exists():
                raise


def load(folder: Path) -> FlowIndex:
    """Read an index; its numbers are read where and when they are looked at.

    Raises
    ------
    LogError
        The folder is not what was written.
    """
    with spilled.reading(folder / _FACTS):
        found: dict[str, Any] = json.loads((folder / _FACTS).read_text())
    for name in (field.name for field in fields(FlowIndex)):
        if name not in found:
            found[name] = _array(folder, name)
    index = FlowIndex(**found)
    if not len(index.row) == len(index.type) == len(index.cause) == index.start[-1]:
        raise LogError(
            f"{folder}: the index of a scanned log does not fit together; it was changed, scan the "
            "folder again."
        )
    return index


def _array(folder: Path, name: str) -> Any:
    names, numbers = folder / f"{name}.arrow", folder / f"{name}.npy"
    if names.exists():
        texts = spilled.read(names)[_NAMES].to_pandas()
        return texts.array if name == "correlation_id" else texts.to_numpy(dtype=object)
    with spilled.reading(numbers):
        # What changes an array changes its own copy of a page: loops compiled for arrays in memory
        # take it as it is.
        return np.asarray(np.load(numbers, mmap_mode="c"))
