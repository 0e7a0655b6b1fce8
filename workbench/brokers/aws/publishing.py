"""Sending: what goes to SNS, ten at a time, and what becomes of each."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

from workbench.brokers.aws.account import Account
from workbench.brokers.aws.connecting import MISSING, code_of, may_be_done
from workbench.brokers.aws.encoding import Written, write
from workbench.brokers.aws.names import topic_name
from workbench.brokers.broker import Landed, Outgoing, Producer
from workbench.errors import BrokerError, BrokerUnavailableError, EventRefusedError
from workbench.events.dead_letter import PREFIX as DEAD_LETTER
from workbench.events.retry import PREFIX as RETRY

LARGEST = 256 * 1024
"""Bytes of a message, and of all the messages of one request, that SNS takes."""
_LARGEST_EVENT = LARGEST - 32 * 1024
"""Bytes of an event that is sent for the first time: its dead letter, with the reason, must fit."""
_SURELY_SMALL = 4_000
"""Bytes of an event that, however it is written, can't be too large as a message."""
_TOGETHER = 10
_LANES = 4
"""Requests that one batch keeps under way for a channel; all events of a key go in one lane."""
_GROUP = re.compile(r"[!-~]{1,128}")
"""What SNS allows as the name of a message group: printable ASCII without a space."""


class _Entry(NamedTuple):
    place: int
    channel: str
    key: bytes | None
    written: Written
    size: int


class AWSProducer(Producer):
    """Publishes to the topics of channels."""

    def __init__(self, account: Account) -> None:
        self._account, self._connection = account, account.connection

    def send(self, batch: Sequence[Outgoing]) -> list[Landed | BrokerError]:
        answers: dict[int, Landed | BrokerError] = {}
        entries: dict[str, list[_Entry]] = {}
        for place, outgoing in enumerate(batch):
            try:
                topic_name(outgoing.channel)
            except BrokerError as error:
                answers[place] = EventRefusedError(str(error))
                continue
            written = write(outgoing)
            size = written.size()
            noted = any(name.startswith((RETRY, DEAD_LETTER)) for name, _ in outgoing.headers)
            most = LARGEST if noted else _LARGEST_EVENT
            if size > most:
                answers[place] = _too_large(f"the event for {outgoing.channel}", size, most)
                continue
            entry = _Entry(place, outgoing.channel, outgoing.key, written, size)
            entries.setdefault(outgoing.channel, []).append(entry)
        lanes = [lane for of_channel in entries.values() for lane in _lanes(of_channel)]
        for answered in self._connection.together(self._send_lane, lanes):
            answers |= answered
        return [answers[place] for place in range(len(batch))]

    def _send_lane(self, entries: Sequence[_Entry]) -> dict[int, Landed | BrokerError]:
        """Send one request after the other; after one that failed none, to keep the order."""
        answers: dict[int, Landed | BrokerError] = {}
        for request in _requests(entries):
            failed = next((a for a in answers.values() if _failed(a)), None)
            answers |= (
                self._publish(request)
                if failed is None
                else {
                    entry.place: BrokerError(f"not sent, since one before it failed: {failed}")
                    for entry in request
                }
            )
        return answers

    def _publish(self, entries: Sequence[_Entry]) -> dict[int, Landed | BrokerError]:
        channel = entries[0].channel
        try:
            answer = self._connection.call(
                "sns",
                "publish_batch",
                TopicArn=self._account.topic_arn(channel),
                PublishBatchRequestEntries=[_request_entry(entry) for entry in entries],
            )
        except BrokerError as error:
            said = _unsent(channel, error)
            return {entry.place: said for entry in entries}
        refused = {int(failure["Id"]): failure for failure in answer.get("Failed", ())}
        landed = {int(success["Id"]) for success in answer.get("Successful", ())}
        return {
            entry.place: Landed(channel, 0, None)
            if entry.place in landed
            else _refusal(channel, refused.get(entry.place, {}))
            for entry in entries
        }

    def close(self) -> None:
        """Nothing to give back: the connection is the broker's."""


def check(outgoing: Outgoing, what: str) -> None:
    """See :meth:`Broker.check`: by what an event takes as a message."""
    if outgoing.size() > _SURELY_SMALL:
        size = write(outgoing).size()
        if size > _LARGEST_EVENT:
            raise _too_large(what, size, _LARGEST_EVENT)


def _too_large(what: str, size: int, most: int) -> EventRefusedError:
    return EventRefusedError(
        f"{what} is too large: {size:,} bytes as a message, and at most {most:,} are sent; SNS "
        f"takes {LARGEST:,}, its dead letter, too."
    )


def _lanes(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """One channel's entries, apart as far as they may be sent side by side."""
    number = min(_LANES, -(-len(entries) // _TOGETHER))
    lanes: list[list[_Entry]] = [[] for _ in range(number)]
    for entry in entries:
        lane = entry.place if entry.key is None else zlib.crc32(entry.key)
        lanes[lane % number].append(entry)
    return [lane for lane in lanes if lane]


def _requests(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """Entries in order, as many in a request as SNS takes."""
    requests: list[list[_Entry]] = []
    size = 0
    for entry in entries:
        if not requests or len(requests[-1]) == _TOGETHER or size + entry.size > LARGEST:
            requests.append([])
            size = 0
        requests[-1].append(entry)
        size += entry.size
    return requests


def _request_entry(entry: _Entry) -> dict[str, Any]:
    return {
        "Id": str(entry.place),
        "Message": entry.written.body,
        "MessageAttributes": entry.written.attributes,
        "MessageGroupId": _group(entry.key),
        # Another at every call: SNS would swallow, for five minutes, what is sent again or
        # redriven. All attempts at this call carry this one.
        "MessageDeduplicationId": uuid4().hex,
    }


def _group(key: bytes | None) -> str:
    """The message group of a key, within which SQS keeps the order."""
    if key is None:
        return uuid4().hex
    text = key.decode("ascii", "replace")
    return text if _GROUP.fullmatch(text) else f"sha256-{sha256(key).hexdigest()}"


def _failed(answer: Landed | BrokerError) -> bool:
    return isinstance(answer, BrokerError) and not isinstance(answer, EventRefusedError)


def _unsent(channel: str, error: BrokerError) -> BrokerError:
    """What an event is answered whose request failed."""
    if code_of(error) in MISSING:
        return EventRefusedError(f"there is no channel {channel!r}.")
    if may_be_done(error):
        return BrokerUnavailableError(
            f"SNS did not acknowledge the event for {channel}: it may be there or not; sent again "
            f"under the same id it is the same event. ({error})"
        )
    return error


def _refusal(channel: str, failure: dict[str, Any]) -> BrokerError:
    reason = f"{failure.get('Message', 'no reason given')} ({failure.get('Code', 'unknown')})"
    if failure.get("SenderFault"):
        return EventRefusedError(f"SNS refused the event for {channel}: {reason}.")
    return BrokerError(f"SNS did not take the event for {channel}: {reason}.")
