"""Who a node is: its name, and the one user who may log in; made with its data, and kept there."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import LocalBrokerError

from .settings import DATA

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = f"{DATA}/identity.json"
USER = "workbench"


@dataclass(frozen=True)
class Identity:
    """A node's name, and its user's name and password.

    The node's name is its cluster's, too: a node tells it to its clients, and no two are alike.
    """

    node: str
    user: str
    password: str = field(repr=False)


def read_identity(folder: Path) -> Identity:
    """The identity of the node whose data is in `folder`.

    Raises
    ------
    LocalBrokerError
        When there is none that makes sense.
    """
    try:
        return Identity(**json.loads((folder / IDENTITY).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise LocalBrokerError(
            f"{folder / IDENTITY}, the password of the RabbitMQ there, can't be read: without it "
            f"its data can't be used; to begin anew, delete {folder / DATA}."
        ) from None


def ensure_identity(folder: Path) -> Identity:
    """The identity of the node in `folder`, made now if its data is new."""
    if not (folder / DATA).exists():
        node = f"workbench-{secrets.token_hex(4)}@localhost"
        made = Identity(node, USER, secrets.token_urlsafe(24))
        draft = folder / f"{DATA}.new"
        draft.mkdir(exist_ok=True)
        write_secret(draft / "identity.json", json.dumps(asdict(made)) + "\n")
        draft.replace(folder / DATA)
    return read_identity(folder)


def write_secret(file: Path, text: str) -> None:
    """Write `file` so that nobody but this user can read it, at any moment."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as secret:
        secret.write(text)
