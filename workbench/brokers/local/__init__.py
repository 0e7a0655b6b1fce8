"""A real Apache Kafka on this machine, with nothing installed by the user but Python."""

from workbench.brokers.local.jars import ensure_kafka_jars
from workbench.brokers.local.java import find_java
from workbench.brokers.local.local_kafka import LocalKafka

__all__ = ["LocalKafka", "ensure_kafka_jars", "find_java"]
