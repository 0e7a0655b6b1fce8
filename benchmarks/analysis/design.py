"""A design as a reference log shows it: who reacts to what, and which reactions are certain."""

from __future__ import annotations

import pandas as pd

from workbench.choreography import Choreography
from workbench.events import EventType


def design_of(reference: pd.DataFrame) -> Choreography:
    """Make a choreography of the causes and effects of a log.

    What a service has emitted after every event of a type is certain: one of those effects is due.
    What it has emitted after some of them stands behind a guard: it may come.
    """
    events = reference.drop_duplicates(["source", "id"]).astype({"type": "str", "source": "str"})
    causes = events[["correlation_id", "id", "type"]]
    pairs = events.merge(
        causes,
        left_on=["correlation_id", "causation_id"],
        right_on=["correlation_id", "id"],
        suffixes=("", "_cause"),
    )
    asked = events["type"].value_counts()
    design = Choreography()
    for name in asked.index.sort_values():
        design.event(EventType(name, {}))
    for (service, cause), effects in pairs.groupby(["source", "type_cause"]):
        names = sorted(effects["type"].unique())
        if effects["id_cause"].nunique() == asked[cause]:
            design.service(service).on(cause, emits=names, name=f"answer {cause}")(_answer)
        else:
            for name in names:
                design.service(service).whenever(
                    cause, emit={name: {}}, guard="data.asked", name=f"{name} after {cause}"
                )
    return design


def _answer(event: object) -> object:
    """It always answers, as its annotation says."""
