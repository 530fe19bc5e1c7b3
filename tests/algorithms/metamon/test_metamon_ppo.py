"""Proximal policy optimisation of metamon networks: what is collected, what is learned, and that it may be killed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.metamon import tiny

from pokenash.algorithms.oracles.metamon.ppo import MetamonPPO, cache_window
from pokenash.algorithms.oracles.metamon.ppo_oracle import MetamonPPOOracle
from pokenash.algorithms.oracles.metamon.ppo_rows import CollectedBattle, columns, generalised_advantages
from pokenash.algorithms.oracles.metamon.ppo_settings import MetamonPPOSettings
from pokenash.arena import Arena
from pokenash.errors import InputError
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.config import CriticConfig, MetamonConfig
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.rewards import REWARDS
from pokenash.metamon.state import UniversalState
from pokenash.metamon.training import StartingPoint, save_weights
from pokenash.policies import PolicySpec, load_policy, mixture_spec

MAX_POWER = PolicySpec("max_power", "max_power")
SETTINGS = MetamonPPOSettings(
    rounds=3, battles_per_round=2, epochs=1, decisions_per_step=120, warm_up_steps=1, critic_only_rounds=1,
    head_to_head_battles=2, torch_threads=1, num_lanes=4, learning_rate=1e-3,
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def ppo_of(arena: Arena, settings: MetamonPPOSettings, config: MetamonConfig, reward: str) -> MetamonPPO:
    network = MetamonNetwork.random(config, seed=1)
    start = StartingPoint(PolicySpec("tiny", "metamon"), network, tiny.tokenizer(), reward)
    return MetamonPPO(arena, start, load_policy(MAX_POWER, arena.game), settings, reward=reward, seed=4)


@pytest.mark.parametrize(
    ("config", "format_id"),
    [
        (tiny.config(), "gen1ou"),
        (replace(tiny.recurrent_config(), critic=CriticConfig("two_hot", 2, 24, bins=8)), "gen1ou"),
        (tiny.config("TeamPreviewObservationSpace", 13), "gen9randombattle"),
    ],
    ids=["transformer, scalar", "GRU, two-hot", "terastallization"],
)
def test_what_was_played_is_what_the_training_forward_gives_again(config: MetamonConfig, format_id: str) -> None:
    """Battles are longer than the cache, so what it drops must not be seen either."""
    with Arena(tiny.game(format_id), num_lanes=4) as arena:
        ppo = ppo_of(arena, SETTINGS, config, "DefaultShapedReward")
        battles, results = ppo.collect()
    assert results["battles"] == len(battles) == 2
    assert max(map(len, battles)) > config.max_seq_len
    batch = columns(battles, {"value": [battle.value for battle in battles]})
    with torch.no_grad(), cache_window(ppo.network):
        states = ppo.encode(ppo.network, batch)
        new = ppo.log_probabilities(ppo.network, states, batch["illegal"])
        taken = new.gather(-1, batch["action"].unsqueeze(-1)).squeeze(-1)
        probabilities = torch.softmax(
            ppo.network.actor(states).masked_fill(batch["illegal"].unsqueeze(2), -1e9), dim=-1
        )
        values = (ppo.network.values(states).mean(2) * probabilities).sum(-1)
    chosen = batch["chosen"]
    assert 20 < int(chosen.sum()) < int(batch["there"].sum())
    assert torch.allclose(taken[chosen], batch["log_probability"][chosen], atol=2e-5)
    assert torch.allclose(values[chosen], batch["value"][chosen], rtol=1e-4, atol=1e-3)
    for battle in battles:
        # Every choice was legal; what follows a decision tells of it.
        assert not battle.illegal[battle.chosen, battle.action[battle.chosen]].any()
        assert np.array_equal(battle.rl2[1:, 1:].argmax(1), battle.action[:-1])
        assert battle.reward[:-1] == pytest.approx(10 * battle.rl2[1:, 0])
        assert abs(battle.reward[-1]) > 900


def test_the_first_step_starts_at_the_policy_that_played() -> None:
    settings = replace(SETTINGS, critic_only_rounds=0, decisions_per_step=10**6)
    with Arena(tiny.game(), num_lanes=4) as arena:
        ppo = ppo_of(arena, settings, tiny.config(), "BinaryReward")
        battles, _ = ppo.collect()
        before = {name: p.detach().clone() for name, p in ppo.network.named_parameters()}
        measures = ppo.learn(battles)
    # All battles in one step: the measures are those of before it.
    assert measures["kl_to_old"] == pytest.approx(0, abs=1e-6)
    assert measures["divergence"] == pytest.approx(0, abs=1e-6)
    assert measures["clip_fraction"] == 0
    moved = {name for name, p in ppo.network.named_parameters() if not torch.equal(p, before[name])}
    assert {"actor.base.out_layer.weight", "tstep_encoder.extra_emb.weight"} <= moved
    assert any(name.startswith("critics") for name in moved)


def test_first_rounds_may_leave_all_but_the_critics_as_they_are() -> None:
    with Arena(tiny.game(), num_lanes=4) as arena:
        ppo = ppo_of(arena, SETTINGS, tiny.config(), "BinaryReward")
        battles, _ = ppo.collect()
        before = {name: p.detach().clone() for name, p in ppo.parameters.items()}
        ppo.learn(battles)
    moved = {name.partition(".")[0] for name, p in ppo.parameters.items() if not torch.equal(p, before[name])}
    assert moved == {"critics"}


def test_advantages_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(1)
    reward = rng.normal(size=5).astype(np.float32)
    value = rng.normal(size=(5, 2)).astype(np.float32)
    discounts = np.array([0.5, 0.9], np.float32)
    found = generalised_advantages(reward, value, discounts, 0.8)
    for g, discount in enumerate(discounts.tolist()):
        following = [*value[1:, g].tolist(), 0.0]
        errors = [reward[t] + discount * following[t] - value[t, g] for t in range(5)]
        for t in range(5):
            expected = sum((discount * 0.8) ** k * errors[t + k] for k in range(5 - t))
            assert found[t, g] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    returns = generalised_advantages(reward, value, discounts, 1.0) + value
    assert returns[0, 1] == pytest.approx(sum(0.9**t * float(reward[t]) for t in range(5)), rel=1e-4)


def stay(previous_state: UniversalState, state: UniversalState) -> float:
    """1 where the same Pokémon is still out."""
    return float(previous_state.player_active_pokemon.name == state.player_active_pokemon.name)


def switched(battles: list[CollectedBattle]) -> float:
    """Share of the free choices between moves and switches that were switches."""
    rows = [(battle.action >= 4)[battle.chosen & (~battle.illegal[:, :4]).any(1)] for battle in battles]
    return float(np.concatenate(rows).mean())


def test_it_learns_what_it_is_rewarded_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewarded for staying, a random network soon leaves off switching."""
    monkeypatch.setitem(REWARDS, "Stay", stay)
    settings = replace(
        SETTINGS, battles_per_round=6, epochs=3, decisions_per_step=300, critic_only_rounds=0, gae_lambda=0.5,
        learning_rate=5e-3, reference_kl_coefficient=0.0, target_kl=0.3, num_lanes=6, entropy_coefficient=0.0,
    )  # fmt: skip
    config = replace(tiny.config(), discounts=(0.1, 0.5))
    with Arena(tiny.game(), num_lanes=6) as arena:
        ppo = ppo_of(arena, settings, config, "Stay")
        shares = []
        for _ in range(5):
            battles, _ = ppo.collect()
            shares.append(switched(battles))
            ppo.learn(battles)
            ppo.round_number += 1
    assert shares[0] > 0.25
    assert shares[-1] < 0.3 * shares[0], shares


