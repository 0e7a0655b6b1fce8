"""What sets some flows apart from the rest: which value, of which attribute, on which event?

Each condition that a value or a threshold makes splits the flows in two. It is scored by how much
it tells about the side that a flow is on, and by how easily chance alone would do as well, among so
many conditions tried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.analysis import attributes
from workbench.analysis.answer import Answer
from workbench.analysis.flow_ids import flow_id
from workbench.analysis.parts import together
from workbench.analysis.plots_explain import plot_explain
from workbench.analysis.separating import IS_THERE, conditions
from workbench.analysis.wording import count, cut, percent, shown
from workbench.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.analysis.arrays import Bools
    from workbench.analysis.index import FlowIndex

_LISTED = 50
_CHANCE = 0.05
_TOLD = 3
_CLOSE = 0.3
"""Bits that are worth a word though they may be chance."""
_TELLS_NOTHING = 1e-9
"""Bits: what rounding leaves of a condition that holds for as many on both sides."""


def ids_of(flows: Any, every: Callable[[], pd.DataFrame]) -> pd.Index[Any]:
    """Read which flows are meant: their correlation ids, each once.

    Parameters
    ----------
    flows
        A list of ids, a table or a log that has them, or a mask over ``every``.
    every
        Gives the table of all flows, in order.

    Raises
    ------
    LogError
        It can't be told which.
    """
    given = flows.frame if hasattr(flows, "frame") else flows
    if isinstance(given, pd.DataFrame):
        if "correlation_id" not in given:
            raise LogError(
                "the table of flows has no column 'correlation_id': give a list of correlation "
                "ids, or a table that has them."
            )
        given = given["correlation_id"].dropna()
    if isinstance(given, str | int):
        given = [given]
    if not isinstance(given, Iterable):
        raise LogError(
            f"explain takes flows, and not {shown(given)}: a list of correlation ids, a table that has "
            "them, or a mask of log.flows()."
        )
    values = given.to_numpy() if isinstance(given, pd.Series) else given
    cells = np.array([flow_id(cell) for cell in values], dtype=object)
    if len(cells) and all(isinstance(cell, bool | np.bool_) for cell in cells):
        names = every()["correlation_id"].to_numpy(dtype=object)
        if len(cells) != len(names):
            raise LogError(
                f"the mask has {len(cells):,} entries for {count(len(names), 'flow')}: "
                "it needs one for each row of log.flows()."
            )
        if isinstance(given, pd.Series):
            cells = _in_order(given, pd.Index(names)).to_numpy(dtype=object)
        cells = names[cells.astype(bool)]
    found: pd.Index[Any] = pd.Index(pd.unique(cells), dtype="object")
    return found


def _in_order(mask: pd.Series[Any], names: pd.Index[Any]) -> pd.Series[Any]:
    """A mask in the order of flows: its index may tell that it was made of flows in another one."""
    for flows in (names, pd.RangeIndex(len(names))):
        if mask.index.is_unique and mask.index.isin(flows).all():
            return mask.reindex(flows)
    return mask


def asked_about(index: FlowIndex, flows: pd.Index[Any]) -> Bools:
    """Of each flow of a part, whether it is asked about."""
    return np.asarray(pd.Series(index.correlation_id).isin(flows), dtype=bool)


def lots(index: FlowIndex, flows: pd.Index[Any]) -> pd.DataFrame:
    """The flows of a part that may be looked at, and how many are asked about, and not."""
    asked = asked_about(index, flows)
    table = attributes.lots(index, asked)
    table.attrs.update(asked=int(asked.sum()), rest=int((~asked).sum()))
    return table


def counted(parts: Sequence[pd.DataFrame], flows: pd.Index[Any]) -> tuple[int, int, int]:
    """How many flows of a log are asked about, how many are not, and how many it doesn't hold.

    Raises
    ------
    LogError
        It holds none of them.
    """
    asked, rest = (sum(part.attrs[side] for part in parts) for side in ("asked", "rest"))
    if len(flows) and not asked:
        raise LogError(
            f"none of the {count(len(flows), 'flow')} asked about is in this log: "
            "log.flows() lists those it has."
        )
    return asked, rest, len(flows) - asked


def whole(
    parts: Iterable[pd.DataFrame],
    asked: int,
    rest: int,
    unknown: int = 0,
    *,
    mapped: Collection[str] = (),
) -> Answer:
    """Rank what tells the flows apart; ``EventLog.explain`` documents the columns.

    Parameters
    ----------
    parts
        As :func:`workbench.analysis.attributes.attributes` gives them, of the flows drawn.
    asked, rest
        How many flows are asked about, and how many are not.
    unknown
        How many of the ids asked about the log doesn't hold.
    mapped
        Attributes that say again what a standard column does, which was read of them.
    """
    rows = together(parts)
    head = rows[rows["attribute"].isna()]
    kept = rows[rows["attribute"].notna()]
    kept = _of_flows(kept[~(_only_time(kept) | kept["attribute"].isin(mapped))])
    inside, outside = int(head["asked"].sum()), int((~head["asked"]).sum())
    table = conditions(kept, inside, outside)
    # Of events that none of the flows has, that they are missing is all there is to tell: a "type".
    held = kept.loc[kept["asked"], "event_type"].dropna().unique()
    told = table["event_type"].isna() | table["event_type"].isin(held)
    table = table[told & (table["score"] > _TELLS_NOTHING) & bool(inside and outside)]
    rarer = table["inside_share"] < table["outside_share"]
    whole_flow, happened = table["event_type"].isna(), table["attribute"].isin(["type", "service"])
    table = (
        table.assign(
            rarer=rarer,
            chance=table["by_chance"] > _CHANCE,
            # What is stuck lacks what comes later: that is what was asked, and no reason for it.
            shape=whole_flow & ((table["attribute"] == "variant") | (happened & rarer)),
            # That an event has an attribute is hardly more than that the flow has the event.
            presence=table["condition"] == IS_THERE,
        )
        .sort_values(
            [
                "chance",
                "shape",
                "score",
                "rarer",
                "presence",
                "attribute",
                "event_type",
                "condition",
            ],
            ascending=[True, True, False, True, True, True, True, True],
            ignore_index=True,
            na_position="first",
        )
        .drop_duplicates("same", ignore_index=True)
    )
    by_shape = bool(table["shape"].head(1).any())
    closest = _closest(table[table["chance"] & ~table["shape"] & ~table["rarer"]])
    table = table.drop(columns=["same", "rarer", "chance", "shape", "presence"]).head(_LISTED)
    sentence = _sentence(table, asked, rest, closest, by_shape=by_shape)
    if (inside, outside) != (asked, rest):
        sentence += (
            f" Looked at were {inside:,} of the {asked:,} flows and {outside:,} of the "
            f"{rest:,} others, drawn by a hash of their ids."
        )
    if unknown:
        sentence += (
            f" {count(unknown, 'id')} asked about is not in this log."
            if (unknown == 1)
            else f" {unknown:,} ids asked about are not in this log."
        )
    return Answer(table, sentence, partial(plot_explain, inside=inside, outside=outside))


def _of_flows(rows: pd.DataFrame) -> pd.DataFrame:
    """Make an attribute that says the same on whichever event of a flow it stands one of the flow.

    As an attribute of each type that repeats it, it would be tried as often.
    """

    def n_pairs(further: list[str]) -> pd.Series[int]:
        return rows[["attribute", *further]].drop_duplicates()["attribute"].value_counts(sort=False)

    repeated = n_pairs(["flow", "value"]) == n_pairs(["flow"])
    repeated &= n_pairs(["event_type"]) > 1
    is_flows = rows["attribute"].map(repeated).astype(bool)
    rows = rows.assign(event_type=rows["event_type"].where(~is_flows))
    return rows.drop_duplicates(["flow", "attribute", "event_type", "value"])


def _only_time(rows: pd.DataFrame) -> Bools:
    """Whether each row is of an attribute that only says once more when its events were."""
    types = rows["event_type"].cat
    kind = rows["attribute"].cat.codes.to_numpy(np.int64) * (len(types.categories) + 1)
    kind += types.codes.to_numpy(np.int64) + 1
    others = np.bincount(kind, ~rows["repeats_time"].to_numpy(), kind.max(initial=0) + 1)
    return np.asarray(others[kind] == 0, dtype=bool)


def _sentence(table: pd.DataFrame, asked: int, rest: int, closest: str, *, by_shape: bool) -> str:
    """Sum up a ranking.

    ``closest``: says what comes closest to be no chance, if anything; ``by_shape``: what happened in
    the flows is all that is surely none.
    """
    if not asked or not rest:
        return (
            f"There is nothing to tell apart: {count(asked, 'flow')} asked about, {rest:,} others."
        )
    sure = table[table["by_chance"] <= _CHANCE]
    if sure.empty:
        return (
            f"Nothing sets the {count(asked, 'flow')} apart from the {count(rest, 'other')} by more than "
            f"chance.{closest}"
        )
    first = sure.iloc[0]
    sentence = "Nothing but what happened in them tells them apart: " if by_shape else ""
    sentence += (
        f"{percent(first['inside_share'])} of the {count(asked, 'flow')} have {_told(first)}, "
        f"{percent(first['outside_share'])} of the {rest:,} others."
    )
    others = sure.drop_duplicates("attribute")  # payloads repeat what earlier ones said
    for _, row in others.iloc[1:_TOLD].iterrows():
        sentence += (
            f" Then: {_told(row)} ({percent(row['inside_share'])} against "
            f"{percent(row['outside_share'])})."
        )
    return sentence + (closest if by_shape else "")


def _closest(unsure: pd.DataFrame) -> str:
    """Name the first of some conditions that may be chance, if it tells much."""
    if unsure.empty or unsure["score"].iloc[0] < _CLOSE:
        return ""
    row = unsure.iloc[0]
    return (
        f" What comes closest may be chance: {_told(row)} ({percent(row['inside_share'])} against "
        f"{percent(row['outside_share'])})."
    )


def _told(row: pd.Series[Any]) -> str:
    on = "" if pd.isna(row["event_type"]) else f" on {row['event_type']}"
    return f"{row['attribute']} {cut(row['condition'], 120)}{on}"
