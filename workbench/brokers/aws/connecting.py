"""The clients of SNS and SQS, and what goes wrong with them said in a sentence."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

from workbench.errors import BrokerError, BrokerUnavailableError

try:
    import boto3
    from botocore import exceptions as aws
    from botocore.config import Config
    from botocore.loaders import create_loader
    from botocore.parsers import ResponseParserError
    from botocore.session import get_session
except ImportError as error:
    raise BrokerError(
        "aws:// needs boto3, which is not installed: pip install 'choreography-workbench[aws]'."
    ) from error

LONGEST_WAIT = 1
"""Seconds that a request for messages waits for the first. SQS goes on with such a request when
whoever asked is gone, and what it gives then comes again only when its visibility ends."""
PARALLEL = 8
"""Requests that are under way at once, at most, for one connection."""
_ATTEMPTS = 3
_CREDENTIALS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
}
_THROTTLED = {
    "KMSThrottling",
    "KmsThrottled",
    "RequestThrottled",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
}
"""The codes of a topic or a queue that is not there."""
Item = TypeVar("Item")
Result = TypeVar("Result")

# What botocore knows of AWS takes a client 10 MB: it is read once, and services that are forked share it.
_KNOWLEDGE = create_loader()
for _name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
    _KNOWLEDGE.load_data(_name)
for _name in ("sns", "sqs"):
    for _kind in ("service-2", "endpoint-rule-set-1"):
        _KNOWLEDGE.load_service_model(_name, _kind)

# botocore tells of every retry; the workbench says in its own words what matters.
logging.getLogger("botocore").setLevel(logging.CRITICAL)
logging.getLogger("boto3").setLevel(logging.CRITICAL)


class Connection:
    """SNS and SQS in one region, by the credentials that AWS's own tools would use."""

    def __init__(self, region: str | None, endpoint_url: str | None, timeout: float) -> None:
        self.timeout = timeout
        self._region, self._endpoint_url = region, endpoint_url
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self._answered = False

    def client(self, service: str) -> Any:
        """The client of ``"sns"`` or ``"sqs"``; both may be used from any thread.

        Raises
        ------
        BrokerError
            No region is known, or the endpoint's address is none.
        """
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._new(service)
            return self._clients[service]

    def _new(self, service: str) -> Any:
        config = Config(
            connect_timeout=self.timeout,
            # Nobody waits for messages before there was an answer to something else.
            read_timeout=self.timeout + (LONGEST_WAIT if self._answered else 0),
            # We ask again ourselves: botocore's own attempts know of no time for them all.
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=2 * PARALLEL,
        )
        try:
            core = get_session()
            core.register_component("data_loader", _KNOWLEDGE)
            session = boto3.Session(botocore_session=core, region_name=self._region)
            return session.client(service, endpoint_url=self._endpoint_url, config=config)
        except aws.NoRegionError as error:
            raise BrokerError(
                "which AWS region? Say aws://eu-central-1, say, or set AWS_DEFAULT_REGION."
            ) from error
        except (aws.BotoCoreError, ValueError) as error:
            raise BrokerError(f"AWS can't be connected to: {_line(error)}.") from error

    @property
    def region(self) -> str:
        """The region, as given or as AWS's own settings say."""
        return str(self.client("sqs").meta.region_name)

    @property
    def endpoint(self) -> str:
        """The address that SQS is asked at."""
        return str(self.client("sqs").meta.endpoint_url)

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads for requests that need not wait for each other."""
        return ThreadPoolExecutor(PARALLEL, thread_name_prefix="aws")

    def together(self, do: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Do something for each item, several at a time; the results in order."""
        given = list(items)
        if len(given) < 2:
            return [do(item) for item in given]
        return list(self.pool.map(do, given))

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        """Ask AWS, again where that may help, and for about ``timeout`` seconds in all.

        Raises
        ------
        BrokerUnavailableError
            It does not answer, does not let us in, or asks to slow down.
        BrokerError
            It refused; :func:`code_of` tells by which code.
        """
        # An attempt may take all the time there is: it is made only while most of it is left.
        last, attempt = time.monotonic() + self.timeout / 3, 1
        while True:
            try:
                answer = getattr(self.client(service), operation)(**arguments)
            except (aws.BotoCoreError, aws.ClientError, ResponseParserError) as error:
                pause = random.random() * 2 ** (attempt - 1)
                left = last - time.monotonic()
                if attempt == _ATTEMPTS or left <= 0 or not _may_pass(error):
                    raise self._in_words(error, operation, attempt) from error
                time.sleep(min(pause, left))
                attempt += 1
            else:
                self._note_answer()
                return answer

    def _note_answer(self) -> None:
        """Who has answered may be waited for as long as messages are: by other clients."""
        if not self._answered:
            with self._lock:
                self._answered = True
                self._clients.clear()

    def _in_words(self, error: Exception, operation: str, attempt: int) -> BrokerError:
        if isinstance(error, aws.ClientError):
            return _refusal(error, operation, attempt)
        if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError)):
            return BrokerUnavailableError(
                "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or run `aws configure` (`aws sso login`)."
            )
        if isinstance(error, (aws.CredentialRetrievalError, aws.UnauthorizedSSOTokenError)):
            return BrokerUnavailableError(
                "the AWS credentials could not be fetched: sign in again (`aws sso login`)."
            )
        if isinstance(error, (aws.HTTPClientError, aws.ConnectionError)):
            return BrokerUnavailableError(
                f"no AWS answered at {self.endpoint} within {self.timeout:g} s; is the region "
                "right, and the endpoint_url, if one is given?"
            )
        if isinstance(error, ResponseParserError):
            return BrokerUnavailableError(
                f"what answers at {self.endpoint} is not AWS, or broke off at {operation}."
            )
        return BrokerError(f"AWS would not do {operation}: {_line(error)}.")

    def close(self) -> None:
        """Give every connection back."""
        with self._lock:
            if "pool" in self.__dict__:
                self.__dict__.pop("pool").shutdown(wait=False)
            for client in self._clients.values():
                client.close()
            self._clients.clear()


