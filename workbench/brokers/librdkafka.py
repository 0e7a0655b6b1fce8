"""kafka-python's settings in the words of librdkafka, which confluent-kafka is made of.

A setting that is not in the table is never left out in the hope that it matters little: a client
that can't have all of its settings is not made (see :mod:`workbench.brokers.kafka_bulk`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {
    "bootstrap_servers": "bootstrap.servers",
    "client_id": "client.id",
    "fetch_max_wait_ms": "fetch.wait.max.ms",
    "metadata_max_age_ms": "metadata.max.age.ms",
    "request_timeout_ms": "socket.timeout.ms",
    "security_protocol": "security.protocol",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_keyfile": "ssl.key.location",
    "ssl_password": "ssl.key.password",
    "ssl_ciphers": "ssl.cipher.suites",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
}
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
"""Those that a user and a password are enough for."""


def translate(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a librdkafka client that connects as a kafka-python client of these does.

    Raises
    ------
    LookupError
        One has no counterpart; holds the setting's name, and never its value.
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if value is None:
            continue  # kafka-python's own word for "not set"
        if name == "ssl_check_hostname":
            found["ssl.endpoint.identification.algorithm"] = "https" if value else "none"
        elif name not in _NAMES or (name == "sasl_mechanism" and value not in _MECHANISMS):
            raise LookupError(name)
        else:
            found[_NAMES[name]] = value
    if "ssl.certificate.location" in found:
        # kafka-python takes a key from the certificate's file, if there is no other.
        found.setdefault("ssl.key.location", found["ssl.certificate.location"])
    return found
