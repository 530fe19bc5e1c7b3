"""What all tests share."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# As the command line has it: torch's threads would spin while simulators want the cores. Before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Deadlines would make a test depend on how busy the machine is; `timeout` in pyproject.toml stops what hangs.
settings.register_profile("pokenash", deadline=None)
settings.load_profile("pokenash")


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Commands that run in this process say where logs go; the next test has them where they were."""
    logger = logging.getLogger("pokenash")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before
