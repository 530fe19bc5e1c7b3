"""Self-play in generations: what each learns from, that it is measured, and that it goes on after a kill."""

from __future__ import annotations

import json
import multiprocessing
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.experiments import self_play_runs as runs
from tests.experiments.self_play_runs import PLAN, PRELOAD, found, run, run_until

from pokenash.algorithms.damping import Damping, Reference
from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.metamon.damping import damping_from_json
from pokenash.arena import Arena
from pokenash.cli import selfplay as command
from pokenash.cli.settings import read_settings_file
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments import self_play_report
from pokenash.experiments.self_play_figures import training_figure
from pokenash.experiments.self_play_history import SelfPlayHistory, read_history
from pokenash.experiments.self_play_measures import refused_choices
from pokenash.experiments.self_play_plan import SelfPlayPlan, damped, undamped
from pokenash.experiments.self_play_report import write_self_play_report
from pokenash.experiments.self_play_settings import PRESETS, SelfPlayRunSettings
from pokenash.metamon.dataset import TrajectorySource
from pokenash.policies import PolicySpec
from pokenash.policies.sources import policy_specs

pytest.importorskip("lz4.frame")

SIGKILL = -9


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> PolicySpec:
    return runs.start(tmp_path_factory.mktemp("start"))


class Steps:
    """A tracker that keeps the steps that it is told."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def log(self, step: int, values: Mapping[str, float]) -> None:
        assert {"divergence", "entropy", "kl_weight", "entropy_weight", "learning_rate"} <= set(values)
        self.steps.append(step)

    def close(self) -> None:
        raise AssertionError("the tracker is for its owner to close")


@pytest.fixture(scope="module")
def tracked(first: PolicySpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Steps]:
    """Two generations that nothing interrupts."""
    directory, tracker = tmp_path_factory.mktemp("self_play") / "whole", Steps()
    result = run(directory, first, tracker=tracker)
    assert result.finished
    return directory, tracker


@pytest.fixture(scope="module")
def whole(tracked: tuple[Path, Steps]) -> Path:
    return tracked[0]


def summaries(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(directory.glob("generation_*/generation_summary.json"))]


def test_every_generation_is_trained_on_battles_of_the_one_before(whole: Path) -> None:
    told = summaries(whole)
    assert [(one["player"], one["policy"]) for one in told] == [
        ("start", "generation_0"), ("generation_0", "generation_1"),
    ]  # fmt: skip
    for number, player in enumerate(("start", "generation_0")):
        log = MatchLog(whole / f"generation_{number}" / "collection" / "matches" / "matches.jsonl")
        assert {match.policies for match in log} == {(player, player)}
        assert told[number]["collection"]["battles"] == len(log) == 4
        assert told[number]["filter"]["kept"] == told[number]["collection"]["trajectories"] == 8
    assert [(one["root"], one["weight"]) for one in told[0]["sources"]] == [("generation_0/filtered", 1.0)]
    assert [(one["root"], one["weight"]) for one in told[1]["sources"]] == [
        ("generation_1/filtered", 0.5), ("generation_0/filtered", 0.5),
    ]  # fmt: skip
    weights = [(whole / f"generation_{n}" / "training" / "ckpts" / "last.safetensors").read_bytes() for n in (0, 1)]
    assert weights[0] != weights[1]


def test_every_generation_meets_the_start_the_opponents_and_those_before_it_in_pairs(whole: Path) -> None:
    log = MatchLog(whole / "tournament" / "matches" / "matches.jsonl")
    names = ["start", "uniform", "generation_0", "generation_1"]
    pairs = {frozenset(match.policies) for match in log}
    assert len(pairs) == 6
    assert {name for pair in pairs for name in pair} == set(names)
    assert len(log) == 24
    played = {match.seed for match in log}
    for number in (0, 1):
        learned = MatchLog(whole / f"generation_{number}" / "collection" / "matches" / "matches.jsonl")
        # Nobody has learned from a battle that it is measured by.
        assert played.isdisjoint(match.seed for match in learned)
    met = {row["name"]: row for row in summaries(whole)[1]["against"]}
    assert set(met) == {"start", "uniform", "generation_0"}
    assert all(row["battles"] == 4 and row["lower"] <= row["score"] <= row["upper"] for row in met.values())
    rows = json.loads((whole / "selfplay_summary.json").read_text())["rows"]
    assert [row["policy"] for row in rows] == ["start", "generation_0", "generation_1"]
    assert rows[2]["rating_lower"] < rows[2]["rating"] < rows[2]["rating_upper"]


def test_the_damping_goes_on_from_generation_to_generation(whole: Path) -> None:
    one, other = summaries(whole)
    assert other["damping"] == one["damping_after"]
    lines = read_history(whole).training
    assert [line["step"] for line in lines] == list(range(1, 9))
    # A small network hardly moves in two steps: the controller has seen too little divergence twice, and acted.
    settings = damping_from_json(one["damping"])
    expected = Damping(settings).after(1, lines[1]["divergence"]).after(3, lines[3]["divergence"])
    assert lines[4]["kl_weight"] == pytest.approx(expected.kl(4), rel=1e-9)
    assert lines[4]["kl_weight"] != pytest.approx(lines[0]["kl_weight"])
    assert all(line["entropy"] > 0 and line["divergence"] > -1e-6 for line in lines)


def test_a_tracker_is_told_the_steps_of_all_generations_as_if_they_were_one_training(
    tracked: tuple[Path, Steps],
) -> None:
    assert tracked[1].steps == list(range(1, 9))


@pytest.mark.slow
def test_the_divergence_may_be_from_the_start_of_the_loop(whole: Path, first: PolicySpec, tmp_path: Path) -> None:
    run(tmp_path / "run", first, plan=replace(PLAN, damping_reference="start"))
    own, other = read_history(whole).training, read_history(tmp_path / "run").training
    assert own[0]["divergence"] == other[0]["divergence"] == pytest.approx(0, abs=1e-6)
    # When generation 1 begins it is where it starts from, but no longer where the loop has started from.
    assert own[4]["divergence"] == pytest.approx(0, abs=1e-6)
    assert other[4]["divergence"] > 1e-5


def test_its_policies_are_a_source_for_other_commands(whole: Path) -> None:
    names = ["start", "generation_0", "generation_1"]
    assert [spec.name for spec in policy_specs([str(whole / "population.json")])] == names
    trained = policy_specs([str(whole / "generation_1" / "training")])
    assert [spec.name for spec in trained] == ["generation_1"]


def test_a_loop_that_is_finished_is_left_as_it_is(whole: Path, first: PolicySpec) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*.safetensors")}
    contents = found(whole)
    # Whoever asks for fewer generations does not lose one.
    run(whole, first, num_lanes=2, generations=1)
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*.safetensors")} == before
    assert found(whole) == contents


def test_what_is_told_of_a_loop_never_shrinks_while_it_is_gone_on_with(whole: Path, first: PolicySpec) -> None:
    told = whole / "population.json", whole / "selfplay_summary.json"
    contents = [path.read_bytes() for path in told]
    seen = []
    run(whole, first, on_generation=lambda one: seen.append([path.read_bytes() for path in told]))
    assert seen == [contents, contents]


def test_a_device_is_where_the_battles_are_played(first: PolicySpec, tmp_path: Path) -> None:
    asked: list[Any] = []

    class Seen(Arena):
        def stream(self, policies: Any, *arguments: Any, **named: Any) -> Any:
            asked.extend((spec.kind, spec.parameters.get("device")) for spec in policies)
            return super().stream(
                [replace(one, parameters=first.parameters) if one.kind == "metamon" else one for one in policies],
                *arguments,
                **named,
            )

    with Seen(runs.game(), num_lanes=4) as arena:
        run(tmp_path / "run", first, generations=1, arena=arena, device="cuda")
    assert set(asked) == {("metamon", "cuda"), ("uniform", None)}
    # What is written says nothing of it: the loop may go on elsewhere.
    assert "cuda" not in (tmp_path / "run" / "population.json").read_text()
    run(tmp_path / "run", first, generations=1)


def process(function: Callable[..., None], *arguments: Any) -> Any:
    """In a new process, without the seconds that imports take."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    started = context.Process(target=function, args=arguments)
    started.start()
    return started


