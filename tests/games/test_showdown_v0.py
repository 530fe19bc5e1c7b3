from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test, seed_test

from pokenash.errors import IllegalActionError, InputError, TeamError
from pokenash.games import showdown_v0
from pokenash.games.showdown.replay import load_record, simulate

FORMATS = ["gen1ou", "gen1randombattle", "gen4randombattle", "gen9randombattle", "gen9ou"]

# Abra is faster and does nothing; Self-Destruct then leaves both sides with nobody.
LAST_TWO = ["Snorlax\n- Self-Destruct\n", "Abra\n- Teleport\n"]


@pytest.fixture(scope="module")
def env() -> Iterator[Any]:
    env = showdown_v0.env()
    yield env
    env.close()


@pytest.fixture(scope="module")
def parallel() -> Iterator[Any]:
    env = showdown_v0.parallel_env()
    yield env
    env.close()


def play(env: Any, seed: int | None, policy_seed: int = 0, **reset: Any) -> list[tuple[Any, ...]]:
    """Play an episode at random; everything that either agent was told, in order."""
    rng = np.random.default_rng(policy_seed)
    env.reset(seed=seed, **reset)
    told: list[tuple[Any, ...]] = []
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, info = env.last()
        words = {name: array.tobytes() for name, array in observation["observation"].items()}
        mask = observation["action_mask"]
        told.append((agent, words, mask.tobytes(), reward, terminated, truncated, info))
        env.step(None if terminated or truncated else rng.choice(np.flatnonzero(mask)))
    return told


def same(one: Any, other: Any) -> bool:
    """Whether two observations are the same in every number."""
    return bool(
        np.array_equal(one["action_mask"], other["action_mask"])
        and all(np.array_equal(one["observation"][name], other["observation"][name]) for name in one["observation"])
    )


