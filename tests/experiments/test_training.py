"""Trainings in a directory: what comes out, that they go on after a kill, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.experiments.trainings import SMALL, record, small, weights
from tests.metamon import tiny

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw
from pokenash.algorithms.oracles.metamon.processes import _FollowedLog
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.fresh_network import fresh_policy
from pokenash.experiments.training import FreshStart, HeadToHead, train
from pokenash.experiments.training_report import write_training_report
from pokenash.files import replace_file
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.config import CriticConfig, MetamonConfig
from pokenash.metamon.dataset import TrajectoryDataset, TrajectorySource
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.training import FineTuneSettings, Learner, TrainingData
from pokenash.metamon.vocabulary_building import build_vocabulary
from pokenash.policies import PolicySpec, load_policy
from pokenash.policies.sources import policy_specs

pytest.importorskip("lz4.frame")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("data") / "max_power", "max_power", 8)


class Told:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.names: set[str] = set()

    def log(self, step: int, values: Any) -> None:
        self.steps.append(step)
        self.names |= set(values)

    def close(self) -> None:
        self.steps.append(-1)


def test_a_vocabulary_holds_every_word_of_the_data_and_is_the_same_again(root: Path, tmp_path: Path) -> None:
    made = build_vocabulary([root], tmp_path / "words.json")
    again = build_vocabulary([root, root], tmp_path / "again.json")
    assert (tmp_path / "words.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    words = list(json.loads((tmp_path / "words.json").read_text()))
    assert words == sorted(words)
    assert len(made) == len(again) == len(Tokenizer.from_file(tmp_path / "words.json"))
    assert {"<gen1ou>", "<blank>", "<forcedswitch>"} <= set(words)
    config = tiny.config()
    data = TrajectoryDataset(
        [root], observation_space=config.observation_space, action_space=config.action_space,
        reward="DefaultShapedReward", tokenizer=made, max_length=200,
    )  # fmt: skip
    batch = data.batch(0, 16)
    assert (batch.tokens[~batch.padded] >= 0).all()
    # With fewer files there are fewer words, and of none nothing can be made.
    assert len(build_vocabulary([root], tmp_path / "one.json", most_files=1)) < len(made)
    with pytest.raises(InputError, match="no trajectories"):
        build_vocabulary([root], tmp_path / "none.json", formats=["gen2ou"])


def test_damaged_trajectories_give_no_words(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "gen1ou"
    folder.mkdir(parents=True)
    whole, other = sorted(root.glob("gen1ou/*"))[:2]
    (folder / whole.name).write_bytes(whole.read_bytes())
    (folder / other.name).write_bytes(other.read_bytes()[:50])
    made = build_vocabulary([tmp_path / "data"], tmp_path / "words.json")
    assert len(made) > 30
    (folder / whole.name).write_bytes(b"")
    with pytest.raises(InputError, match="no trajectories"):
        build_vocabulary([tmp_path / "data"], tmp_path / "words.json")


def test_fresh_weights_follow_from_the_seed_and_fit_their_vocabulary(root: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.json"
    made = build_vocabulary([root], words)
    one, same, other = (
        fresh_policy(tmp_path / str(n), "small_rnn", words, reward="BinaryReward", seed=seed)
        for n, seed in enumerate((1, 1, 2))
    )
    assert torch.equal(weights(one), weights(same))
    assert not torch.equal(weights(one), weights(other))
    config = MetamonConfig.from_file(tmp_path / "0" / "fresh.json")
    assert (config.vocabulary_size, config.actions, config.observation_space) == (
        len(made), 13, "DefaultObservationSpace",
    )  # fmt: skip
    assert one.parameters["reward"] == "BinaryReward"
    load_policy(one, tiny.game())
    wide = FreshStart("small_rnn", words, observation_space="TeamPreviewObservationSpace").config()
    assert (wide.words, wide.numbers) == (106, 55)
    with pytest.raises(InputError, match=r"5 words.* have 87"):
        FreshStart(replace(tiny.config(), words=5), words).config()
    with pytest.raises(InputError, match="no metamon configuration is called 'huge'"):
        FreshStart("huge").config()


@pytest.fixture(scope="module")
def unbroken(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A training that nothing disturbed, and the tracker that was told of it."""
    torch.set_num_threads(1)
    told = Told()
    return small(tmp_path_factory.mktemp("training") / "whole", root, tracker=told), told


