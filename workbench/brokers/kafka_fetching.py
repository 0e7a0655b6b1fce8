"""A mend of kafka-python (3.0.12), whose consumers may leave a partition unread for half a second.

``KafkaConsumer.poll`` takes from what was fetched, up to its limit, and then asks for more. The next
request leaves out partitions of which something is still buffered: because the limit was reached, or
because an answer came just after poll had looked. Only one request is under way at a time, and with
nothing new on the other partitions the broker keeps that one for ``fetch_max_wait_ms``; meanwhile
nothing of the partitions left out is read. So nothing is asked for while anything is buffered.
"""

from __future__ import annotations

from typing import Any


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
