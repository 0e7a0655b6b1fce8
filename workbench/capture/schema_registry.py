"""A schema registry, asked over HTTP: Confluent's, and those that speak as it does.

Karapace and Redpanda do so at their address, Apicurio under ``/apis/ccompat/v7``.
https://docs.confluent.io/platform/current/schema-registry/develop/api.html

Each schema is asked for once, and so is each that isn't there. A registry that does not answer is
asked three times, and after that once a minute at most.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

from workbench.brokers.loopback import is_loopback
from workbench.capture.schemas import AVRO, Reference, Schema, SchemaId
from workbench.errors import LogError, UndecodedError

_ACCEPT: Final = "application/vnd.schemaregistry.v1+json, application/json"
_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.2
_SILENT_SECONDS: Final = 60.0
_MOST_BYTES: Final = 16_000_000
_MOST_UNKNOWN: Final = 1_000
"""So many ids without a schema: they are no ids, but values in some other format."""
_MOST_REFERENCES: Final = 500
_NO_ENTRANCE, _NOT_FOUND, _TOO_MANY, _SERVER = 401, 404, 429, 500


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
        self._base, in_url, host = _parts(url)
        if user is None and password is None:
            user, password = in_url
        self._authorization = _authorization(user, password, token)
        self._timeout = timeout
        self._opener = _opener(host, cafile)
        self._lock = threading.RLock()
        self._answers: dict[str, Any] = {}
        self._unknown = 0
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
        return self._read(found, f"schema {schema_id}")

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
            answer = self._answers.get(path)
            if answer is None:
                answer = self._ask(path, what)
                self._answers[path] = answer
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
        if self._unknown >= _MOST_UNKNOWN:
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
                answer = self._get(path)
            except _AskAgainError as error:
                if left:
                    time.sleep(_PAUSE_SECONDS)
                    continue
                raise self._silent(str(error), _SILENT_SECONDS) from None
            except _RefusedError as error:
                raise self._silent(str(error), float("inf")) from None
            except _NoneError as error:
                self._silence = None
                self._unknown += 1
                return UndecodedError(f"the registry at {self._base} {error} {what}")
            self._silence = None
            return answer
        raise AssertionError

    def _silent(self, why: str, seconds: float) -> UndecodedError:
        reason = f"the registry at {self._base} {why}"
        self._silence = (time.monotonic() + seconds, reason)
        return UndecodedError(reason)

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(f"{self._base}{path}", headers={"Accept": _ACCEPT})  # noqa: S310 - checked to be http(s)
        if self._authorization is not None:
            # Not given on to wherever the registry sends us.
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                text = response.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _NO_ENTRANCE:
                raise _RefusedError(
                    "does not let us in (HTTP 401): check the user and password, or the token"
                ) from None
            if error.code == _TOO_MANY or error.code >= _SERVER:
                raise _AskAgainError(f"answers with HTTP {error.code}") from None
            has = "has no" if error.code == _NOT_FOUND else f"answers with HTTP {error.code} for"
            raise _NoneError(has) from None
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise _RefusedError(
                    f"has a certificate that is not trusted ({cause.verify_message})"
                ) from None
            raise _AskAgainError(f"does not answer ({_why(cause)})") from None
        if len(text) > _MOST_BYTES:
            return {}
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return {}


class _AskAgainError(Exception):
    """The registry may answer another time."""


class _RefusedError(Exception):
    """The registry won't answer, whatever it is asked."""


class _NoneError(Exception):
    """The registry does not have, or not give, what it is asked for."""


def _parts(url: str) -> tuple[str, tuple[str | None, str | None], str]:
    """The address without secrets, the user and password in it, and its host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except (ValueError, AttributeError):
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise LogError(
            "a schema registry's address is http://host:port or https://host:port, with a path "
            "behind it if it has one."
        )
    shown = f"[{host}]" if ":" in host else host
    base = f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    if not base.isascii() or not base.isprintable() or " " in base:
        raise LogError("a schema registry's address is ASCII, and has no spaces in it.")
    user = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    return base, (user, password), host


def _authorization(user: str | None, password: str | None, token: str | None) -> str | None:
    if token is not None:
        if user is not None or password is not None:
            raise LogError(
                "a schema registry is given a user and a password, or a token: not both."
            )
        if not token.isascii() or not token.isprintable() or " " in token or not token:
            raise LogError("the token for the schema registry has letters that no token has.")
        return f"Bearer {token}"
    if user is None and password is None:
        return None
    pair = f"{user or ''}:{password or ''}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _opener(host: str, cafile: str | None) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = []
    if is_loopback(f"[{host}]" if ":" in host else host):
        handlers.append(urllib.request.ProxyHandler({}))
    if cafile is not None:
        try:
            context = ssl.create_default_context(cafile=cafile)
        except (OSError, ssl.SSLError) as error:
            raise LogError(
                f"the certificates in {cafile} can't be used: {getattr(error, 'strerror', error)}."
            ) from error
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def _why(error: Any) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200].rstrip(".")
