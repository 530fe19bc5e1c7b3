"""The oracle: PPO from a warm start, on games that train in seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.arena.games import Rounds

from pokenash.algorithms.oracles import PPO, PPOOracle, PPOSettings, TrainingSettings, derive_seed
from pokenash.algorithms.oracles.collection import Learner, Rows, advantages
from pokenash.algorithms.oracles.learning import repeatable_torch
from pokenash.algorithms.oracles.settings import ImitationSettings
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.policies import PolicySpec, Uniform, mixture_spec
from pokenash.policies.network_settings import MLPSettings
from pokenash.policies.networks import build_network, copy_network

UNIFORM = PolicySpec("uniform", "uniform")
SMALL = TrainingSettings(
    ppo=PPOSettings(updates=5, battles_per_update=16, epochs=2, batch_size=32, learning_rate=3e-3),
    imitation=ImitationSettings(collection_battles=10, epochs=1, batch_size=32),
    network=MLPSettings((16,)),
    warm_start="scratch",
    checkpoint_every=2,
    torch_threads=1,
    num_lanes=8,
    num_workers=1,
)


@pytest.fixture(scope="module")
def tictactoe() -> AECGame:
    return AECGame("pettingzoo.classic.tictactoe_v3:env")


def train(
    game: Any, settings: TrainingSettings, directory: Path, population: Sequence[PolicySpec] = (UNIFORM,), seed: int = 1
) -> PolicySpec:
    opponent = mixture_spec("mixture", population, np.full(len(population), 1 / len(population)))
    return PPOOracle(settings).train(
        game, opponent, population=population, name="br", directory=directory, seed=seed, iteration=0
    )


def win_rate(game: Any, first: Any, second: Any, battles: int, seed: int) -> float:
    with Arena(game, num_lanes=64) as arena:
        results = arena.play([first, second], paired_matches(game, [(0, 1)], battles, seed), seed=seed)
    returns = [m.result.returns[m.match.policies.index(0)] for m in results]
    return float(np.mean(returns) / 2 + 0.5)


def test_a_best_response_to_random_play_wins(tmp_path: Path, tictactoe: AECGame) -> None:
    """Random play is as good as itself (50%), and a perfect player wins 96%."""
    settings = TrainingSettings(
        ppo=PPOSettings(
            updates=40,
            battles_per_update=200,
            epochs=4,
            batch_size=128,
            learning_rate=3e-3,
            reference_kl_coefficient=0.0,
        ),
        warm_start="scratch",
        num_lanes=64,
        num_workers=1,
        torch_threads=1,
    )
    spec = train(tictactoe, settings, tmp_path)
    assert spec.name == "br"
    assert Path(spec.checkpoint or "").is_relative_to(tmp_path)
    # Standard error of 1,000 games: 1%.
    assert win_rate(tictactoe, spec, UNIFORM, 1000, seed=77) >= 0.85


def log_of(directory: Path) -> list[dict[str, Any]]:
    lines = (directory / "training.jsonl").read_text().splitlines()
    timing = ("seconds", "rows_per_second")
    return [{k: v for k, v in json.loads(line).items() if not k.startswith(timing)} for line in lines]


class KilledError(Exception):
    pass


@pytest.mark.parametrize("rounds_before", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("warm_start", ["scratch", "strongest"])
def test_a_broken_training_goes_on_as_if_unbroken(
    tmp_path: Path, tictactoe: AECGame, monkeypatch: pytest.MonkeyPatch, rounds_before: int, warm_start: str
) -> None:
    settings = replace(SMALL, warm_start=warm_start)
    unbroken = train(tictactoe, settings, tmp_path / "unbroken")
    play = PPO.round

    def stop(self: PPO) -> dict[str, Any]:
        if self.state.update == rounds_before:
            raise KilledError
        return play(self)

    with monkeypatch.context() as patch:
        patch.setattr(PPO, "round", stop)
        with pytest.raises(KilledError):
            train(tictactoe, settings, tmp_path / "broken")
    broken = train(tictactoe, settings, tmp_path / "broken")
    assert broken.sha256 == unbroken.sha256
    assert log_of(tmp_path / "broken") == log_of(tmp_path / "unbroken")
    assert [entry["phase"] for entry in log_of(tmp_path / "broken")][-5:] == ["ppo"] * 5


def test_weights_do_not_depend_on_the_number_of_lanes(tmp_path: Path, tictactoe: AECGame) -> None:
    few = train(tictactoe, SMALL, tmp_path / "few")
    many = train(tictactoe, replace(SMALL, num_lanes=16), tmp_path / "many")
    other = train(tictactoe, SMALL, tmp_path / "other", seed=2)
    assert few.sha256 == many.sha256 != other.sha256


def test_every_round_is_logged(tmp_path: Path, tictactoe: AECGame) -> None:
    train(tictactoe, SMALL, tmp_path)
    entries = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert [entry["update"] for entry in entries] == list(range(5))
    for entry in entries:
        assert entry["wins"] + entry["draws"] + entry["losses"] == entry["battles"] == 16
        assert {"policy_loss", "value_loss", "entropy", "kl_to_old", "kl_to_reference", "rows_per_second"} <= set(entry)
        assert entry["rows"] > 16
    rates = [entry["learning_rate"] for entry in entries]
    assert rates == sorted(rates, reverse=True)
    np.testing.assert_allclose([rates[0], rates[-1]], [3e-3, 3e-3 * SMALL.ppo.final_learning_rate])


def test_a_reference_holds_the_policy_back(tictactoe: AECGame) -> None:
    ends = []
    for coefficient in (0.0, 100.0):
        settings = replace(SMALL.ppo, updates=8, reference_kl_coefficient=coefficient, learning_rate=1e-2)
        reference = build_network(tictactoe, MLPSettings((16,)), seed=1)
        with Arena(tictactoe, num_lanes=16) as arena, repeatable_torch(1):
            ppo = PPO(arena, copy_network(reference), reference, Uniform(), settings, seed=3)
            for _ in range(8):
                ppo.round()
        rows = {"features": np.eye(18, dtype=np.float32)}
        with torch.no_grad():
            inputs = {name: torch.from_numpy(array) for name, array in rows.items()}
            change = ppo.network(inputs)[0].softmax(1) - reference(inputs)[0].softmax(1)
        ends.append(float(change.abs().max()))
    assert ends[1] < ends[0] / 3


def slow_advantages(values: list[float], outcome: float, discount: float, gae_lambda: float) -> list[float]:
    """Equation 16 of Schulman et al. 2016 as it stands: sums of discounted errors."""
    rewards = [0.0] * (len(values) - 1) + [outcome]
    following = [*values[1:], 0.0]
    errors = [r + discount * n - v for r, n, v in zip(rewards, following, values, strict=True)]
    weight = discount * gae_lambda
    return [sum(weight ** (k - t) * errors[k] for k in range(t, len(values))) for t in range(len(values))]


@given(
    trajectories=st.lists(
        st.tuples(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=9), st.sampled_from([-1.0, 0.0, 1.0])),
        min_size=1,
        max_size=6,
    ),
    discount=st.floats(0.5, 1),
    gae_lambda=st.floats(0, 1),
)
def test_advantages_are_those_of_the_paper(
    trajectories: list[tuple[list[float], float]], discount: float, gae_lambda: float
) -> None:
    values = np.array([v for vs, _ in trajectories for v in vs], np.float32)
    outcome = np.array([o for vs, o in trajectories for _ in vs], np.float32)
    last = np.array([i == len(vs) - 1 for vs, _ in trajectories for i in range(len(vs))])
    nothing = np.zeros(len(values), np.float32)
    mask = np.ones((len(values), 2), np.bool_)
    rows = Rows({}, mask, np.zeros(len(values), np.int64), nothing, values, outcome, last)
    advantage, target = advantages(rows, discount, gae_lambda)
    expected = [a for vs, o in trajectories for a in slow_advantages(vs, o, discount, gae_lambda)]
    np.testing.assert_allclose(advantage, expected, atol=1e-5)
    np.testing.assert_allclose(target, advantage + values, atol=1e-6)


def test_rows_carry_the_outcome_of_their_own_player_and_battles_with_errors_teach_nothing() -> None:
    game = Rounds(rounds=7, error_every=3)
    learner = Learner(build_network(game, seed=1))
    matches = paired_matches(game, [(0, 1)], 40, seed=9)
    with Arena(game, num_lanes=8, num_workers=2) as arena:
        results = arena.play([learner, Uniform()], matches, seed=2, on_result=learner.on_result)
    rows = learner.take_rows()
    counted = [m for m in results if m.counted]
    assert 0 < len(counted) < len(results)
    expected = []
    for result in counted:
        own = result.match.policies.index(0)
        # Two are asked in most rounds; the number of own rows is not in the result.
        expected.append(result.result.returns[own])
    assert int(rows.last.sum()) == len(counted)
    np.testing.assert_array_equal(rows.outcome[rows.last], np.array(expected, np.float32))
    chosen = rows.action_mask[np.arange(len(rows)), rows.action]
    assert chosen.all()
    assert (rows.log_probability <= 0).all()
    with pytest.raises(RuntimeError, match="no finished episode"):
        learner.take_rows()


def test_warm_starts(tmp_path: Path, tictactoe: AECGame) -> None:
    no_ppo = replace(SMALL, ppo=replace(SMALL.ppo, updates=0))
    first = train(tictactoe, SMALL, tmp_path / "first")
    first = replace(first, name="first")
    by_weights = train(tictactoe, replace(no_ppo, warm_start="first"), tmp_path / "named", [UNIFORM, first])
    by_path = train(tictactoe, replace(no_ppo, warm_start=str(first.checkpoint)), tmp_path / "path")
    assert by_weights.sha256 == by_path.sha256 == first.sha256
    imitated = train(tictactoe, replace(no_ppo, warm_start="uniform"), tmp_path / "imitated", [first, UNIFORM])
    assert imitated.sha256 != first.sha256
    assert log_of(tmp_path / "imitated")[0]["teacher"] == "uniform"
    other_size = replace(no_ppo, warm_start="first", network=MLPSettings((8,)))
    train(tictactoe, other_size, tmp_path / "other", [UNIFORM, first])
    assert log_of(tmp_path / "other")[0]["teacher"] == "first"
    with pytest.raises(InputError, match="nowhere"):
        train(tictactoe, replace(no_ppo, warm_start="nowhere"), tmp_path / "nowhere")


def test_the_best_checkpoint_is_that_after_the_best_rounds(tmp_path: Path, tictactoe: AECGame) -> None:
    longer = replace(SMALL, ppo=replace(SMALL.ppo, updates=9))
    last = train(tictactoe, longer, tmp_path / "last")
    best = train(tictactoe, replace(longer, returned="best"), tmp_path / "best")
    scores = [entry["win_rate"] for entry in log_of(tmp_path / "best")]
    windows = [sum(scores[end - 5 : end]) for end in range(5, 10)]
    rounds = 5 + int(np.argmax(windows))
    there = train(tictactoe, replace(longer, ppo=replace(longer.ppo, updates=9)), tmp_path / "again")
    assert there.sha256 == last.sha256
    assert (best.sha256 == last.sha256) == (rounds == 9)


def test_a_damaged_training_state_is_refused(tmp_path: Path, tictactoe: AECGame) -> None:
    train(tictactoe, SMALL, tmp_path)
    state = tmp_path / "training_state.safetensors"
    state.write_bytes(state.read_bytes()[:500])
    with pytest.raises(InputError, match=r"training_state\.safetensors"):
        train(tictactoe, SMALL, tmp_path)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: PPOSettings(updates=-1), "updates"),
        (lambda: PPOSettings(battles_per_update=7), "battles_per_update"),
        (lambda: PPOSettings(learning_rate=0), "learning_rate"),
        (lambda: PPOSettings(learning_rate=float("nan")), "learning_rate"),
        (lambda: PPOSettings(gae_lambda=1.5), "gae_lambda"),
        (lambda: PPOSettings(entropy_coefficient=-0.1), "entropy_coefficient"),
        (lambda: ImitationSettings(collection_battles=0), "collection_battles"),
        (lambda: ImitationSettings(epochs=-1), "epochs"),
        (lambda: TrainingSettings(num_workers=0), "num_workers"),
        (lambda: TrainingSettings(returned="first"), "returned"),  # type: ignore[arg-type]
        (lambda: TrainingSettings(warm_start=""), "warm_start"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(make: Any, name: str) -> None:
    with pytest.raises(InputError, match=name):
        make()


def test_derived_seeds_differ_by_purpose() -> None:
    seeds = {derive_seed(s, *keys) for s in (0, 1, 2**70) for keys in [(), (0,), (1,), ("a",), (0, "a"), ("a", 0)]}
    assert len(seeds) == 18
    assert all(0 <= seed < 2**64 for seed in seeds)
