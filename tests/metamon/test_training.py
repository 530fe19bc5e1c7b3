"""Fine-tuning: what is learned, from which data, under which reward, and that a killed training goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.metamon import tiny

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError, PokenashError
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.config import CriticConfig
from pokenash.metamon.dataset import TrajectoryDataset, TrajectorySource
from pokenash.metamon.dataset_arrays import PaddedBatch, TrainingArrays, collate
from pokenash.metamon.losses import Draws, training_losses
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.training import (
    FineTuneSettings,
    Learner,
    TrainingData,
    as_tensors,
    fine_tune,
    load_start,
    save_weights,
    trained_spec,
)
from pokenash.metamon.training import fine_tuning as module
from pokenash.metamon.training.learner import loss_settings
from pokenash.policies import PolicySpec, load_policy

pytest.importorskip("lz4.frame")

SMALL = FineTuneSettings(
    epochs=2, steps_per_epoch=4, batch_size=3, max_length=12, warm_up_steps=2, torch_threads=1, checkpoint_every=3,
    log_every=1,
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def battles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two roots of trajectories: of the strongest move, and of random actions."""
    root, game = tmp_path_factory.mktemp("trajectories"), tiny.game()
    for kind in ("max_power", "uniform"):
        player = load_policy(PolicySpec(kind, kind), game)
        recorder = TrajectoryRecorder(
            player, game, root / kind, name=kind, opponent="uniform", time=datetime(2026, 1, 1)
        )
        with Arena(game, num_lanes=8) as arena:
            matches = paired_matches(game, [(0, 1)], 8, 3)
            arena.play([recorder, PolicySpec("uniform", "uniform")], matches, seed=1, on_result=recorder.on_result)
    return root


def network(**changes: Any) -> MetamonNetwork:
    return MetamonNetwork.random(replace(tiny.config(), **changes), seed=1)


def tune(directory: Path, data: TrainingData, settings: FineTuneSettings = SMALL, **changes: Any) -> MetamonNetwork:
    trained = network(**changes)
    result = fine_tune(trained, data, tiny.tokenizer(), settings, directory, seed=5)
    read = load_checkpoint(result.checkpoint)
    assert torch.equal(weights(read), weights(trained))
    return trained


def weights(trained: MetamonNetwork) -> torch.Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in trained.state_dict().values()])


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "fine_tune.jsonl").read_text().splitlines()]


def test_settings_import_without_torch() -> None:
    code = "import sys, pokenash.metamon.training as t; t.FineTuneSettings.oracle(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_imitation_learns_to_play_the_strongest_move(battles: Path, tmp_path: Path) -> None:
    """Recorded actions become likelier, on average over the data, than a random network and uniform play make them."""
    data = TrainingData([battles / "max_power"])
    settings = replace(SMALL, epochs=1, steps_per_epoch=60, batch_size=8, learning_rate=3e-3, advantage_filter="none")
    trained = tune(tmp_path, data, settings)
    assert likelihood(network(), battles / "max_power") < likelihood(trained, battles / "max_power") - 0.3
    log = lines(tmp_path)
    assert [entry["step"] for entry in log] == list(range(1, 61))
    assert np.mean([e["loss"] for e in log[-10:]]) < np.mean([e["loss"] for e in log[:10]]) - 0.3
    assert log[0]["learning_rate"] == pytest.approx(1.5e-3)
    assert log[1]["learning_rate"] == log[-1]["learning_rate"] == pytest.approx(3e-3)


def likelihood(trained: MetamonNetwork, root: Path) -> float:
    """Mean log-probability of the recorded actions under the discount that plays."""
    batch = as_tensors(dataset(root).batch(0, 16))
    with torch.inference_mode():
        states = trained.eval().encode(batch.tokens, batch.numbers, batch.rl2, batch.time)
        probabilities = trained.probabilities(trained.actor(states), batch.illegal)[:, :-1, -1]
    return float(probabilities.gather(-1, batch.actions[..., None])[batch.known].log().mean())


