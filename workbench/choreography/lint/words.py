"""What the name of an event says: something that happened, a command, a failure, or none of it.

English, by its last letters and short lists of words; in doubt, a name is held to be a good one.
"""

from __future__ import annotations

import re
from itertools import pairwise

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")


def _several(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_PAST = _several(
    "bed bleed breed embed exceed feed hundred indeed need proceed red seed shed speed succeed weed"
)
_IRREGULAR = _several(  # those of which the present is another word
    "arisen ate awoken been began begun bent bitten blown born bought bound broke broken brought"
    " built came caught chosen clung dealt done drawn driven drew drove eaten fallen fed fell felt"
    " flown forbidden forgiven forgotten fought found froze frozen gave given gone got gotten grew"
    " grown heard held hidden hung kept knew known laid lain led left lent lit lost made meant met"
    " mistaken paid proven ran rang risen sat seen sent shaken shown shrunk sold sought spent spoken"
    " spun stolen stood struck stuck sunk swept sworn taken taught thrown told took torn understood"
    " undone went withdrawn woken won wore worn wound written"
)
_LIKE_THE_PRESENT = _several(
    "bid broadcast burst cast cost cut forecast hit hurt let overrun put quit read rerun reset run"
    " set shut split spread thrust upset"
)
_PREFIXES = ("un", "re", "over", "under", "out", "mis", "pre", "up", "with")

_COMMANDS = _several(
    "accept activate add allocate apply approve archive assign authorise authorize block book"
    " calculate cancel capture change charge check close collect compensate complete compute"
    " confirm create deactivate decline delete deliver deny disable dispatch enable enqueue enrol"
    " enroll execute expire fetch fulfil fulfill generate get handle hold ingest init initialise"
    " initialize initiate insert invalidate invite issue kick launch load lock make mark merge"
    " modify move notify open pay perform pick place post prepare process provision publish pull"
    " push reactivate rebuild receive recalculate refresh refuse register reject release remove"
    " rename renew replace reserve resend reset resolve restart restore retry reverse revoke run"
    " save schedule sell send set settle ship show sign start stop store submit suspend sync"
    " synchronise synchronize terminate transmit trigger unlock unsubscribe update upload upsert"
    " validate verify withdraw write"
)
_FAILURES = _several(
    "aborted bounced crashed declined denied errored expired failed failure refused rejected"
    " timeout unavailable undeliverable"
)
_FAILING_PAIRS = {("out", "of"), ("timed", "out")}


def words(name: str) -> list[str]:
    """The words of a name, in small letters: ``OrderPlaced`` and ``order.placed`` are the same."""
    found = [word.lower() for word in _WORD.findall(name)]
    while len(found) > 1 and found[-1] in {"event", "v"}:
        found.pop()
    return found


def is_past(name: str) -> bool:
    """Whether a name says that something happened: ``OrderPlaced``, ``EmailSent``, ``LoggedIn``."""
    return any(
        _is_participle(word) or (n > 0 and word in _LIKE_THE_PRESENT)
        for n, word in enumerate(words(name))
    )


def is_command(name: str) -> bool:
    """Whether a name tells somebody to do something: ``ReserveStock``, ``PaymentCommand``."""
    found = words(name)
    if len(found) < 2 or is_past(name):
        return False
    return found[0] in _COMMANDS or found[-1] == "command"


def is_failure(name: str) -> bool:
    """Whether a name says that something went wrong: ``PaymentDeclined``, ``OutOfStock``."""
    found = words(name)
    pairs = {*pairwise(found)}
    return not _FAILURES.isdisjoint(found) or not _FAILING_PAIRS.isdisjoint(pairs)


def _is_participle(word: str) -> bool:
    if word.endswith("ed"):
        return len(word) > 3 and word not in _NO_PAST
    bare = [word.removeprefix(prefix) for prefix in _PREFIXES if word.startswith(prefix)]
    return not _IRREGULAR.isdisjoint({word, *bare})
