"""Neural fictitious self-play, on games that it learns in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.arena.games import Rounds

from pokenash.algorithms.exact import nash_conv
from pokenash.algorithms.nfsp import NFSP, AverageSettings, BestResponseSettings, NFSPLearner, NFSPRound, NFSPSettings
from pokenash.algorithms.nfsp.actor import Actor, follows_best_response
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError, RunDirectoryError
from pokenash.games.aec import AECGame
from pokenash.games.core import Game
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies import DecisionRandom, PolicySpec, load_policy, mixture_spec
from pokenash.policies.network_settings import MLPSettings

ADAM: dict[str, Any] = {"optimizer": "adam", "learning_rate": 3e-3, "batch_size": 64}
SMALL = NFSPSettings(
    rounds=6,
    episodes_per_round=60,
    learn_every=16,
    warm_up=40,
    anticipatory=0.3,
    best_response=BestResponseSettings(replay_capacity=300, target_update_every=3, **ADAM),
    average=AverageSettings(reservoir_capacity=100, **ADAM),
    network=MLPSettings((16,)),
    num_lanes=8,
    checkpoint_every=2,
)
KINDS = {
    "two learners": SMALL,
    "shared": replace(SMALL, shared=True),
    "shared trunk": replace(SMALL, shared_trunk=True, max_gradient_norm=1.0),
    "sgd": replace(
        SMALL,
        best_response=BestResponseSettings(replay_capacity=300, target_update_every=3, double_q=False),
        average=AverageSettings(reservoir_capacity=100),
    ),
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def kuhn() -> OpenSpielGame:
    return OpenSpielGame("kuhn_poker")


def weights(nfsp: NFSP) -> dict[str, torch.Tensor]:
    out = {}
    for index, learner in enumerate(nfsp.learners):
        for name, module in (("average", learner.average), ("q", learner.best_response), ("target", learner.target)):
            out |= {f"{index}.{name}.{k}": v.clone() for k, v in module.state_dict().items()}
    return out


def assert_equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    different = [name for name in first if not torch.equal(first[name], second[name])]
    assert not different


@pytest.mark.parametrize(("shared", "shared_trunk"), [(True, False), (True, True), (False, False)])
def test_kuhn_poker_is_learnt(kuhn: OpenSpielGame, shared: bool, shared_trunk: bool) -> None:
    """The uniform policy's nash_conv is 0.9167."""
    learning: dict[str, Any] = {"optimizer": "adam", "learning_rate": 1e-2, "batch_size": 128}
    settings = NFSPSettings(
        rounds=10,
        episodes_per_round=1000,
        anticipatory=0.2,
        shared=shared,
        shared_trunk=shared_trunk,
        learn_every=32,
        warm_up=200,
        best_response=BestResponseSettings(replay_capacity=5000, target_update_every=20, **learning),
        average=AverageSettings(final_learning_rate=0.1, **learning),
        network=MLPSettings((32,)),
        num_lanes=64,
    )
    result = NFSP(kuhn, settings, seed=3).run()
    # Seeds 1 to 4 end between 0.17 and 0.41.
    assert nash_conv(kuhn, result.policy) < 0.5
    assert result.spec is None
    assert [entry.round for entry in result.rounds] == list(range(10))


class KilledError(Exception):
    pass


@pytest.mark.parametrize("killed_after", [0, 2, 5])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_killed_run_goes_on_as_if_unbroken(tmp_path: Path, kuhn: OpenSpielGame, kind: str, killed_after: int) -> None:
    unbroken = NFSP(kuhn, KINDS[kind], seed=5, directory=tmp_path / "unbroken")
    spec = unbroken.run().spec

    def kill(nfsp: NFSP, entry: NFSPRound) -> None:
        if entry.round == killed_after:
            raise KilledError

    with pytest.raises(KilledError):
        NFSP(kuhn, KINDS[kind], seed=5, directory=tmp_path / "broken").run(kill)
    broken = NFSP(kuhn, KINDS[kind], seed=5, directory=tmp_path / "broken")
    # A state is saved after every second round, before which the callback comes.
    assert broken.round == killed_after // 2 * 2
    again = broken.run().spec
    assert_equal(weights(broken), weights(unbroken))
    assert spec is not None
    assert again is not None
    assert hashes(again) == hashes(spec)
    assert log_of(tmp_path / "broken") == log_of(tmp_path / "unbroken")
    assert len(log_of(tmp_path / "broken")) == 6


def hashes(spec: PolicySpec) -> list[str | None]:
    seats = spec.parameters.get("seats", [spec.to_json()])
    return [seat["sha256"] for seat in seats]