def dataset(root: Path, reward: str = "DefaultShapedReward", max_length: int = 20) -> TrajectoryDataset:
    config = tiny.config()
    return TrajectoryDataset(
        [root], observation_space=config.observation_space, action_space=config.action_space, reward=reward,
        tokenizer=tiny.tokenizer(), max_length=max_length, seed=3,
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"advantage_filter": "exponential", "online_coefficient": 0.5, "accumulation": 2},
        {"token_masking": 0.2, "precision": "bfloat16"},
    ],
)
def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    battles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    settings, sizes = replace(SMALL, **changes), {"dropout": 0.1}
    data = TrainingData([TrajectorySource(battles / "max_power", 0.7), TrajectorySource(battles / "uniform", 0.3)])
    whole = tune(tmp_path / "whole", data, settings, **sizes)
    for killed_at in (0, 2, 5):
        learn = Learner.learn

        def die(self: Learner, batches: Any, at: int = killed_at, learn: Any = learn) -> dict[str, float]:
            if self.step == at:
                raise KeyboardInterrupt
            done: dict[str, float] = learn(self, batches)
            return done

        monkeypatch.setattr(Learner, "learn", die)
        with pytest.raises(KeyboardInterrupt):
            tune(tmp_path / "killed", data, settings, **sizes)
        monkeypatch.setattr(Learner, "learn", learn)
    again = tune(tmp_path / "killed", data, settings, **sizes)
    assert torch.equal(weights(whole), weights(again))
    kept = ("step", "loss", "gradient_norm")
    logs = [[tuple(entry[key] for key in kept) for entry in lines(tmp_path / name)] for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    # Called once more, it learns nothing new.
    assert torch.equal(weights(tune(tmp_path / "whole", data, settings, **sizes)), weights(whole))


def test_a_state_that_is_damaged_or_of_other_settings_is_refused(battles: Path, tmp_path: Path) -> None:
    data = TrainingData([battles / "max_power"])
    tune(tmp_path, data)
    for other, message in (
        (replace(SMALL, learning_rate=1e-3), "settings.learning_rate is 0.00015 there and 0.001 here"),
        (replace(SMALL, epochs=3), "settings.epochs"),
    ):
        with pytest.raises(InputError, match=message):
            tune(tmp_path, data, other)
    with pytest.raises(InputError, match="reward is DefaultShapedReward there and BinaryReward here"):
        tune(tmp_path, replace(data, reward="BinaryReward"))
    tune(tmp_path, data, replace(SMALL, checkpoint_every=1, log_every=5))
    state = tmp_path / "fine_tune_state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(InputError, match="is damaged or belongs to another training"):
        tune(tmp_path, data)


def test_the_reward_of_the_run_is_that_of_the_data_the_record_and_the_policy(battles: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.json"
    words.write_text(json.dumps(tiny.vocabulary()))
    torch.save(network().state_dict(), tmp_path / "base.pt")
    base = metamon_spec("base", tmp_path / "base.pt", config=tiny.config(), vocabulary=words)
    start, trained = load_start(base), {}
    assert start.reward == "DefaultShapedReward"
    for reward in ("DefaultShapedReward", "BinaryReward"):
        start = load_start(base)
        data = TrainingData([battles / "max_power"], reward=reward)
        result = fine_tune(start.network, data, start.tokenizer, SMALL, tmp_path / reward, seed=5)
        assert json.loads((tmp_path / reward / "fine_tune.json").read_text())["reward"] == result.reward == reward
        spec = trained_spec("tuned", base, result.checkpoint, result.reward)
        assert spec.parameters["reward"] == reward
        policy: Any = load_policy(PolicySpec.from_json(spec.to_json()), tiny.game())
        assert policy._reward.__name__ == {"D": "default_shaped_reward", "B": "binary_reward"}[reward[0]]
        trained[reward] = weights(start.network)
    assert not torch.equal(*trained.values())


def test_a_published_model_is_trained_as_it_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}
    published = save_weights(network(), tmp_path / "published.safetensors")

    def fetched(name: str, *, checkpoint: int | None, revision: str) -> Path:
        asked[name] = checkpoint, revision
        return published

    # The file that is found has other sizes than the model's.
    monkeypatch.setattr("pokenash.metamon.training.start.download_checkpoint", fetched)
    monkeypatch.setattr("pokenash.metamon.training.start.load_checkpoint", lambda path, _: load_checkpoint(path))
    words = tmp_path / "words.json"
    words.write_text(json.dumps(tiny.vocabulary()))
    base = metamon_spec("kazam", pretrained="Minikazam", epoch=3, revision="abc", vocabulary=words, greedy=True)
    start = load_start(base)
    assert asked == {"Minikazam": (3, "abc")}
    assert start.reward == "AggressiveShapedReward"
    checkpoint = save_weights(start.network, tmp_path / "ckpts" / "last.safetensors")
    spec = trained_spec("tuned", base, checkpoint, start.reward)
    # The new weights are no published model's; everything else is as it was.
    kept = {"vocabulary": str(words), "greedy": True, "reward": "AggressiveShapedReward"}
    assert dict(spec.parameters) == {**kept, "battle_backend": "poke-env-0.8.3"}
    assert len(weights(load_start(spec).network)) == len(weights(start.network))
    with pytest.raises(InputError, match=r"policy 'kazam'.*has SHA-256 .* expected 00"):
        load_start(replace(base, sha256="00"))
    with pytest.raises(InputError, match=r"policy 'lost'.*does not say its vocabulary"):
        load_start(metamon_spec("lost", pretrained="Minikazam"))


def test_other_rewards_give_other_targets_and_other_inputs(battles: Path) -> None:
    targets, inputs = [], []
    for reward in ("DefaultShapedReward", "BinaryReward"):
        one = network()
        batch = as_tensors(dataset(battles / "max_power", reward).batch(0, 4))
        states = one.encode(batch.tokens, batch.numbers, batch.rl2, batch.time)
        critics = torch.zeros(2, *batch.actions.shape, 7, dtype=torch.int64)
        losses = training_losses(one, states, batch, loss_settings(SMALL), Draws(critics, None, None))
        assert losses.targets is not None
        targets.append(losses.targets[batch.valid])
        inputs.append(batch.rl2[:, 1:, 0][batch.valid])
    assert (inputs[0] != inputs[1]).any()
    assert set(inputs[1].tolist()) <= {0.0, 100.0, -100.0}
    # Where a battle ends there is nothing but the reward in the target.
    assert (targets[0] != targets[1]).any()


def test_files_that_cannot_be_used_are_counted_and_named(battles: Path, tmp_path: Path) -> None:
    root = tmp_path / "root" / "gen1ou"
    root.mkdir(parents=True)
    whole, damaged, *_ = sorted((battles / "max_power" / "gen1ou").iterdir())
    (root / whole.name).write_bytes(whole.read_bytes())
    (root / damaged.name).write_bytes(damaged.read_bytes()[:100])
    (root / "notes.txt").write_text("not a battle")
    data = TrainingData([tmp_path / "root"])
    result = fine_tune(network(), data, tiny.tokenizer(), SMALL, tmp_path / "run", seed=5)
    assert (result.record["trajectories"], result.record["skipped_files"]) == (2, 2)
    named = json.loads((tmp_path / "run" / "skipped_trajectories.json").read_text())
    assert {Path(name).name for name in named} == {damaged.name, "notes.txt"}
    # Those that a killed try found are not forgotten by the next one.
    again = fine_tune(network(), data, tiny.tokenizer(), SMALL, tmp_path / "run", seed=5)
    assert again.record["skipped_files"] == 2
    # Nor are those that another process of the training met.
    (tmp_path / "run" / "skipped_trajectories_1.json").write_text(json.dumps({"other.json.lz4": "damaged"}))
    again = fine_tune(network(), data, tiny.tokenizer(), SMALL, tmp_path / "run", seed=5)
    assert again.record["skipped_files"] == 3
    named = json.loads((tmp_path / "run" / "skipped_trajectories.json").read_text())
    assert named["other.json.lz4"] == "damaged"
    assert not (tmp_path / "run" / "skipped_trajectories_1.json").exists()


def test_sources_are_drawn_from_by_their_weights(battles: Path, tmp_path: Path) -> None:
    """Of weight 0 nothing is learned: the same as without the source."""
    alone = tune(tmp_path / "alone", TrainingData([battles / "max_power"]))
    other = TrajectorySource(battles / "uniform", 0.0)
    none = tune(tmp_path / "none", TrainingData([battles / "max_power", other]))
    half = tune(tmp_path / "half", TrainingData([battles / "max_power", replace(other, weight=1.0)]))
    assert torch.equal(weights(alone), weights(none))
    assert not torch.equal(weights(alone), weights(half))


def test_padding_of_a_batch_counts_for_nothing(battles: Path) -> None:
    """The loss of battles of several lengths side by side is the mean over all of their steps."""
    rows = [dataset(battles / "max_power", max_length=length).batch(0, 1) for length in (3, 20, 9)]
    apart = [as_tensors(row) for row in rows]
    lengths = [int(one.valid.sum()) for one in apart]
    assert lengths == [3, 20, 9]
    together = as_tensors(collate([unpadded(row) for row in rows]))
    assert together.valid.sum(1).tolist() == lengths
    assert int(together.known.sum()) == sum(int(one.known.sum()) for one in apart)
    assert (together.tokens[0, 4:] == -1).all()
    total = 0.0
    for one, weight in [(together, -int(together.known.sum())), *((one, int(one.known.sum())) for one in apart)]:
        trained = network()
        with torch.no_grad():
            states = trained.encode(one.tokens, one.numbers, one.rl2, one.time)
            losses = training_losses(
                trained, states, one, loss_settings(replace(SMALL, advantage_filter="none")), torch.Generator()
            )
        total += weight * losses.total.item()
    assert total == pytest.approx(0, abs=1e-2)


def unpadded(batch: PaddedBatch) -> TrainingArrays:
    return TrainingArrays(**{f.name: getattr(batch, f.name)[0] for f in fields(PaddedBatch)})


@pytest.mark.parametrize("critic", ["scalar", "two_hot"])
def test_an_accumulated_gradient_is_the_mean_of_its_parts(battles: Path, critic: str) -> None:
    bins = {"bins": 8} if critic == "two_hot" else {}
    sizes = {"critic": CriticConfig(critic, 2, 24, **bins)}  # type: ignore[arg-type]
    batches = [as_tensors(dataset(battles / "max_power").batch(i, 2)) for i in range(2)]
    settings = replace(SMALL, max_gradient_norm=1e9, advantage_filter="none")
    gradients = []
    for parts in ([batches[0]], [batches[1]], batches):
        learner = Learner(network(**sizes), settings, seed=1)
        learner.learn(parts)
        gradients.append(torch.cat([p.grad.flatten() for p in learner.network.parameters() if p.grad is not None]))
    # The power iterations of the second part start where the first left them.
    assert torch.allclose(gradients[2], (gradients[0] + gradients[1]) / 2, rtol=0.05, atol=1e-4)
    assert not torch.allclose(gradients[2], gradients[0], rtol=0.05, atol=1e-4)


@pytest.mark.parametrize("critic", ["scalar", "two_hot"])
def test_critics_learn_the_returns_of_a_batch(battles: Path, critic: str) -> None:
    """Battles end with a reward of 100 either way, ten times that for the critics."""
    sizes = {"critic": CriticConfig(critic, 2, 24, **({"bins": 8} if critic == "two_hot" else {}))}  # type: ignore[arg-type]
    batch = as_tensors(dataset(battles / "max_power", "BinaryReward", max_length=200).batch(0, 4))
    learner = Learner(network(**sizes), replace(SMALL, learning_rate=1e-2), seed=1)
    log = [learner.learn([batch]) for _ in range(60)]
    first, last = (np.mean([entry["critic_loss"] for entry in part]) for part in (log[:5], log[-5:]))
    assert last < 0.8 * first
    with torch.no_grad():
        states = learner.network.eval().encode(batch.tokens, batch.numbers, batch.rl2, batch.time)
        values = learner.network.values(states)[:, :-1].mean(2)[:, :, 0]
    taken = values.gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
    # With a discount of 0.1 only the last decisions have anything to expect.
    final = batch.dones & batch.valid
    won = final & (batch.rewards > 0)
    assert float(taken[won].mean()) > 2 * float(taken[batch.valid & ~final].abs().mean()) + 50


def test_targets_follow_and_clipping_holds(battles: Path) -> None:
    batch = as_tensors(dataset(battles / "max_power").batch(0, 4))
    learner = Learner(network(), replace(SMALL, max_gradient_norm=0.01), seed=1)
    before = learner.network.target_critics.net.output_layer.weight.clone()
    measures = learner.learn([batch])
    clipped = torch.cat([p.grad.flatten() for p in learner.network.parameters() if p.grad is not None]).norm()
    assert measures["gradient_norm"] > 0.01
    assert float(clipped) == pytest.approx(0.01, rel=1e-3)
    fast = learner.network.critics.net.output_layer.weight
    expected = before + learner.network.config.target_rate * (fast - before)
    assert torch.allclose(learner.network.target_critics.net.output_layer.weight, expected)
    assert torch.equal(learner.network.maximized_critics.net.output_layer.weight, fast)


def test_half_precision_is_near_the_whole_one(battles: Path) -> None:
    batch = as_tensors(dataset(battles / "max_power").batch(0, 4))
    losses = [
        Learner(network(), replace(SMALL, precision=precision), seed=1).learn([batch])["loss"]
        for precision in ("float32", "bfloat16")
    ]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_a_training_that_diverges_stops_with_its_step(battles: Path) -> None:
    batch = as_tensors(dataset(battles / "max_power").batch(0, 2))
    learner = Learner(network(), SMALL, seed=1)
    with torch.no_grad():
        learner.network.actor.base.in_layer.bias.fill_(torch.nan)
    with pytest.raises(PokenashError, match="diverged at step 0"):
        learner.learn([batch])


def test_metamon_s_own_checkpoints_are_exported(battles: Path, tmp_path: Path) -> None:
    trained = tune(tmp_path, TrainingData([battles / "max_power"]), replace(SMALL, export=True, keep_epochs=True))
    exported = tmp_path / "ckpts" / "policy_weights"
    assert sorted(path.name for path in exported.glob("*.pt")) == ["policy_epoch_1.pt", "policy_epoch_2.pt"]
    state = torch.load(exported / "policy_epoch_2.pt", weights_only=True)
    assert list(state) == list(trained.state_dict())
    assert torch.equal(weights(load_checkpoint(exported / "policy_epoch_2.pt")), weights(trained))
    first = load_checkpoint(tmp_path / "ckpts" / "epoch_1.safetensors")
    assert not torch.equal(weights(first), weights(trained))


def test_what_cannot_be_trained_is_refused(battles: Path, tmp_path: Path) -> None:
    data = TrainingData([battles / "max_power"])
    for wrong, message in (
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"precision": "float16"}, "precision"),
        ({"advantage_filter": "top"}, "advantage_filter"),
        ({"token_masking": 1.0}, "token_masking"),
    ):
        with pytest.raises(InputError, match=message):
            replace(SMALL, **wrong)
    with pytest.raises(InputError, match="device 'cud' cannot be used"):
        tune(tmp_path, data, replace(SMALL, device="cud"))
    with pytest.raises(InputError, match="unknown reward 'Winning'"):
        tune(tmp_path, replace(data, reward="Winning"))
    with pytest.raises(InputError, match="has no trajectory of gen3ou"):
        tune(tmp_path, replace(data, formats=["gen3ou"]))
    with pytest.raises(InputError, match="of kind 'uniform'; a metamon network is needed"):
        load_start(PolicySpec("uniform", "uniform"))
    assert not list(tmp_path.iterdir())
    assert module.__doc__
