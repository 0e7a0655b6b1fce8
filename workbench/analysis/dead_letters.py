"""What services gave up on: dead letters by cause, and what became of them.

Adds up over a split by flow: a part has a row for each letter.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from workbench.analysis.answer import Answer
from workbench.analysis.duplicates import on_retry_channel, retrying_service
from workbench.analysis.order import nanoseconds, utc
from workbench.analysis.parts import named
from workbench.analysis.reasons import read_reason
from workbench.analysis.traffic_parts import codes_of, firsts, stacked, total
from workbench.analysis.wording import count, cut
from workbench.capture.columns import DEAD_LETTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.analysis.arrays import Bools, Ints, Small
    from workbench.analysis.index import FlowIndex

CAUSE: Final = ["service", "reaction", "error_type", "message"]
_VARIES: Final = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=\w*\d)[0-9a-f]{8,}\b|\d+", re.IGNORECASE
)
_MESSAGE: Final = 200
"""Letters of a message by which causes are told apart."""
_DECISIONS: Final = ("DeadLetterRedriven", "DeadLetterEdited")
"""The events that the workbench's own desk for dead letters writes when it hands one back."""


def part(index: FlowIndex, frame: pd.DataFrame) -> pd.DataFrame:
    """List a part's dead letters, each with its cause and what became of it."""
    rows, event = index.copy[index.dead], index.copy_event[index.dead]
    code, reasons = pd.factorize(index.reason)
    causes = [cause_of(str(reason)) for reason in reasons]
    table = pd.DataFrame(
        {
            name: named(code, np.array([cause[n] for cause in causes], dtype=object))
            for n, name in enumerate(CAUSE)
        }
    )
    table["when"] = came_at(frame, rows)
    table["event"] = event
    table["redriven"], table["unsure"] = _handed_back(index, frame, table, rows)
    table["answered"] = _answered(index, table)
    table["id"] = frame["id"].array[rows]
    table["flow"] = frame["correlation_id"].array[rows]
    table = table.drop(columns="event")
    table.attrs["marked"] = int(DEAD_LETTER in frame)
    return table


def whole(parts: Sequence[pd.DataFrame]) -> Answer:
    """Put parts together; ``EventLog.dead_letters`` documents the columns."""
    found = stacked(parts).sort_values(["when", "flow", "id"], kind="stable")
    groups = found.groupby(CAUSE, observed=True, dropna=False)
    table = groups.agg(
        n=("when", "size"),
        flows=("flow", "nunique"),
        first=("when", "min"),
        last=("when", "max"),
        redriven=("redriven", "sum"),
        answered=("answered", "sum"),
    )
    table = table.reset_index()
    examples = firsts(found, groups)
    table["example"], table["example_flow"] = examples["id"], examples["flow"]
    table = table.sort_values(["n", *CAUSE], ascending=[False] + [True] * len(CAUSE))
    table = table.reset_index(drop=True)
    for name in (*CAUSE, "example", "example_flow"):
        table[name] = table[name].astype("str")
    for name in ("first", "last"):
        table[name] = utc(table[name].to_numpy(np.int64))
    from workbench.analysis.plots_traffic import plot_dead_letters

    sentence = _sentence(table, found, is_marked=total(parts, "marked") > 0)
    return Answer(table, sentence, partial(plot_dead_letters, letters=found))


def cause_of(reason: str) -> tuple[str | None, str | None, str | None, str]:
    """Service, reaction, type of error and message of a dead letter's reason.

    Numbers and ids in the message, which differ from letter to letter, become ``…``.
    """
    service, reaction, error, message = read_reason(reason)
    return service, reaction, error, cut(_VARIES.sub("…", message[: 4 * _MESSAGE]), _MESSAGE)


def came_at(frame: pd.DataFrame, rows: Ints | Small) -> Ints:
    """When rows came, in nanoseconds: by the broker's time, else by the event's."""
    return nanoseconds(frame["broker_time"].iloc[rows].fillna(frame["time"].iloc[rows]))


