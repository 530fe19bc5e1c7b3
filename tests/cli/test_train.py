"""``pokenash train``: its options, what it starts from, its presets, and a training from the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.experiments.trainings import record
from tests.metamon import tiny

from pokenash.algorithms.oracles.metamon.settings import metamon_oracle_preset
from pokenash.cli.settings import read_settings_file
from pokenash.cli.train import run
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.collection_settings import CollectionSettings
from pokenash.experiments.evaluation_settings import EvaluationSettings
from pokenash.experiments.exploit_settings import ExploitSettings
from pokenash.experiments.training_fields import damping_changes
from pokenash.experiments.training_settings import PRESETS, TrainingRunSettings
from pokenash.experiments.training_start import commonest_format, start_spec, trajectory_source
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training import FineTuneSettings
from pokenash.online.source import find_entrant
from pokenash.policies import PolicySpec, save_population
from pokenash.policies.sources import policy_specs

pytest.importorskip("lz4.frame")

_QUICK = (
    "--epochs 1 --steps-per-epoch 3 --batch-size 2 --max-length 10 --warm-up-steps 1 --torch-threads 1 --log-every 1 "
    "--checkpoint-every 2 --head-to-head 2 --workers 1 --lanes 2 --log-level error"
).split()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("data") / "max_power", "max_power", 4)


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a training of fresh weights, begun from the command line."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.json").write_text(json.dumps(tiny.recurrent_config().to_dict()))
    run([str(root), "--fresh", str(folder / "tiny.json"), "--output", str(folder / "first"), *_QUICK])
    return folder / "first"


def test_the_same_command_goes_on_and_a_file_stands_for_its_flags(
    trained: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = (trained / "ckpts" / "last.safetensors").read_bytes()
    run(["--config", str(trained / "settings.toml")])
    text = capsys.readouterr().out
    assert "all of them were done already" in text
    assert "3 steps on 4 trajectories" in text
    assert text.startswith("first ")
    assert (trained / "ckpts" / "last.safetensors").read_bytes() == weights
    kept = TrainingRunSettings(**read_settings_file(trained / "settings.toml", TrainingRunSettings))
    assert (kept.roots, kept.steps_per_epoch, kept.filter_range) == ((str(root),), 3, (1e-7, 100.0))
    (spec,) = policy_specs([str(trained)])
    assert spec.name == "first"
    assert (trained / "tracking" / "metrics.jsonl").exists()
    with pytest.raises(RunDirectoryError, match=r"training\.learning_rate"):
        run(["--config", str(trained / "settings.toml"), "--learning-rate", "1e-3"])


def test_other_commands_play_what_was_trained(trained: Path) -> None:
    collected, evaluated = CollectionSettings(policy=str(trained)), EvaluationSettings(policy=str(trained))
    assert (collected.game().format, collected.players()[0].name) == ("gen1ou", "first")
    assert (evaluated.game().format, evaluated.players("gen1ou")[0].name) == ("gen1ou", "first")
    exploited = ExploitSettings(policy=str(trained))
    assert exploited.target().name == "first"
    assert exploited.played_game().config() == tiny.game().config()
    assert find_entrant(str(trained)).name == "first"


def test_it_starts_from_an_earlier_training_with_a_preset_and_several_roots(
    trained: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = record(tmp_path / "uniform", "uniform", 2)
    second = tmp_path / "second"
    arguments = [f"{root}=0.75", f"{other}=0.25", "--start", str(trained), "--preset", "damped", "--kl", "0.2"]
    run([*arguments, "--reward", "BinaryReward", "--output", str(second), *_QUICK])
    assert "steps/s" in capsys.readouterr().out
    config = json.loads((second / "config.json").read_text())
    assert config["damping"]["kl"]["initial"] == 0.2
    assert config["damping"]["control"]["target"] == 0.01
    assert config["training"]["weight_decay"] == 5e-5
    assert config["start"]["name"] == "first"
    assert [source["weight"] for source in config["data"]["sources"]] == [0.75, 0.25]
    (spec,) = policy_specs([str(second)])
    assert spec.parameters["reward"] == "BinaryReward"
    lines = [json.loads(line) for line in (second / "fine_tune.jsonl").read_text().splitlines()]
    assert lines[0]["kl_weight"] == pytest.approx(0.2)


@pytest.mark.parametrize("name", ["from_scratch", "oracle", "damped"])
def test_presets_are_those_of_the_oracle(name: Any) -> None:
    wanted = metamon_oracle_preset(name)
    settings = TrainingRunSettings(**PRESETS[name])
    damping = settings.damping(settings.learning_rate)
    assert damping == wanted.damping
    # What is damped has the learning rate of its schedule.
    rate = wanted.training.learning_rate if damping is None else damping.learning_rate.initial
    assert settings.learning() == replace(wanted.training, learning_rate=rate)
    if damping is not None:
        assert TrainingRunSettings(**damping_changes(damping, 100)).damping(rate) == damping


def test_imitation_clones_all_actions_alike() -> None:
    assert TrainingRunSettings(**PRESETS["imitation"]).learning() == FineTuneSettings(advantage_filter="none")
    assert TrainingRunSettings().damping(1e-4) is None


def test_what_a_training_starts_from(trained: Path, tmp_path: Path) -> None:
    (spec,) = policy_specs([str(trained)])
    assert start_spec(str(trained)) == spec
    checkpoint = start_spec(str(trained / "ckpts" / "last.safetensors"))
    assert (checkpoint.name, checkpoint.sha256) == ("last", spec.sha256)
    assert Path(checkpoint.parameters["vocabulary"]) == trained / "vocabulary.json"
    # As an oracle leaves its trainings, without a population: the network plays with the reward that it has learned.
    bare = tmp_path / "br_1"
    shutil.copytree(trained / "ckpts", bare / "ckpts")
    (bare / "fine_tune.json").write_text(json.dumps({"reward": "AggressiveShapedReward"}))
    for source in (bare, bare / "ckpts" / "last.safetensors"):
        assert start_spec(str(source)).parameters == {"reward": "AggressiveShapedReward"}
    assert start_spec("SyntheticRLV2") == start_spec("metamon:SyntheticRLV2") == start_spec("synthetic-rl-v2")
    assert start_spec("SmallRL", "words.json").parameters["vocabulary"] == "words.json"
    population = tmp_path / "population.json"
    save_population([PolicySpec("uniform", "uniform"), spec], population)
    assert start_spec(str(population)).sha256 == spec.sha256
    save_population([PolicySpec("uniform", "uniform"), spec, replace(spec, name="later")], population)
    assert start_spec(f"{population}:later").name == "later"
    for source, message in (
        (str(population), "holds 2 metamon policies; name one as"),
        (f"{population}:uniform", "has no metamon policy 'uniform'"),
        ("nothing", "'nothing' is unknown; expected a published model"),
        ("nothing.pt", "there is no checkpoint"),
    ):
        with pytest.raises(InputError, match=message):
            start_spec(source)


def test_of_a_run_the_strongest_metamon_policy_is_the_start(trained: Path, tmp_path: Path) -> None:
    (spec,) = policy_specs([str(trained)])
    population = [PolicySpec("uniform", "uniform"), replace(spec, name="weak"), replace(spec, name="strong")]
    folder = tmp_path / "run" / "iteration_0"
    folder.mkdir(parents=True)
    save_population(population, folder / "population.json")
    names = [one.name for one in population]
    strategy = {"schema": 1, "policies": names, "probabilities": [0.5, 0.1, 0.4]}
    (folder / "meta_strategy.json").write_text(json.dumps(strategy))
    config = {"schema": 1, "seed": 1, "game": tiny.game().config()}
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert start_spec(str(tmp_path / "run")).name == "strong"
    assert start_spec(f"{tmp_path / 'run'}:weak").name == "weak"


def test_roots_have_weights_and_collections_are_roots(root: Path, tmp_path: Path) -> None:
    assert trajectory_source(str(root)) == TrajectorySource(root)
    assert trajectory_source(f"{root}=0.25") == TrajectorySource(root, 0.25)
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert trajectory_source(str(odd)) == TrajectorySource(odd)
    (tmp_path / "collection" / "trajectories").mkdir(parents=True)
    (tmp_path / "collection" / "config.json").write_text("{}")
    assert trajectory_source(f"{tmp_path / 'collection'}=2").root == tmp_path / "collection" / "trajectories"
    for text, message in (
        (f"{root}=-1", "a number of at least 0"),
        (f"{root}=much", "got 'much'"),
        ("no", "no is not"),
    ):
        with pytest.raises(InputError, match=message):
            trajectory_source(text)
    assert commonest_format([TrajectorySource(root), TrajectorySource(odd)]) == "gen1ou"
    with pytest.raises(InputError, match="no trajectories in"):
        commonest_format([TrajectorySource(odd)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fresh", "small_rnn"], "name at least one root"),
        (["--start", "SmallRL", "--fresh", "small_agent"], "either --start"),
        (["--start", "uniform"], "'uniform' is unknown"),
        (["--fresh", "huge"], "no metamon configuration is called 'huge'"),
        (["--fresh", "small_rnn", "--reward", "Kindness"], "Kindness"),
        (["--start", "SmallRL", "--observation-space", "TeamPreviewObservationSpace"], "are of fresh weights"),
        (["--fresh", "small_rnn", "--head-to-head", "3"], "even number"),
        (["--fresh", "small_rnn", "--epochs", "0"], "epochs: expected"),
        (["--fresh", "small_rnn", "--processes", "0"], "processes: expected"),
        (["--fresh", "small_rnn", "--vocabulary", "nowhere.json"], "cannot read the vocabulary nowhere.json"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    arguments: list[str], message: str, root: Path, tmp_path: Path
) -> None:
    roots = [] if "root" in message else [str(root)]
    with pytest.raises(InputError, match=message):
        run([*roots, *arguments, "--output", str(tmp_path / "out"), "--log-level", "error"])
    assert not (tmp_path / "out").exists()
