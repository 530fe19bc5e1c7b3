"""metamon's networks: the recorded outputs, and what must hold for any weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.metamon.parity import FAMILIES, RECORDED, arrays, random_inputs, shaken
from torch.nn import functional

from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.networks import MetamonNetwork, TwoHotCritics, action_distribution, mask_illegal
from pokenash.metamon.networks.layers import SigmaReparam, sinusoidal_positions
from pokenash.metamon.networks.popart import PopArt

# The published comparison allows 5e-6 in probabilities; logits and embeddings are some ten times as large.
PROBABILITY, NUMBER, VALUE = 5e-6, 2e-5, 1e-5


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def small(name: str, seed: int = 0) -> MetamonNetwork:
    network = MetamonNetwork.random(FAMILIES[name], seed)
    shaken(network, seed)
    return network


@pytest.mark.parametrize("folder", RECORDED)
def test_a_recorded_rollout_is_reproduced(folder: Path) -> None:
    network, rollout = load_checkpoint(folder / "policy_epoch_0.pt"), arrays(folder / "rollout.npz")
    memory = network.new_memory(rollout["tokens"].shape[1])
    for t in range(len(rollout["tokens"])):
        now = {name: values[t] for name, values in rollout.items()}
        outputs = network.step(now["tokens"], now["numbers"], now["rl2"], now["illegal"], now["reset"], memory)
        assert torch.equal(memory.time - 1, now["time_idx"])
        assert torch.allclose(outputs.turns, now["tstep_emb"], rtol=0, atol=NUMBER)
        assert torch.allclose(outputs.states, now["traj_emb"], rtol=0, atol=NUMBER)
        masked = mask_illegal(outputs.logits, now["illegal"].unsqueeze(1))
        assert torch.allclose(masked, now["masked_logits_all_gammas"], rtol=0, atol=NUMBER)
        assert torch.allclose(outputs.probabilities, now["probs_all_gammas"], rtol=0, atol=PROBABILITY)
        assert torch.allclose(outputs.probabilities[:, -1], now["probs"], rtol=0, atol=PROBABILITY)
        check_values(network, outputs.states, outputs.probabilities[:, -1], now)


@torch.no_grad()
def check_values(
    network: MetamonNetwork, states: torch.Tensor, probabilities: torch.Tensor, now: dict[str, torch.Tensor]
) -> None:
    values = network.values(states)[:, :, -1]
    scale = now["q"].abs().max()
    assert torch.allclose(values.mean(1), now["q"], rtol=0, atol=float(VALUE * scale))
    expected = (values * probabilities.unsqueeze(1)).sum(-1).mean(1)
    assert torch.allclose(expected, now["v"], rtol=0, atol=float(VALUE * scale))
    raw = network.critics.values(states) if isinstance(network.critics, TwoHotCritics) else network.critics(states)
    chosen = now["action"][:, None, None, None].expand(*raw.shape[:-1], 1)
    taken = now["q_all_gammas_taken"]
    assert torch.allclose(raw.gather(-1, chosen).squeeze(-1), taken, rtol=0, atol=float(VALUE * taken.abs().max()))
    if isinstance(network.critics, TwoHotCritics):
        actions = functional.one_hot(now["action"], network.config.actions).unsqueeze(1)
        bins = network.critics(states, actions.expand(-1, len(network.config.discounts), -1))
        assert torch.allclose(bins[:, 0, -1], now["q_bins_critic0"], rtol=0, atol=PROBABILITY)


@pytest.mark.parametrize("name", FAMILIES)
def test_whole_sequences_give_what_single_steps_give(name: str) -> None:
    # Up to the cache's length, or for ever where a window or a GRU decides what is remembered.
    network, config = small(name), FAMILIES[name]
    length = config.max_seq_len if config.trajectory_encoder.window is None else 12
    length = 12 if config.trajectory_encoder.kind == "gru" else length
    steps = [random_inputs(config, 3, seed) for seed in range(length)]
    inputs = {key: torch.from_numpy(np.stack([step[key] for step in steps], axis=1)) for key in steps[0]}
    time = torch.arange(length).expand(3, -1)
    with torch.no_grad():
        whole = network.encode(inputs["tokens"], inputs["numbers"], inputs["rl2"], time)
    memory = network.new_memory(3)
    for t in range(length):
        now = [inputs[key][:, t] for key in ("tokens", "numbers", "rl2", "illegal")]
        outputs = network.step(*now, torch.full((3,), t == 0), memory)
        assert torch.allclose(outputs.states, whole[:, t], rtol=0, atol=NUMBER)


def test_a_full_cache_forgets_the_oldest_step_and_nothing_else() -> None:
    # One layer: what a step left in the cache depends on that step alone.
    config = replace(FAMILIES["scalar"], trajectory_encoder=replace(FAMILIES["scalar"].trajectory_encoder, layers=1))
    network = MetamonNetwork.random(config, 0)
    steps = config.max_seq_len + 2

    def last(changed: int | None) -> torch.Tensor:
        memory = network.new_memory(1)
        for t in range(steps):
            inputs = random_inputs(config, 1, 100 if t == changed else t)
            now = [torch.from_numpy(inputs[key]) for key in ("tokens", "numbers", "rl2", "illegal")]
            outputs = network.step(*now, torch.tensor([t == 0]), memory)
        return outputs.states

    oldest_kept = steps - config.max_seq_len
    assert torch.equal(last(None), last(oldest_kept - 1))
    assert not torch.allclose(last(None), last(oldest_kept), atol=1e-5)


def test_a_lane_that_begins_anew_forgets_and_the_others_do_not() -> None:
    for name in ("scalar", "gru"):
        network, config = small(name), FAMILIES[name]

        def run(resets: list[list[bool]], network: MetamonNetwork = network, config: MetamonConfig = config) -> list:
            memory, states = network.new_memory(2), []
            for t, reset in enumerate(resets):
                inputs = random_inputs(config, 2, t)
                now = [torch.from_numpy(inputs[key]) for key in ("tokens", "numbers", "rl2", "illegal")]
                states.append(network.step(*now, torch.tensor(reset), memory).states)
            return states

        plain = run([[True, True]] + [[False, False]] * 3)
        mixed = run([[True, True], [False, False], [True, False], [False, False]])
        assert torch.equal(plain[3][1], mixed[3][1])
        assert not torch.allclose(plain[3][0], mixed[3][0], atol=1e-4)


def test_sigma_reparam_uses_the_stored_vectors_and_moves_them_only_in_training() -> None:
    torch.manual_seed(0)
    layer = SigmaReparam(5, 7).eval()
    with torch.no_grad():
        layer.gamma.fill_(2.0)
        layer.bias.fill_(0.5)  # type: ignore[union-attr]
    values, before = torch.randn(3, 5), layer.u.clone()
    norm = layer.u @ layer.weight @ layer.v
    assert torch.allclose(layer(values), values @ layer.weight.T * 2 / norm + 0.5, atol=1e-5)
    assert torch.equal(layer.u, before)
    layer.train()(values)
    assert not torch.equal(layer.u, before)
    for _ in range(200):
        layer.iterate()
    assert torch.allclose(layer.u @ layer.weight @ layer.v, torch.linalg.matrix_norm(layer.weight, 2), atol=1e-5)


def test_positions_are_sines_and_cosines_of_falling_frequencies() -> None:
    encoded = sinusoidal_positions(torch.tensor([0, 3]), 4)
    expected = [[0, 1, 0, 1], [np.sin(3), np.cos(3), np.sin(0.03), np.cos(0.03)]]
    assert torch.allclose(encoded, torch.tensor(expected, dtype=torch.float32), atol=1e-6)


def test_illegal_actions_keep_a_little_unless_masked_again() -> None:
    logits = torch.tensor([[5.0, 0.0, -1.0, 9.0]])
    illegal = torch.tensor([[False, False, False, True]])
    kept = action_distribution(logits, illegal, 0.001, 0.99)
    assert 0.0005 < kept[0, 3] < 0.002
    clean = action_distribution(logits, illegal, 0.001, 0.99, remask=True)
    assert clean[0, 3] == 0
    assert clean.sum() == pytest.approx(1.0)
    assert (clean[0, :3] > 0).all()
    nothing = torch.ones(1, 4, dtype=torch.bool)
    for remask in (False, True):
        free = action_distribution(logits, nothing, 0.001, 0.99, remask=remask)
        assert free.argmax() == 3
        assert torch.isfinite(free).all()


def test_popart_keeps_its_outputs_when_its_statistics_move() -> None:
    popart = PopArt(2, beta=0.1)
    raw, returns = torch.randn(4, 3, 2, 1), 50 + 20 * torch.randn(4, 3, 2, 1)
    mask = torch.tensor([[True, True, False]] * 4)
    before = popart.denormalise(raw)
    popart.update(returns, mask)
    assert torch.allclose(popart.denormalise(raw), before, atol=1e-4)
    rate = 0.1 / (1 - 0.9**2)
    assert torch.allclose(popart.mu, rate * returns[mask].mean(0), atol=1e-4)
    statistics = popart.mu.clone()
    popart.update(returns, torch.zeros_like(mask))
    assert torch.equal(popart.mu, statistics)


@pytest.mark.parametrize("name", ["two_hot", "window"])
def test_two_hot_labels_have_the_return_as_their_mean(name: str) -> None:
    critics = small(name).critics
    assert isinstance(critics, TwoHotCritics)
    returns = torch.tensor([-80.0, -50.0, -13.0, 0.0, 41.5, 70.0, 200.0])
    labels, bins = critics.two_hot(returns), critics.bin_values()
    assert torch.allclose(labels.sum(-1), torch.ones(7))
    assert ((labels > 0).sum(-1) <= 2).all()
    clipped = returns.clamp(bins[0], bins[-1])
    if not critics.config.symlog_bins:
        assert torch.allclose((labels * bins).sum(-1), clipped, atol=1e-4)
    assert bins[0] == pytest.approx(-50, rel=1e-5)
    assert bins[-1] == pytest.approx(70, rel=1e-5)


def test_targets_follow_slowly_and_maximised_critics_at_once() -> None:
    network = small("scalar")
    network.synchronise_targets()
    start = network.target_actor.base.in_layer.weight.clone()
    with torch.no_grad():
        network.actor.base.in_layer.weight += 1.0
        network.critics.net.inp_layer.bias += 1.0
    network.update_targets()
    rate = network.config.target_rate
    assert torch.allclose(network.target_actor.base.in_layer.weight, start + rate, atol=1e-6)
    assert torch.equal(network.maximized_critics.net.inp_layer.bias, network.critics.net.inp_layer.bias)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    first, second = (MetamonNetwork.random(FAMILIES["scalar"], 3) for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
