"""What is Kafka's own in its folder: ``server.properties`` and the storage in ``data``."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from workbench.errors import LocalBrokerError

from .folder import writing
from .log_tail import OUTPUT
from .settings import DATA, KAFKA, PROPERTIES, server_properties

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FORMAT_WITHIN = 60.0  # seconds


def configure(folder: Path, port: int, controller_port: int) -> None:
    """Write Kafka's settings for this start."""
    with writing(KAFKA, folder):
        text = server_properties(port, controller_port)
        (folder / PROPERTIES).write_text(text, encoding="ascii")


def format_storage(folder: Path, java: Sequence[str], environment: dict[str, str]) -> str:
    """Have Kafka format the folder's storage if it is new; the cluster's id.

    Formatting happens beside the final place and is moved there in one step, so that one cut short
    is simply done again.
    """
    known = _cluster_id(folder)
    if known:
        return known
    with writing(KAFKA, folder):
        draft = folder / f"{DATA}.new"
        shutil.rmtree(draft, ignore_errors=True)
        settings = (folder / PROPERTIES).read_text(encoding="ascii")
        draft_settings = folder / f"{PROPERTIES}.new"
        draft_settings.write_text(settings.replace(f"log.dirs={DATA}", f"log.dirs={draft.name}"))
        tool = ["kafka.tools.StorageTool", "format", "-t", _new_id(), "-c", draft_settings.name]
        with (
            (folder / OUTPUT).open("wb") as output,
            suppress(subprocess.TimeoutExpired),  # nothing is there then, as is said below
        ):
            subprocess.run(
                [*java, *tool],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=_FORMAT_WITHIN,
                check=False,
            )
        draft_settings.unlink()
        if (draft / "meta.properties").exists():
            draft.replace(folder / DATA)
    made = _cluster_id(folder)
    if made is None:
        said = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace").strip()
        raise LocalBrokerError(f"Kafka could not format its storage in {folder}; it said:\n{said}")
    return made


def _cluster_id(folder: Path) -> str | None:
    try:
        text = (folder / DATA / "meta.properties").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^cluster\.id=(.+)$", text, re.MULTILINE)
    return found[1] if found else None


def _new_id() -> str:
    """A random cluster id as Kafka writes them; one that starts with "-" would be an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
