"""Self-play: what the loss contains, what is logged, and that a killed training ends as an unbroken one."""

from __future__ import annotations

import json
import multiprocessing
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.algorithms.self_play_runs import PRELOAD, SMALL, play_tictactoe

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw, Reference
from pokenash.algorithms.exact import nash_conv
from pokenash.algorithms.oracles.collection import Rows
from pokenash.algorithms.oracles.learning import repeatable_torch
from pokenash.algorithms.self_play import SelfPlay, SelfPlayLearner, SelfPlaySettings
from pokenash.algorithms.self_play.objectives import logits_loss
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError, RunDirectoryError
from pokenash.games.aec import AECGame
from pokenash.games.core import Decisions
from pokenash.games.openspiel import OpenSpielGame
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import PolicySpec, Uniform, load_policy
from pokenash.policies.network_settings import MLPSettings, TransformerSettings
from pokenash.policies.networks import build_network, copy_network, masked_log_probabilities

SIGKILL = -9


@pytest.fixture(scope="module")
def tictactoe() -> AECGame:
    return AECGame("pettingzoo.classic.tictactoe_v3:env")


def damped(rate: float = 1e-3, kl: float = 0.0, bonus: float = 0.0, **more: Any) -> DampingSettings:
    return DampingSettings(PowerLaw(rate), PowerLaw(kl), PowerLaw(bonus), **more)


def rows_without_advantage(game: AECGame, seed: int, number: int = 256) -> Rows:
    """Decisions from which PPO's objective learns nothing, because every outcome is as it was foreseen."""
    rng = np.random.default_rng(seed)
    mask = rng.random((number, game.num_actions)) < 0.5
    mask[np.arange(number), rng.integers(0, game.num_actions, number)] = True
    nothing = np.zeros(number, np.float32)
    features = rng.random((number, 18)).astype(np.float32)
    action = mask.argmax(axis=1)
    return Rows({"features": features}, mask, action, nothing, nothing, nothing, np.ones(number, np.bool_))


def scores_of(learner: SelfPlayLearner, rows: Rows) -> NDArray[np.float32]:
    with torch.no_grad():
        scores = learner.network({name: torch.from_numpy(array) for name, array in rows.inputs.items()})[0].numpy()
    found: NDArray[np.float32] = scores
    return found


def small_learner(game: AECGame, damping: DampingSettings, seed: int = 1, **more: Any) -> SelfPlayLearner:
    settings = SelfPlaySettings(damping=damping, value_coefficient=0.0, max_gradient_norm=1e9, **more)
    network = build_network(game, MLPSettings((16,)), seed=seed)
    with torch.no_grad():
        # A policy with opinions, in its trunk too.
        network.action_head.weight.mul_(200)  # type: ignore[union-attr, operator]
    return SelfPlayLearner(network, settings, seed=seed)


@pytest.mark.parametrize("objective", ["clipped", "logits"])
def test_entropy_and_divergence_enter_the_gradient(tictactoe: AECGame, objective: Any) -> None:
    """With nothing else to learn from, each of them moves the policy to where it says."""
    rows = rows_without_advantage(tictactoe, seed=3)
    still = small_learner(tictactoe, damped(1e-2), objective=objective)
    before = scores_of(still, rows)
    entry = still.learn(rows)
    assert entry["gradient_norm"] == 0
    assert entry["kl_to_old"] == 0
    np.testing.assert_array_equal(scores_of(still, rows), before)

    bonus = small_learner(tictactoe, damped(1e-2, bonus=0.1), objective=objective)
    entropies = [bonus.learn(rows)["entropy"] for _ in range(30)]
    assert entropies[-1] > entropies[0] + 0.3

    pulled = small_learner(tictactoe, damped(1e-2, kl=0.1), objective=objective)
    elsewhere = build_network(tictactoe, MLPSettings((16,)), seed=9)
    pulled.state.others["reference"].load_state_dict(elsewhere.state_dict())
    divergences = [pulled.learn(rows)["kl_to_reference"] for _ in range(30)]
    assert divergences[-1] < 0.3 * divergences[0]


def test_the_reference_is_the_whole_network(tictactoe: AECGame) -> None:
    """A learner whose trunk alone has moved diverges from it, and the reference itself stays as it was."""
    rows = rows_without_advantage(tictactoe, seed=3)
    learner = small_learner(tictactoe, damped(kl=0.1))
    first = {k: v.clone() for k, v in learner.state.others["reference"].state_dict().items()}
    assert learner.learn(rows)["kl_to_reference"] < 1e-6
    with torch.no_grad():
        learner.network.body[0].weight.add_(0.5)  # type: ignore[union-attr, index]
    assert learner.learn(rows)["kl_to_reference"] > 0.01
    for name, tensor in learner.state.others["reference"].state_dict().items():
        assert torch.equal(tensor, first[name])


