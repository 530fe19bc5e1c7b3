"""Battles of any policy become trajectory files that metamon's data set reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from tests.metamon import tiny

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.games import load_game
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.recording import TrajectoryRecorder, TrajectoryRecording
from pokenash.metamon.trajectories import TrajectoryName, read_trajectory
from pokenash.policies import PolicySpec, load_policy

TIME = datetime(2026, 1, 2, 3, 4, 5)
UNIFORM = PolicySpec("uniform", "uniform")


def record(root: Path, format_id: str, battles: int, policy: str = "max_power") -> TrajectoryRecorder:
    game = tiny.game(format_id)
    player = load_policy(PolicySpec(policy, policy), game)
    recorder = TrajectoryRecorder(player, game, root, name="max_power", opponent="a b_c", time=TIME, battle_id="7")
    with Arena(game, num_lanes=4) as arena:
        matches = paired_matches(game, [(0, 1)], battles, 3)
        results = arena.play([recorder, UNIFORM], matches, seed=1, on_result=recorder.on_result)
    wins = [r.result.returns[r.match.policies.index(0)] > 0 for r in results]
    names = sorted((TrajectoryName.parse(path.name) for path in recorder.files), key=lambda name: name.battle_id)
    assert sorted(name.won for name in names) == sorted(wins)
    return recorder


@pytest.mark.parametrize("format_id", ["gen1ou", "gen3randombattle", "gen9randombattle"])
def test_every_battle_is_a_file_of_states_and_the_actions_that_were_played(tmp_path: Path, format_id: str) -> None:
    recorder = record(tmp_path, format_id, 6)
    assert len(recorder.files) == 6
    assert not recorder.left_out
    for path in recorder.files:
        assert path.parent == tmp_path / format_id
        name = TrajectoryName.parse(path.name)
        assert (name.player, name.opponent, name.time) == ("max-power", "a-b-c", TIME)
        trajectory = read_trajectory(path)
        last = trajectory.states[-1]
        assert last.battle_won == name.won
        assert not (last.battle_won and last.battle_lost)
        assert not any(state.battle_won or state.battle_lost for state in trajectory.states[:-1])
        space = get_action_space("DefaultActionSpace")
        told = zip(trajectory.states[:-1], trajectory.actions.tolist(), strict=True)
        missing = [state for state, index in told if index not in space.maybe_legal(state)]
        # No index maps to the pseudo-move fight, which is all that generation 1 offers who cannot choose.
        assert all(path.parent.name == "gen1ou" and index == -1 for index in trajectory.actions if index < 0)
        assert len(missing) == np.count_nonzero(trajectory.actions < 0)
        assert len(missing) < len(trajectory)


def test_moves_are_those_that_the_protocol_tells_of(tmp_path: Path) -> None:
    recorder = record(tmp_path, "gen1ou", 4)
    agreed = []
    for path in recorder.files:
        trajectory = read_trajectory(path)
        for state, after, index in zip(
            trajectory.states, trajectory.states[1:], trajectory.actions.tolist(), strict=False
        ):
            own, later = state.player_active_pokemon, after.player_active_pokemon
            if 0 <= index < len(own.moves) and own.name == later.name and own.status == later.status == "nostatus":
                chosen = sorted(move.name for move in own.moves)[index]
                agreed.append(chosen == after.player_prev_move.name)
    # The others did not get to move: they flinched, were asleep, or had to recharge.
    assert len(agreed) > 40
    assert np.mean(agreed) > 0.9


def test_a_recording_changes_no_result_and_gives_what_the_recorder_writes(tmp_path: Path) -> None:
    recorder = record(tmp_path, "gen1ou", 6)
    files = {TrajectoryName.parse(path.name).battle_id: path.read_bytes() for path in recorder.files}
    game = tiny.game("gen1ou")
    matches, players = paired_matches(game, [(0, 1)], 6, 3), [PolicySpec("max_power", "max_power"), UNIFORM]
    with Arena(game, num_lanes=3) as arena:
        plain = arena.play(players, matches, seed=1)
        told = list(arena.stream(players, matches, seed=1, recording=TrajectoryRecording((0,))))
    told.sort(key=lambda result: result.result.episode)
    assert [replace(result, recorded=(None, None)) for result in told] == plain
    for result in told:
        seat = result.match.policies.index(0)
        assert result.recorded[seat] == files[f"metamon-gen1ou-7{result.result.episode}"]
        assert result.recorded[1 - seat] is None


def test_what_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    game = load_game({"game": "matrix", "payoffs": "rock_paper_scissors"})
    with pytest.raises(InputError, match="Showdown's formats"):
        TrajectoryRecorder(load_policy(UNIFORM, game), game, tmp_path, name="a", opponent="b", time=TIME)
