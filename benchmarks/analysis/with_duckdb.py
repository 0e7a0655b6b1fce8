"""The work by DuckDB: a native table, enums for names, on all threads.

Twice: with the ids as they are, and with ids as 64-bit hashes, which is faster and takes two ids
for one in about one of a million logs of five million events. To drop duplicates a grouping was as
fast as ``distinct on``, and faster than a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.analysis.facts import Facts

EXACT = "select *, correlation_id as flow from log where correlation_id is not null"
HASHED = """
    select hash(id) as id, type, source, time, correlation_id, hash(correlation_id) as flow,
           case when causation_id is not null then hash(causation_id) end as causation_id
    from log where correlation_id is not null"""

EVENTS = """
    create or replace temp table event as
    select source, id, any_value(type) as type, min(time) as time, any_value(flow) as flow,
           any_value(correlation_id) as correlation_id, any_value(causation_id) as causation_id
    from ({rows}) group by source, id"""
FLOWS = """
    create or replace temp table flow as
    select any_value(correlation_id) as correlation_id, min(time) as started, max(time) as ended,
           max(time) - min(time) as duration, count(*) as events,
           list(type order by time) as path
    from event group by flow"""
VARIANTS = """
    create or replace temp table variant as
    select path, count(*) as flows, median(duration) as duration, any_value(correlation_id) as example
    from flow group by path order by flows desc"""
HOPS = """
    create or replace temp table hop as
    select cause.type as cause_type, effect.type as effect_type, effect.source as source,
           count(*) as n, avg(effect.time - cause.time) as mean,
           quantile_cont(effect.time - cause.time, 0.95) as p95
    from event effect
    join event cause on effect.flow = cause.flow and effect.causation_id = cause.id
    group by all order by n desc"""


@dataclass(frozen=True)
class Answers:
    database: duckdb.DuckDBPyConnection


def make(table: pa.Table) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    database.register("given", table)
    for name in ("type", "source"):
        database.execute(f"create type {name}_name as enum (select distinct {name} from given)")
    database.execute(
        """create table log as
        select id, type::text::type_name as type, source::text::source_name as source, time,
               correlation_id, causation_id from given"""
    )
    database.unregister("given")
    return database


def exact(database: duckdb.DuckDBPyConnection) -> Answers:
    return _answers(database, EXACT)


def hashed(database: duckdb.DuckDBPyConnection) -> Answers:
    return _answers(database, HASHED)


def _answers(database: duckdb.DuckDBPyConnection, rows: str) -> Answers:
    for statement in (EVENTS.format(rows=rows), FLOWS, VARIANTS, HOPS):
        database.execute(statement)
    return Answers(database)


def facts(found: Answers) -> Facts:
    def ask(query: str) -> list[Any]:
        return found.database.execute(query).fetchall()

    ((flows, events, duration),) = ask(
        "select count(*), sum(events)::bigint, sum(duration)::bigint from flow"
    )
    ((rows,),) = ask("select count(correlation_id) from log")
    return Facts(
        flows=flows,
        events=events,
        duplicates=rows - events,
        duration_ms=duration / 1e6,
        variants=[count for (count,) in ask("select flows from variant order by flows desc")],
        hops=ask(
            "select cause_type::text, effect_type::text, source::text, n, mean / 1e6, p95 / 1e6 from hop"
        ),
    )
