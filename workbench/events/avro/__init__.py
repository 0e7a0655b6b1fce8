"""Avro: whether a reader's schema reads what a writer's schema wrote.

``schema`` reads schemas, ``resolution`` follows the specification's rules, ``witness`` proves a
refusal by really writing and reading with fastavro.
"""

from workbench.events.avro.resolution import Finding, read_errors

__all__ = ["Finding", "read_errors"]
