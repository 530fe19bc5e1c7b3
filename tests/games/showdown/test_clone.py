"""Copies of a battle in mid-play go on as the battle itself does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pokenash.errors import InputError
from pokenash.games import showdown_v0
from pokenash.games.showdown.replay import simulate

FORMATS = ["gen1ou", "gen4randombattle", "gen9ou", "gen9randombattle"]

MAGNEZONE = """Magnezone
Ability: Magnet Pull
EVs: 4 HP
- Thunderbolt
- Flash Cannon
- Substitute
- Thunder Wave
"""
SKARMORY_STARMIE = """Skarmory
Ability: Sturdy
EVs: 4 HP
- Spikes
- Roost
- Whirlwind
- Brave Bird

Starmie
Ability: Natural Cure
EVs: 4 HP
- Surf
- Ice Beam
- Thunderbolt
- Recover
"""


def drive(env: Any, rng: np.random.Generator, decisions: int) -> list[Any]:
    """Random decisions, new battles where one has ended; returns everything that was there to be seen."""
    seen: list[Any] = []
    for _ in range(decisions):
        if env.terminations[env.agent_selection] or env.truncations[env.agent_selection]:
            seen.append((env.rewards, env.infos, env.record))
            env.reset()
        agent = env.agent_selection
        observation = env.observe(agent)
        action = int(rng.choice(np.flatnonzero(observation["action_mask"])))
        arrays = {name: array.tobytes() for name, array in observation["observation"].items()}
        seen.append((agent, action, arrays, observation["action_mask"].tobytes(), env.infos[agent]))
        env.step(action)
        seen.append(env.render() if env.render_mode else None)
    return seen


@pytest.mark.parametrize("format", FORMATS)
def test_a_clone_goes_on_identically(format: str) -> None:
    """From random decisions on, held first choices among them: what is seen, told and recorded, and later battles."""
    env = showdown_v0.env(format=format, seed=11, render_mode="ansi", turn_limit=80)
    env.reset()
    rng = np.random.default_rng(3)
    twin = None
    decisions = held = 0
    for number in range(10):
        drive(env, rng, int(rng.integers(1, 40)))
        if env.terminations[env.agent_selection] or env.truncations[env.agent_selection]:
            env.reset()
        held += bool(env.unwrapped.lane.held)
        twin = env.clone(into=twin)
        assert twin.record == env.record
        expected = drive(env, np.random.default_rng([number, 1]), 120)
        assert drive(twin, np.random.default_rng([number, 1]), 120) == expected
        decisions += 120
    assert decisions >= 1200
    assert held > 1
    assert twin is not None
    record = env.record
    assert twin.record == record
    assert simulate(record).prng == simulate(twin.record).prng
    env.close()
    twin.close()


def test_original_and_clone_do_not_touch_each_other() -> None:
    """What one does leaves the other as it was; the original may be closed."""
    env = showdown_v0.env(seed=1)
    env.reset()
    drive(env, np.random.default_rng(0), 31)
    first, second = env.clone(), env.clone()
    expected = drive(first, np.random.default_rng(1), 50)
    env.close()
    assert drive(second, np.random.default_rng(1), 50) == expected
    first.close()
    second.close()


def test_a_clone_with_a_seed_has_another_future() -> None:
    """The same battle up to here, the same future for the same seed, another for another."""
    env = showdown_v0.env(seed=1)
    env.reset()
    drive(env, np.random.default_rng(0), 31)
    assert env.unwrapped.lane.held, "a choice is held, and is to be held in the clones"
    twins = [env.clone(seed) for seed in (5, 5, 6)]
    futures = [drive(twin, np.random.default_rng(1), 200) for twin in [*twins, env]]
    assert futures[0] == futures[1]
    assert futures[0] != futures[2]
    assert futures[2] != futures[3]
    assert all(future[0] == futures[0][0] for future in futures)
    # A clone of such a clone, and its record, know the way back to the battle's beginning.
    last = twins[0].clone()
    assert drive(last, np.random.default_rng(2), 30) == drive(twins[0], np.random.default_rng(2), 30)
    assert simulate(last.record).prng == simulate(twins[0].record).prng
    for one in [env, last, *twins]:
        one.close()


def test_a_clone_after_a_refusal_knows_of_the_trap() -> None:
    """The simulator's own snapshots forget it."""
    env = showdown_v0.parallel_env(format="gen4ou", teams=[MAGNEZONE, SKARMORY_STARMIE], seed=0)
    env.reset(options={"teams": [0, 1]})
    # Skarmory tries to leave; Magnet Pull is one of two abilities that its owner may have.
    observations, *_ = env.step({"player_0": 2, "player_1": 5})
    mask = observations["player_1"]["action_mask"]
    assert not observations["player_0"]["action_mask"].any(), "only the one who was refused is asked again"
    assert mask[:4].all()
    assert not mask[4:].any()
    twins = [env.clone(), env.clone(9)]
    for one in [env, *twins]:
        assert (one.lane.observe(1)["action_mask"] == mask).all()
        one.step({"player_1": 1})
    again = [one.clone() for one in (env, twins[0])]
    reference = [one.step({"player_0": 2, "player_1": 0})[0] for one in (env, twins[0], *again)]
    for other in reference[1:]:
        for agent in ("player_0", "player_1"):
            ours, theirs = reference[0][agent]["observation"], other[agent]["observation"]
            assert all((ours[name] == theirs[name]).all() for name in ours)
    for one in [env, *twins, *again]:
        one.close()


def test_clones_before_and_after_a_battle() -> None:
    """Nothing is in play then; the episodes that follow are the same."""
    env = showdown_v0.env(seed=4, turn_limit=2)
    early = env.clone()
    env.reset()
    early.reset()
    assert drive(early, np.random.default_rng(0), 3) == drive(env, np.random.default_rng(0), 3)
    env.forfeit(env.agent_selection)
    while not (env.terminations["player_0"] or env.truncations["player_0"]):
        env.step(0 if env.observe(env.agent_selection)["action_mask"][0] else 4)
    late = env.clone()
    assert (late.rewards, late.infos, late.record) == (env.rewards, env.infos, env.record)
    env.reset()
    late.reset()
    assert drive(late, np.random.default_rng(0), 10) == drive(env, np.random.default_rng(0), 10)
    for one in (env, early, late):
        one.close()


def test_an_environment_starts_from_a_position_of_another() -> None:
    """A reset with a position begins there, with another future at every reset."""
    env = showdown_v0.env(seed=1)
    env.reset()
    env.forfeit(env.agent_selection)
    env.step(0)
    with pytest.raises(InputError, match="ended"):
        env.position()
    env.reset(seed=2)
    drive(env, np.random.default_rng(0), 20)
    position = env.position("after ten turns")
    seen = env.observe("player_0")
    futures = []
    for _ in range(2):
        env.reset(options={"position": position})
        again = env.observe("player_0")
        assert all((again["observation"][name] == array).all() for name, array in seen["observation"].items())
        futures.append(drive(env, np.random.default_rng(0), 60))
        assert env.record["position"]["name"] == "after ten turns"
    assert futures[0] != futures[1]
    env.close()


def test_a_clone_goes_only_into_one_of_its_own() -> None:
    """An environment of another game plays other battles."""
    env, other = showdown_v0.env(), showdown_v0.env(format="gen9randombattle")
    with pytest.raises(InputError, match="into must be an environment that clone"):
        env.clone(into=other)
    with pytest.raises(InputError, match="own environment"):
        env.clone(into=env)