PLACES = [
    "collect", "collect done", "filter_trajectories done", "learn", "train done", "run_tournament done",
    "write_json done",
]  # fmt: skip


def test_a_loop_that_is_killed_at_every_step_and_extended_ends_as_an_unbroken_one(
    whole: Path, first: PolicySpec, tmp_path: Path
) -> None:
    directory = tmp_path / "killed"
    for place in PLACES:
        killed = process(run_until, directory, first, place, 1)
        killed.join()
        assert killed.exitcode == SIGKILL, place
    run(directory, first, generations=1)
    run(directory, first, generations=2)
    unbroken, broken = found(whole), found(directory)
    assert unbroken.keys() == broken.keys()
    assert [name for name, content in unbroken.items() if broken[name] != content] == []
    assert any(name.startswith("generation_1/collection/trajectories/") for name in unbroken)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_loop_that_is_killed_at_random_ends_as_an_unbroken_one(
    whole: Path, first: PolicySpec, tmp_path: Path
) -> None:
    directory, rng, killed = tmp_path / "killed", np.random.default_rng(4), 0
    for wait in rng.uniform(0.3, 3.0, 15):
        started = process(run, directory, first)
        started.join(timeout=float(wait))
        killed += started.is_alive()
        started.kill()
        started.join()
        assert started.exitcode in (0, SIGKILL)
    assert killed >= 3
    run(directory, first)
    assert found(directory) == found(whole)


