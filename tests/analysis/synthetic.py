"""Seeded order logs with effects planted on purpose, or with none."""

import numpy as np
import pandas as pd

from workbench.analysis import EventLog

START = pd.Timestamp("2026-11-20T12:00:00Z").value


def order_rows(n, seed=0, *, slower=1.0, audited=0.0, declined=0.1, per_second=1.0):
    """Orders that are placed, reserved, paid or declined, and shipped, as a DataFrame."""
    rng = np.random.default_rng(seed)
    flow = np.array([f"o-{seed}-{number}" for number in range(n)], dtype=object)
    country = rng.choice(["DE", "FR", "AT", "CH"], n)
    total = np.round(rng.lognormal(4, 0.7, n), 2)
    placed = START + np.cumsum(rng.exponential(1e9 / per_second, n)).astype(np.int64)
    reserved = placed + _after(rng, 2.5, n)
    paid = reserved + (_after(rng, 3, n) * slower).astype(np.int64)
    shipped = paid + _after(rng, 4, n)
    no = rng.random(n) < declined
    everyone = np.ones(n, dtype=bool)
    tables = [
        _events("OrderPlaced", "shop", flow, placed, everyone, None),
        _events("StockReserved", "inventory", flow, reserved, everyone, "OrderPlaced"),
        _events("PaymentDeclined", "billing", flow, paid, no, "StockReserved"),
        _events("PaymentReceived", "billing", flow, paid, ~no, "StockReserved"),
        _events("ShipmentDispatched", "shipping", flow, shipped, ~no, "PaymentReceived"),
        _events("Audited", "audit", flow, placed + 5, rng.random(n) < audited, "OrderPlaced"),
    ]
    tables[0]["data"] = [
        {"order": {"id": each, "total": money}, "country": where}
        for each, money, where in zip(flow, total.tolist(), country.tolist(), strict=True)
    ]
    rows = pd.concat(tables, ignore_index=True)
    return rows.assign(time=pd.to_datetime(rows["time"], utc=True))


def order_log(n, seed=0, **planted):
    return EventLog(order_rows(n, seed, **planted))


def split_by_flow(log, n=3):
    """The log in shares, each with all events of its flows; an event without a flow is in one."""
    share = pd.util.hash_array(log.frame["correlation_id"].to_numpy(object), categorize=False) % n
    return [EventLog(log.frame[share == number]) for number in range(n)]


def _after(rng, mean, n):
    return (rng.lognormal(mean, 0.5, n) * 1e6).astype(np.int64)


def _events(kind, service, flow, time, which, cause):
    return pd.DataFrame(
        {
            "id": flow[which] + f"/{kind}",
            "type": kind,
            "source": service,
            "time": time[which],
            "correlation_id": flow[which],
            "causation_id": None if cause is None else flow[which] + f"/{cause}",
            "channel": service,
            "partition": np.arange(len(flow))[which] % 4,
        }
    )
