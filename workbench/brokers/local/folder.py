"""The folder of a broker on this machine: which one to take, and getting it ready.

What stands in it, whatever the broker::

    data/           the broker's own
    log/            broker.log (bounded), and console.out: what the process itself prints
    running.json    while a broker runs: its process, port and cluster
    claim           held by the running broker
    tmp/            emptied at each start
"""

from __future__ import annotations

import itertools
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from workbench.errors import LocalBrokerError

from .claim import CLAIM_FILE, claim, is_claimed, wait_until_free
from .record import RECORD_FILE, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .product import Product
    from .saying import Say

ROOM_NEEDED = 200  # MB free on the disk before a broker is started

_ENDING = 15.0  # seconds that a broker which is about to end may take


def default_folder(product: Product) -> Path:
    """Where the data lives when no folder is named."""
    return Path(platformdirs.user_data_dir("choreography-workbench")) / product.kind / "default"


def default_folders(product: Product) -> Iterator[Path]:
    """The default folder and, without end, its numbered siblings."""
    first = default_folder(product)
    yield first
    for number in itertools.count(2):
        yield first.with_name(f"{first.name}-{number}")


def claim_folder(product: Product, folder: Path | None, say: Say) -> tuple[Path, int]:
    """Claim `folder`, or else the first default folder that no living broker uses.

    Returns the folder and the descriptor that holds the claim.

    Raises
    ------
    LocalBrokerError
        When the folder named is in use, or can't be written.
    """
    if folder is not None:
        held = _claim_one(product, folder, say)
        if held is None:
            found = running(folder)
            who = (
                f"by a running {product.name} (process {found.process.pid})"
                if found
                else "by another process"
            )
            raise LocalBrokerError(
                f"The folder {folder} is in use {who}: Local{product.name}.find({str(folder)!r}) gives "
                "you that one, or name another folder."
            )
        return folder, held
    for candidate in default_folders(product):
        held = _claim_one(product, candidate, say)
        if held is not None:
            usual = default_folder(product)
            if candidate != usual:
                say(
                    f"Another workbench's {product.name} uses {usual}: this one keeps its data in "
                    f"{candidate}. (To share one, run `workbench {product.kind} start` beforehand.)"
                )
            return candidate, held
    raise AssertionError  # default_folders never ends


def prepare(product: Product, folder: Path) -> None:
    """Make a claimed `folder` ready to be written into: nothing stale, and room on the disk."""
    with writing(product, folder):
        (folder / RECORD_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        for name in ("tmp", "log"):
            (folder / name).mkdir(exist_ok=True)
        free = shutil.disk_usage(folder).free // 1_000_000
    if free < ROOM_NEEDED:
        raise LocalBrokerError(
            f"The disk is nearly full: {free} MB are free for {folder}, and {product.name} "
            f"needs {ROOM_NEEDED} MB to start; make room or name a folder on another disk."
        )


@contextmanager
def writing(product: Product, folder: Path) -> Iterator[None]:
    """Turn the operating system's refusals into one sentence about `folder`."""
    try:
        yield
    except OSError as error:
        raise LocalBrokerError(
            f"{product.name}'s data can't be kept in {folder} ({error.strerror or error}): make room or "
            "make it writable, or name another folder."
        ) from error


def _claim_one(product: Product, folder: Path, say: Say) -> int | None:
    """The claim on one folder, waiting for a broker in it that is about to end."""
    with writing(product, folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / CLAIM_FILE).exists():
            raise LocalBrokerError(
                f"The folder {folder} holds other things than {product.name}'s data: name a new or "
                "an empty folder."
            )
        if is_claimed(folder) and running(folder) is None:
            wait_until_free(folder, seconds=_ENDING)
        held = claim(folder)
        if held is not None and (folder / RECORD_FILE).exists():
            say(
                f"The {product.name} in {folder} ended without being stopped: its data is recovered."
            )
        return held
