"""``python -m benchmarks.analysis.conforming WHO LOG REFERENCE``: conformance, once, alone.

The design comes from the reference log, off the clock: a choreography, or the Petri net that pm4py's
inductive miner makes of it (of a long one, of what directly follows what: that net is laxer). Then the
log is given its own shape, and the clock runs over what leads from there to the answers. Prints JSON.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from benchmarks.analysis.design import design_of
from benchmarks.weight import forget_peak, peak, resident

_MINED = 100_000
"""Events that the inductive miner takes in seconds; of more than that it takes minutes."""


@dataclass(frozen=True)
class Result:
    first: float
    """Seconds until the log is in order: indexed by us, formatted by pm4py."""
    seconds: float
    """... from there to the answers: in sum and per flow."""
    memory: float
    """MB at the peak of both, beside the input."""
    flows: int
    stuck: int
    """Flows in which something is missing; of pm4py, that don't fit."""
    user: float = 0.0
    """Seconds of processors that the workbench's own code took, without the system's."""
    sequences: int = 0
    """How many sequences of types differ, each of which pm4py replays once; told by pm4py alone."""

    @property
    def whole(self) -> float:
        return self.first + self.seconds


def workbench(frame: pd.DataFrame, reference: pd.DataFrame) -> Result:
    from workbench.analysis import EventLog

    design = design_of(reference)
    EventLog(reference.head(2_000)).conformance(design, per="flow")
    log = EventLog(frame)
    gc.collect()
    before = resident()
    forget_peak()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    began = time.perf_counter()
    ordered = log.index
    indexed = time.perf_counter()
    in_sum, flows = log.conformance(design), log.conformance(design, per="flow")
    done = time.perf_counter()
    user = resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
    memory = peak() - before
    stuck = int((flows["missing"] > 0).sum())
    if in_sum.empty == bool(stuck) or len(flows) != ordered.flows:
        raise RuntimeError(f"in sum {in_sum.sentence}, and {stuck} flows in which it is missing")
    return Result(indexed - began, done - indexed, memory, len(flows), stuck, user)


def pm4py(frame: pd.DataFrame, reference: pd.DataFrame) -> Result:
    warnings.simplefilter("ignore")
    import pm4py as pm
    from pm4py.objects.dfg.obj import DFG

    def formatted(frame: pd.DataFrame) -> pd.DataFrame:
        return pm.format_dataframe(
            frame.dropna(subset=["correlation_id"]).drop_duplicates(["source", "id"]),
            case_id="correlation_id",
            activity_key="type",
            timestamp_key="time",
        )

    frame, reference = (
        f.astype({"type": "str"}).assign(time=pd.to_datetime(f["time"], utc=True))
        for f in (frame, reference)
    )
    known: Any = formatted(reference)
    if len(known) > _MINED:
        known = DFG(*pm.discover_dfg(known))
    net = pm.discover_petri_net_inductive(known)
    gc.collect()
    before = resident()
    forget_peak()
    began = time.perf_counter()
    log = formatted(frame)
    ready = time.perf_counter()
    flows: list[dict[str, Any]] = pm.conformance_diagnostics_token_based_replay(log, *net)
    done = time.perf_counter()
    memory = peak() - before
    stuck = sum(not flow["trace_is_fit"] for flow in flows)
    sequences = len(pm.get_variants(log))
    return Result(ready - began, done - ready, memory, len(flows), stuck, sequences=sequences)


def _read(path: str) -> pd.DataFrame:
    """Read a log, with names of types that a design takes."""
    frame = pd.read_parquet(path)
    types = frame["type"].astype("category")
    if not all(name.isidentifier() for name in types.cat.categories):
        names = [f"operation-{number}" for number in range(len(types.cat.categories))]
        types = types.cat.rename_categories(names)
    return frame.assign(type=types)


if __name__ == "__main__":
    answer = {"workbench": workbench, "pm4py": pm4py}[sys.argv[1]]
    # Libraries greet on stdout: what counts is the last line.
    print("\n" + json.dumps(asdict(answer(*map(_read, sys.argv[2:])))))
