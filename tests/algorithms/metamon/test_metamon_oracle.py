"""The oracle that fine-tunes metamon networks, its start, its safeguard, its damping, and a PSRO run with it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.metamon import tiny

from pokenash.algorithms.damping import AdaptiveControl, DampingSettings, PowerLaw, Reference
from pokenash.algorithms.intervals import WinRate
from pokenash.algorithms.oracles.metamon import oracle as module
from pokenash.algorithms.oracles.metamon.damping import NetworkDamping
from pokenash.algorithms.oracles.metamon.oracle import MetamonOracle
from pokenash.algorithms.oracles.metamon.report import fine_tune_report
from pokenash.algorithms.oracles.metamon.settings import MetamonOracleSettings, metamon_oracle_preset
from pokenash.algorithms.oracles.metamon.starts import choose_start
from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError, PokenashError
from pokenash.experiments import run_psro
from pokenash.games import load_game
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.dataset import TrajectoryDataset, TrajectorySource
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.training import FineTuneSettings, Learner, as_tensors, save_weights
from pokenash.policies import PolicySpec, load_policy, mixture_spec

pytest.importorskip("lz4.frame")

MAX_POWER = PolicySpec("max_power", "max_power")
TRAINING = FineTuneSettings.oracle(
    epochs=1, steps_per_epoch=4, batch_size=2, max_length=10, warm_up_steps=1, torch_threads=1, log_every=1,
    checkpoint_every=2,
)  # fmt: skip
SETTINGS = MetamonOracleSettings(training=TRAINING, battles=4, battles_per_block=2, head_to_head_battles=2, num_lanes=4)
TURNS = 30
"""Of battles that need only be the same again; more than a sequence that is learned from has."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> PolicySpec:
    """A random network, saved as pokenash's own trainings save theirs."""
    folder = tmp_path_factory.mktemp("base")
    words = folder / "words.json"
    words.write_text(json.dumps(tiny.vocabulary()))
    path = save_weights(MetamonNetwork.random(tiny.config(), seed=1), folder / "base.safetensors")
    return metamon_spec("base", path, vocabulary=words)


