"""Mends of kafka-python (3.0.12).

Its consumers may leave a partition unread for half a second:

``KafkaConsumer.poll`` takes from what was fetched, up to its limit, and then asks for more. The next
request leaves out partitions of which something is still buffered: because the limit was reached, or
because an answer came just after poll had looked. Only one request is under way at a time, and with
nothing new on the other partitions the broker keeps that one for ``fetch_max_wait_ms``; meanwhile
nothing of the partitions left out is read. So nothing is asked for while anything is buffered.

And it receives 4 KB at a time. For each of them it lets other threads have the interpreter, and where
those are busy it waits to get it back; much at once comes many times as fast in larger pieces.
"""

from __future__ import annotations

import functools
import socket
from typing import Any, Final

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaTCPTransport

_PIECE: Final = 256 * 1024


def leave_nothing_out(client: Any) -> None:
    """Have a consumer ask for more only once it has taken all that it was sent."""
    fetcher: Any = getattr(client, "_fetcher", None)
    known = ("_send_fetches_async", "_completed_fetches", "_next_partition_records")
    if not all(hasattr(fetcher, name) for name in known):
        return  # another version of kafka-python, made otherwise
    send = fetcher._send_fetches_async  # noqa: SLF001

    async def send_if_all_is_taken() -> Any:
        # On the thread that receives answers: none comes between this look and the request.
        buffered = fetcher._completed_fetches or fetcher._next_partition_records  # noqa: SLF001
        return [] if buffered else await send()

    fetcher._send_fetches_async = send_if_all_is_taken  # noqa: SLF001


def receive_in_large_pieces(client: Any) -> None:
    """Have the connections that a consumer has by now receive much at once; those with TLS as ever."""
    manager: Any = getattr(getattr(client, "_client", None), "_manager", None)
    for connection in list(getattr(manager, "_conns", {}).values()):
        transport: Any = getattr(connection, "transport", None)
        known = hasattr(transport, "_sock") and hasattr(transport, "_sock_recv")
        if type(transport) is KafkaTCPTransport and known and "_sock_recv" not in vars(transport):
            transport._sock_recv = functools.partial(_received, transport._sock)  # noqa: SLF001


def _received(sock: socket.socket) -> tuple[bytes, KafkaConnectionError | None]:
    """What has come, and why no more will."""
    try:
        data = sock.recv(_PIECE)
    except (BlockingIOError, InterruptedError):
        return b"", None
    except OSError as error:
        return b"", KafkaConnectionError(error)
    return data, None if data else KafkaConnectionError("the connection was closed")
