"""An evaluation: fresh games, pairs, stopping, and a directory that may be killed, continued and extended."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.experiments.rock_paper_scissors import always, play_run

from pokenash.algorithms.match_log import MatchLog
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.anchors import load_anchors
from pokenash.experiments.evaluation import StoppingRule, evaluate, schedule
from pokenash.experiments.evaluation_config import with_recorded
from pokenash.experiments.evaluation_settings import EvaluationSettings
from pokenash.games.aec import AECGame
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import PolicySpec, save_population
from pokenash.policies.mixture import mixture_spec

RPS = "pettingzoo.classic.rps_v2:env"
UNIFORM = PolicySpec("uniform", "uniform")
HEURISTIC = PolicySpec("gen1ou_heuristic", "gen1ou_heuristic")
SIGKILL = -9


def game() -> AECGame:
    return AECGame(RPS, max_cycles=1)


def mostly_rock(name: str = "mostly_rock") -> PolicySpec:
    return mixture_spec(name, [always(0), always(1)], [0.8, 0.2])


def play(directory: Path, **changes: Any) -> Any:
    settings = {"rule": StoppingRule(battles=200), "seed": 4, **changes}
    return evaluate(directory, game(), settings.pop("policy", UNIFORM), [always(0), mostly_rock()], **settings)


def files(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def test_every_start_is_played_both_ways_and_the_pair_is_the_unit(tmp_path: Path) -> None:
    # Rock against paper is lost in both seats; as many pairs of 0 as there are pairs.
    result = evaluate(tmp_path, game(), always(0), [always(1), always(2)], rule=StoppingRule(battles=40), seed=1)
    paper, scissors = result.opponents
    assert (paper.score.battles, paper.score.wins, paper.score.losses, paper.counts) == (40, 0, 40, (20, 0, 0, 0, 0))
    assert scissors.score.score == 1.0
    for one, other in zip(*[iter(MatchLog(tmp_path / "matches" / "matches.jsonl"))] * 2, strict=True):
        assert one.seed == other.seed
        assert one.policies == other.policies[::-1]
    assert result.pool is not None
    assert result.pool.score == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_files_whatever_the_lanes(tmp_path: Path) -> None:
    play(tmp_path / "a", num_lanes=64)
    play(tmp_path / "b", num_lanes=7)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    play(tmp_path / "c", seed=5)
    assert files(tmp_path / "a")["matches/matches.jsonl"] != files(tmp_path / "c")["matches/matches.jsonl"]


def test_an_opponents_battles_do_not_depend_on_the_other_opponents(tmp_path: Path) -> None:
    rule = StoppingRule(battles=60)
    evaluate(tmp_path / "one", game(), UNIFORM, [always(0)], rule=rule, seed=4)
    evaluate(tmp_path / "two", game(), UNIFORM, [mostly_rock(), always(0)], rule=rule, seed=4)
    found = [
        [replace(match, block="") for match in MatchLog(tmp_path / name / "matches" / "matches.jsonl")]
        for name in ("one", "two")
    ]
    assert found[0] == [match for match in found[1] if "rock" in match.policies]


def test_more_battles_and_opponents_extend_it_and_only_the_interval_at_any_time_is_quoted_then(tmp_path: Path) -> None:
    first = play(tmp_path, rule=StoppingRule(battles=40))
    assert first.interval == "fixed"
    before = (tmp_path / "matches" / "matches.jsonl").read_bytes()
    more = evaluate(tmp_path, game(), UNIFORM, [always(2)], rule=StoppingRule(battles=100), seed=4)
    assert (tmp_path / "matches" / "matches.jsonl").read_bytes().startswith(before)
    assert [row.name for row in more.opponents] == ["rock", "mostly_rock", "scissors"]
    assert [row.score.battles for row in more.opponents] == [100, 100, 100]
    assert more.interval == "any time"
    row = more.opponents[0]
    assert row.bounds(more.interval) == (row.score.always_lower, row.score.always_upper)
    again = evaluate(tmp_path, game(), UNIFORM, [always(2)], rule=StoppingRule(battles=100), seed=4)
    assert again.interval == "any time"


def test_a_width_stops_each_opponent_when_its_interval_is_narrow_enough(tmp_path: Path) -> None:
    rule = StoppingRule(battles=5000, minimum=20, width=0.2)
    result = evaluate(tmp_path, game(), always(0), [always(1), UNIFORM], rule=rule, seed=2)
    certain, uncertain = result.opponents
    assert result.interval == "any time"
    assert all(row.score.width <= 0.2 for row in result.opponents)
    assert 20 <= certain.score.battles < uncertain.score.battles < 5000
    # The look before the last was not narrow enough.
    looks = [n for n in rule.looks() if n < uncertain.score.battles]
    log = MatchLog(tmp_path / "matches" / "matches.jsonl")
    battles = [match for match in log if "uniform" in match.policies]
    assert not rule.is_done(battles[: looks[-1]], "rock")
    most = evaluate(tmp_path / "most", game(), always(0), [UNIFORM], rule=replace(rule, battles=30), seed=2)
    assert most.opponents[0].score.battles == 30


def killed_evaluation(directory: Path) -> None:
    """What the test kills: many looks and blocks, in a process of its own."""
    rule = StoppingRule(battles=3000, minimum=20, width=0.06)
    evaluate(directory, game(), UNIFORM, [always(0), mostly_rock()], rule=rule, seed=6)


def test_a_killed_evaluation_ends_with_the_files_of_an_unbroken_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pokenash.experiments.evaluation", "pettingzoo.classic.rps_v2"])

    def start(name: str) -> Any:
        process = context.Process(target=killed_evaluation, args=(tmp_path / name,))
        process.start()
        return process

    begin = time.perf_counter()
    whole = start("whole")
    whole.join()
    seconds = time.perf_counter() - begin
    assert whole.exitcode == 0
    killed = 0
    for wait in np.random.default_rng(1).uniform(0.1, 0.4, 5):
        process = start("killed")
        process.join(timeout=float(wait) * seconds)
        killed += process.is_alive()
        process.kill()
        process.join()
        assert process.exitcode in (0, SIGKILL)
    assert killed >= 2
    last = start("killed")
    last.join()
    unbroken, broken = files(tmp_path / "whole"), files(tmp_path / "killed")
    assert unbroken == {name: data for name, data in broken.items() if not name.endswith(".tmp")}


def test_games_are_not_those_of_the_run_even_with_the_runs_seed(tmp_path: Path) -> None:
    play_run(tmp_path / "run", iterations=2)
    seed = json.loads((tmp_path / "run" / "config.json").read_text())["seed"]
    seen = {match.seed for match in MatchLog(tmp_path / "run" / "matches" / "matches.jsonl")}
    assert len(seen) > 50
    for name in ("rock", "br_0", "run", "uniform"):
        assert seen.isdisjoint(match.setup.seed for match in schedule(game(), name, 2000, seed))


def test_opponents_have_different_games_and_episodes() -> None:
    schedules = [schedule(game(), name, 2000, 0) for name in ("a", "b", "uniform")]
    seeds = [{match.setup.seed for match in matches} for matches in schedules]
    episodes = [{match.setup.episode for match in matches} for matches in schedules]
    assert len(set.union(*seeds)) == 3000
    assert len(set.union(*episodes)) == 6000
    # More battles are the same ones and further ones.
    assert schedule(game(), "a", 3000, 0)[:2000] == schedules[0]


def test_a_directory_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    play(tmp_path / "e", rule=StoppingRule(battles=10))
    before = files(tmp_path / "e")
    with pytest.raises(RunDirectoryError, match="seed"):
        play(tmp_path / "e", seed=9)
    with pytest.raises(RunDirectoryError, match="evaluation of 'uniform'"):
        play(tmp_path / "e", policy=always(2))
    with pytest.raises(RunDirectoryError, match="'rock' is another policy"):
        evaluate(tmp_path / "e", game(), UNIFORM, [always(1, "rock")], seed=4)
    other = AECGame(RPS, max_cycles=2)
    with pytest.raises(RunDirectoryError, match="game"):
        evaluate(tmp_path / "e", other, UNIFORM, [always(0)], seed=4)
    assert files(tmp_path / "e") == before
    tournament = shutil.copytree(tmp_path / "e", tmp_path / "tournament")
    config = json.loads((tournament / "config.json").read_text())
    (tournament / "config.json").write_text(json.dumps(config | {"kind": "tournament"}))
    for policy in (UNIFORM, always(2)):
        with pytest.raises(RunDirectoryError, match="not the directory of an evaluation"):
            play(tournament, policy=policy)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("mine")
    with pytest.raises(RunDirectoryError, match="not an evaluation"):
        play(tmp_path / "notes")


def test_what_cannot_be_evaluated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name of the policy"):
        evaluate(tmp_path, game(), UNIFORM, [UNIFORM])
    with pytest.raises(InputError, match="weights"):
        evaluate(tmp_path, game(), UNIFORM, [always(0)], weights={"rocks": 1.0})
    for wrong in ({"battles": 1}, {"width": 1.5}, {"level": 1.0}, {"minimum": 0}):
        with pytest.raises(InputError, match="evaluation: expected"):
            StoppingRule(**wrong)
    assert not list(tmp_path.iterdir())


def test_weights_are_those_of_the_pool(tmp_path: Path) -> None:
    rule = StoppingRule(battles=20)
    result = evaluate(tmp_path, game(), always(0), [always(1), always(2)], rule=rule, weights={"paper": 3.0})
    assert result.pool is not None
    assert result.pool.score == pytest.approx(0.25)
    assert json.loads((tmp_path / "evaluation.json").read_text())["gxe"]["opponents"] == {
        "paper": 0.75,
        "scissors": 0.25,
    }


def test_a_policy_is_placed_on_the_anchors_scale_and_only_with_their_teams(tmp_path: Path) -> None:
    anchors = load_anchors("gen1ou")
    assert anchors is not None
    assert anchors.ratings[anchors.policies.index(UNIFORM)] == 1000.0
    settings = EvaluationSettings(
        "gen1ou_heuristic", ("max_power", "type_aware"), tmp_path / "e", battles=40, lanes=16, workers=1
    )
    result = settings.run()
    assert result.scale is not None
    assert result.scale.battles == 80
    # Its own rating lies in the interval of a fresh measurement: this seed was not chosen for it.
    own = anchors.ratings[anchors.policies.index(HEURISTIC)]
    assert result.scale.lower < own < result.scale.upper
    teams = ShowdownGame("gen1ou").teams
    assert teams is not None
    fewer = ShowdownGame("gen1ou", teams[:4])
    small = StoppingRule(battles=2)
    other = evaluate(tmp_path / "f", fewer, HEURISTIC, [PolicySpec("max_power", "max_power")], rule=small, num_lanes=4)
    assert other.scale is None
    assert "other teams" in str(other.scale_refusal)


def test_anchors_are_the_opponents_by_default_without_the_policy_itself() -> None:
    settings = EvaluationSettings("type_aware")
    policy, opponents = settings.players("gen1ou")
    names = [spec.name for spec in opponents]
    assert policy.name == "type_aware"
    assert "type_aware" not in names
    assert {"uniform", "max_power", "gen1ou_heuristic", "SimpleHeuristicsPlayer"} <= set(names)
    with pytest.raises(InputError, match="no anchors for gen4ou"):
        settings.players("gen4ou")


def test_a_run_is_measured_by_its_mixture_on_its_game_and_its_members_are_opponents(tmp_path: Path) -> None:
    play_run(tmp_path / "run", iterations=1)
    settings = EvaluationSettings(str(tmp_path / "run"), (f"members:{tmp_path / 'run'}",))
    policy, opponents = settings.players("gen1ou")
    assert policy.kind == "mixture"
    assert policy.name == "run"
    assert [spec.name for spec in opponents] == ["rock", "br_0"]


def test_a_checkpoint_may_be_named_from_here_or_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.safetensors").write_bytes(b"")
    directory = Path("runs/evaluated")
    directory.mkdir(parents=True)
    near, far = (
        PolicySpec("net", "network", checkpoint=str(checkpoint), sha256="0" * 64)
        for checkpoint in ("net.safetensors", tmp_path / "net.safetensors")
    )
    other = PolicySpec("uniform", "uniform")
    about = {"schema": 1, "kind": "evaluation", "seed": 1, "game": {}, "policy": "net", "opponents": [], "settings": {}}
    (directory / "config.json").write_text(json.dumps({**about, "interval": "pairs", "versions": {}}))
    save_population([far, other], directory / "population.json")
    assert with_recorded(directory, far, [other]) == with_recorded(directory, near, [other]) == [other]
    with pytest.raises(RunDirectoryError, match="'net' is another policy there"):
        with_recorded(directory, replace(far, sha256="1" * 64), [other])
