"""A small Ray cluster for tests."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

STORE = 80 * 2**20
"""Bytes of its object store."""


def ray_module() -> Any:
    """Ray, or the test is skipped."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # By default Ray's workers give way to everything else on the machine, and so to other tests, for minutes.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    return pytest.importorskip("ray", reason="Ray is not installed: pip install 'pokenash[ray]'")


@contextmanager
def local_cluster(num_cpus: int = 2) -> Iterator[Any]:
    """Ray, connected to a cluster of its own on this machine, which is gone afterwards."""
    ray = ray_module()
    ray.init(
        address="local", num_cpus=num_cpus, object_store_memory=STORE, include_dashboard=False, log_to_driver=False,
        logging_level=logging.ERROR,
    )  # fmt: skip
    try:
        yield ray
    finally:
        ray.shutdown()
