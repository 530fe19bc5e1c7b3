"""What the tests of Showdown's battles share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's cache of teams, or metamon's."""
    monkeypatch.setenv("POKENASH_TEAMS", str(tmp_path / "cache"))
    monkeypatch.delenv("METAMON_CACHE_DIR", raising=False)
    return tmp_path / "cache"