def test_a_killed_training_ends_with_the_same_policy_and_reports_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = tmp_path / "words.json"
    words.write_text(json.dumps(tiny.vocabulary()))
    path = save_weights(MetamonNetwork.random(tiny.config(), seed=1), tmp_path / "base.safetensors")
    base = metamon_spec("base", path, vocabulary=words)

    def ask(directory: Path) -> PolicySpec:
        return MetamonPPOOracle(SETTINGS).train(
            tiny.game(turn_limit=30), mixture_spec("m", [MAX_POWER, base], [0.5, 0.5]),
            population=[MAX_POWER, base], name="br_0", directory=directory, seed=3, iteration=0,
        )  # fmt: skip

    def weights(spec: PolicySpec) -> torch.Tensor:
        assert spec.checkpoint is not None
        return torch.cat([tensor.flatten() for tensor in load_checkpoint(spec.checkpoint).state_dict().values()])

    whole = ask(tmp_path / "whole")
    assert not torch.equal(weights(whole), weights(base))
    with monkeypatch.context() as patched:
        learn: Any = MetamonPPO.learn

        def die(self: MetamonPPO, battles: list[CollectedBattle]) -> Any:
            if self.round_number == 2:
                raise KeyboardInterrupt
            return learn(self, battles)

        patched.setattr(MetamonPPO, "learn", die)
        with pytest.raises(KeyboardInterrupt):
            ask(tmp_path / "killed")
    again = ask(tmp_path / "killed")
    assert torch.equal(weights(whole), weights(again))
    log = [json.loads(line) for line in (tmp_path / "killed" / "ppo.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [1, 2, 3]
    report = json.loads((tmp_path / "killed" / "report.json").read_text())
    assert report["head_to_head"]["battles"] == 2
    assert report["reward"] == again.parameters["reward"] == "DefaultShapedReward"
    load_policy(PolicySpec.from_json(again.to_json()), tiny.game())


def test_settings_out_of_range_are_refused() -> None:
    for wrong, message in (
        ({"battles_per_round": 3}, "battles_per_round: expected an even number"),
        ({"rounds": 0}, "rounds"),
        ({"clip": 0.0}, "clip"),
        ({"gae_lambda": 1.5}, "gae_lambda"),
        ({"entropy_coefficient": -1.0}, "entropy_coefficient"),
        ({"start": MAX_POWER}, "kind 'max_power'"),
    ):
        with pytest.raises(InputError, match=message):
            replace(SETTINGS, **wrong)
    json.dumps(SETTINGS.to_json())
