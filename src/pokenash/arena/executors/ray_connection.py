"""The way to a Ray cluster."""

from __future__ import annotations

import importlib
import logging
import re
import socket
from typing import Any

from pokenash.errors import ClusterError, InputError

__all__ = ["check_address", "connect", "imported_ray"]

# Of a try to reach the cluster's first machine. Ray itself tries for more than a minute.
_SECONDS = 10.0
_HOST_AND_PORT = re.compile(r"(?P<host>[^/:]+|\[[^/]+\]):(?P<port>\d{1,5})")


def imported_ray() -> Any:
    """The module `ray`; `InputError` where it is not installed."""
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise InputError("playing on a Ray cluster needs Ray: pip install 'pokenash[ray]'") from error


def check_address(address: str | None) -> None:
    """Refuse an address that no cluster can have, and that of Ray's client, through which results cannot be streamed.

    Raises
    ------
    InputError
    """
    if address not in (None, "auto", "local") and not _HOST_AND_PORT.fullmatch(str(address)):
        raise InputError(
            f"the address of a Ray cluster is auto, local or HOST:PORT, as `ray start` says, got {address!r}; Ray's "
            "client (ray://) cannot be used: start the command on a machine of the cluster"
        )


def connect(ray: Any, address: str | None) -> None:
    """Connect this process to a cluster, or to a new one on this machine.

    Parameters
    ----------
    ray : module
    address : str or None
        As `ray.init` takes it.

    Raises
    ------
    ClusterError
        If there is none.
    """
    named = _HOST_AND_PORT.fullmatch(address or "")
    try:
        if named is not None:
            socket.create_connection((named["host"].strip("[]"), int(named["port"])), _SECONDS).close()
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    except (OSError, OverflowError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise ClusterError(
            f"cannot connect to a Ray cluster at {address or 'the default address'}: {error}; start one with "
            "`ray start --head`, or give its address"
        ) from error
