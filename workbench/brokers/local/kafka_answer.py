"""Whether a Kafka is ready for clients: it answers an admin request, and is the one we started."""

from __future__ import annotations

from .ports import HOST
from .readiness import quiet

_ANSWER_MS = 2_000


def answers(port: int, cluster_id: str) -> bool:
    """Whether the Kafka at `port` answers for `cluster_id`.

    Another Kafka that took the port first answers for another cluster, and is not taken for ours.
    """
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        with quiet("kafka"):
            admin = KafkaAdminClient(
                bootstrap_servers=f"{HOST}:{port}",
                bootstrap_timeout_ms=_ANSWER_MS,
                request_timeout_ms=_ANSWER_MS,
            )
            try:
                return bool(admin.describe_cluster()["cluster_id"] == cluster_id)
            finally:
                admin.close()
    except (KafkaError, OSError):
        return False
