"""A real Apache Kafka on this machine, with nothing installed by the user but Python.

What a broker of any kind needs to live on this machine stands here too (`local_broker` and what it
imports); `workbench.brokers.local_rabbitmq` builds on it.
"""

from workbench.brokers.local.jars import ensure_kafka_jars
from workbench.brokers.local.java import find_java
from workbench.brokers.local.local_kafka import LocalKafka

__all__ = ["LocalKafka", "ensure_kafka_jars", "find_java"]
