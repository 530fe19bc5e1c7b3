"""AMAGO as an oracle: files go out, another interpreter trains, weights come back, and every failure is one error.

The interpreter is a stand-in (`amago_stand_in`), which takes the flags of the real training and leaves its files.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.algorithms.amago_stand_in import StandIn
from tests.metamon import tiny

from pokenash.algorithms import PSRO
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles import amago_process
from pokenash.algorithms.oracles.amago_oracle import AmagoOracle
from pokenash.algorithms.oracles.amago_process import AmagoError, log_tail, only_training, run_training
from pokenash.algorithms.oracles.amago_settings import AmagoSettings
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.metamon_collection import collect_trajectories
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError, PokenashError, RunDirectoryError
from pokenash.games import load_game
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.registry import PUBLISHED
from pokenash.policies import PolicySpec, load_policy

pytest.importorskip("lz4.frame")

UNIFORM = PolicySpec("uniform", "uniform")
STRONG = PolicySpec("strong", "max_power")
CONFIG = replace(tiny.config(), tokenizer="tiny")


@pytest.fixture(scope="module")
def game() -> ShowdownGame:
    return tiny.game()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict as AMAGO writes it."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save(MetamonNetwork(CONFIG).state_dict(), path)
    return path


@pytest.fixture
def stand_in(tmp_path: Path, weights: Path) -> StandIn:
    return StandIn(tmp_path / "environment", weights)


Train = Callable[..., PolicySpec]


@pytest.fixture(scope="module")
def battles(tmp_path_factory: pytest.TempPathFactory, game: ShowdownGame) -> Path:
    """What the oracle keeps of the battles that all tests have in common."""
    root = tmp_path_factory.mktemp("battles")
    with Arena(game, num_lanes=4) as arena:
        collect_trajectories(
            arena, STRONG, UNIFORM, root / "trajectories", MatchLog(root / "matches.jsonl"), battles=4,
            battles_per_block=200, seed=derive_seed(1, "collection"), action_space="MinimalActionSpace",
        )  # fmt: skip
    return root


@pytest.fixture
def played(battles: Path, tmp_path: Path) -> None:
    """The state of a training whose battles have been played."""
    shutil.copytree(battles, tmp_path / "run" / "br_0")


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(tiny.vocabulary()))
    return path


@pytest.fixture
def train(tmp_path: Path, stand_in: StandIn, game: ShowdownGame, vocabulary: Path) -> Train:
    """Trains the tiny network; changes are of the settings, unless they are the oracle's."""

    def run(
        modes: str = "", *, python: Path | None = None, oracle: dict[str, Any] | None = None, **changes: Any
    ) -> Any:
        small: dict[str, Any] = {
            "model": "tiny", "config": CONFIG, "model_gin_config": "tiny.gin", "player": "strong", "battles": 4,
            "head_to_head_battles": 0, "vocabulary": vocabulary, "num_lanes": 4,
        }  # fmt: skip
        options = {"cache_dir": tmp_path / "cache", "variables": stand_in.variables(modes), **(oracle or {})}
        made = AmagoOracle(python or stand_in.python, AmagoSettings(**{**small, **changes}), **options)
        return made.train(
            game, UNIFORM, population=[STRONG, UNIFORM], name="br_0", directory=tmp_path / "run" / "br_0",
            seed=1, iteration=0,
        )  # fmt: skip

    return run


