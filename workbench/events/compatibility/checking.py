"""Whether a new schema is compatible with the old ones: the question, for any format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import EventError
from workbench.events.compatibility.result import Compatibility
from workbench.events.compatibility.sides import MODES

POLICIES = ("strict", "lenient")


def check_compatibility(
    old: Any,
    new: Any,
    mode: str = "BACKWARD",
    policy: str = "strict",
    format: str = "json-schema",  # noqa: A002 - the name that a reader looks for
) -> Compatibility:
    """Whether those who must read can read, once a schema is replaced by another.

    Readers fill in their defaults before they validate.

    Parameters
    ----------
    old
        The schema before, or a list of them, oldest first.
    new
        The schema after.
    mode
        ``BACKWARD``: the new reader reads what the old one wrote. ``FORWARD``: the old reader
        reads what the new one writes. ``FULL``: both. With ``_TRANSITIVE``: against every old
        schema, not only the last. ``NONE``: anything goes.
    policy
        ``strict``: by the letter of the schemas. ``lenient``: an open writer writes only
        properties that it declares, as far as the reader declares others.
    format
        ``json-schema`` (draft-04 to 2020-12) or ``avro``.

    Returns
    -------
    The verdict, and each change with whom it breaks and a payload that proves it.

    Raises
    ------
    EventError
        A schema isn't one, or the mode, the policy or the format is unknown.

    Examples
    --------
    >>> old = {"properties": {"quantity": {"type": "integer"}}}
    >>> new = {"properties": {"quantity": {"type": "integer", "minimum": 1}}}
    >>> verdict = check_compatibility(old, new)
    >>> verdict.compatible
    False
    >>> verdict.changes[0].witness
    {'quantity': 0}
    """
    mode = _known("mode", str(mode).upper(), MODES)
    policy = _known("policy", policy, POLICIES)
    _known("format", format, ("json-schema", "avro"))
    olds = list(old) if isinstance(old, list | tuple) else [old]
    if not olds:
        raise EventError("there is no old schema to compare with; give at least one.")
    if format == "avro":
        from workbench.events.compatibility.avro import check_avro as check
    else:
        from workbench.events.compatibility.json_schema import check_json_schema as check
    return check(olds, new, mode, policy)


def _known(what: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise EventError(f"there is no {what} {value!r}; choose one of {', '.join(known)}.")
    return value