def _handed_back(
    index: FlowIndex, frame: pd.DataFrame, letters: pd.DataFrame, letter_rows: Ints
) -> tuple[Bools, Bools]:
    """Whether each letter was later handed back to its service: over its retry channel, or so said.

    And whether that is not known: it was handed back, but the broker's time of one of the two is
    missing, and a copy has its event's time.
    """
    channel, on_broker = codes_of(frame["channel"]), frame["broker_time"].notna().to_numpy()
    is_for_retries = on_retry_channel(frame["channel"])
    # Of an event's records, which all have its time, any may have been taken for the event itself.
    itself = np.flatnonzero(is_for_retries[channel[index.row]])
    again = index.duplicate & is_for_retries[channel[index.copy]]
    rows = np.concatenate([index.copy[again], index.row[itself]])
    names = [_last_name(retrying_service(name)) for name in frame["channel"].cat.categories]
    decision = np.isin(index.type_names.astype("str"), _DECISIONS)
    said = np.flatnonzero(decision[index.type] & (index.cause >= 0))
    payloads = frame["data"].iloc[index.row[said]].tolist()
    services = [str(data.get("service")) if isinstance(data, dict) else "" for data in payloads]
    handed = pd.DataFrame(
        {
            "event": np.concatenate([index.copy_event[again], itself, index.cause[said]]),
            "service": pd.array(
                [*(names[code] for code in channel[rows].tolist()), *services], dtype="str"
            ),
            "copy": np.repeat([True, False], [len(rows), len(said)]),
            "handed": np.concatenate([came_at(frame, rows), came_at(frame, index.row[said])]),
        }
    )
    handed["unsure"] = np.append(~on_broker[rows], np.zeros(len(said), dtype=bool))
    by_letter = handed[handed["event"] >= 0].groupby(["event", "service"])
    latest = by_letter.agg(
        handed=("handed", "max"), unsure=("unsure", "any"), copies=("copy", "any")
    )
    wanted = letters[["event"]].assign(service=letters["service"].astype("str"))
    found = wanted.join(latest, on=["event", "service"])
    later = found["handed"].to_numpy(np.float64) > letters["when"].to_numpy()
    copied = found["copies"].eq(other=True).to_numpy(dtype=bool)
    unsure = found["unsure"].eq(other=True).to_numpy(dtype=bool) | ~on_broker[letter_rows]
    return later, copied & unsure & ~later


def _last_name(service: str) -> str:
    """A service's name without the namespace that channels carry."""
    return service.rsplit(".", 1)[-1]


def _answered(index: FlowIndex, letters: pd.DataFrame) -> Bools:
    """Whether the service that gave up on an event has an effect of it after all."""
    concerned = np.zeros(len(index.cause) + 1, dtype=bool)
    concerned[letters["event"]] = True
    concerned[-1] = False
    effect = np.flatnonzero(concerned[index.cause])
    n = len(index.source_names)
    number = {name: code for code, name in enumerate(index.source_names)}
    services = letters["service"].cat
    code_of = np.array([*(number.get(name, -1) for name in services.categories), -1])
    service, event = code_of[services.codes.to_numpy()], letters["event"].to_numpy()
    done = np.isin(event * n + service, index.cause[effect] * n + index.source[effect])
    return done & (service >= 0) & (event >= 0)


def cause_text(cause: Any) -> str:
    """A row's cause in a line: ``billing/charge: TimeoutError: no answer``."""
    who = "/".join(part for part in (cause.service, cause.reaction) if isinstance(part, str))
    return ": ".join(
        part for part in (who, cause.error_type, cause.message) if isinstance(part, str) and part
    )


def _sentence(table: pd.DataFrame, found: pd.DataFrame, *, is_marked: bool) -> str:
    if found.empty and not is_marked:
        return (
            "No dead letter is marked here, for there is no column dead_letter. If a column says why "
            'rows failed, read the log with mapping={"dead_letter": "the column"}.'
        )
    if found.empty:
        return "No service gave up on an event: there are no dead letters."
    top = next(table.itertuples())
    redriven, answered = int(found["redriven"].sum()), int(found["answered"].sum())
    unsure = int(found["unsure"].sum())
    were = "was" if redriven == 1 else "were"
    became = (
        f"{redriven:,} of them {were} redriven later" if redriven else "None was redriven later"
    )
    if unsure:
        became += f" (of {unsure:,} that is not known, for want of the broker's times)"
    if unsure == len(found):
        became = "Whether any was redriven later is not known (the broker's times are missing)"
    after_all = f", {answered:,} answered after all" if answered else ""
    if unnamed := int(found["service"].isna().sum()):
        whose = "1 names" if unnamed == 1 else f"{unnamed:,} name"
        after_all += f"; {whose} no service, whose answer is not known"
    return (
        f"{count(len(found), 'dead letter')} of {count(found['flow'].nunique(), 'flow')}, by "
        f"{count(len(table), 'cause')}; the most frequent, {top.n:,}: {cut(cause_text(top), 120)}. "
        f"{became}{after_all}."
    )
