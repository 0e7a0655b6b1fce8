"""A schema registry, asked over HTTP: Confluent's, and those that speak as it does.

Karapace and Redpanda do so at their address, Apicurio under ``/apis/ccompat/v7``.
https://docs.confluent.io/platform/current/schema-registry/develop/api.html

Each schema is asked for once, and so is each that isn't there. A registry that does not answer is
asked three times, and after that once a minute at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from workbench.capture.registry_http import (
    AskAgainError,
    NoneError,
    RefusedError,
    RegistryHTTP,
    UnknownError,
)
from workbench.capture.schemas import AVRO, Reference, Schema, SchemaId
from workbench.errors import UndecodedError

_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.2
_SILENT_SECONDS: Final = 60.0
_MOST_UNKNOWN: Final = 1_000
"""So many ids without a schema, and none with one: they are no ids, but values in some other format."""
_MOST_REFERENCES: Final = 500


class SchemaRegistry:
    """The schemas of a registry. It may be shared between threads.

    Parameters
    ----------
    url
        Its address, such as ``http://localhost:8081``; a user and a password may stand in it.
    user, password
        For a registry that asks for them; Confluent Cloud's API key and secret are such a pair.
    token
        A bearer token, instead of these.
    cafile
        A PEM file with the certificates to trust; by default those that this system trusts.
    timeout
        Seconds that an answer may take.

    Raises
    ------
    LogError
        The address is none, or there is both a user and a token.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        cafile: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        self._http = RegistryHTTP(
            url, user=user, password=password, token=token, cafile=cafile, timeout=timeout
        )
        self._base = self._http.base
        self._lock = threading.RLock()
        self._answers: dict[str, Any] = {}
        self._unknown = 0
        self._known = False
        self._silence: tuple[float, str] | None = None

    def __repr__(self) -> str:
        return f"SchemaRegistry({self._base!r})"

    def schema(self, schema_id: SchemaId, /) -> Schema:
        """The schema of that id.

        Raises
        ------
        UndecodedError
            There is none, or the registry does not give it; the message says why.
        """
        kind = "guids" if isinstance(schema_id, UUID) else "ids"
        found = self._asked(f"/schemas/{kind}/{schema_id}", f"schema {schema_id}")
        schema = self._read(found, f"schema {schema_id}")
        self._known = True
        return schema

    def referenced(self, schema: Schema, /) -> Sequence[str]:
        """The texts of the schemas that one refers to, and of those that they refer to.

        Raises
        ------
        UndecodedError
            The registry does not give one of them.
        """
        found: dict[Reference, str] = {}
        todo = list(schema.references)
        while todo:
            reference = todo.pop()
            if reference in found:
                continue
            if len(found) >= _MOST_REFERENCES:
                raise UndecodedError(f"it refers to more than {_MOST_REFERENCES} other schemas")
            what = f"version {reference.version} of the subject {reference.subject!r}"
            subject = quote(reference.subject, safe="")
            # One that was deleted since may still be referred to.
            path = f"/subjects/{subject}/versions/{reference.version}?deleted=true"
            other = self._read(self._asked(path, what), what)
            found[reference] = other.text
            todo += other.references
        return list(found.values())

    def _read(self, found: Any, what: str) -> Schema:
        try:
            references = [
                Reference(str(one["subject"]), int(one["version"]))
                for one in found.get("references") or ()
            ]
            kind = str(found.get("schemaType") or AVRO)  # Avro's is the one that needn't be said
            return Schema(kind, str(found["schema"]), tuple(references))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UndecodedError(
                f"the registry at {self._base} gave no schema as {what}: is it one?"
            ) from None

    def _asked(self, path: str, what: str) -> Any:
        """The answer to a question, asked once."""
        with self._lock:
            if path not in self._answers:
                self._answers[path] = self._ask(path, what)
            answer = self._answers[path]
        if isinstance(answer, UndecodedError):
            raise UndecodedError(str(answer))
        return answer

    def _ask(self, path: str, what: str) -> Any:
        """What the registry says, or that it has no such thing.

        Raises
        ------
        UndecodedError
            It doesn't say.
        """
        if self._unknown >= _MOST_UNKNOWN and not self._known:
            raise UndecodedError(
                f"the registry at {self._base} knew none of {_MOST_UNKNOWN:,} ids and is not asked "
                "for more: are these values in Confluent's format?"
            )
        tries = _TRIES
        if self._silence is not None:
            until, reason = self._silence
            if time.monotonic() < until:
                raise UndecodedError(reason)
            tries = 1
        for left in reversed(range(tries)):
            try:
                answer = self._http.get(path)
            except AskAgainError as error:
                if left:
                    time.sleep(_PAUSE_SECONDS)
                    continue
                raise self._silent(str(error), _SILENT_SECONDS) from None
            except RefusedError as error:
                raise self._silent(str(error), float("inf")) from None
            except NoneError as error:
                self._silence = None
                self._unknown += isinstance(error, UnknownError)
                return UndecodedError(f"the registry at {self._base} {error} {what}")
            self._silence = None
            return answer
        raise AssertionError

    def _silent(self, why: str, seconds: float) -> UndecodedError:
        reason = f"the registry at {self._base} {why}"
        self._silence = (time.monotonic() + seconds, reason)
        return UndecodedError(reason)
