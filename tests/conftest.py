"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# Deadlines would make a test depend on how busy the machine is; `timeout` in pyproject.toml stops what hangs.
settings.register_profile("pokenash", deadline=None)
settings.load_profile("pokenash")