def ask(directory: Path, base: PolicySpec, settings: MetamonOracleSettings = SETTINGS) -> PolicySpec:
    return MetamonOracle(settings).train(
        tiny.game(turn_limit=TURNS), mixture_spec("mixture_0", [base, MAX_POWER], [0.25, 0.75]),
        population=[base, MAX_POWER], name="br_0", directory=directory, seed=9, iteration=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(base: PolicySpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PolicySpec]:
    """A training that nothing disturbed."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("run")
    return root, ask(root / "iteration_0" / "br_training" / "br_0", base)


def weights(spec: PolicySpec) -> torch.Tensor:
    assert spec.checkpoint is not None
    return torch.cat([tensor.flatten() for tensor in load_checkpoint(spec.checkpoint).state_dict().values()])


def test_it_returns_a_trained_policy_with_a_report_of_how_it_fares_against_its_base(
    base: PolicySpec, unbroken: tuple[Path, PolicySpec]
) -> None:
    root, spec = unbroken
    folder = root / "iteration_0" / "br_training" / "br_0"
    assert (spec.name, spec.kind) == ("br_0", "metamon")
    assert not torch.equal(weights(spec), weights(base))
    assert spec.parameters["vocabulary"] == base.parameters["vocabulary"]
    load_policy(PolicySpec.from_json(spec.to_json()), tiny.game())
    versus = json.loads((folder / "head_to_head.json").read_text())
    assert (versus["policy"], versus["base"], versus["battles"]) == ("br_0", "base", 2)
    assert 0 <= versus["lower"] <= versus["win_rate"] <= versus["upper"] <= 1
    report = json.loads((folder / "report.json").read_text())
    assert report["head_to_head"] == versus
    assert report["reward"] == "DefaultShapedReward"
    assert report["steps"] == 4
    assert report["collection"]["win_rate"]["battles"] == 4
    assert report["opponent"] == {"base": 0.25, "max_power": 0.75}
    text = (folder / "report.txt").read_text()
    assert "2 battles, 95% interval" in text.splitlines()[0]
    files = list((root / "iteration_0" / "br_trajectories" / "gen1ou").glob("*.json.lz4"))
    assert len(files) == 4
    matches = [json.loads(line) for line in (folder / "matches.jsonl").read_text().splitlines()]
    # Paired: every start is played from both seats, and the two matches' seeds and teams are no other block's.
    for kind, count in (("collection", 4), ("head_to_head", 2)):
        block = [match for match in matches if match["block"].startswith(kind)]
        assert len(block) == count
        for one, other in zip(block[::2], block[1::2], strict=True):
            assert (one["seed"], one["options"]) == (other["seed"], other["options"])
            assert one["policies"] == other["policies"][::-1]
    assert len({match["seed"] for match in matches}) == 3


@pytest.mark.parametrize("at", ["collection", "training", "head_to_head"])
def test_a_killed_oracle_ends_with_the_same_policy(
    base: PolicySpec, unbroken: tuple[Path, PolicySpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    root, whole = unbroken

    def killed(*args: Any, **kwargs: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if at == "collection":
            played = module.collect_trajectories.__globals__["Arena"].play

            def play(self: Any, policies: Any, matches: Any, **options: Any) -> Any:
                if matches[0].setup.episode:
                    raise KeyboardInterrupt
                return played(self, policies, matches, **options)

            patched.setattr("pokenash.arena.Arena.play", play)
        elif at == "training":
            learn: Callable[..., Any] = Learner.learn
            patched.setattr(Learner, "learn", lambda self, b: killed() if self.step == 3 else learn(self, b))
        else:
            patched.setattr(module, "head_to_head", killed)
        with pytest.raises(KeyboardInterrupt):
            ask(tmp_path / "killed", base)
    again = ask(tmp_path / "killed", base)
    assert torch.equal(weights(whole), weights(again))
    for name in ("head_to_head.json", "matches.jsonl"):
        written = (root / "iteration_0" / "br_training" / "br_0" / name).read_text()
        assert (tmp_path / "killed" / name).read_text() == written


def test_other_trajectories_are_mixed_in_and_the_reward_is_that_of_the_run(
    base: PolicySpec, unbroken: tuple[Path, PolicySpec], tmp_path: Path
) -> None:
    root, alone = unbroken
    other = TrajectorySource(root / "iteration_0" / "br_trajectories", 3.0)
    mixed = ask(tmp_path / "mixed", base, replace(SETTINGS, sources=(other,), fresh_weight=0.8, reward="BinaryReward"))
    record = json.loads((tmp_path / "mixed" / "fine_tune.json").read_text())
    assert [source["weight"] for source in record["data"]["sources"]] == pytest.approx([0.8, 0.2])
    assert record["reward"] == mixed.parameters["reward"] == "BinaryReward"
    assert alone.parameters["reward"] == "DefaultShapedReward"


@pytest.mark.slow
def test_what_imitates_a_better_player_beats_its_base(base: PolicySpec, tmp_path: Path) -> None:
    """Real learning, on trajectories of a heuristic, and a report that says so."""
    game = tiny.game()
    teacher = TrajectoryRecorder(
        load_policy(MAX_POWER, game), game, tmp_path / "teacher", name="a", opponent="b", time=datetime(2026, 1, 1)
    )
    with Arena(game, num_lanes=16) as arena:
        matches = paired_matches(game, [(0, 1)], 60, 3)
        arena.play([teacher, MAX_POWER], matches, seed=1, on_result=teacher.on_result)
    training = FineTuneSettings(
        epochs=1, steps_per_epoch=150, batch_size=8, max_length=30, learning_rate=4e-3, warm_up_steps=10,
        advantage_filter="none", torch_threads=1,
    )  # fmt: skip
    source = TrajectorySource(tmp_path / "teacher")
    settings = replace(
        SETTINGS, training=training, battles=2, fresh_weight=0.01, sources=(source,), head_to_head_battles=40,
        num_lanes=40,
    )  # fmt: skip
    ask(tmp_path / "run", base, settings)
    assert json.loads((tmp_path / "run" / "report.json").read_text())["verdict"] == "better"


@pytest.mark.slow
def test_it_fine_tunes_in_several_processes(base: PolicySpec, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    settings = replace(SETTINGS, processes=2, damping=metamon_oracle_preset("damped").damping)
    spec = ask(tmp_path / "two", base, settings)
    record = json.loads((tmp_path / "two" / "fine_tune.json").read_text())
    assert record["processes"] == 2
    assert not torch.equal(weights(spec), weights(base))
    assert (tmp_path / "two" / "report.txt").exists()
    wrong = replace(settings, damping=None, training=replace(TRAINING, learning_rate=1e30, max_gradient_norm=1e30))
    with pytest.raises(PokenashError, match=r"(?s)process \d of the fine-tuning ended with status 1.*diverged at step"):
        ask(tmp_path / "wrong", base, wrong)


def test_which_policy_it_starts_from(base: PolicySpec, tmp_path: Path) -> None:
    weaker, latest = replace(base, name="weaker"), replace(base, name="latest")
    population = [MAX_POWER, weaker, base, latest]
    mixture = mixture_spec("m", [MAX_POWER, weaker, base], [0.6, 0.1, 0.3])
    for start, name in (("strongest", "base"), ("latest", "latest"), ("weaker", "weaker")):
        assert choose_start(start, mixture, population).name == name
    assert choose_start("strongest", mixture_spec("m", [MAX_POWER], [1.0]), population).name == "latest"
    assert choose_start("SyntheticRLV2", mixture, population).parameters == {"pretrained": "SyntheticRLV2"}
    assert choose_start(str(base.checkpoint), mixture, population).sha256 == base.sha256
    assert choose_start(base, mixture, []) is base
    for start, message in (
        ("max_power", "that member is of kind 'max_power'"),
        ("SyntheticRLV9", "there is none of these"),
        ("strongest", "has no member of kind 'metamon'"),
    ):
        with pytest.raises(InputError, match=message):
            choose_start(start, mixture, [MAX_POWER])
    game = load_game({"game": "matrix", "payoffs": "rock_paper_scissors"})
    with pytest.raises(InputError, match="metamon oracle trains for Showdown's formats"):
        MetamonOracle(SETTINGS).train(
            game, MAX_POWER, population=[base], name="x", directory=tmp_path, seed=0, iteration=0
        )


def test_presets_are_those_of_the_original() -> None:
    oracle = metamon_oracle_preset("oracle", training={"epochs": 2}, battles=10)
    training = oracle.training
    assert (training.learning_rate, training.weight_decay, training.warm_up_steps) == (3e-5, 5e-5, 500)
    assert (training.offline_coefficient, training.online_coefficient) == (0.5, 0.5)
    assert (training.epochs, oracle.battles, oracle.damping) == (2, 10, None)
    assert metamon_oracle_preset("from_scratch").training.learning_rate == 1.5e-4
    damping = metamon_oracle_preset("damped").damping
    assert damping is not None
    assert (damping.learning_rate.at(0), damping.kl.at(0), damping.entropy.at(0)) == (1e-4, 0.05, 0.01)
    assert damping.entropy.at(1e12) == 0.001
    json.dumps(metamon_oracle_preset("damped").to_json())
    for wrong, message in (
        ({"battles": 3}, "battles: expected an even number"),
        ({"fresh_weight": 0.0}, "fresh_weight"),
        ({"processes": 0}, "processes"),
        ({"training": FineTuneSettings(accelerate=True)}, "set processes instead"),
        ({"start": MAX_POWER}, "kind 'max_power'"),
    ):
        with pytest.raises(InputError, match=message):
            MetamonOracleSettings(**wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown preset 'fast'"):
        metamon_oracle_preset("fast")  # type: ignore[arg-type]


def test_the_report_says_when_a_fine_tuning_lost_to_its_base(tmp_path: Path) -> None:
    log = tmp_path / "fine_tune.jsonl"
    log.write_text("".join(json.dumps({"step": i, "loss": 10.0 - i}) + "\n" for i in range(1, 6)))
    record = {"reward": "BinaryReward", "trajectories": 7, "skipped_files": 0, "data": {"sources": []}}
    for wins, verdict in ((38, "worse"), (62, "better"), (50, "undecided")):
        counts = WinRate.from_counts(wins, 0, 100 - wins).to_json()
        report, text = fine_tune_report(log, record, {"policy": "new", "base": "old", **counts})
        assert report["verdict"] == verdict
        assert text.startswith(report["summary"])
        assert f"{wins}.0% of 100 battles" in text
    assert (
        "LOSES"
        in fine_tune_report(log, record, {"policy": "new", "base": "old", **WinRate.from_counts(38, 0, 62).to_json()})[
            1
        ]
    )
    assert report["measures"]["loss"] == {"first": 9.0, "last": 5.0}


def damped(**changes: Any) -> DampingSettings:
    values: dict[str, Any] = {"learning_rate": PowerLaw(1e-3), "kl": PowerLaw(0.0), "entropy": PowerLaw(0.0)}
    return DampingSettings(**(values | changes))


@pytest.fixture(scope="module")
def batch(unbroken: tuple[Path, PolicySpec]) -> Any:
    config = tiny.config()
    root = unbroken[0] / "iteration_0" / "br_trajectories"
    data = TrajectoryDataset(
        [root], observation_space=config.observation_space, action_space=config.action_space,
        reward="DefaultShapedReward", tokenizer=tiny.tokenizer(), max_length=12,
    )  # fmt: skip
    return as_tensors(data.batch(0, 4))


def divergence_after(batch: Any, settings: DampingSettings, steps: int = 25) -> tuple[float, Learner]:
    training = replace(TRAINING, advantage_filter="none", weight_decay=0.0)
    damping = NetworkDamping(settings, check_every=5)
    learner = Learner(MetamonNetwork.random(tiny.config(), seed=1), training, seed=1, regularisation=damping)
    for _ in range(steps):
        measures = learner.learn([batch])
    return measures["divergence"], learner


def test_damping_keeps_the_network_near_the_whole_of_its_reference(batch: Any) -> None:
    free, learner = divergence_after(batch, damped())
    near, _ = divergence_after(batch, damped(kl=PowerLaw(10.0)))
    assert learner.reference is not None
    assert near < 0.3 * free
    fresh = MetamonNetwork.random(tiny.config(), seed=1)
    states = [network.state_dict() for network in (learner.reference, fresh)]
    # The reference is a network of its own, whose encoders do not move with the learner's.
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(learner.network.tstep_encoder.extra_emb.weight, fresh.tstep_encoder.extra_emb.weight)


def test_entropy_spreads_the_policy_and_references_move_as_they_are_told(batch: Any) -> None:
    _, calm = divergence_after(batch, damped())
    _, spread = divergence_after(batch, damped(entropy=PowerLaw(5.0)))
    entropies = []
    for learner in (calm, spread):
        with torch.no_grad():
            network = learner.network.eval()
            logits = network.actor(network.encode(batch.tokens, batch.numbers, batch.rl2, batch.time))
            masked = logits[:, :-1].masked_fill(batch.illegal[:, :-1, None], -torch.inf)[batch.valid]
            p = torch.softmax(masked, -1)
            entropies.append(float(-(p * p.clamp(min=1e-9).log()).sum(-1).mean()))
    assert entropies[1] > entropies[0]
    for reference in (Reference("periodic", period=25), Reference("polyak", decay=0.5)):
        _, learner = divergence_after(batch, damped(reference=reference))
        assert learner.reference is not None
        assert calm.reference is not None
        moving, learned, first = (
            one.actor.base.in_layer.weight.detach() for one in (learner.reference, learner.network, calm.reference)
        )
        assert float((moving - learned).abs().max()) < 0.2 * float((learned - first).abs().max())


def test_the_controller_follows_the_divergence_and_survives_a_kill(batch: Any, tmp_path: Path) -> None:
    control = AdaptiveControl(target=1e-6, tolerance=1.5)
    settings = damped(kl=PowerLaw(0.01), control=control)
    _, learner = divergence_after(batch, settings, steps=11)
    # Two looks, both far above the target.
    assert learner.regularisation is not None
    state = learner.regularisation.state()
    assert (state["learning_rate_factor"], state["count"]) == (0.25, 1)
    assert state["kl_factor"] == pytest.approx(1.5**2)
    learner.save(tmp_path / "state.safetensors")
    _, other = divergence_after(batch, settings, steps=0 + 1)
    other.load(tmp_path / "state.safetensors")
    one, two = (each.learn([batch]) for each in (learner, other))
    assert one == two


def test_psro_with_metamon_s_oracle_goes_on_after_a_kill_and_ends_as_an_unbroken_run(
    base: PolicySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rehearsal: gen1ou, a random tiny network and a heuristic, two iterations."""

    oracle = MetamonOracle(replace(SETTINGS, battles=2))

    def run(directory: Path) -> Any:
        return run_psro(
            directory, tiny.game(turn_limit=TURNS), [base, MAX_POWER], oracle,
            iterations=2, battles_per_matchup=2, evaluation_battles=2, num_lanes=4, seed=2,
        )  # fmt: skip

    whole = run(tmp_path / "whole")
    assert [spec.name for spec in whole.population] == ["base", "max_power", "br_0", "br_1"]
    with monkeypatch.context() as patched:
        learn: Callable[..., Any] = Learner.learn

        def die(self: Learner, batches: Any) -> Any:
            if self.step == 2:
                raise KeyboardInterrupt
            return learn(self, batches)

        patched.setattr(Learner, "learn", die)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed")
    again = run(tmp_path / "killed")
    for one, other in zip(whole.population[2:], again.population[2:], strict=True):
        assert torch.equal(weights(one), weights(other))
    assert np.array_equal(whole.meta_strategy, again.meta_strategy)
    for iteration in (0, 1):
        folder = tmp_path / "killed" / f"iteration_{iteration}"
        assert (folder / "br_training" / f"br_{iteration}" / "report.txt").exists()
        assert len(list((folder / "br_trajectories" / "gen1ou").iterdir())) == 2


def test_the_log_tells_divergence_entropy_and_the_weights_that_were_in_force(batch: Any) -> None:
    settings = damped(
        kl=PowerLaw(0.2, time_scale=4.0, exponent=1.0), entropy=PowerLaw(0.1, time_scale=1.0, exponent=1.0)
    )
    training = replace(TRAINING, advantage_filter="none")
    other = MetamonNetwork.random(tiny.config(), seed=2)
    learner = Learner(
        MetamonNetwork.random(tiny.config(), seed=1), training, seed=1, regularisation=NetworkDamping(settings),
        reference=other,
    )  # fmt: skip
    told = [learner.learn([batch]) for _ in range(2)]
    assert [entry["kl_weight"] for entry in told] == pytest.approx([0.2, 0.2 / 1.25])
    assert [entry["entropy_weight"] for entry in told] == pytest.approx([0.1, 0.05])
    assert all(0 < entry["entropy"] <= math.log(9) for entry in told)
    # It is measured from the other network, which stays as it was and is not the learner's.
    assert told[0]["divergence"] > 1e-3
    assert learner.reference is not None
    assert learner.reference is not other
    assert torch.equal(learner.reference.tstep_encoder.extra_emb.weight, other.tstep_encoder.extra_emb.weight)
