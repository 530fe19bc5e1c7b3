"""A trajectory leads to the teams that were played in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.metamon.collection import collect_trajectories
from pokenash.arena import Arena
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.trajectories import TrajectoryName, read_trajectory
from pokenash.policies.spec import PolicySpec

pytest.importorskip("lz4")


def test_a_trajectorys_battle_is_found_in_the_log_with_its_teams(tmp_path: Path) -> None:
    game = ShowdownGame(turn_limit=30)
    assert game.teams is not None
    policy, opponent = PolicySpec("red", "max_power"), PolicySpec("blue", "uniform")
    log = MatchLog(tmp_path / "matches.jsonl")
    with Arena(game, num_lanes=4) as arena:
        collect_trajectories(
            arena, policy, opponent, tmp_path / "br_trajectories", log,
            battles=4, battles_per_block=2, seed=3, action_space="DefaultActionSpace",
        )  # fmt: skip
    of_episode = {match.episode: match for match in log}
    files = list(tmp_path.glob("br_trajectories/gen1ou/*"))
    assert len(files) == 4
    for file in files:
        episode = re.fullmatch(r"metamon-gen1ou-\d{6}(\d+)", TrajectoryName.parse(file.name).battle_id)
        assert episode is not None
        match = of_episode[int(episode[1])]
        team = match.options["teams"][match.policies.index("red")]
        first = read_trajectory(file).states[0]
        played = [first.player_active_pokemon, *first.available_switches]
        assert {one.name for one in played} == {name.lower() for name in game.teams.members(team)}