def test_a_training_of_fresh_weights_gives_a_policy_and_says_how_it_fares(unbroken: Any) -> None:
    trained, told = unbroken
    folder = trained.directory
    assert told.steps == [1, 2, 3, 4]
    assert {"loss", "learning_rate", "transitions"} <= told.names
    assert trained.spec.name == "fresh-trained"
    assert trained.record["steps"] == 4
    assert trained.record["trajectories"] == 8
    versus = trained.record["head_to_head"]
    assert (versus["policy"], versus["base"], versus["battles"]) == ("fresh-trained", "fresh", 2)
    assert "2 battles, 95% interval" in (folder / "report.txt").read_text().splitlines()[0]
    (start,) = list((folder / "start").glob("*.safetensors"))
    started = weights(PolicySpec("fresh", "metamon", {}, str(start)))
    assert not torch.equal(started, weights(trained.spec))


def test_its_directory_is_a_source_of_the_policy_wherever_it_is_moved(
    unbroken: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, _ = unbroken
    copied = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", trained.directory, copied], check=True)
    (copied / "start" / "vocabulary.json").unlink()
    monkeypatch.chdir(tmp_path)
    for source in ("elsewhere", "elsewhere/population.json"):
        (spec,) = policy_specs([source])
        assert (spec.name, spec.sha256) == (trained.spec.name, trained.spec.sha256)
        assert spec.parameters["vocabulary"] == "elsewhere/vocabulary.json"
        load_policy(spec, tiny.game())


def test_a_killed_training_ends_with_the_same_weights_and_battles(
    root: Path, unbroken: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, _ = unbroken
    learn: Callable[..., Any] = Learner.learn

    def killed(self: Learner, batches: Any) -> Any:
        if self.step == 3:
            raise KeyboardInterrupt
        return learn(self, batches)

    with monkeypatch.context() as patched:
        patched.setattr(Learner, "learn", killed)
        with pytest.raises(KeyboardInterrupt):
            small(tmp_path / "killed", root)
    with monkeypatch.context() as patched:
        patched.setattr("pokenash.arena.Arena.play", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            small(tmp_path / "killed", root)
    assert not (tmp_path / "killed" / "population.json").exists()
    told = Told()
    again = small(tmp_path / "killed", root, tracker=told)
    assert again.spec.sha256 == trained.spec.sha256
    for name in ("head_to_head.json", "matches.jsonl", "vocabulary.json"):
        assert (again.directory / name).read_bytes() == (trained.directory / name).read_bytes()
    steps = [json.loads(line)["step"] for line in (again.directory / "fine_tune.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]
    # All steps were done when the battles were interrupted.
    assert told.steps == []


def test_the_directory_of_another_training_is_refused_and_left_alone(root: Path, unbroken: Any, tmp_path: Path) -> None:
    trained, _ = unbroken
    before = {path: path.read_bytes() for path in trained.directory.rglob("*") if path.is_file()}
    damping = DampingSettings(PowerLaw(1e-4), PowerLaw(0.1), PowerLaw(0.01))
    others: list[tuple[str, dict[str, Any]]] = [
        ("seed", {"seed": 8}),
        (r"training\.learning_rate", {"settings": replace(SMALL, learning_rate=1e-3)}),
        ("damping", {"damping": damping}),
        (r"data\.reward", {"data": TrainingData([root], reward="BinaryReward")}),
        (r"data\.sources", {"data": TrainingData([TrajectorySource(root, 0.5), tmp_path])}),
        ("start", {"start": FreshStart(replace(tiny.recurrent_config(), max_seq_len=17))}),
    ]
    for name, changes in others:
        with pytest.raises(RunDirectoryError, match=name):
            small(trained.directory, root, **changes)
    with pytest.raises(InputError, match="has 2 battles against the start already"):
        small(trained.directory, root, head_to_head=HeadToHead(ShowdownGame("gen1ou", turn_limit=30), 4))
    with pytest.raises(InputError, match="has battles of gen1ou against the start already, with these teams or with"):
        small(trained.directory, root, head_to_head=HeadToHead(tiny.game(), 2))
    assert {path: path.read_bytes() for path in before} == {**before, **_config(trained.directory)}
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="not empty"):
        small(tmp_path / "own", root)


def _config(directory: Path) -> dict[Path, bytes]:
    """The one file in which what is asked for may change: the number of battles."""
    path = directory / "config.json"
    return {path: path.read_bytes()}


def test_it_trains_what_was_trained_before_damped_and_on_several_roots(
    root: Path, unbroken: Any, tmp_path: Path
) -> None:
    trained, _ = unbroken
    other = record(tmp_path / "uniform", "uniform", 2)
    told = Told()
    damping = DampingSettings(PowerLaw(1e-4), PowerLaw(0.1, 10.0, 0.5), PowerLaw(0.01))
    data = TrainingData([TrajectorySource(root, 0.75), TrajectorySource(other, 0.25)], reward="BinaryReward")
    again = small(
        tmp_path / "again", root, start=trained.spec, data=data, damping=damping, name="again", tracker=told,
        head_to_head=None,
    )  # fmt: skip
    assert (again.spec.name, again.spec.parameters["reward"]) == ("again", "BinaryReward")
    assert again.record["verdict"] == "unknown"
    assert "again was not played against its base" in (again.directory / "report.txt").read_text()
    assert [source["weight"] for source in again.record["sources"]] == [0.75, 0.25]
    assert {"divergence", "kl_weight", "entropy_weight"} <= told.names
    lines = [json.loads(line) for line in (again.directory / "fine_tune.jsonl").read_text().splitlines()]
    assert lines[0]["kl_weight"] == pytest.approx(0.1)
    assert lines[3]["kl_weight"] == pytest.approx(0.1 * 1.3**-0.5)
    assert (again.directory / "vocabulary.json").read_bytes() == (trained.directory / "vocabulary.json").read_bytes()


def test_what_cannot_be_trained_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kind 'metamon', got 'uniform' of kind 'uniform'"):
        small(tmp_path / "one", root, start=PolicySpec("uniform", "uniform"))
    with pytest.raises(InputError, match="processes: expected"):
        small(tmp_path / "two", root, processes=0)
    with pytest.raises(InputError, match="even number of battles"):
        HeadToHead(tiny.game(), 3)
    with pytest.raises(InputError, match="reference: nothing refers to it without damping"):
        small(tmp_path / "three", root, reference=PolicySpec("uniform", "uniform"))
    assert not list(tmp_path.iterdir())


def test_a_reference_sees_what_is_trained_and_has_its_sizes(root: Path, unbroken: Any, tmp_path: Path) -> None:
    start = unbroken[0].spec
    words = Path(start.parameters["vocabulary"])
    damping = DampingSettings(PowerLaw(1e-4), PowerLaw(0.1), PowerLaw(0.01))
    sizes = replace(tiny.recurrent_config(), max_seq_len=17, extra_embedding=6)
    wider = fresh_policy(tmp_path / "wider", sizes, words)
    with pytest.raises(InputError, match="reference: expected a network of the same sizes"):
        small(tmp_path / "one", root, start=start, damping=damping, reference=wider, head_to_head=None)
    names = sorted(json.loads(words.read_text()), reverse=True)
    (tmp_path / "turned.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    turned = replace(start, name="turned", parameters={**start.parameters, "vocabulary": str(tmp_path / "turned.json")})
    with pytest.raises(InputError, match="'turned' has another vocabulary than 'fresh-trained'"):
        small(tmp_path / "two", root, start=start, damping=damping, reference=turned, head_to_head=None)


def test_what_another_process_logs_is_told_once_and_when_it_is_whole(tmp_path: Path) -> None:
    told = Told()
    log, path = _FollowedLog(tmp_path, told), tmp_path / "fine_tune.jsonl"
    log.tell()
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
    log.tell()
    log.tell()
    assert told.steps == [1]
    with path.open("a") as file:
        file.write('ss": 1.0}\n')
    log.tell()
    # As a training does that goes on after a kill: another file, whose lines were told before.
    replace_file(path, b'{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n{"step": 3, "loss": 0.5}\n')
    log.tell()
    assert (told.steps, told.names) == ([1, 2, 3], {"loss"})


def test_what_a_killed_training_logged_after_its_state_is_told_when_it_comes_again(tmp_path: Path) -> None:
    told, path = Told(), tmp_path / "fine_tune.jsonl"
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
    log = _FollowedLog(tmp_path, told)
    log.tell()
    assert told.steps == []
    replace_file(path, b'{"step": 1, "loss": 2.0}\n')
    log.tell()
    assert told.steps == [1]


def test_the_report_counts_what_every_process_learned_from(tmp_path: Path) -> None:
    about = {"schema": 1, "seed": 1, "reward": "s", "trajectories": 4, "settings": {"epochs": 1, "steps_per_epoch": 1}}
    line = {"step": 1, "loss": 1.0, "transitions": 100, "seconds": 0.5, "seconds_waiting": 0.0}
    (tmp_path / "fine_tune.json").write_text(json.dumps({**about, "data": {"sources": []}, "processes": 3}))
    (tmp_path / "fine_tune.jsonl").write_text(json.dumps(line) + "\n")
    assert ">600<" in write_training_report(tmp_path).read_text()


_TWO = replace(SMALL, steps_per_epoch=3, advantage_filter="exponential", token_masking=0.1)


@pytest.mark.slow
def test_two_processes_learn_what_one_does_with_batches_of_both(root: Path, tmp_path: Path) -> None:
    """Dropout, hidden words, sampled actions and damping too: all weights differ by rounding alone.

    Not with scalar critics, whose targets PopArt scales by the returns that one process saw, nor with layers that
    change with every forward pass.
    """
    pytest.importorskip("accelerate")
    told = Told()
    critic = CriticConfig("two_hot", 3, 24, bins=16)
    start = FreshStart(replace(tiny.recurrent_config(), dropout=0.1, critic=critic))
    damping = DampingSettings(PowerLaw(1e-3), PowerLaw(0.1), PowerLaw(0.01), control=AdaptiveControl())
    options: dict[str, Any] = {"start": start, "damping": damping, "damping_check_every": 2, "head_to_head": None}
    two = small(tmp_path / "two", root, _TWO, processes=2, tracker=told, **options)
    one = small(tmp_path / "one", root, replace(_TWO, accumulation=2), **options)
    # Gradients differ by the order of sums; Adam's steps of 1e-3 make of it what they can.
    assert torch.allclose(weights(one.spec), weights(two.spec), atol=1e-4)
    half = small(tmp_path / "half", root, _TWO, **options)
    assert not torch.allclose(weights(one.spec), weights(half.spec), atol=1e-4)
    assert told.steps == [1, 2, 3]
    assert json.loads((two.directory / "fine_tune.json").read_text())["processes"] == 2


_SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.experiments.trainings import SMALL, small

settings = replace(SMALL, steps_per_epoch=60, checkpoint_every=5)
small(Path(sys.argv[1]), Path(sys.argv[2]), settings, processes=2)
"""


@pytest.mark.slow
def test_two_killed_processes_go_on_and_end_with_the_same_weights(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    settings = replace(SMALL, steps_per_epoch=60, checkpoint_every=5)
    here = Path(__file__).parents[2]
    paths = os.pathsep.join(filter(None, [str(here / "src"), str(here), os.environ.get("PYTHONPATH")]))
    running = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, tmp_path / "killed", root], env={**os.environ, "PYTHONPATH": paths}
    )
    log = tmp_path / "killed" / "fine_tune.jsonl"
    try:
        deadline = time.monotonic() + 200
        while not log.exists() or len(log.read_bytes().splitlines()) < 12:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    done = len(log.read_bytes().splitlines())
    assert done < 60
    killed = small(tmp_path / "killed", root, settings, processes=2)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, 61))
    whole = small(tmp_path / "whole", root, settings, processes=2)
    assert torch.equal(weights(killed.spec), weights(whole.spec))


@pytest.mark.slow
def test_a_fresh_network_that_imitates_a_heuristic_beats_uniform_play(tmp_path: Path) -> None:
    """Nothing but the files of 300 battles is needed, and the policy wins far more than a random one."""
    data = record(tmp_path / "teacher", "max_power", 300)
    settings = FineTuneSettings(
        epochs=1, steps_per_epoch=400, batch_size=8, max_length=40, learning_rate=3e-3, warm_up_steps=20,
        advantage_filter="none", torch_threads=1, log_every=10,
    )  # fmt: skip
    config = replace(tiny.config(), max_seq_len=64)
    game = tiny.game()
    trained = train(
        tmp_path / "run", FreshStart(config), TrainingData([data]), settings, head_to_head=HeadToHead(game, 100)
    )
    assert trained.record["verdict"] == "better"
    with Arena(game, num_lanes=64) as arena:
        results = arena.play(
            [trained.spec, PolicySpec("uniform", "uniform")], paired_matches(game, [(0, 1)], 100, 5), seed=2
        )
    wins = sum(one.result.returns[one.match.policies.index(0)] > 0 for one in results)
    # Uniform play wins half; 70 of 100 has a 95% interval of 60 to 78.
    assert wins >= 70
