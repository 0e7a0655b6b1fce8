"""Of several times the event's own: it stands with the id, and its flow's events have each another.

An envelope has a time as well, that of the record or of the message, and a row may hold that of what
it is about. Which is which can be told once the id, the type and the flow are known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.capture.reading.evidence import Evidence
from workbench.capture.reading.paths import Path
from workbench.capture.reading.seen import Seen
from workbench.capture.reading.vocabulary import WRAPPERS, is_later, points, words

_WITH_ID: Final = 40.0
"""Points for a time that stands with the id and the type, in an envelope's object."""
_NAMED: Final = 50.0
"""Points of a name from which on that counts."""
_STILL: Final = 50.0
"""Points off for a time at which a flow stands still."""
_FLOWS: Final = 3
"""Flows of several events below which they tell nothing."""


def own_time(scores: Mapping[Path, float], evidence: Evidence) -> Path:
    """The path of the events' own time.

    Parameters
    ----------
    scores
        Path → points, of all that may be it.
    evidence
        What is known of the others of our columns.
    """
    beside = [path for path in scores if not (is_later(path) or _is_of_a_payload(path, evidence))]
    in_text = any(_is_in_text(path, evidence) for path in scores)
    flows = evidence.seen.get(evidence.paths.get("correlation_id", ()))

    def worth(path: Path) -> tuple[float, bool, int]:
        each = evidence.seen[path]
        still = flows is not None and stands_still(each.values, flows.values)
        with_id = _is_with_id(path, evidence, in_text=in_text)
        # Of times at which something was done with an event the first is nearest to it.
        order = -(each.middle or 0) if is_later(path) else 0
        points_of = scores[path] + _WITH_ID * with_id - _STILL * still
        return points_of, not _are_dates(each), order

    return max(beside or scores, key=worth)


def _are_dates(each: Seen) -> bool:
    """Whether no time of day is told: something is due then, or valid."""
    return all(isinstance(v, str) and ":" not in v and len(v.strip()) < 12 for v in each.there)


def _is_with_id(path: Path, evidence: Evidence, *, in_text: bool) -> bool:
    """Whether a time with a good name stands in the object in which the id and the type stand.

    The outermost object is a row's and no envelope, and counts where another time stands in text.
    """
    paths = evidence.paths
    around = paths.get("id", ())[:-1]
    together = "id" in paths and paths.get("type", ())[:-1] == around and (around or in_text)
    # MongoDB's times are objects.
    place = path[:-1] if path[-1:] == ("$date",) else path
    return bool(together) and place[:-1] == around and points("time", place) > _NAMED


def _is_of_a_payload(path: Path, evidence: Evidence) -> bool:
    """Whether a time stands in JSON in a column that is no metadata, and the type stands beside that."""
    around = evidence.seen.get(path[:1]) if len(path) > 1 else None
    types = evidence.paths.get("type", ())
    if around is None or types[:1] in {(), path[:1]}:
        return False
    is_json = all(isinstance(value, str) and value[:1] == "{" for value in around.there)
    return is_json and words(path[0])[-1] not in WRAPPERS


def _is_in_text(path: Path, evidence: Evidence) -> bool:
    """Whether a path leads into a column of text that is no JSON."""
    around = evidence.seen.get(path[:1]) if len(path) > 1 else None
    return around is not None and all(
        isinstance(value, str) and value.lstrip()[:1] not in ("{", "[") for value in around.there
    )


def stands_still(times: Sequence[Any], flows: Sequence[Any]) -> bool:
    """Whether all events of each flow have one time, of those that have several events."""
    of_flow: defaultdict[Any, list[Any]] = defaultdict(list)
    for flow, time in zip(flows, times, strict=True):
        if flow is not None and flow != "" and time is not None:
            of_flow[str(flow)].append(time)
    several = [each for each in of_flow.values() if len(each) > 1]
    return len(several) >= _FLOWS and all(each.count(each[0]) == len(each) for each in several)


def record_time(evidence: Evidence) -> Path | None:
    """The time of a broker's record: what stands beside its place, where the event's own is elsewhere."""
    paths = evidence.paths
    places = {paths[column][:-1] for column in ("partition", "offset") if column in paths}
    if len(places) != 1 or paths.get("time", ())[:-1] in places:
        return None
    beside = (path for path in evidence.seen if path[:-1] in places and path not in paths.values())
    named = [path for path in beside if evidence.seen[path].form and points("time", path) > _NAMED]
    return max(named, key=lambda path: points("time", path), default=None)
