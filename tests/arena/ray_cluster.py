"""A small Ray cluster for tests."""

from __future__ import annotations

from typing import Any

import pytest

STORE = 80 * 2**20


def ray_module() -> Any:
    """Ray, or the test is skipped."""
    return pytest.importorskip("ray", reason="Ray is not installed: pip install 'pokenash[ray]'")