@pytest.mark.parametrize("format", FORMATS)
def test_it_passes_pettingzoos_own_tests(format: str) -> None:
    made: list[Any] = []

    def make() -> Any:
        made.append(showdown_v0.env(format=format))
        return made[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        api_test(make(), num_cycles=150)
        seed_test(make, num_cycles=100)
        made.append(showdown_v0.parallel_env(format=format))
        parallel_api_test(made[-1], num_cycles=150)
    for one in made:
        one.close()


@pytest.mark.parametrize("format", ["gen1ou", "gen9randombattle"])
def test_a_seed_fixes_whole_episodes_for_both_players(format: str) -> None:
    streams = []
    for _ in range(2):
        env = showdown_v0.env(format=format)
        streams.append([play(env, seed, policy_seed=i) for i, seed in enumerate((5, None, None))])
        streams[-1].append(play(env, 5))
        env.close()
    first, second = streams
    assert first == second
    assert first[0] == first[3]
    assert first[0] != first[1] != first[2]
    assert {agent for agent, *_ in first[0]} == {"player_0", "player_1"}


def test_a_seed_given_at_the_beginning_is_the_seed_of_the_first_reset() -> None:
    env = showdown_v0.env(format="gen1ou", seed=5)
    assert play(env, None) == play(env, 5)
    env.close()


def test_the_second_player_does_not_see_the_first_choice(env: Any) -> None:
    env.reset(seed=11)
    seen = []
    for action in np.flatnonzero(env.observe("player_0")["action_mask"]):
        env.reset(seed=11)
        before = env.observe("player_1")
        env.step(action)
        assert env.agent_selection == "player_1"
        assert same(env.observe("player_1"), before)
        assert env.observe("player_0")["action_mask"].sum() == 0
        assert not any(env.rewards.values())
        seen.append(before)
    assert len(seen) >= 5
    assert all(same(one, seen[0]) for one in seen)


def test_only_players_who_owe_a_decision_are_asked(env: Any) -> None:
    """After a faint the other player waits: one agent is asked twice in a row."""
    for seed in range(3):
        agents = [agent for agent, *_, terminated, _, _ in play(env, seed) if not terminated]
        assert any(one == other for one, other in itertools.pairwise(agents))


def test_a_win_pays_one_and_costs_one(env: Any) -> None:
    winners = set()
    for seed in range(6):
        told = play(env, seed, policy_seed=seed)
        (_, _, _, first, *_), (_, _, _, second, *_) = told[-2:]
        assert first + second == 0
        info = told[-1][-1]
        assert info["reason"] in ("win", "tie")
        assert abs(first) == (info["reason"] == "win")
        assert all(reward == 0 for _, _, _, reward, *_ in told[:-2])
        assert info["turn"] == info["turns"] == max(one[-1]["turn"] for one in told)
        if first:
            # Whoever has Pokémon left has won.
            assert (info["remaining"][0] > info["remaining"][1]) == (first > 0)
            winners.add(first)
    assert winners == {-1.0, 1.0}


def test_an_illegal_action_leaves_the_battle_as_it_was(env: Any) -> None:
    rng = np.random.default_rng(2)
    expected = play(env, 21, policy_seed=2)
    env.reset(seed=21)
    refused = 0
    for agent in env.agent_iter():
        observation, _, terminated, _, _ = env.last()
        mask = observation["action_mask"]
        for action in [*np.flatnonzero(mask == 0), len(mask), -2] if not terminated else []:
            with pytest.raises(IllegalActionError) as refusal:
                env.unwrapped.step(action)
            assert refusal.value.agent == agent
            assert refusal.value.legal_actions == tuple(np.flatnonzero(mask))
            assert env.agent_selection == agent
            assert same(env.observe(agent), observation)
            refused += 1
        env.step(None if terminated else rng.choice(np.flatnonzero(mask)))
    assert refused > 100
    assert env.unwrapped.lane.result is not None
    assert env.unwrapped.lane.result.length == len(expected) - 2


def test_an_illegal_action_in_the_parallel_form_leaves_both_choices_open(parallel: Any) -> None:
    observations, _ = parallel.reset(seed=3)
    legal = {agent: int(np.flatnonzero(one["action_mask"])[0]) for agent, one in observations.items()}
    illegal = int(np.flatnonzero(observations["player_1"]["action_mask"] == 0)[0])
    with pytest.raises(IllegalActionError, match="player_1"):
        parallel.step({**legal, "player_1": illegal})
    assert parallel.lane.owes == [0, 1]
    parallel.step(legal)
    again, _ = parallel.reset(seed=3)
    assert all(same(again[agent], observations[agent]) for agent in again)


def test_both_forms_play_the_same_battles(env: Any, parallel: Any) -> None:
    told = play(env, 8)
    rng = np.random.default_rng(0)
    observations, _ = parallel.reset(seed=8)
    rewards: dict[str, float] = {}
    asked = 0
    while parallel.agents:
        actions = {}
        for agent in parallel.agents:
            mask = observations[agent]["action_mask"]
            if mask.any():
                assert told[asked][0] == agent
                assert told[asked][2] == mask.tobytes()
                actions[agent] = rng.choice(np.flatnonzero(mask))
                asked += 1
        observations, rewards, terminations, truncations, infos = parallel.step(actions)
    assert asked == len(told) - 2
    assert rewards == {told[-2][0]: told[-2][3], told[-1][0]: told[-1][3]}
    assert all(terminations.values())
    assert not any(truncations.values())
    assert infos["player_0"] == told[-1][-1]


def test_a_forfeit_loses(env: Any) -> None:
    env.reset(seed=4)
    env.step(0)
    env.step(showdown_v0.FORFEIT)
    assert env.rewards == {"player_0": 1.0, "player_1": -1.0}
    assert env.terminations == {"player_0": True, "player_1": True}
    assert env.infos["player_1"]["reason"] == "forfeit"


@pytest.mark.parametrize("after_the_choice", [False, True])
def test_an_agent_can_forfeit_before_and_after_it_has_chosen(env: Any, after_the_choice: bool) -> None:
    env.reset(seed=4)
    for agent in env.agent_iter():
        if env.terminations[agent]:
            env.step(None)
            continue
        if agent == "player_0" and not after_the_choice:
            env.forfeit("player_0")
            continue
        if agent == "player_1":
            if after_the_choice:
                env.forfeit("player_0")
            assert not any(env.rewards.values())
        env.step(np.flatnonzero(env.observe(agent)["action_mask"])[0])
        if agent == "player_1":
            assert env.rewards == {"player_0": -1.0, "player_1": 1.0}
            assert env.infos["player_0"]["reason"] == "forfeit"
            break


def test_an_agent_who_owes_nothing_cannot_forfeit(env: Any) -> None:
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    while len(env.unwrapped.lane.owes) == 2 or env.unwrapped.lane.held:
        env.step(rng.choice(np.flatnonzero(env.last()[0]["action_mask"])))
    waiting = "player_1" if env.agent_selection == "player_0" else "player_0"
    with pytest.raises(InputError, match=f"{waiting} owes no decision now"):
        env.forfeit(waiting)


def test_a_battle_beyond_the_turn_limit_is_truncated() -> None:
    env = showdown_v0.env(turn_limit=3)
    told = play(env, 0)
    _, _, _, reward, terminated, truncated, info = told[-1]
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["reason"] == "turn limit"
    env.close()


def test_a_battle_that_leaves_nobody_is_a_tie() -> None:
    env = showdown_v0.env(teams=LAST_TWO, turn_limit=50)
    told = play(env, 1, options={"teams": [0, 1]})
    _, _, _, reward, terminated, _, info = told[-1]
    assert (reward, terminated, info["reason"], info["remaining"]) == (0.0, True, "tie", (0, 0))
    env.close()


def test_teams_can_be_chosen_for_an_episode(env: Any) -> None:
    teams = env.unwrapped.lane.game.teams
    env.reset(seed=0, options={"teams": [3, 17], "else": 1})
    assert env.record["teams"] == [teams[3], teams[17]]
    with pytest.raises(InputError, match="teams"):
        env.reset(seed=0, options={"teams": [0, len(teams)]})


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"format": "gen1uo"}, InputError, "no format 'gen1uo'"),
        ({"format": "gen2ou"}, InputError, "pass teams="),
        ({"format": "gen9doublesou"}, InputError, "singles"),
        ({"teams": "Mewtwo\n- Rest\n"}, TeamError, "banned"),
        ({"turn_limit": 0}, InputError, "turn_limit"),
        ({"render_mode": "human"}, InputError, "render_mode"),
        ({"observation": "pixels"}, InputError, "observation"),
        ({"frmat": "gen1ou"}, InputError, "unknown arguments"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        showdown_v0.env(**settings)


def test_ansi_tells_the_whole_battle_once() -> None:
    env = showdown_v0.env(render_mode="ansi")
    rng = np.random.default_rng(0)
    env.reset(seed=9)
    told = [env.render()]
    for _ in env.agent_iter():
        observation, _, terminated, *_ = env.last()
        env.step(None if terminated else rng.choice(np.flatnonzero(observation["action_mask"])))
        told.append(env.render())
    words = "\n".join(one for one in told if one)
    turns = env.unwrapped.lane.result.info["turns"]
    assert [int(line[5:]) for line in words.split("\n") if line.startswith("Turn ")] == list(range(1, turns + 1))
    winner = 1 if env.unwrapped.lane.result.returns[0] > 0 else 2
    assert words.rstrip().endswith(f"Player {winner} won the battle!")
    env.close()


def test_render_without_a_mode_gives_nothing(env: Any) -> None:
    env.reset(seed=0)
    assert env.render() is None


def test_a_battle_is_saved_from_the_environment_at_any_time(env: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="call reset first"):
        _ = showdown_v0.raw_env().record
    rng = np.random.default_rng(0)
    env.reset(seed=2)
    for _ in range(20):
        env.step(rng.choice(np.flatnonzero(env.last()[0]["action_mask"])))
    env.save_record(tmp_path / "part.json")
    part = simulate(load_record(tmp_path / "part.json"))
    assert (part.reason, part.winner) == (None, None)
    while not any(env.terminations.values()):
        env.step(rng.choice(np.flatnonzero(env.last()[0]["action_mask"])))
    env.save_record(tmp_path / "whole.json")
    env.save_replay(tmp_path / "whole.html", players=("Alice", "Bob"))
    env.save_log(tmp_path / "whole.log")
    whole = simulate(load_record(tmp_path / "whole.json"))
    assert whole.lines[: len(part.lines)] == part.lines
    assert whole.winner == (0 if env.unwrapped.lane.result.returns[0] > 0 else 1)
    assert "Alice" in (tmp_path / "whole.html").read_text()
    assert "|win|Player" in (tmp_path / "whole.log").read_text()
