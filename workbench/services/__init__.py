"""Consumers that react: the worker's loop, its file, and the processes it runs in."""

from workbench.choreography import RetryPolicy
from workbench.services.clock import Clock, VirtualClock
from workbench.services.context import Context
from workbench.services.inline import InlineRunner
from workbench.services.lag import consumer_lag
from workbench.services.log_lines import LOG_LEVELS
from workbench.services.runner import Life, Runner, together
from workbench.services.spec import (
    AT_LEAST_ONCE,
    DELIVERIES,
    TRANSACTIONS,
    ServiceSpec,
    channel_name,
    dead_letter_channel,
    group_member,
    input_channels,
    instance_label,
    instance_number,
    retry_channel,
    service_of,
    service_spec,
    store_path,
    subscriptions,
)
from workbench.services.status import Status
from workbench.services.store import (
    Left,
    Measured,
    Store,
    read_counts,
    read_left,
    read_measured,
    read_refused,
    read_state,
    read_touched,
)
from workbench.services.supervisor import Supervisor
from workbench.services.worker import STEPS, Worker

__all__ = [
    "AT_LEAST_ONCE",
    "DELIVERIES",
    "LOG_LEVELS",
    "STEPS",
    "TRANSACTIONS",
    "Clock",
    "Context",
    "InlineRunner",
    "Left",
    "Life",
    "Measured",
    "RetryPolicy",
    "Runner",
    "ServiceSpec",
    "Status",
    "Store",
    "Supervisor",
    "VirtualClock",
    "Worker",
    "channel_name",
    "consumer_lag",
    "dead_letter_channel",
    "group_member",
    "input_channels",
    "instance_label",
    "instance_number",
    "read_counts",
    "read_left",
    "read_measured",
    "read_refused",
    "read_state",
    "read_touched",
    "retry_channel",
    "service_of",
    "service_spec",
    "store_path",
    "subscriptions",
    "together",
]
