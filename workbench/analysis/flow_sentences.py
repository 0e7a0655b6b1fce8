"""The sentences that sum up flows and variants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.analysis.wording import count, cut, length, percent

if TYPE_CHECKING:
    import pandas as pd


_LETTERS = 120
"""Of the path of a variant."""


def of_flows(flows: pd.DataFrame, left: int, clocks: int) -> str:
    """What ``EventLog.flows`` says, in words.

    ``left``: how many events are in no flow; ``clocks``: how many flows begin or end with an effect that
    stands before its cause.
    """
    n, events = len(flows), int(flows["events"].sum())
    left_out = f" {count(left, 'event')} without a correlation id: in no flow." if left else ""
    if not n:
        return f"There is no flow here.{left_out}"
    said = f"{count(n, 'flow')} of {count(events, 'event')}"
    took = flows["duration_ms"].dropna() / 1e3
    if len(took):
        longest = flows.loc[took.index, "correlation_id"].iloc[int(took.argmax())]
        half, most = took.quantile([0.5, 0.95])
        said += (
            f"; half take {length(half)} or less, 95 % {length(most)}, "
            f"the longest ({cut(longest, 40)}) {length(float(took.max()))}"
        )
    said += "."
    if clocks:
        said += (
            f" {count(clocks, 'flow')} begin{'s' if clocks == 1 else ''} or end"
            f"{'s' if clocks == 1 else ''} by a clock that differs from the others, and seem"
            f"{'s' if clocks == 1 else ''} to take longer: see log.without_skew().flows()."
        )
    largest = flows.iloc[int(flows["events"].argmax())]
    if n > 1 and largest["events"] >= events / 2:
        said += (
            f" One flow, {cut(largest['correlation_id'], 40)}, has {largest['events']:,} of them."
        )
    return said + left_out


def of_variants(variants: pd.DataFrame) -> str:
    """What ``EventLog.variants`` says, in words."""
    if variants.empty:
        return "There is no flow here, and so no variant."
    first, n = variants.iloc[0], int(variants["flows"].sum())
    alone = int((variants["flows"] == 1).sum())
    return (
        f"{count(len(variants), 'variant')} in {count(n, 'flow')}; {percent(first['share'])} take "
        f"{first['variant']}: {cut(first['path'], _LETTERS)}."
        + (f" {count(alone, 'variant')} of a single flow." if alone else "")
    )