def test_a_directory_of_another_loop_is_refused_and_stays(whole: Path, first: PolicySpec) -> None:
    contents = found(whole), (whole / "config.json").read_bytes()
    with pytest.raises(RunDirectoryError, match=r"plan\.battles"):
        run(whole, first, plan=replace(PLAN, battles=6))
    with pytest.raises(RunDirectoryError, match="seed"):
        run(whole, first, seed=4)
    assert (found(whole), (whole / "config.json").read_bytes()) == contents


def test_a_loop_goes_on_where_it_was_moved_to_with_its_vocabulary_and_no_other(
    first: PolicySpec, tmp_path: Path
) -> None:
    words = Path(first.parameters["vocabulary"])
    (tmp_path / "here").mkdir()
    shutil.copy(words, tmp_path / "here" / "words.json")
    start = replace(first, parameters={**first.parameters, "vocabulary": str(tmp_path / "here" / "words.json")})
    # As if it had been killed between the filter and the training.
    killed = process(run_until, tmp_path / "here" / "run", start, "filter_trajectories done", 1)
    killed.join()
    assert killed.exitcode == SIGKILL
    (tmp_path / "here").rename(tmp_path / "there")
    moved = replace(start, parameters={**start.parameters, "vocabulary": str(tmp_path / "there" / "words.json")})
    names = sorted(json.loads(words.read_text()), reverse=True)
    (tmp_path / "turned.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    turned = replace(start, parameters={**start.parameters, "vocabulary": str(tmp_path / "turned.json")})
    with pytest.raises(RunDirectoryError, match=r"start\.words differ"):
        run(tmp_path / "there" / "run", turned)
    run(tmp_path / "there" / "run", moved, generations=1)
    assert len(summaries(tmp_path / "there" / "run")) == 1


def test_a_generation_of_which_no_battle_counts_has_no_score_and_is_told_all_the_same(whole: Path) -> None:
    history = read_history(whole)
    for met in (history.summary["rows"][-1]["against_start"], history.generations[-1]["against"][0]):
        met.update(battles=0, wins=0, draws=0, losses=0, score=None, lower=None, upper=None)
    results = self_play_report._results(history)
    assert results.tables[0].rows[-1][3:] == ("–", "–", "0")
    result = SimpleNamespace(rows=history.summary["rows"])
    table = command._table(result).splitlines()  # type: ignore[arg-type]
    (line,) = [line for line in table if line.startswith("generation_1 ")]
    assert line.split()[4:6] == ["–", "–"]


def test_what_cannot_be_trained_or_told_apart_is_refused(first: PolicySpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="metamon network"):
        run(tmp_path / "a", PolicySpec("uniform", "uniform"))
    with pytest.raises(InputError, match="generation_0"):
        run(tmp_path / "b", first, opponents=[PolicySpec("generation_0", "uniform")])
    with pytest.raises(InputError, match="at least one generation"):
        run(tmp_path / "c", first, generations=0)
    assert list(tmp_path.iterdir()) == []


def test_shares_of_what_is_learned_from_add_up() -> None:
    replays = (TrajectorySource("people", 3.0), TrajectorySource("others", 1.0))
    plan = SelfPlayPlan(fresh_weight=0.6, window=2, replays=replays, replays_weight=0.2)
    earlier = [Path(f"generation_{number}") for number in range(3)]
    shares = {str(source.root): source.weight for source in plan.sources(Path("fresh"), earlier)}
    assert shares == pytest.approx(
        {"fresh": 0.48, "generation_2": 0.16, "generation_1": 0.16, "people": 0.15, "others": 0.05}
    )
    assert [source.weight for source in plan.sources(Path("fresh"), [])] == pytest.approx([0.8, 0.15, 0.05])
    alone = SelfPlayPlan(window=0).sources(Path("fresh"), earlier)
    assert [(source.root, source.weight) for source in alone] == [(Path("fresh"), 1.0)]


@pytest.mark.parametrize(
    "changes",
    [
        {"battles": 0}, {"fresh_weight": 0.0}, {"replays_weight": 0.5}, {"evaluation_battles": 1}, {"level": 1.0},
        {"damping_reference": "polyak"},
        {"replays": (TrajectorySource("people", 0.0),), "replays_weight": 0.5},
        {"damping_reference": "start", "damping": damped(reference=Reference("periodic"))},
    ],
)  # fmt: skip
def test_plans_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        SelfPlayPlan(**changes)


def test_the_presets_differ_in_the_damping_alone() -> None:
    baseline, other = (SelfPlayRunSettings(start="x", **PRESETS[name]) for name in ("baseline", "damped"))
    assert replace(other.plan(), damping=undamped()) == baseline.plan()
    assert baseline.damping_settings() == undamped()
    assert other.damping_settings() == damped()
    plain, kept = Damping(undamped()), Damping(damped())
    assert (plain.kl(0), plain.entropy(0), plain.after(0, 1.0)) == (0.0, 0.0, plain)
    assert (kept.kl(0), kept.entropy(0)) == (0.05, 0.01)


def test_refused_choices_are_counted_in_a_sample_of_the_files(whole: Path) -> None:
    root = whole / "generation_0" / "collection" / "trajectories"
    every, some = refused_choices(root, "MinimalActionSpace"), refused_choices(root, "MinimalActionSpace", 3)
    assert (every["files"], some["files"]) == (8, 3)
    assert 0 < some["decisions"] < every["decisions"]
    assert every["rate"] == every["refused"] / every["decisions"]


def test_the_report_is_one_page_that_needs_no_network(whole: Path) -> None:
    page = write_self_play_report(whole).read_text()
    assert page.count("<svg") == 2
    for text in ("generation_1", "against the start", "KL divergence", "learning rate", "refused", "uniform", "Wilson"):
        assert text in page
    assert not re.search(r'(src|href)="http', page)
    assert (whole / "figures" / "training.png").exists()


def test_a_divergence_within_a_decade_has_numbers_on_its_axis() -> None:
    rows = [{"step": step, "divergence": value} for step, value in ((10, 0.009), (20, 0.03), (30, 0.012))]
    figure = training_figure([SelfPlayHistory("", {}, {}, [{"training": {"steps": 30}}], rows)])
    figure.canvas.draw()
    axis = figure.axes[0].yaxis
    low, high = axis.get_view_interval()
    labels = [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]
    shown = {label.get_text() for label in labels if low <= label.get_position()[1] <= high}
    assert {"0.01", "0.02"} <= shown


def test_the_command_runs_a_loop_and_writes_what_it_was_told(
    first: PolicySpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "run"
    assert first.checkpoint is not None
    arguments = [
        first.checkpoint, "--vocabulary", str(first.parameters["vocabulary"]), "--preset", "demo", "--output",
        str(output), "--generations", "1", "--battles", "2", "--steps-per-epoch", "2", "--evaluation-battles", "2",
        "--turn-limit", "12", "--opponents", "uniform", "--workers", "1", "--torch-threads", "1", "--max-length", "8",
    ]  # fmt: skip
    command.run(arguments)
    told, logged = capsys.readouterr()
    assert re.search(r"generation_0 +[+-]\d+ +\[", told)
    assert "generation_0 against the start: " in logged
    assert str(output / "report.html") in told
    assert (output / "tracking" / "metrics.jsonl").exists()
    settings = read_settings_file(output / "settings.toml", SelfPlayRunSettings)
    assert (settings["battles"], settings["damped"], settings["divergence_from"]) == (2, True, "generation")
