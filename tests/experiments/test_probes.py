"""The probes that come with pokenash, and the report of what policies do in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pokenash.cli import main
from pokenash.errors import InputError
from pokenash.experiments.probes import (
    Probe,
    Start,
    load_probes,
    probe_decisions,
    probe_game,
    probe_policy,
    roll_out,
    run_probes,
    solve_endgame,
    write_probe_report,
)
from pokenash.experiments.probes.behaviour import Behaviour, ProbeDecision
from pokenash.experiments.probes.probe import GROUPS
from pokenash.games.showdown import ShowdownGame
from pokenash.policies import PolicySpec, load_policy
from pokenash.policies.mixture import mixture_spec

HEURISTIC = PolicySpec("heuristic", "gen1ou_heuristic")
UNIFORM = PolicySpec("uniform", "uniform")


@pytest.fixture(scope="module")
def probes() -> tuple[Probe, ...]:
    """All of them."""
    return load_probes()


@pytest.fixture(scope="module")
def game(probes: tuple[Probe, ...]) -> ShowdownGame:
    """Where their positions are known."""
    return probe_game(probes)


@pytest.fixture(scope="module")
def asked(game: ShowdownGame, probes: tuple[Probe, ...]) -> list[ProbeDecision]:
    """What they ask."""
    return probe_decisions(game, probes)


def test_every_group_has_probes_with_words_and_values(probes: tuple[Probe, ...], asked: list[ProbeDecision]) -> None:
    """8 to 15 positions; every legal action has a value."""
    assert 8 <= len(probes) <= 15
    assert {probe.group for probe in probes} == set(GROUPS)
    for one in asked:
        probe = one.probe
        assert probe.plan
        assert probe.why
        assert set(probe.values) == set(probe.rollouts.actions) == set(one.words.values())
        assert set(probe.right) < set(one.words.values())
        assert all(rate.battles >= 300 for rate in probe.rollouts.actions.values())


def test_the_right_plan_is_the_best_one(probes: tuple[Probe, ...]) -> None:
    """By the stored measurements: intervals of right and other actions do not meet, or the exact values say it."""
    assert all(probe.proof for probe in probes), [probe.name for probe in probes if not probe.proof]
    assert sum(probe.proof == "rollouts" for probe in probes) >= 3


def test_stored_rollouts_are_found_again(game: ShowdownGame, asked: list[ProbeDecision]) -> None:
    """Fresh battles of one probe of each group agree with the counts that come with it."""
    first = {one.probe.group: one for one in reversed(asked)}
    starts = [
        Start(one.probe.position.name, 0, action)
        for one in first.values()
        for action, word in one.words.items()
        if word in one.probe.right
    ]
    stored = [
        one.probe.rollouts.actions[word]
        for one in first.values()
        for word in one.words.values()
        if word in one.probe.right
    ]
    pair = tuple(load_policy(HEURISTIC, game) for _ in range(2))
    fresh = roll_out(game, starts, (pair[0], pair[1]), battles=60, seed=99)
    for one, other in zip(fresh, stored, strict=True):
        assert one.win_rate is not None
        assert other.win_rate is not None
        # Four standard deviations of 60 battles at most, 0.5 / sqrt(60) each.
        assert abs(one.win_rate - other.win_rate) < 0.26


def test_a_stored_exact_value_is_found_again(probes: tuple[Probe, ...]) -> None:
    """Of the enumerated endgames the one that takes seconds, not a minute."""
    exact = [probe for probe in probes if probe.endgame is not None and probe.endgame.exact]
    assert len(exact) >= 2
    probe = next(one for one in exact if one.group == "freeze")
    assert probe.endgame is not None
    value = solve_endgame(probe.position, seconds=60)
    assert value.exact
    assert ((1 + value.low) / 2, (1 + value.high) / 2) == pytest.approx(
        (probe.endgame.low, probe.endgame.high), abs=1e-6
    )


def test_a_forced_first_action_is_taken(game: ShowdownGame, asked: list[ProbeDecision]) -> None:
    """The same battles with the best and the worst action end differently."""
    one = max(asked, key=lambda ask: max(ask.probe.values.values()) - min(ask.probe.values.values()))
    values = one.probe.values
    actions = {word: action for action, word in one.words.items()}
    ends = [max(values, key=lambda word: values[word]), min(values, key=lambda word: values[word])]
    starts = [Start(one.probe.position.name, 0, actions[word]) for word in ends]
    pair = tuple(load_policy(UNIFORM, game) for _ in range(2))
    best, worst = roll_out(game, starts, (pair[0], pair[1]), battles=20, seed=0)
    assert (best.wins, best.draws) != (worst.wins, worst.draws)
    again = roll_out(game, starts, (pair[0], pair[1]), battles=20, seed=0, num_lanes=3)
    assert again == [best, worst]


def test_uniform_play_is_uniform_and_counts_agree(game: ShowdownGame, asked: list[ProbeDecision]) -> None:
    """What a policy says of itself needs no draws; one that cannot say is counted."""
    told = probe_policy("uniform", load_policy(UNIFORM, game), asked)
    for one, decision in zip(told, asked, strict=True):
        legal = len(decision.words)
        assert one.draws is None
        assert one.interval(decision.probe.right) is None
        assert one.on(decision.probe.right) == pytest.approx(len(decision.probe.right) / legal)
        values = decision.probe.values
        assert one.regret(values) == pytest.approx(max(values.values()) - np.mean(list(values.values())))
    counted = probe_policy("heuristic", load_policy(HEURISTIC, game), asked, draws=64)
    assert all(one.draws == 64 and sum(one.probabilities.values()) == pytest.approx(1) for one in counted)


def test_a_mixture_is_reported_as_a_whole_and_by_member(probes: tuple[Probe, ...], tmp_path: Path) -> None:
    """The whole is what its members do, by their weights; names are escaped in the page."""
    mixture = mixture_spec("both", [HEURISTIC, UNIFORM], [0.25, 0.75])
    report = run_probes([mixture], probes[:3], draws=32)
    assert report.policies == ("both", "both/heuristic", "both/uniform")
    for probe in probes[:3]:
        whole, heuristic, uniform = report.of(probe.name)
        for word, probability in whole.probabilities.items():
            parts = 0.25 * heuristic.probabilities[word] + 0.75 * uniform.probabilities[word]
            assert probability == pytest.approx(parts)
    hostile = replace(report, behaviours=tuple(replace(one, policy="<script>") for one in report.behaviours))
    page = write_probe_report(hostile, tmp_path / "out")
    assert "<script>" not in page.read_text("utf-8")
    assert "&lt;script&gt;" in page.read_text("utf-8")
    data = json.loads((tmp_path / "out" / "probes.json").read_text("utf-8"))
    assert [one["name"] for one in data["probes"]] == [probe.name for probe in probes[:3]]


def test_regret_and_intervals_by_hand() -> None:
    """Half the weight on the best action, half on one that is 0.4 worse."""
    one = Behaviour("p", "q", {"move A": 0.5, "move B": 0.5, "move C": 0.0}, 100)
    assert one.regret({"move A": 0.9, "move B": 0.5, "move C": 0.0}) == pytest.approx(0.2)
    low, high = one.interval(["move A"]) or (0, 0)
    assert (low, high) == pytest.approx((0.404, 0.596), abs=1e-3)


def test_the_command_prints_tables_and_writes_the_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, probes: tuple[Probe, ...]
) -> None:
    """With values by fresh rollouts where they are wanted."""
    arguments = ["uniform", "gen1ou_heuristic", "--group", "recharge", "--draws", "16", "--rollouts", "5"]
    assert main(["probes", *arguments, "--output", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    names = [probe.name for probe in probes if probe.group == "recharge"]
    assert all(name in out for name in names)
    assert "gen1ou_heuristic" in out
    data = json.loads((tmp_path / "probes.json").read_text("utf-8"))
    assert all(sum(counts) == 5 for probe in data["probes"] for counts in probe["rollouts"]["actions"].values())
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "'nobody' is unknown"),
        (["uniform", "--group", "luck"], "there is no luck; expected some of sleep"),
        (["uniform", "--draws", "0"], "got 0 draws"),
        (["uniform", "--probes", "missing.json"], "missing.json cannot be read"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    assert main(["probes", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_probe_that_does_not_fit_its_position_is_refused(game: ShowdownGame, probes: tuple[Probe, ...]) -> None:
    """A right action that is not legal there."""
    with pytest.raises(InputError, match="are not among"):
        probe_decisions(game, [replace(probes[0], right=("move Splash",))])
