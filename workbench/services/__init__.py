"""Consumers that react: the worker's loop, its file, and the processes it runs in."""

from workbench.services.clock import Clock, VirtualClock
from workbench.services.context import Context
from workbench.services.inline import InlineRunner
from workbench.services.lag import consumer_lag
from workbench.services.runner import Life, Runner
from workbench.services.spec import (
    RetryPolicy,
    ServiceSpec,
    channel_name,
    dead_letter_channel,
    service_spec,
    store_path,
)
from workbench.services.status import Status
from workbench.services.store import read_counts, read_state, read_unsent
from workbench.services.supervisor import Supervisor
from workbench.services.worker import STEPS, Worker

__all__ = [
    "STEPS",
    "Clock",
    "Context",
    "InlineRunner",
    "Life",
    "RetryPolicy",
    "Runner",
    "ServiceSpec",
    "Status",
    "Supervisor",
    "VirtualClock",
    "Worker",
    "channel_name",
    "consumer_lag",
    "dead_letter_channel",
    "read_counts",
    "read_state",
    "read_unsent",
    "service_spec",
    "store_path",
]