@given(st.integers(0, 2**32), st.floats(0.1, 1), st.floats(0, 1))
def test_pushed_logits_settle_where_the_regularised_best_policy_is(seed: int, bonus: float, pull: float) -> None:
    """Where the expected push is 0, the policy maximises advantage + bonus * entropy - pull * divergence."""
    rng = np.random.default_rng(seed)
    mask = torch.from_numpy(rng.random((1, 5)) < 0.7)
    mask[0, 0] = True
    legal = torch.nonzero(mask[0]).squeeze(1)
    number = len(legal)
    values = torch.from_numpy(rng.normal(size=5))
    reference = masked_log_probabilities(torch.from_numpy(rng.normal(size=(1, 5))), mask)
    # Of the maximum of sum p v + bonus H(p) - pull KL(p, q), which is a softmax.
    best = masked_log_probabilities((values + pull * reference) / (bonus + pull), mask).requires_grad_(True)
    p = best.detach().exp()[0]
    advantage = values - (p * values).sum()
    # Every action as often as it is played, so that the mean over the batch is the expectation.
    row = {"action_mask": mask, "reference": reference}
    total = torch.zeros((), dtype=torch.float64)
    for action in legal:
        sample = {"action": action.view(1), "old": best.detach()[:, action], "advantage": advantage[action].view(1)}
        total = total - p[action] * logits_loss(best, {**row, **sample}, 1e300, bonus, pull).objective
    nothing = {**sample, "advantage": torch.zeros(1)}
    (push,) = torch.autograd.grad(total + logits_loss(best, {**row, **nothing}, 1e300, bonus, pull).total, best)
    # The centred logits sum to 0, so a push of all of them alike moves nothing.
    residual = push[0, legal] - push[0, legal].sum() / number
    # Double precision.
    assert residual.abs().max() < 1e-9


