"""The arena on Showdown: heuristics play bit for bit alike in any layout."""

from __future__ import annotations

import pytest

from pokenash.arena import Arena, MatchResult, round_robin
from pokenash.games import load_game
from pokenash.policies import PolicySpec, mixture_spec


@pytest.mark.timeout(240)
def test_heuristics_play_the_same_battles_in_any_layout() -> None:
    game = load_game({"game": "showdown", "format": "gen1ou"})
    kinds = ["uniform", "max_power", "type_aware", "gen1ou_heuristic"]
    specs = [PolicySpec(kind, kind) for kind in kinds]
    population = [*specs, mixture_spec("mixed", specs, [0.25] * 4)]
    matches = round_robin(game, len(population), 4, seed=1)

    def play(num_lanes: int, num_workers: int) -> list[MatchResult]:
        with Arena(game, num_lanes=num_lanes, num_workers=num_workers) as arena:
            return arena.play(population, matches, seed=2)

    expected = play(16, 1)
    assert all(result.counted for result in expected)
    assert {result.result.reason for result in expected} >= {"win"}
    assert play(7, 2) == expected
    assert play(40, 2) == expected
