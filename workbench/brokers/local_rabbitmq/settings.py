"""What a RabbitMQ node is told: one node, loopback only, small, and nothing of the system's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workbench.brokers.local.log_tail import LOG
from workbench.brokers.local.ports import HOST
from workbench.brokers.local.product import Product

if TYPE_CHECKING:
    from pathlib import Path

    from .identity import Identity

RABBITMQ = Product("RabbitMQ", usual_port=5672)
DATA = "data"
HOME = "home"
CONFIG = "rabbitmq.conf"
PLUGINS = "enabled_plugins"
ADVANCED = "advanced.config"

_MB = 1024 * 1024  # bytes
_NOBODY = 1  # a port of the loopback address that nobody listens at

# Erlang's flags for the node and whatever it starts. Erlang's own directory of nodes, epmd, would
# be one more process that outlives the node and listens for everybody: with the node's port told
# beforehand, none is needed.
_ERLANG = f"-start_epmd false -kernel inet_dist_use_interface {{{HOST.replace('.', ',')}}}"

# RabbitMQ 3.10 writes down which quorum queues and streams there are when Erlang gets round to it,
# every three minutes: a node killed before that has forgotten all that was in the new ones.
_WRITE_DOWN = (
    "F = fun(Again) -> timer:sleep(500), [dets:sync(T) || T <- dets:all()], Again(Again) end, "
    "spawn(fun() -> F(F) end)."
)

# Nothing else of ours reaches a node: RabbitMQ's scripts take dozens of variables, with and
# without a prefix of their own.
_KEPT_VARIABLES = ("PATH", "USER", "LOGNAME", "TMPDIR", "TZ")


def config(port: int, identity: Identity) -> str:
    """The content of ``rabbitmq.conf`` for a node at `port` of the loopback address."""
    settings: dict[str, str | int] = {
        "listeners.tcp.1": f"{HOST}:{port}",
        # Made when the data is new, in the place of guest with its well-known password.
        "default_user": identity.user,
        "default_pass": identity.password,
        f"loopback_users.{identity.user}": "true",
        "cluster_name": identity.node,
        # Quorum queues write all to one file first, and keep that much in memory, too; the usual
        # 512 MB is for a machine of one's own.
        "raft.wal_max_size_bytes": 64 * _MB,
        "disk_free_limit.absolute": 50 * _MB,
        "log.console": "false",
        "log.file.level": "info",
        "log.connection.level": "warning",  # not each client that comes and goes
        "log.file.rotation.size": 5 * _MB,
        "log.file.rotation.count": 2,
    }
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join(["# Written anew at each start.", *lines, ""])


def arguments(identity: Identity, node_port: int) -> list[str]:
    """The start script's arguments, which it hands on to Erlang.

    `node_port` is where Erlang's tools reach the node.
    """
    where = ["-sname", identity.node, "-erl_epmd_port", str(node_port)]
    return ["-noinput", *where, "-eval", _WRITE_DOWN]


def environment(folder: Path, identity: Identity, node_port: int) -> dict[str, str]:
    """The whole environment of the node in `folder`."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    paths = {
        "HOME": folder / HOME,
        "RABBITMQ_MNESIA_BASE": folder / DATA,
        "RABBITMQ_LOG_BASE": (folder / LOG).parent,
        "RABBITMQ_LOGS": folder / LOG,
        "RABBITMQ_CONFIG_FILE": folder / CONFIG,
        "RABBITMQ_ADVANCED_CONFIG_FILE": folder / ADVANCED,
        "RABBITMQ_CONFIG_FILES": folder / HOME / "*.conf",  # in the place of the system's: none
        "RABBITMQ_ENABLED_PLUGINS_FILE": folder / PLUGINS,
    }
    return {
        **kept,
        "LC_ALL": "C.UTF-8",
        "ERL_FLAGS": _ERLANG,
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_EPMD_PORT": str(_NOBODY),
        "ERL_CRASH_DUMP_BYTES": "0",
        "RABBITMQ_ALLOW_INPUT": "true",  # has the script become the node, with no shell between
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_NODENAME": identity.node,
        "RABBITMQ_DIST_PORT": str(node_port),
        **{name: str(path) for name, path in paths.items()},
    }