def log_of(directory: Path) -> list[dict[str, Any]]:
    lines = (directory / "training.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if "second" not in k} for line in lines]


def test_a_run_that_the_callback_ends_is_gone_on_with(tmp_path: Path, kuhn: OpenSpielGame) -> None:
    unbroken = NFSP(kuhn, SMALL, seed=5)
    unbroken.run()
    first = NFSP(kuhn, SMALL, seed=5, directory=tmp_path)
    assert [entry.round for entry in first.run(lambda nfsp, entry: entry.round == 2).rounds] == [0, 1, 2]
    assert [entry.round for entry in first.run(lambda nfsp, entry: entry.round == 3).rounds] == [3]
    second = NFSP(kuhn, SMALL, seed=5, directory=tmp_path)
    assert second.round == 4
    second.run()
    assert_equal(weights(second), weights(unbroken))


def test_the_state_of_another_run_is_refused(tmp_path: Path, kuhn: OpenSpielGame) -> None:
    NFSP(kuhn, replace(SMALL, rounds=1), seed=5, directory=tmp_path).run()
    with pytest.raises(RunDirectoryError, match=r"anticipatory is 0.3 there and 0.2 here"):
        NFSP(kuhn, replace(SMALL, anticipatory=0.2), seed=5, directory=tmp_path)
    with pytest.raises(RunDirectoryError, match="seed is 5 there and 6 here"):
        NFSP(kuhn, SMALL, seed=6, directory=tmp_path)
    NFSP(kuhn, replace(SMALL, rounds=2), seed=5, directory=tmp_path)
    path = tmp_path / "nfsp_state.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RunDirectoryError, match="is damaged or belongs to another run"):
        NFSP(kuhn, SMALL, seed=5, directory=tmp_path)


@pytest.mark.parametrize("kind", ["two learners", "shared"])
def test_the_average_policy_joins_a_population(tmp_path: Path, kuhn: OpenSpielGame, kind: str) -> None:
    nfsp = NFSP(kuhn, KINDS[kind], seed=5, directory=tmp_path)
    result = nfsp.run()
    spec = result.spec
    assert spec is not None
    assert spec.kind == ("network" if kind == "shared" else "seats")
    spec = PolicySpec.from_json(json.loads(json.dumps(spec.to_json())))
    exact = nash_conv(kuhn, result.policy)
    assert nash_conv(kuhn, load_policy(spec, kuhn)) == pytest.approx(exact, abs=1e-12)
    mixture = mixture_spec("mixture", [spec, PolicySpec("uniform", "uniform")], [0.5, 0.5])
    with Arena(kuhn, num_lanes=8) as arena:
        results = arena.play([mixture, spec], paired_matches(kuhn, [(0, 1)], 40, seed=1), seed=1)
    assert {name for r in results for name in r.members if name} == {"nfsp", "uniform"}


def test_a_policy_that_was_handed_out_does_not_change(kuhn: OpenSpielGame) -> None:
    nfsp = NFSP(kuhn, SMALL, seed=5)
    nfsp.run(lambda nfsp, entry: entry.round == 2)
    policy = nfsp.average_policy()
    before = nash_conv(kuhn, policy)
    nfsp.run()
    assert nash_conv(kuhn, policy) == before
    assert nash_conv(kuhn, nfsp.average_policy()) != before


@pytest.mark.parametrize(
    "make",
    [
        lambda: AECGame("pettingzoo.classic.tictactoe_v3:env"),
        lambda: AECGame("pettingzoo.classic.rps_v2:env", num_actions=3, max_cycles=2),
        lambda: OpenSpielGame("goofspiel", num_cards=3, points_order="descending"),
        lambda: Rounds(error_every=5),
    ],
    ids=["tictactoe", "rock paper scissors", "goofspiel", "simultaneous, uneven and with errors"],
)
def test_other_games_are_learnt_from(make: Callable[[], Game]) -> None:
    nfsp = NFSP(make(), replace(SMALL, rounds=2), seed=1)
    rounds = nfsp.run().rounds
    assert rounds[-1].episodes == 120
    assert rounds[-1].value_loss is not None
    assert rounds[-1].steps > 0
    assert all(torch.isfinite(tensor).all() for tensor in weights(nfsp).values())


def test_each_player_follows_its_best_response_in_its_share_of_episodes() -> None:
    """By episode and player: neither depends on the other, nor on the decision."""
    episode, player = np.repeat(np.arange(50_000), 2), np.tile([0, 1], 50_000)
    chosen = follows_best_response(DecisionRandom(3), episode, player, 0.1).reshape(-1, 2)
    # Standard deviation of a share: 0.0013, and of that of both: 0.00045.
    assert np.abs(chosen.mean(0) - 0.1).max() < 5 * 0.0013
    assert abs(chosen.all(1).mean() - 0.01) < 5 * 0.00045


def play_one_round(game: Game, learners: list[NFSPLearner], **settings: Any) -> None:
    """All episodes of a round, without learning."""
    episodes = settings["num_episodes"]
    actor = Actor(learners, first_episode=0, seed=1, **settings)
    with game.vector(8) as vector:
        setups = [match.setup for match in paired_matches(game, [(0, 1)], episodes, seed=1)]
        decisions, results = vector.start(setups)
        while True:
            actor.finish(results)
            if not len(decisions):
                break
            decisions, results = vector.step(actor.act(decisions))


def test_the_reservoir_gets_what_best_responses_chose_and_the_replay_buffer_everything(kuhn: OpenSpielGame) -> None:
    learner = NFSPLearner(kuhn, replace(SMALL, best_response=BestResponseSettings()), seed=1)
    play_one_round(kuhn, [learner], anticipatory=0.25, epsilon=0.0, num_episodes=2000)
    assert learner.replay.total == len(learner.replay) == learner.decisions
    # About 4,700 decisions; standard deviation of the share: 0.01, as those of an episode go together.
    assert abs(learner.reservoir.total / learner.decisions - 0.25) < 0.05
    kept = learner.reservoir.sample(500, np.random.default_rng(1))
    inputs = {"features": kept["input.features"]}
    best = np.where(kept["action_mask"], learner.action_values(inputs), -np.inf).argmax(1)
    assert (kept["action"] == best).all()


def test_exploring_best_responses_take_uniform_legal_actions(kuhn: OpenSpielGame) -> None:
    learner = NFSPLearner(kuhn, replace(SMALL, average=AverageSettings()), seed=1)
    play_one_round(kuhn, [learner], anticipatory=1.0, epsilon=1.0, num_episodes=2000)
    kept = learner.reservoir.sample(20_000, np.random.default_rng(1))
    assert kept["action_mask"][np.arange(20_000), kept["action"]].all()
    # About 4,700 decisions; standard deviation 0.007.
    assert abs(kept["action"].mean() - 0.5) < 0.04


@pytest.mark.parametrize("double_q", [False, True])
def test_targets_are_those_of_the_paper(kuhn: OpenSpielGame, double_q: bool) -> None:
    """Mnih et al. 2015 and van Hasselt et al. 2016, equation 4, by hand; the mask forbids the best action."""
    learning = BestResponseSettings(double_q=double_q, discount=0.9)
    learner = NFSPLearner(kuhn, replace(SMALL, best_response=learning), seed=1)
    ours = torch.tensor([[9.0, 1.0], [2.0, 3.0], [0.0, 0.0]])
    target = torch.tensor([[5.0, 7.0], [11.0, 13.0], [1.0, 1.0]])
    played = {
        "target": target,
        "next.action_mask": torch.tensor([[True, True], [True, False], [True, True]]),
        "reward": torch.tensor([0.0, 0.0, 2.0]),
        "last": torch.tensor([False, False, True]),
    }
    found = learner._targets(played, ours if double_q else target)
    expected = [0.9 * 5.0 if double_q else 0.9 * 7.0, 0.9 * 11.0, 2.0]
    assert found.tolist() == pytest.approx(expected)


def test_steps_come_as_often_as_the_settings_say(kuhn: OpenSpielGame) -> None:
    nfsp = NFSP(kuhn, replace(SMALL, rounds=10), seed=1)
    nfsp.run()
    for learner in nfsp.learners:
        assert learner.steps + learner.skipped == learner.decisions // 16
        assert learner.steps > learner.skipped > 0


def test_two_learners_learn_from_their_own_decisions_only(kuhn: OpenSpielGame) -> None:
    """The first features of Kuhn poker's information state tell the player."""
    nfsp = NFSP(kuhn, SMALL, seed=1)
    nfsp.run()
    for player, learner in enumerate(nfsp.learners):
        for buffer in (learner.replay, learner.reservoir):
            features = buffer.sample(100, np.random.default_rng(1))["input.features"]
            assert (features[:, player] == 1).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"anticipatory": 0.0}, "anticipatory: expected a number above 0"),
        ({"anticipatory": 1.5}, "anticipatory: expected a number from 0 to 1"),
        ({"learn_every": 0}, "learn_every: expected a number above 0"),
        ({"rounds": -1}, "rounds: expected a number of at least 0"),
        ({"max_gradient_norm": 0.0}, "max_gradient_norm"),
        ({"warm_up": 10**9}, "warm_up: expected at most the reservoir's capacity"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NFSPSettings(**wrong)


def test_settings_of_the_parts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="optimizer: expected one of 'sgd', 'adam', got 'adamw'"):
        AverageSettings(optimizer="adamw")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="final_epsilon: expected at most epsilon"):
        BestResponseSettings(epsilon=0.1, final_epsilon=0.2)


def test_exploration_falls_as_scheduled() -> None:
    linear = BestResponseSettings(epsilon=0.08, final_epsilon=0.02)
    assert [linear.epsilon_at(done, 0) for done in (0, 0.5, 1, 2)] == pytest.approx([0.08, 0.05, 0.02, 0.02])
    root = BestResponseSettings(epsilon=0.08, final_epsilon=0.02, epsilon_schedule="inverse_sqrt")
    assert [root.epsilon_at(0, rounds) for rounds in (0, 3, 15, 99)] == pytest.approx([0.08, 0.04, 0.02, 0.02])
