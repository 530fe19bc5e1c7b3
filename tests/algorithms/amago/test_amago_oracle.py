"""AMAGO as an oracle: files go out, another interpreter trains, and weights come back.

The interpreter is a stand-in (`stand_in`), which takes the flags of the real training and leaves its files.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from tests.algorithms.amago.stand_in import CONFIG, STRONG, UNIFORM, StandIn, Train
from tests.metamon import tiny

from pokenash.algorithms import PSRO
from pokenash.algorithms.oracles.amago.oracle import AmagoOracle
from pokenash.algorithms.oracles.amago.process import AmagoError
from pokenash.algorithms.oracles.amago.settings import AmagoSettings
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError, RunDirectoryError
from pokenash.games import load_game
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.registry import PUBLISHED
from pokenash.policies import PolicySpec, load_policy

pytest.importorskip("lz4.frame")


def test_a_training_elsewhere_becomes_a_member_that_plays(train: Train, game: ShowdownGame, tmp_path: Path) -> None:
    spec = train(head_to_head_battles=2)
    assert (spec.name, spec.kind) == ("br_0", "metamon")
    assert spec.checkpoint_path() == tmp_path / "run" / "br_0" / "ckpts" / "policy_weights" / "policy_epoch_2.pt"
    assert PolicySpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    with Arena(game, num_lanes=2) as arena:
        results = arena.play([spec, UNIFORM], paired_matches(game, [(0, 1)], 2, 5), seed=2)
    assert all(result.counted for result in results)
    versus = json.loads((tmp_path / "run" / "br_0" / "head_to_head.json").read_text())
    assert (versus["policy"], versus["base"]) == ("br_0", "strong")
    assert "Dataset contains 4 battles" in (tmp_path / "run" / "br_0" / "amago.log").read_text()


def test_psro_takes_its_best_responses_from_it(
    stand_in: StandIn, game: ShowdownGame, vocabulary: Path, tmp_path: Path
) -> None:
    settings = AmagoSettings(
        model="tiny", config=CONFIG, model_gin_config="tiny.gin", player="strong", battles=2, head_to_head_battles=0,
        vocabulary=vocabulary, epochs=1, num_lanes=2,
    )  # fmt: skip
    oracle = AmagoOracle(stand_in.python, settings, cache_dir=tmp_path, variables=stand_in.variables())
    psro = PSRO(
        game, [STRONG, UNIFORM], oracle, iterations=1, battles_per_matchup=2, evaluation_battles=2, num_lanes=2
    )  # fmt: skip
    result = psro.run()
    assert [(spec.name, spec.kind) for spec in result.population][2:] == [("br_0", "metamon")]
    flags = stand_in.flags()
    iteration = Path(flags["save_dir"]).parent
    assert (flags["save_dir"], flags["run_name"]) == (str(iteration / "br_training"), "br_0")
    assert flags["parsed_replay_dir"] == str(iteration / "br_trajectories")


@pytest.mark.usefixtures("played")
def test_a_finished_training_is_not_run_again(train: Train, stand_in: StandIn) -> None:
    assert train() == train()
    assert len(stand_in.calls()) == 1
    stand_in.install("amago", None)
    train(head_to_head_battles=2)
    with pytest.raises(RunDirectoryError, match="other settings: epochs was 3 and is 5"):
        train(epochs=5)
    assert len(stand_in.calls()) == 1


@pytest.mark.usefixtures("played")
def test_the_training_gets_its_flags_and_an_environment_of_its_own(
    train: Train, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/nowhere")
    train(reward_function="BinaryReward", epochs=1, extra_arguments=("--log",))
    fresh, directory = tmp_path / "run" / "br_0" / "trajectories", tmp_path / "run" / "br_0"
    assert stand_in.flags() == {
        "run_name": "br_0", "save_dir": str(tmp_path / "run"), "epochs": "1", "batch_size_per_gpu": "16",
        "grad_accum": "1", "dloader_workers": "8", "model_gin_config": "tiny.gin",
        "train_gin_config": "psro_oracle.gin", "obs_space": "DefaultObservationSpace",
        "reward_function": "BinaryReward", "action_space": "MinimalActionSpace", "tokenizer": "tiny",
        "parsed_replay_dir": str(fresh), "formats": "gen1ou",
    }  # fmt: skip
    call = stand_in.calls()[0]
    assert call["flags"][-2:] == ["--eval_gens", "--log"]
    assert call["cwd"] == str(directory)
    assert call["environment"]["METAMON_CACHE_DIR"] == str(tmp_path / "cache")
    assert call["environment"]["METAMON_ALLOW_ANY_POKE_ENV"] == "1"
    assert call["environment"]["WANDB_MODE"] == "disabled"
    assert call["environment"]["PYTHONSAFEPATH"] == "1"
    assert "/nowhere" not in {call["environment"].get("VIRTUAL_ENV"), call["environment"]["PYTHONPATH"]}


def test_other_trajectories_are_mixed_in_by_their_weight(
    train: Train, stand_in: StandIn, battles: Path, played: None, tmp_path: Path
) -> None:
    others = battles / "trajectories"
    train(epochs=1, parsed_replay_dir=others, custom_replay_sample_weight=0.25)
    flags, directory = stand_in.flags(), tmp_path / "run" / "br_0"
    assert (flags["parsed_replay_dir"], flags["custom_replay_dir"]) == (str(others), str(directory / "trajectories"))
    assert flags["custom_replay_sample_weight"] == "0.25"
    assert "Dataset contains 8 battles" in (directory / "amago.log").read_text()


def test_a_published_model_says_what_it_is_trained_with(tmp_path: Path) -> None:
    settings = AmagoSettings()
    flags = settings.flags("gen1ou", tmp_path, tmp_path, "br_0")
    network = PUBLISHED["SyntheticRLV2"].config
    given = dict(itertools.pairwise(flags))
    assert given["--model_gin_config"] == "synthetic_multitaskagent.gin"
    assert given["--tokenizer"] == network.tokenizer == "allreplays-v3"
    assert given["--reward_function"] == "DefaultShapedReward"
    assert settings.starts_from() == "SyntheticRLV2"
    assert AmagoSettings(model="Minikazam").reward() == "AggressiveShapedReward"
    assert AmagoSettings(model="Minikazam").architecture_file() == "minikazam.gin"
    assert AmagoSettings(model="small_rnn", player="strongest").starts_from() is None
    config = AmagoOracle("python", settings).config()
    assert json.loads(json.dumps(config)) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "LargerRL"}, "no metamon configuration is called 'LargerRL'"),
        ({"battles": 3}, "battles: expected an even number"),
        ({"epochs": 0}, "epochs: expected a number of at least 1"),
        ({"custom_replay_sample_weight": 0.0}, "expected a share above 0"),
        ({"reward_function": "Fun"}, "Fun"),
        ({"config": CONFIG}, "needs its own model_gin_config"),
        ({"config": tiny.config(), "model_gin_config": "tiny.gin"}, "expected names of observation_space"),
        ({"init_from_checkpoint": "scratch"}, "starts from fresh weights, so say who plays the fresh battles"),
        ({"init_from_checkpoint": "MyModel"}, "starts from 'MyModel', which only metamon knows"),
        ({"head_to_head_battles": -2}, "head_to_head_battles"),
        ({"dloader_workers": -1}, "dloader_workers"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AmagoSettings(**changes)


def test_games_without_trajectories_are_refused(stand_in: StandIn, tmp_path: Path) -> None:
    game = load_game({"game": "matrix", "payoffs": [[0, 1], [-1, 0]]})
    with pytest.raises(InputError, match="Showdown's formats"):
        AmagoOracle(stand_in.python).train(
            game, UNIFORM, population=[], name="br_0", directory=tmp_path, seed=0, iteration=0
        )
    with pytest.raises(InputError, match="timeout"):
        AmagoOracle(stand_in.python, timeout=0)


@pytest.mark.usefixtures("played")
def test_a_training_goes_on_after_the_last_epoch_that_was_saved(
    train: Train, stand_in: StandIn, tmp_path: Path
) -> None:
    with pytest.raises(AmagoError, match="exit status 1"):
        train("crash_in_1")
    played = (tmp_path / "run" / "br_0" / "matches.jsonl").read_bytes()
    assert "ckpt" not in stand_in.flags(0)
    assert train().checkpoint_path().name == "policy_epoch_2.pt"
    assert stand_in.flags(1)["ckpt"] == "0"
    # The same architecture, begun in a way into which AMAGO's own checkpoints can be loaded.
    include, setting = Path(stand_in.flags(1)["model_gin_config"]).read_text().splitlines()
    assert include == f"include '{stand_in.metamon}/rl/configs/models/tiny.gin'"
    assert setting.endswith("SigmaReparam.fast_init = True")
    assert "Dataset contains 4 battles" in (tmp_path / "run" / "br_0" / "amago.log").read_text()
    assert (tmp_path / "run" / "br_0" / "matches.jsonl").read_bytes() == played


@pytest.mark.usefixtures("played")
def test_the_newest_weights_are_those_of_the_highest_epoch(
    train: Train, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    assert train(epochs=12).checkpoint_path().name == "policy_epoch_10.pt"
    assert "of 12 epochs the newest weights are those of epoch 10" in caplog.text


@pytest.mark.usefixtures("played")
def test_the_network_that_is_trained_is_the_one_that_is_registered(train: Train) -> None:
    spec = train(policy={"greedy": True}, epochs=1)
    assert MetamonConfig.from_dict(spec.parameters["config"]) == CONFIG
    assert spec.parameters["reward"] == "DefaultShapedReward"
    assert spec.parameters["greedy"] is True
    assert load_policy(spec, tiny.game()).needs_text
