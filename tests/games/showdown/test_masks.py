"""Masks equal what the simulator accepts: at every decision it is offered every action, legal or not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from games.showdown.following import run_script
from pokenash.games.showdown.teams import default_teams

JOBS: dict[str, dict[str, Any]] = {
    "gen1ou": {"battles": 8, "teams": "default"},
    "gen2randombattle": {"battles": 4},
    "gen4randombattle": {"battles": 8},
    "gen6randombattle": {"battles": 4},
    "gen7randombattle": {"battles": 4},
    "gen8randombattle": {"battles": 4},
    "gen9randombattle": {"battles": 6},
    # Team preview and terastallization; three of six; two gimmicks at once.
    "gen9ou": {"battles": 6, "generate": "gen9randombattle"},
    "gen9bssregi": {"battles": 6, "generate": "gen9randombattle"},
    "gen8nationaldex": {"battles": 4, "generate": "gen8randombattle"},
}


@pytest.mark.parametrize("format", JOBS)
def test_a_mask_allows_exactly_what_the_simulator_accepts(format: str) -> None:
    """What it allows is accepted, or refused for a reason that was hidden and asked again with another mask.

    What it forbids is refused, or taken for one of the actions that it allows (a locked move stays what it is, whatever
    gimmick is asked for).
    """
    payload = {"format": format, "seed": 1, "teams": None, **JOBS[format]}
    if payload["teams"] == "default":
        payload["teams"] = list(default_teams(format) or ())
    counts: Counter[str] = Counter()
    battles = 0
    for battle in run_script("check_masks.js", payload):
        assert battle["wrong"] == []
        assert battle["turns"] >= 1
        counts.update(battle["counts"])
        battles += 1
    assert battles == payload["battles"]
    assert counts["legal, accepted"] > 1000
    assert counts["illegal, refused"] > 500
    assert counts["legal, refused"] == 0
    if format in ("gen4randombattle", "gen6randombattle", "gen8randombattle"):
        assert counts["legal, unavailable"] > 0
        assert counts["asked again"] > 0
