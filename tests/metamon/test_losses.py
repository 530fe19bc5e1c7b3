"""The losses of metamon's training: the recorded steps, and what must hold for any batch."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.metamon.parity import FAMILIES, TRAINED, arrays, random_inputs, shaken

from pokenash.errors import InputError
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.losses import (
    Draws,
    Losses,
    LossSettings,
    TrainingBatch,
    filter_weights,
    masked_mean,
    td_targets,
    training_losses,
)
from pokenash.metamon.networks import MetamonNetwork


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def recorded_batch(step: dict[str, torch.Tensor], padding: float) -> TrainingBatch:
    present = ~(step["rl2"] == padding).all(-1)
    valid = present[:, 1:]
    return TrainingBatch(
        tokens=step["tokens"],
        numbers=step["numbers"],
        rl2=step["rl2"],
        illegal=step["illegal"],
        time=step["time_idx"][..., 0],
        actions=step["actions_onehot"].argmax(-1),
        rewards=step["rewards"][..., 0],
        dones=step["dones"][..., 0],
        valid=valid,
        known=valid & ~step["missing_action"][:, :-1, 0],
    )


def recorded_draws(step: dict[str, torch.Tensor], td_critics: int) -> Draws:
    """Which members were drawn follows from their recorded mean."""
    ensemble, mean = step["ensemble_td_target"][..., 0], step["td_target"][:, :, 0, :, 0]
    choices = list(itertools.combinations_with_replacement(range(ensemble.shape[2]), td_critics))
    errors = torch.stack([(ensemble[:, :, list(chosen)].mean(2) - mean).abs() for chosen in choices])
    critics = torch.tensor(choices)[errors.argmin(0)].movedim(-1, 0)
    samples = [step[name].float() if name in step else None for name in ("sampled_actions", "sampled_next_actions")]
    # A tie's advantage is 0; in the original its rounding error decides, which nothing else can reproduce.
    weights = step["filter"][:, : mean.shape[1], :, 0].float()
    return Draws(critics, *samples, filter_weights=weights)


def recorded_step(
    folder: Path,
) -> tuple[MetamonNetwork, dict[str, torch.Tensor], dict[str, Any], TrainingBatch, Losses]:
    network = load_checkpoint(folder / "policy_epoch_0.pt").train()
    step, said = arrays(folder / "train_step.npz"), json.loads((folder / "train_step.json").read_text())
    batch = recorded_batch(step, said["pad_value"])
    settings = LossSettings(
        offline_coefficient=said["offline_coeff"],
        online_coefficient=said["online_coeff"],
        advantage_filter="none" if said["fake_filter"] else "binary",
        critic_weight=said["critic_loss_weight"],
    )
    draws: Draws | torch.Generator = torch.Generator()
    if "td_target" in step:
        draws = recorded_draws(step, said["num_critics_td"])
    for _ in range(said["trajectory_encoder_passes_before_the_loss"]):
        states = network.encode(batch.tokens, batch.numbers, batch.rl2, batch.time)
    assert torch.allclose(states[:, :-1][batch.valid], step["traj_emb"][:, :-1][batch.valid], rtol=0, atol=2e-5)
    return network, step, said, batch, training_losses(network, states, batch, settings, draws)


def close(given: torch.Tensor, expected: torch.Tensor, mask: torch.Tensor, relative: float = 2e-6) -> bool:
    expected = expected[mask]
    return torch.allclose(given.detach()[mask], expected, rtol=0, atol=relative * (1 + float(expected.abs().max())))


def check_filter(step: dict[str, torch.Tensor], advantages: torch.Tensor, known: torch.Tensor) -> None:
    """The advantages give the recorded filter, but for ties: steps where all drawn actions are the one taken."""
    recorded = step["filter"][:, : known.shape[1], :, 0].bool()
    ties = torch.zeros_like(recorded)
    if "sampled_actions" in step:
        taken = step["actions_onehot"].bool()[None, :, :, None]
        ties = (step["sampled_actions"][:, :, :-1].bool() == taken).all(-1).all(0)
        assert (advantages[ties & known.unsqueeze(-1)] == 0).all()
    compared = known.unsqueeze(-1) & ~ties
    assert torch.equal((filter_weights(advantages, LossSettings()) > 0)[compared], recorded[compared])


@pytest.mark.parametrize("folder", TRAINED)
def test_a_recorded_training_step_is_reproduced(folder: Path) -> None:
    network, step, said, batch, losses = recorded_step(folder)
    known = batch.known
    assert torch.equal(known, step["loss_mask"][..., 0])
    assert close(losses.probabilities[:, :-1], step["probs_all_gammas"][:, :-1], batch.valid, 5e-6)
    assert close(losses.actor_by_step, step["actor_loss"][..., 0], known)
    if losses.targets is not None:
        assert losses.ensemble_targets is not None
        assert losses.advantages is not None
        assert close(losses.ensemble_targets, step["ensemble_td_target"][..., 0], batch.valid)
        assert close(losses.targets, step["td_target"][:, :, 0, :, 0], batch.valid)
        steps = known.shape[1]
        assert close(losses.advantages, step["advantage"][:, :steps, :, 0], known, 5e-6)
        check_filter(step, losses.advantages, known)
        assert losses.critic_by_step is not None
        assert close(losses.critic_by_step, step["critic_loss"][..., 0], known, 1e-5)
    for name in ("mu", "nu", "w", "b", "_t"):
        expected = step[f"popart_after_{name}"]
        assert torch.allclose(getattr(network.popart, name), expected, rtol=1e-6, atol=1e-6)
    assert losses.actor.item() == pytest.approx(said["masked_actor_loss"], rel=1e-5)
    assert losses.critic.item() == pytest.approx(said["masked_critic_loss"], rel=1e-5)
    assert losses.total.item() == pytest.approx(said["total_loss"], rel=1e-5)


@pytest.mark.parametrize("folder", TRAINED)
def test_gradients_and_power_iterations_of_a_recorded_step_are_reproduced(folder: Path) -> None:
    network, step, said, _, losses = recorded_step(folder)
    losses.total.backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    expected = said["grad_norm_by_parameter"]
    assert set(gradients) == set(expected)
    for name, norm in expected.items():
        assert float(gradients[name].norm()) == pytest.approx(norm, rel=2e-4, abs=1e-6), name
    total = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    assert float(total) == pytest.approx(said["total_grad_norm"], rel=2e-5)
    for name, recorded in step.items():
        if name.startswith("grad/"):
            scale = float(recorded.abs().max())
            assert torch.allclose(gradients[name[5:]], recorded, rtol=0, atol=2e-4 * scale), name
    if "u_after/layers.0.qkv" in step:
        projection = network.traj_encoder.tformer.layers[0].attention_layer.qkv_projection  # type: ignore[union-attr]
        assert torch.allclose(projection.u, step["u_after/layers.0.qkv"], atol=1e-6)
        assert torch.allclose(projection.v, step["v_after/layers.0.qkv"], atol=1e-6)


def random_batch(name: str, rows: int = 3, length: int = 6) -> TrainingBatch:
    config, rng = FAMILIES[name], np.random.default_rng(11)
    steps = [random_inputs(config, rows, t) for t in range(length)]
    inputs = {key: torch.from_numpy(np.stack([step[key] for step in steps], axis=1)) for key in steps[0]}
    actions = torch.from_numpy(rng.integers(config.actions, size=(rows, length - 1)))
    valid = torch.ones(rows, length - 1, dtype=torch.bool)
    valid[1, 3:] = False
    known = valid.clone()
    known[0, 1] = False
    rewards = torch.from_numpy(rng.normal(0, 2, (rows, length - 1)).astype(np.float32))
    dones = torch.zeros(rows, length - 1, dtype=torch.bool)
    dones[:, -1] = True
    time = torch.arange(length).expand(rows, -1)
    return TrainingBatch(**inputs, time=time, actions=actions, rewards=rewards, dones=dones, valid=valid, known=known)


def losses_of(name: str, settings: LossSettings, batch: TrainingBatch, seed: int = 1) -> tuple[MetamonNetwork, Losses]:
    network = MetamonNetwork.random(FAMILIES[name], 2)
    shaken(network, 2)
    states = network.encode(batch.tokens, batch.numbers, batch.rl2, batch.time)
    return network, training_losses(network, states, batch, settings, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("advantage_filter", ["binary", "exponential"])
def test_what_padding_holds_does_not_matter(name: str, advantage_filter: Any) -> None:
    batch, settings = random_batch(name), LossSettings(advantage_filter=advantage_filter, online_coefficient=0.5)
    other = replace(batch, rewards=batch.rewards.masked_fill(~batch.valid, 1e6), numbers=batch.numbers.clone())
    other.numbers[1, 4:] = 77.0
    network, losses = losses_of(name, settings, batch)
    changed, same = losses_of(name, settings, other)
    assert losses.actor.item() == pytest.approx(same.actor.item(), rel=1e-5)
    assert losses.critic.item() == pytest.approx(same.critic.item(), rel=1e-4)
    assert torch.allclose(network.popart.mu, changed.popart.mu, rtol=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_frozen_networks_get_no_gradients(name: str) -> None:
    network, losses = losses_of(name, LossSettings(online_coefficient=0.3), random_batch(name))
    losses.total.backward()
    for part in (network.target_actor, network.target_critics, network.maximized_critics, network.popart):
        assert all(parameter.grad is None for parameter in part.parameters())
    for part in (network.tstep_encoder, network.traj_encoder, network.actor, network.critics):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())


def test_imitation_learning_leaves_critics_alone() -> None:
    network, losses = losses_of("scalar", LossSettings(advantage_filter="none"), random_batch("scalar"))
    statistics = network.popart.mu.clone()
    losses.total.backward()
    assert losses.critic.item() == 0
    assert torch.equal(network.popart.mu, statistics)
    assert all(parameter.grad is None for parameter in network.critics.parameters())
    assert losses.total == losses.actor


def test_the_online_term_raises_the_values_of_the_policy() -> None:
    settings = LossSettings(offline_coefficient=0.0, online_coefficient=1.0, critic_weight=0.0)
    batch = random_batch("two_hot")
    network, losses = losses_of("two_hot", settings, batch)
    before = losses.actor.item()
    losses.total.backward()
    with torch.no_grad():
        for parameter in network.actor.parameters():
            assert parameter.grad is not None
            parameter -= 1e-4 * parameter.grad
        states = network.encode(batch.tokens, batch.numbers, batch.rl2, batch.time)
        again = training_losses(network, states, batch, settings, torch.Generator().manual_seed(1))
    assert again.actor.item() < before


def test_the_online_target_is_the_minimum_of_the_drawn_critics() -> None:
    batch = random_batch("scalar")
    _, mean = losses_of("scalar", LossSettings(), batch)
    _, least = losses_of("scalar", LossSettings(online_coefficient=0.1), batch)
    assert mean.targets is not None
    assert least.targets is not None
    assert (least.targets <= mean.targets + 1e-4).all()
    assert (least.targets < mean.targets - 1e-3).any()


def test_targets_end_with_the_episode() -> None:
    rewards, dones = torch.tensor([[1.0, -2.0]]), torch.tensor([[False, True]])
    values = torch.tensor([[[[3.0, 4.0]], [[5.0, 6.0]]]])
    targets = td_targets(rewards, dones, values, torch.tensor([0.5, 0.9]), 10.0)
    assert torch.allclose(targets, torch.tensor([[[[11.5, 13.6]], [[-20.0, -20.0]]]]))


def test_filters_weigh_advantages() -> None:
    advantages = torch.tensor([-1.0, 0.0, 2.0, 50.0])
    assert filter_weights(advantages, LossSettings()).tolist() == [0, 0, 1, 1]
    exponential = filter_weights(advantages, LossSettings(advantage_filter="exponential", beta=0.5))
    assert torch.allclose(exponential, torch.tensor([np.exp(-0.5), 1.0, np.exp(1.0), 100.0], dtype=torch.float32))
    with pytest.raises(InputError, match="unknown advantage filter 'top'"):
        LossSettings(advantage_filter="top")  # type: ignore[arg-type]


def test_an_empty_mask_costs_nothing() -> None:
    values = torch.full((1, 2, 3), torch.nan)
    assert masked_mean(values, torch.zeros(1, 2, dtype=torch.bool)) == 0
    assert float(masked_mean(torch.ones(1, 2, 3), torch.tensor([[True, False]]))) == pytest.approx(1.0, abs=1e-5)


def test_sampled_actions_estimate_the_exact_expectation() -> None:
    batch = random_batch("two_hot")
    _, exact = losses_of("two_hot", LossSettings(action_samples=0), batch)
    _, sampled = losses_of("two_hot", LossSettings(action_samples=400), batch)
    assert exact.ensemble_targets is not None
    assert sampled.ensemble_targets is not None
    spread = float(exact.ensemble_targets.std())
    assert torch.allclose(exact.ensemble_targets, sampled.ensemble_targets, atol=0.2 * spread)
