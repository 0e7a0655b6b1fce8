"""Asking a schema registry over HTTP, without ever showing a user, a password or a token."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from workbench.brokers.loopback import is_loopback
from workbench.errors import LogError

_ACCEPT: Final = "application/vnd.schemaregistry.v1+json, application/json"
_MOST_BYTES: Final = 16_000_000
_AT_ONCE: Final = 1 << 16
_NO_ENTRANCE, _NOT_FOUND, _TOO_MANY, _SERVER = 401, 404, 429, 500


class AskAgainError(Exception):
    """The registry may answer another time."""


class RefusedError(Exception):
    """The registry won't answer, whatever it is asked."""


class NoneError(Exception):
    """The registry does not have, or not give, what it is asked for."""


class UnknownError(NoneError):
    """The registry does not know it."""


class RegistryHTTP:
    """A registry's address and what lets us in there; :class:`~workbench.capture.SchemaRegistry` says what is what.

    Attributes
    ----------
    base
        The address as it may be shown.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None,
        password: str | None,
        token: str | None,
        cafile: str | None,
        timeout: float,
    ) -> None:
        self.base, in_url, host = _parts(url)
        if user is None and password is None:
            user, password = in_url
        self._authorization = _authorization(user, password, token)
        self._timeout = timeout
        self._opener = _opener(host, cafile)

    def get(self, path: str) -> Any:
        """The JSON at a path; an empty object if the answer is no JSON.

        Raises
        ------
        AskAgainError, RefusedError, NoneError
            There is none; the message is what a sentence about the registry goes on with.
        """
        request = urllib.request.Request(f"{self.base}{path}", headers={"Accept": _ACCEPT})  # noqa: S310 - checked to be http(s)
        if self._authorization is not None:
            # Not given on to wherever the registry sends us.
            request.add_unredirected_header("Authorization", self._authorization)
        deadline = time.monotonic() + self._timeout
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                text = _read(response, deadline)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _NO_ENTRANCE:
                raise RefusedError(
                    "does not let us in (HTTP 401): check the user and password, or the token"
                ) from None
            if error.code == _TOO_MANY or error.code >= _SERVER:
                raise AskAgainError(f"answers with HTTP {error.code}") from None
            if error.code == _NOT_FOUND:
                raise UnknownError("has no") from None
            raise NoneError(f"answers with HTTP {error.code} for") from None
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise RefusedError(
                    f"has a certificate that is not trusted ({cause.verify_message})"
                ) from None
            raise AskAgainError(f"does not answer ({_why(cause)})") from None
        if len(text) > _MOST_BYTES:
            return {}
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return {}


def _read(response: Any, deadline: float) -> bytes:
    """What a response holds; it may not come drop by drop for longer than it may take."""
    text = bytearray()
    while len(text) <= _MOST_BYTES and (part := response.read1(_AT_ONCE)):
        text += part
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(text)


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