def _may_pass(error: Any) -> bool:
    """Whether the same request may be answered in a moment."""
    if isinstance(error, aws.ClientError):
        return code_of(error) in _THROTTLED or _status_of(error) >= 500
    # A server, or a proxy before it, that fails may answer with a page.
    return isinstance(error, (aws.HTTPClientError, aws.ConnectionError, ResponseParserError))


def may_be_done(error: BrokerError) -> bool:
    """Whether AWS may have done what was asked, or may do it yet, for all that is known."""
    cause = error.__cause__
    if isinstance(cause, aws.ClientError):
        return _status_of(cause) >= 500
    return isinstance(cause, (aws.HTTPClientError, ResponseParserError))


def _status_of(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))


def _refusal(error: Any, operation: str, attempt: int) -> BrokerError:
    code = code_of(error)
    if code in _CREDENTIALS:  # what AWS says further may quote the request
        return BrokerUnavailableError(
            f"AWS does not accept the credentials ({code}): are they right, and not expired?"
        )
    if code in _DENIED:
        return BrokerError(
            f"AWS does not allow these credentials to do {operation} ({code}): their policy must."
        )
    if code in _THROTTLED:
        return BrokerUnavailableError(
            f"AWS asks to slow down ({code}, at attempt {attempt} to do {operation})."
        )
    if _status_of(error) >= 500:
        return BrokerUnavailableError(f"AWS does not answer now ({code} at {operation}).")
    message = error.response.get("Error", {}).get("Message", "")
    return BrokerError(f"AWS would not do {operation}: {_line(message)} ({code}).")


def code_of(error: BaseException | None) -> str:
    """The code by which AWS refused; empty if it was not AWS."""
    cause = error.__cause__ if isinstance(error, BrokerError) else error
    return (
        str(cause.response.get("Error", {}).get("Code", ""))
        if isinstance(cause, aws.ClientError)
        else ""
    )


def _line(error: object) -> str:
    """What an error says, in one line and not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300].rstrip(".")
