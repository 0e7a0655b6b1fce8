"""What channels and groups are called on AWS, where a name has letters, digits, - and _ alone.

``_`` stands before what is not allowed: ``.`` becomes ``__``, any other byte ``_`` and its two
hexadecimal digits. ``orders.dead-letters`` is the topic ``orders__dead-letters.fifo``.
"""

from __future__ import annotations

import hashlib
import re

from workbench.errors import BrokerError

FIFO = ".fifo"
_LONGEST_TOPIC = 256 - len(FIFO)
_LONGEST_QUEUE = 80 - len(FIFO)
_DIGEST = 16
_NOT_ALLOWED = re.compile(rb"[^A-Za-z0-9-]")
_WRITTEN = re.compile(r"(?:[A-Za-z0-9-]|__|_[0-9A-F]{2})+")
_ESCAPE = re.compile(rb"__|_([0-9A-F]{2})")


def topic_name(channel: str) -> str:
    """The topic of a channel.

    Raises
    ------
    BrokerError
        The name is empty, or too long for SNS.
    """
    written = _write(channel)
    if not 0 < len(written) <= _LONGEST_TOPIC:
        raise BrokerError(
            f"SNS can have no channel {channel[:100]!r}: its name must be between 1 and "
            f"{_LONGEST_TOPIC} characters long, each but letters, digits and '-' counted double or "
            "more."
        )
    return written + FIFO


def channel_of(topic: str) -> str | None:
    """The channel whose topic this is; ``None`` if it is not one of ours."""
    written = topic.removesuffix(FIFO)
    if written == topic or not _WRITTEN.fullmatch(written):
        return None
    raw = _ESCAPE.sub(
        lambda found: bytes([int(found[1], 16)]) if found[1] else b".", written.encode()
    )
    try:
        channel = raw.decode()
    except UnicodeDecodeError:
        return None
    return channel if _write(channel) == written else None


def group_queue(group: str) -> str:
    """The queue of a group."""
    return _queue(group, "-group")


def tap_queue(channel: str) -> str:
    """The queue that keeps a channel's events for whoever reads its log."""
    return _queue(channel, "-tap")


def _queue(name: str, end: str) -> str:
    written = _write(name)
    longest = _LONGEST_QUEUE - len(end)
    if len(written) > longest:
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
        written = f"{written[: longest - _DIGEST - 1]}-{digest}"
    return written + end + FIFO


def _write(name: str) -> str:
    return _NOT_ALLOWED.sub(
        lambda found: b"__" if found[0] == b"." else b"_%02X" % ord(found[0]), name.encode()
    ).decode()
