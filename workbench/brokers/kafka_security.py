"""How a Kafka client is to prove who it is and hide what it says: never less than was meant.

kafka-python takes a ``security_protocol`` it does not know for ``PLAINTEXT``, and leaves out the
password and the certificates that do not go with the protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import BrokerError

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER", "AWS_MSK_IAM")


def check_security(settings: Mapping[str, Any]) -> None:
    """Refuse settings that contradict each other; their values are never told.

    Raises
    ------
    BrokerError
        The protocol or the mechanism is none that there is, or a setting has no part in it.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    for name, known in (("security_protocol", _PROTOCOLS), ("sasl_mechanism", _MECHANISMS)):
        if name in given and given[name] not in known:
            raise BrokerError(f"{name} is none that there is: use one of {', '.join(known)}.")
    protocol = given.get("security_protocol", "PLAINTEXT")
    for prefix, other, what in (
        ("sasl_", "SASL_SSL", "asks for no password"),
        ("ssl_", "SSL", "encrypts nothing"),
    ):
        without = sorted(name for name in given if name.startswith(prefix))
        if without and prefix[:-1].upper() not in protocol.split("_"):
            raise BrokerError(
                f"{without[0]} has no part in security_protocol {protocol}, which {what}: "
                f"give security_protocol='{other}', say, or leave it out."
            )
    if protocol.startswith("SASL_") and "sasl_mechanism" not in given:
        raise BrokerError(
            f"security_protocol {protocol} needs a sasl_mechanism: one of {', '.join(_MECHANISMS)}."
        )
