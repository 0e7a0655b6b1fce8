"""Schemas that values name by a number: what one is, and where they are had from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from workbench.errors import LogError

SchemaId = int | UUID
"""What names a schema: a registry's number, or its GUID."""

AVRO: Final = "AVRO"
JSON: Final = "JSON"
PROTOBUF: Final = "PROTOBUF"


class Reference(NamedTuple):
    """Where a schema that another one refers to stands in a registry."""

    subject: str
    version: int


class Schema(NamedTuple):
    """A schema as it was registered. ``kind`` is the registry's word: AVRO, JSON or PROTOBUF."""

    kind: str
    text: str
    references: Sequence[Reference] = ()


class Schemas(Protocol):
    """Where schemas are had from. May be asked by several threads, and again and again."""

    def schema(self, schema_id: SchemaId, /) -> Schema:
        """The schema of that id.

        Raises
        ------
        UndecodedError
            There is none, or it can't be had now; the message says which id and why.
        """

    def referenced(self, schema: Schema, /) -> Sequence[str]:
        """The texts of the schemas that one may refer to, and of those that they refer to.

        Raises
        ------
        UndecodedError
            One of them can't be had.
        """


def open_schemas(given: object) -> Schemas:
    """Schemas from whatever names them.

    Parameters
    ----------
    given
        The address of a registry, the folder of files or the mapping of ids to files that
        :class:`~workbench.capture.SchemaFiles` takes, or an object that has schemas: for a
        registry that asks for a password, a :class:`~workbench.capture.SchemaRegistry`.

    Raises
    ------
    LogError
        It is none of these.
    """
    from workbench.capture.schema_files import SchemaFiles
    from workbench.capture.schema_registry import SchemaRegistry

    if isinstance(given, str | Path) and is_address(str(given)):
        return SchemaRegistry(str(given))
    if isinstance(given, str | Path | dict):
        return SchemaFiles(given)
    if hasattr(given, "schema") and hasattr(given, "referenced"):
        return given
    raise LogError(
        "schemas are the address of a registry (http://...), a folder, a mapping of ids to files, "
        f"or a SchemaRegistry, not {type(given).__name__}."
    )


def is_address(given: str) -> bool:
    """Whether it is meant as one: such a text may hold a password, and is shown nowhere."""
    begins = given.strip().lower().startswith(("http:", "https:"))
    return "://" in given or ((begins or "@" in given) and not Path(given).is_dir())
