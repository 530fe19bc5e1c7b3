"""What all tests share."""

from __future__ import annotations

import logging
import os

import pytest
from hypothesis import settings

# As the command line has it: torch's threads would spin while simulators want the cores. Before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Deadlines would make a test depend on how busy the machine is; `timeout` in pyproject.toml stops what hangs.
settings.register_profile("pokenash", deadline=None)
settings.load_profile("pokenash")


@pytest.fixture(autouse=True)
def _own_logging() -> None:
    """Commands that run in this process, in fixtures too, say where logs go; every test begins with none of that."""
    logger = logging.getLogger("pokenash")
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)
