"""The data folder of a local Kafka: which one to take, and getting it ready.

What stands in it::

    data/               Kafka's own: topics, offsets, metadata
    log/                kafka.log (bounded), and what the JVM itself prints
    server.properties   written anew at each start
    running.json        while a broker runs: its process, port and cluster
    claim               held by the running broker
    tmp/                emptied at each start
"""

from __future__ import annotations

import base64
import itertools
import re
import shutil
import subprocess
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from workbench.errors import LocalKafkaError

from .claim import CLAIM_FILE, claim, is_claimed, wait_until_free
from .record import RECORD_FILE, running
from .settings import DATA, JVM_OUTPUT, PROPERTIES, server_properties

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .saying import Say

ROOM_NEEDED = 200  # MB free on the disk before a broker is started

_ENDING = 15.0  # seconds that a broker which is about to end may take
_FORMAT_WITHIN = 60.0  # seconds


def default_folder() -> Path:
    """Where the data lives when no folder is named."""
    return Path(platformdirs.user_data_dir("choreography-workbench")) / "kafka" / "default"


def default_folders() -> Iterator[Path]:
    """The default folder and, without end, its numbered siblings."""
    first = default_folder()
    yield first
    for number in itertools.count(2):
        yield first.with_name(f"{first.name}-{number}")


def claim_folder(folder: Path | None, say: Say) -> tuple[Path, int]:
    """Claim `folder`, or else the first default folder that no living broker uses.

    Returns the folder and the descriptor that holds the claim.

    Raises
    ------
    LocalKafkaError
        When the folder named is in use, or can't be written.
    """
    if folder is not None:
        held = _claim_one(folder, say)
        if held is None:
            found = running(folder)
            who = (
                f"by a running Kafka (process {found.process.pid})"
                if found
                else "by another process"
            )
            raise LocalKafkaError(
                f"The folder {folder} is in use {who}: LocalKafka.find({str(folder)!r}) gives you "
                "that one, or name another folder."
            )
        return folder, held
    for candidate in default_folders():
        held = _claim_one(candidate, say)
        if held is not None:
            if candidate != default_folder():
                say(
                    f"Another workbench's Kafka uses {default_folder()}: this one keeps its data in "
                    f"{candidate}. (To share one, run `workbench kafka start` beforehand.)"
                )
            return candidate, held
    raise AssertionError  # default_folders never ends


def prepare(folder: Path) -> None:
    """Make a claimed `folder` ready to be written into: nothing stale, and room on the disk."""
    with writing(folder):
        (folder / RECORD_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        for name in ("tmp", "log"):
            (folder / name).mkdir(exist_ok=True)
        free = shutil.disk_usage(folder).free // 1_000_000
    if free < ROOM_NEEDED:
        raise LocalKafkaError(
            f"The disk is nearly full: {free} MB are free for {folder}, and Kafka needs "
            f"{ROOM_NEEDED} MB to start; make room or name a folder on another disk."
        )


def configure(folder: Path, port: int, controller_port: int) -> None:
    """Write Kafka's settings for this start."""
    with writing(folder):
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
    with writing(folder):
        draft = folder / f"{DATA}.new"
        shutil.rmtree(draft, ignore_errors=True)
        settings = (folder / PROPERTIES).read_text(encoding="ascii")
        draft_settings = folder / f"{PROPERTIES}.new"
        draft_settings.write_text(settings.replace(f"log.dirs={DATA}", f"log.dirs={draft.name}"))
        tool = ["kafka.tools.StorageTool", "format", "-t", _new_id(), "-c", draft_settings.name]
        with (
            (folder / JVM_OUTPUT).open("wb") as output,
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
        said = (folder / JVM_OUTPUT).read_text(encoding="utf-8", errors="replace").strip()
        raise LocalKafkaError(f"Kafka could not format its storage in {folder}; it said:\n{said}")
    return made


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals into one sentence about `folder`."""
    try:
        yield
    except OSError as error:
        raise LocalKafkaError(
            f"Kafka's data can't be kept in {folder} ({error.strerror or error}): make room or "
            "make it writable, or name another folder."
        ) from error


def _claim_one(folder: Path, say: Say) -> int | None:
    """The claim on one folder, waiting for a broker in it that is about to end."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / CLAIM_FILE).exists():
            raise LocalKafkaError(
                f"The folder {folder} holds other things than Kafka's data: name a new or an "
                "empty folder."
            )
        if is_claimed(folder) and running(folder) is None:
            wait_until_free(folder, seconds=_ENDING)
        held = claim(folder)
        if held is not None and (folder / RECORD_FILE).exists():
            say(f"The Kafka in {folder} ended without being stopped: its data is recovered.")
        return held


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
