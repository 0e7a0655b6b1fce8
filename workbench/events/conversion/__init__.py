"""Event types as others write them: Avro schemas, and JSON Schema files that stand alone.

Avro and JSON Schema, each by the other
=======================================

===============================================  ==================================================
JSON Schema                                      Avro
===============================================  ==================================================
``type`` null, boolean, string                   ``null``, ``boolean``, ``string``
``type: integer``                                ``long``; ``int`` where its bounds fit in 32 bits
``type: number``                                 ``double``
string, ``format: date``                         ``int``, ``date``
string, ``format: date-time``                    ``long``, ``timestamp-micros``
string, ``format: uuid``                         ``string``, ``uuid``
string, ``contentEncoding: base64``              ``bytes``
string, ``enum`` or ``const`` (symbols)          an enum
object with ``properties``                       a record
object with ``additionalProperties`` alone       a map
array with ``items``                             an array
``anyOf``, ``oneOf``, a list of types            a union
a property that is not required                  a field with its default; without one: a union
                                                 with null, null by default
a required property with a default               a field with that default and ``required: true``
``$defs`` and ``$ref``                           named types, recursive ones too
``description``                                  ``doc``
===============================================  ==================================================

Whatever else Avro says stands under ``x-avro`` of a schema (and ``x-avro-field`` of a property),
and is laid over what is made from the rest: ``x-avro: {type: bytes, logicalType: decimal,
precision: 12, scale: 2}`` beside ``format: decimal`` makes that decimal (without it, decimals are
strings); ``timestamp-millis``, ``float``, ``fixed``, aliases and the like come and go this way, so
that an Avro schema that is read and written again is the same.

Avro has no words for constraints (patterns, bounds, lengths): it allows more, and they are left out.
What it can't hold at all (any value, a tuple, extra fields, a name with a hyphen) is an error that
names the field.

https://avro.apache.org/docs/1.12.0/specification/
"""

from workbench.events.conversion.from_avro import schema_from_avro
from workbench.events.conversion.schema_files import read_avro, read_json_schema, standalone
from workbench.events.conversion.to_avro import avro_schema

__all__ = ["avro_schema", "read_avro", "read_json_schema", "schema_from_avro", "standalone"]