def gone(pid: int) -> bool:
    """Whether a process has ended; its parent may not have asked for its status yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode != 0
    return state == "Z"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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


def nothing_was_played(tmp_path: Path) -> bool:
    return not (tmp_path / "run" / "br_0" / "trajectories").exists()


def test_a_missing_interpreter_is_said_before_any_battle(train: Train, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no interpreter at .*nowhere/python"):
        train(python=tmp_path / "nowhere" / "python")
    with pytest.raises(InputError, match="there is no interpreter at"):
        train(python=tmp_path)
    assert nothing_was_played(tmp_path)


def test_what_is_no_python_is_refused(train: Train, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho I am no snake\n")
    other.chmod(0o755)
    with pytest.raises(AmagoError, match=r"does not answer as a Python interpreter does; it said:\n  \| I am no snake"):
        train(python=other)
    other.write_text("neither is this")
    with pytest.raises(PokenashError, match="python"):
        train(python=other)
    assert nothing_was_played(tmp_path)


def test_all_that_is_missing_or_of_a_wrong_version_is_in_one_error(
    train: Train, stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.install("amago", "3.3.0")
    stand_in.install("gymnasium", "1.0.0")
    stand_in.install("poke_env", "0.16.1")
    stand_in.install("metamon", None)
    with pytest.raises(InputError) as caught:
        train()
    for part in (
        "amago is of version 3.3.0, expected version 3.1.1", "gymnasium is of version 1.0.0, expected version 0.29.1",
        "poke-env is of version 0.16.1, expected metamon's fork", "metamon is not installed",
    ):  # fmt: skip
        assert part in str(caught.value)
    assert nothing_was_played(tmp_path)


@pytest.mark.usefixtures("played")
def test_another_version_of_amago_is_accepted_on_request(train: Train, stand_in: StandIn) -> None:
    stand_in.install("amago", "3.2.0")
    assert train(oracle={"amago_version": None}, epochs=1).name == "br_0"


def test_a_module_that_cannot_be_imported_is_quoted(train: Train, stand_in: StandIn, tmp_path: Path) -> None:
    (stand_in.metamon / "rl" / "train.py").unlink()
    with pytest.raises(
        AmagoError, match=r"(?s)metamon.rl.train cannot be imported.*No module named 'metamon.rl.train'"
    ):
        train()
    (stand_in.metamon / "rl" / "__init__.py").write_text("import wanted_but_missing\n")
    with pytest.raises(AmagoError, match=r"(?s)cannot be imported.*\| ModuleNotFoundError: .*'wanted_but_missing'"):
        train()
    assert nothing_was_played(tmp_path)


def test_a_gin_configuration_that_is_not_there_is_named(train: Train, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no gin configuration .*/models/larger.gin nor .*/training/better.gin"):
        train(model_gin_config="larger.gin", train_gin_config="better.gin")
    assert nothing_was_played(tmp_path)


def test_the_cache_and_the_vocabulary_must_be_known(
    train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("METAMON_CACHE_DIR", raising=False)
    with pytest.raises(InputError, match="METAMON_CACHE_DIR"):
        train(oracle={"cache_dir": None})
    (tmp_path / "short.json").write_text('{"gen1ou": 0}')
    with pytest.raises(InputError, match="has 1 words, tiny expects"):
        train(vocabulary=tmp_path / "short.json")
    assert nothing_was_played(tmp_path)


@pytest.mark.usefixtures("played")
def test_a_failed_training_says_its_status_and_the_end_of_its_log(train: Train, tmp_path: Path) -> None:
    with pytest.raises(AmagoError) as caught:
        train("crash")
    message = str(caught.value)
    log = tmp_path / "run" / "br_0" / "amago.log"
    assert f"AMAGO's training of 'br_0' failed with exit status 1; the end of its log {log}:" in message
    assert message.endswith("| RuntimeError: CUDA out of memory")
    assert "  | Warning: this is a stand-in" in message.splitlines()
    with pytest.raises(AmagoError, match="was killed by SIGKILL") as killed:
        train("killed")
    assert "out of memory" not in str(killed.value)


@pytest.mark.usefixtures("played")
def test_a_training_without_weights_is_no_success(train: Train, stand_in: StandIn) -> None:
    for calls in (1, 2):
        with pytest.raises(AmagoError, match=r"(?s)left no weights policy_epoch_<N>.pt in .*Train: 100%") as caught:
            train("no_weights", epochs=1)
        assert "Train:  95%" not in str(caught.value)
        assert len(stand_in.calls()) == calls


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
def test_weights_that_were_cut_off_do_not_count(train: Train, stand_in: StandIn) -> None:
    with pytest.raises(AmagoError, match="SIGKILL"):
        train("cut_off_in_2")
    assert train().checkpoint_path().name == "policy_epoch_2.pt"
    assert stand_in.flags(1)["ckpt"] == "0"


@pytest.mark.usefixtures("played")
def test_the_newest_weights_are_those_of_the_highest_epoch(
    train: Train, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    assert train(epochs=12).checkpoint_path().name == "policy_epoch_10.pt"
    assert "of 12 epochs the newest weights are those of epoch 10" in caplog.text


@pytest.mark.usefixtures("played")
def test_weights_that_are_of_other_sizes_are_no_member_until_they_are_described_rightly(
    train: Train, stand_in: StandIn
) -> None:
    other = replace(CONFIG, extra_embedding=5)
    stand_in.weights = stand_in.root / "other.pt"
    torch.save(MetamonNetwork(other).state_dict(), stand_in.weights)
    with pytest.raises(AmagoError, match=r"left weights that cannot be used: .*extra_emb.* shape \(5, 10\), expected"):
        train()
    assert train(config=other).name == "br_0"
    assert len(stand_in.calls()) == 1


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize("modes", ["hang", "hang deaf"])
def test_a_training_that_takes_too_long_is_ended_with_all_its_processes(
    train: Train, stand_in: StandIn, modes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = amago_process.run_training
    monkeypatch.setattr(
        "pokenash.algorithms.oracles.amago_oracle.run_training",
        lambda *args, **options: patient(*args, **{**options, "grace": 0.5}),
    )
    # An hour passes as soon as all processes are there.
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * bool(stand_in.pids()), strftime=time.strftime)
    monkeypatch.setattr(amago_process, "time", clock)
    with pytest.raises(AmagoError, match=r"(?s)because it took more than 600 s; .*Dataset contains 4 battles"):
        train(modes, oracle={"timeout": 600.0})
    assert len(stand_in.pids()) == 2
    wait_until(lambda: all(gone(pid) for pid in stand_in.pids()))


@pytest.mark.usefixtures("played")
def test_control_c_ends_all_processes_of_the_training(train: Train, stand_in: StandIn) -> None:
    def interrupt() -> None:
        wait_until(lambda: bool(stand_in.pids()))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        train("hang")
    thread.join()
    wait_until(lambda: all(gone(pid) for pid in stand_in.pids()))
    assert train().name == "br_0"


@pytest.mark.usefixtures("played")
def test_two_trainings_do_not_share_a_directory(train: Train, stand_in: StandIn, tmp_path: Path) -> None:
    directory = tmp_path / "run" / "br_0"
    with only_training(directory) as lock:
        command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(lock,))
    # As after a Python that was killed: what it started lives on.
    with child, pytest.raises(InputError, match=r"another training is at work in .*br_0"):
        train()
    assert train(epochs=1).name == "br_0"
    assert len(stand_in.calls()) == 1


def test_the_tail_of_a_log_is_short_and_plain(tmp_path: Path) -> None:
    log = tmp_path / "amago.log"
    log.write_bytes(
        b"before\n" + b"\n".join(b"line %d" % i for i in range(50)) + b"\nbar 1%\rbar \x1b[31m99%\x1b[0m\r\n\n"
    )
    lines = log_tail(log).splitlines()
    assert len(lines) == 21
    assert lines[1] == "  | line 31"
    assert lines[-1] == "  | bar 99%"
    assert log_tail(log, log.stat().st_size) == f"its log {log} is empty"


def test_a_command_that_cannot_be_started_is_one_error(tmp_path: Path) -> None:
    with only_training(tmp_path) as lock, pytest.raises(AmagoError, match="cannot be started"):
        run_training([str(tmp_path / "nothing")], name="br_0", log=tmp_path / "log", environment={}, lock=lock)


@pytest.mark.usefixtures("played")
def test_the_network_that_is_trained_is_the_one_that_is_registered(train: Train) -> None:
    spec = train(policy={"greedy": True}, epochs=1)
    assert MetamonConfig.from_dict(spec.parameters["config"]) == CONFIG
    assert spec.parameters["reward"] == "DefaultShapedReward"
    assert spec.parameters["greedy"] is True
    assert load_policy(spec, tiny.game()).needs_text
