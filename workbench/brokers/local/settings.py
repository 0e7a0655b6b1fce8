"""What Kafka and its JVM are told: one node, loopback only, small, quiet, and nothing by default.

Every path is relative to the data folder, where the JVM is started: a folder can be moved, and no
space, comma or umlaut in its name ever meets Kafka's own ways of escaping.
"""

from __future__ import annotations

import os
from pathlib import Path

from .log_tail import LOG
from .ports import HOST
from .product import Product

KAFKA = Product("Kafka", usual_port=9092)
DATA = "data"
PROPERTIES = "server.properties"

# These would reach into the JVM from outside: other memory, agents, remote debugging or JMX.
_JVM_VARIABLES = {"CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"}

_DAY = 24 * 3600 * 1000  # milliseconds
_MB = 1024 * 1024  # bytes

_SETTINGS: dict[str, str | int] = {
    # One node that is broker and controller.
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENTS",
    "log.dirs": DATA,
    # After a kill the controller, which is the same node, waits for so long before it lets the
    # broker in again; the usual 9 s is for brokers that may be cut off from it.
    "broker.session.timeout.ms": 4_000,
    "broker.heartbeat.interval.ms": 500,
    # Kafka's own topics: one copy is all that one node can keep, and a few partitions suffice.
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 4,
    # A mistyped channel is an error, not a new topic; a first consumer needn't wait for others.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    # Business time is in the envelope. Broker time can't be wrong, so it decides retention:
    # a week, whatever the size; a group's offsets outlive the events by far.
    "log.message.timestamp.type": "LogAppendTime",
    "log.retention.ms": 7 * _DAY,
    "log.retention.bytes": -1,
    "offsets.retention.minutes": 30 * _DAY // 60_000,
    # An event may be 1 MB. As a dead letter it also carries its reason, a traceback and where it
    # came from, and a dead letter refused for its size would be an event lost.
    "message.max.bytes": 5 * _MB // 2,
    # Small files, so that retention works on small logs and indexes of hundreds of partitions
    # stay small; the offsets of a segment must fit into the cleaner's buffer (24 bytes a key),
    # which is in memory from the start and would take 128 MB.
    "log.segment.bytes": 32 * _MB,
    "log.index.size.max.bytes": 1 * _MB,
    "offsets.topic.segment.bytes": 16 * _MB,
    "transaction.state.log.segment.bytes": 16 * _MB,
    "share.coordinator.state.topic.segment.bytes": 16 * _MB,
    "log.cleaner.dedupe.buffer.size": 16 * _MB,
    # Enough for a laptop.
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 4,
}


def server_properties(port: int, controller_port: int) -> str:
    """The content of ``server.properties`` for a broker at `port` of the loopback address."""
    settings = {
        "listeners": f"CLIENTS://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENTS://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        **_SETTINGS,
    }
    lines = [f"{name}={value}" for name, value in settings.items()]
    return "\n".join(["# Written anew at each start.", *lines, ""])


def jvm_options() -> list[str]:
    """Options of the JVM: little memory, a quick start, and nothing written outside the folder."""
    logging = Path(__file__).with_name("log4j2.properties").as_uri()
    return [
        "-Xms64m",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "-XX:ErrorFile=log/jvm-crash.log",
        "-Djava.awt.headless=true",
        "-Djava.io.tmpdir=tmp",
        f"-Dlog4j2.configurationFile={logging}",
        f"-Dworkbench.kafka.log={LOG}",
    ]


def jvm_environment() -> dict[str, str]:
    """The environment for a JVM: ours, less what would change the JVM; file names are UTF-8."""
    kept = {name: value for name, value in os.environ.items() if name not in _JVM_VARIABLES}
    return kept | {"LC_ALL": "C.UTF-8"}