@pytest.mark.parametrize("kind", ["periodic", "polyak"])
def test_a_moving_reference_follows(tictactoe: AECGame, kind: Any) -> None:
    rows = rows_without_advantage(tictactoe, seed=3)
    reference = Reference(kind, period=3, decay=0.5)
    learner = small_learner(tictactoe, damped(1e-2, bonus=0.1, reference=reference))
    followed = learner.state.others["reference"]
    start = followed.action_head.weight.detach().clone()  # type: ignore[union-attr, operator]
    weights = []
    for update in range(1, 7):
        learner.learn(rows)
        weights.append(learner.network.action_head.weight.detach().clone())  # type: ignore[union-attr, operator]
        now = followed.action_head.weight.detach()  # type: ignore[union-attr]
        if kind == "periodic":
            expected = weights[update // 3 * 3 - 1] if update >= 3 else start
        else:
            shares = [0.5**update, *(0.5 ** (update - i) for i in range(update))]
            expected = sum(w * s for w, s in zip([start, *weights], shares, strict=True))
        torch.testing.assert_close(now, expected)


def test_the_controller_steers_by_the_observed_divergence_and_remembers(tictactoe: AECGame) -> None:
    rows = rows_without_advantage(tictactoe, seed=3)
    control = AdaptiveControl(1e-7, learning_rate_range=(1e-6, 1.0), kl_range=(1e-6, 10.0))
    learner = small_learner(tictactoe, damped(1e-2, kl=0.1, bonus=0.1, control=control))
    entries = [learner.learn(rows) for _ in range(4)]
    assert all(entry["kl_to_old"] > 1.5e-7 for entry in entries)
    np.testing.assert_allclose([e["learning_rate"] for e in entries], 1e-2 * 0.5 ** np.arange(4))
    np.testing.assert_allclose([e["kl_weight"] for e in entries], 0.1 * 1.5 ** np.arange(4))


@pytest.mark.parametrize("objective", ["clipped", "logits"])
def test_rows_of_one_legal_action_are_harmless(tictactoe: AECGame, objective: Any) -> None:
    rows = rows_without_advantage(tictactoe, seed=3)
    rows.action_mask[:] = np.eye(tictactoe.num_actions, dtype=np.bool_)[rows.action]
    learner = small_learner(tictactoe, damped(1e-2, kl=0.1, bonus=0.1), objective=objective)
    before = scores_of(learner, rows)
    entry = learner.learn(replace(rows, outcome=np.ones(len(rows), np.float32)))
    assert entry["entropy"] == entry["kl_to_old"] == entry["kl_to_reference"] == 0
    assert all(np.isfinite(value) for value in entry.values())
    np.testing.assert_array_equal(scores_of(learner, rows), before)


def test_both_seats_learn_from_the_same_batch(tmp_path: Path, tictactoe: AECGame) -> None:
    seen: list[Rows] = []

    class Watching(SelfPlayLearner):
        def learn(self, rows: Rows) -> dict[str, Any]:
            seen.append(rows)
            return super().learn(rows)

    training = SelfPlay(tictactoe, replace(SMALL, updates=1), tmp_path, seed=1)
    training.learner = Watching(training.learner.network, SMALL, seed=1)
    training.run()
    (rows,) = seen
    # Two players end each of the episodes, and their outcomes cancel.
    assert int(rows.last.sum()) == 2 * SMALL.episodes_per_update
    assert float(rows.outcome[rows.last].sum()) == 0
    entry = json.loads((tmp_path / "training.jsonl").read_text())
    assert entry["rows"] == len(rows)
    assert entry["mean_length"] == pytest.approx(len(rows) / SMALL.episodes_per_update)


def test_the_average_comes_near_the_equilibrium_of_kuhn_poker(tmp_path: Path) -> None:
    """Uniform play has 0.917; what is left here is the entropy's bias and the noise of 50,000 episodes."""
    game = OpenSpielGame("kuhn_poker")
    settings = SelfPlaySettings(
        updates=100,
        episodes_per_update=500,
        batch_size=600,
        objective="logits",
        gae_lambda=1.0,
        max_gradient_norm=10.0,
        damping=DampingSettings(PowerLaw(1e-2), PowerLaw(0.0), PowerLaw(0.2, 30, 0.5)),
        network=MLPSettings((32,)),
        snapshot_every=5,
        torch_threads=1,
        num_lanes=500,
        num_workers=1,
    )
    policies = SelfPlay(game, settings, tmp_path, seed=1).run()
    assert nash_conv(game, load_policy(policies["average"], game)) < 0.3


def test_it_plays_showdown(tmp_path: Path) -> None:
    settings = SelfPlaySettings(
        updates=1,
        episodes_per_update=6,
        damping=damped(1e-3, kl=0.1, bonus=0.1, control=AdaptiveControl()),
        network=TransformerSettings(width=16, heads=2, layers=1, feedforward=16, embedding=8),
        snapshot_every=1,
        torch_threads=1,
        num_lanes=6,
    )
    game = ShowdownGame("gen1ou")
    training = SelfPlay(game, settings, tmp_path, seed=1)
    (member,) = training.run()["average"].parameters["members"]
    (entry,) = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert entry["episodes"] == 6
    assert entry["kl_to_old"] > 0
    with Arena(game, num_lanes=4, num_workers=2) as arena:
        player = PolicySpec.from_json(member)
        results = arena.play([player, Uniform()], paired_matches(game, [(0, 1)], 4, 1), seed=1)
    assert all(m.counted for m in results)


def final_files(directory: Path) -> dict[str, Any]:
    """All that a training leaves, without times."""
    lines = [json.loads(line) for line in (directory / "training.jsonl").read_text().splitlines()]
    timing = ("seconds", "rows_per_second")
    found: dict[str, Any] = {"log": [{k: v for k, v in e.items() if not k.startswith(timing)} for e in lines]}
    for path in sorted(directory.rglob("*.safetensors")):
        found[str(path.relative_to(directory))] = path.read_bytes()
    return found


def test_a_training_that_is_killed_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole")
    whole.join()
    assert whole.exitcode == 0
    log, rng, killed = tmp_path / "killed" / "training.jsonl", np.random.default_rng(4), 0
    for updates in range(1, SMALL.updates):
        process = start(tmp_path / "killed")
        while process.is_alive() and (not log.exists() or log.read_text().count("\n") < updates):
            time.sleep(0.005)
        # Anywhere in the next update.
        process.join(timeout=float(rng.uniform(0, 0.1)))
        killed += process.is_alive()
        process.kill()
        process.join()
        assert process.exitcode in (0, SIGKILL)
    assert killed >= 2
    last = start(tmp_path / "killed")
    last.join()
    assert last.exitcode == 0
    assert final_files(tmp_path / "whole") == final_files(tmp_path / "killed")


def start(directory: Path) -> Any:
    """The training in a new process, without the seconds that imports take."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=play_tictactoe, args=(directory,))
    process.start()
    return process


def test_lanes_time_limits_and_later_extensions_change_nothing(tmp_path: Path, tictactoe: AECGame) -> None:
    with repeatable_torch(1):
        SelfPlay(tictactoe, SMALL, tmp_path / "whole", seed=1).run()
        for updates, lanes in ((2, 4), (5, 16), (SMALL.updates, 8)):
            part = replace(SMALL, updates=updates, num_lanes=lanes)
            SelfPlay(tictactoe, part, tmp_path / "parts", seed=1).run(seconds=0)
            SelfPlay(tictactoe, part, tmp_path / "parts", seed=1).run()
        SelfPlay(tictactoe, SMALL, tmp_path / "other", seed=2).run()
    whole, parts, other = (final_files(tmp_path / name) for name in ("whole", "parts", "other"))
    assert whole == parts
    assert whole["ckpts/last.safetensors"] != other["ckpts/last.safetensors"]


def test_every_update_is_logged(tmp_path: Path, tictactoe: AECGame) -> None:
    seen: list[Any] = []
    SelfPlay(tictactoe, SMALL, tmp_path, seed=1).run(on_update=seen.append)
    entries = [json.loads(line) for line in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert entries == seen
    assert [entry["update"] for entry in entries] == list(range(SMALL.updates))
    for entry in entries:
        assert entry["kl_to_old"] > 0
        assert np.isfinite([value for value in entry.values() if value is not None]).all()
    references = [entry["kl_to_reference"] for entry in entries]
    assert references[-1] > entries[-1]["kl_to_old"]


def test_three_policies_come_of_it(tmp_path: Path, tictactoe: AECGame) -> None:
    policies = SelfPlay(tictactoe, SMALL, tmp_path, seed=1, name="me").run()
    assert {spec.name for spec in policies.values()} == {"me_last", "me_weights", "me_average"}
    members = policies["average"].parameters["members"]
    # Snapshots every 2 of 7 updates, of which those of the last half count.
    assert [member["name"] for member in members] == ["me_000004", "me_000006"]
    row = Decisions(
        *(np.zeros(1, np.int64) for _ in range(4)),
        {"observation": np.zeros((1, 3, 3, 2), np.int8)}["observation"],
        np.ones((1, tictactoe.num_actions), np.bool_),
    )
    last, weights = (load_policy(policies[kind], tictactoe) for kind in ("last", "weights"))
    assert not np.allclose(last.action_probabilities(row, None), weights.action_probabilities(row, None))
    with Arena(tictactoe, num_lanes=8) as arena:
        results = arena.play([policies["average"], Uniform()], paired_matches(tictactoe, [(0, 1)], 20, 1), seed=1)
    assert {m.members[m.match.policies.index(0)] for m in results} == {"me_000004", "me_000006"}


def test_averaged_weights_forget_the_first(tictactoe: AECGame) -> None:
    learner = small_learner(tictactoe, damped(1e-2, bonus=0.1), weights_decay=1.0)
    rows = rows_without_advantage(tictactoe, seed=3)
    seen = [copy_network(learner.network)]
    for _ in range(5):
        learner.learn(rows)
        seen.append(copy_network(learner.network))
    for name, tensor in learner.state.others["weights"].state_dict().items():
        torch.testing.assert_close(tensor, sum(n.state_dict()[name] for n in seen) / len(seen))


def test_another_training_s_directory_is_refused(tmp_path: Path, tictactoe: AECGame) -> None:
    SelfPlay(tictactoe, SMALL, tmp_path, seed=1)
    with pytest.raises(RunDirectoryError, match="clip"):
        SelfPlay(tictactoe, replace(SMALL, clip=0.3), tmp_path, seed=1)
    with pytest.raises(RunDirectoryError, match="seed"):
        SelfPlay(tictactoe, SMALL, tmp_path, seed=2)
    (tmp_path / "self_play.json").write_text("{")
    with pytest.raises(RunDirectoryError, match="damaged"):
        SelfPlay(tictactoe, SMALL, tmp_path, seed=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"updates": -1},
        {"episodes_per_update": 0},
        {"epochs": 0},
        {"batch_size": 0},
        {"objective": "ppo"},
        {"clip": 0},
        {"inverse_cap": 0.5},
        {"discount": 1.1},
        {"gae_lambda": -0.1},
        {"value_coefficient": -1},
        {"max_gradient_norm": float("nan")},
        {"weights_decay": 2},
        {"snapshot_every": 0},
        {"average_share": 0},
        {"average_members": 0},
        {"checkpoint_every": 0},
        {"torch_threads": 0},
        {"num_lanes": 0},
        {"num_workers": 0},
    ],
)
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        SelfPlaySettings(**wrong)
