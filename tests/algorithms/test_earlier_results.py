"""Result files of earlier tools are read, and what does not hold in them is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.test_posterior import cycle, played
from pokenash.algorithms.earlier_files import tallies_of
from pokenash.algorithms.earlier_results import EarlierResults, load_earlier_results
from pokenash.errors import InputError

PUBLISHED = [
    [0.50, 0.62, 0.48, 0.96, 1.00],
    [0.38, 0.50, 0.38, 0.90, 0.88],
    [0.52, 0.62, 0.50, 0.86, 0.94],
    [0.04, 0.10, 0.14, 0.50, 0.50],
    [0.00, 0.12, 0.06, 0.50, 0.50],
]
NAMES = ["a", "b", "c", "d", "e"]


def load(folder: Path, battles_per_cell: int | None = 50, values: Any = "auto", **files: Any) -> EarlierResults:
    for name, data in files.items():
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    return load_earlier_results(folder, battles_per_cell=battles_per_cell, values=values)


def test_the_published_matrix_is_judged_rightly(tmp_path: Path) -> None:
    results = load(
        tmp_path,
        population=[{"name": name} for name in NAMES],
        interaction_matrix={"matrix": PUBLISHED},
        meta_strategy={"meta_strategy": [0, 0, 1, 0, 0]},
        meta_game_analysis={"exploitability": 0.44},
    )
    assert results.policies == tuple(NAMES)
    np.testing.assert_allclose(results.game.win_rate(), PUBLISHED, atol=1e-12)
    assert set(results.game.battles[np.triu_indices(5, 1)]) == {50}
    assert (results.game.counts[:, :, 1] == 0).all()
    check = results.check()
    assert check.nash == pytest.approx((0, 0, 1, 0, 0), abs=1e-9)
    assert check.plug_in_nash_conv == pytest.approx(0, abs=1e-9)
    assert check.margin_over_weakest == pytest.approx(0.44)
    assert check.restricted_nash_conv.lower == 0
    assert 0.2 < check.restricted_nash_conv.upper < 0.7
    assert not check.holds
    assert len(check.problems) == 1
    assert "claimed exploitability 0.44 is not that of the mixture" in check.problems[0]
    assert "weakest opponent" in check.problems[0]
    assert "95% interval [0, " in str(check)


def test_true_claims_hold(tmp_path: Path) -> None:
    results = load(
        tmp_path,
        interaction_matrix=PUBLISHED,
        meta_strategy={"policy_2": 1.0},
        meta_game_analysis={"nash_conv": {"value": 0.0}},
    )
    check = results.check()
    assert check.holds, check.problems
    assert "everything that was checked holds" in str(check)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"meta_strategy": [0.2] * 5}, "the mixture is no Nash equilibrium of the matrix: policy_0 gains"),
        ({"meta_strategy": [0, 0, 2, 0, 0]}, "the mixture is no distribution: it sums to 2"),
        ({"meta_strategy": [0.5, 0.5]}, "the mixture has 2 probabilities for 5 policies"),
        ({"population": ["x"] * 4}, "the population has 4 policies and the matrix 5"),
        ({"meta_game_analysis": {"nash_conv": 0.3}}, "the claimed exploitability 0.3 is not that of the mixture"),
    ],
)
def test_what_does_not_hold_is_said(tmp_path: Path, files: dict[str, Any], words: str) -> None:
    problems = load(tmp_path, interaction_matrix=PUBLISHED, **files).check().problems
    assert len([problem for problem in problems if problem.startswith(words)]) == 1, problems


def test_a_matrix_that_is_no_symmetric_game_is_said_to_be_none(tmp_path: Path) -> None:
    matrix = np.array(PUBLISHED)
    matrix[0, 1], matrix[3, 3] = 0.80, 0.60
    problems = " / ".join(load(tmp_path, interaction_matrix={"win_rate": matrix.tolist()}).check().problems)
    assert (
        "policy_0 against policy_1 has the win rate 0.8, and the other way round 0.38, which add up to 1.18" in problems
    )
    assert "a policy against itself has the win rate 0.6 (policy_3)" in problems


def test_rates_that_no_number_of_battles_gives_are_said(tmp_path: Path) -> None:
    problems = load(tmp_path, battles_per_cell=10, interaction_matrix=PUBLISHED).check().problems
    assert any("is no whole number of wins and draws" in problem for problem in problems)


@pytest.mark.parametrize(
    "matrix",
    [
        PUBLISHED,
        {"matrix": PUBLISHED, "battles": 50},
        {"win_rates": PUBLISHED, "num_battles": [[50] * 5] * 5},
        {"interaction_matrix": (2 * np.array(PUBLISHED) - 1).round(4).tolist(), "n_games": 50},
        {"payoffs": (2 * np.array(PUBLISHED) - 1).round(4).tolist(), "policies": NAMES},
        {a: {b: PUBLISHED[i][j] for j, b in enumerate(NAMES)} for i, a in enumerate(NAMES)},
    ],
    ids=["rows", "battles", "matrix of battles", "payoffs by sign", "payoffs by name", "table by names"],
)
def test_many_ways_to_write_a_matrix(tmp_path: Path, matrix: Any) -> None:
    given_battles = 50 if isinstance(matrix, list) or "battles" not in str(matrix) else None
    results = load(tmp_path, given_battles, interaction_matrix=matrix)
    np.testing.assert_allclose(results.game.win_rate(), PUBLISHED, atol=1e-9)


def test_our_own_files_are_read_with_their_counts(tmp_path: Path) -> None:
    game = played(cycle(3), 100, np.random.default_rng(0))
    mixture = dict.fromkeys(game.policies, 1 / 3)
    results = load(
        tmp_path, None, interaction_matrix=game.to_json(), meta_strategy={"policies": list(mixture), **mixture}
    )
    assert results.policies == game.policies
    assert np.array_equal(results.game.counts, game.counts)
    strategy = {"policies": list(game.policies), "probabilities": [0.2, 0.3, 0.5]}
    assert load(tmp_path, None, meta_strategy=strategy).mixture == (0.2, 0.3, 0.5)


def test_missing_cells_stay_missing(tmp_path: Path) -> None:
    matrix = [[0.5, 0.6, None], [0.4, 0.5, 0.7], [None, 0.3, 0.5]]
    results = load(tmp_path, interaction_matrix=matrix)
    assert results.game.missing() == [(0, 2)]
    with pytest.raises(InputError, match="no value for policy_0 against policy_2"):
        results.check()


@given(
    st.integers(2, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2 * n))),
)
def test_counts_amount_to_the_rates_that_they_were_made_from(cell: tuple[int, int]) -> None:
    battles, half_points = cell
    rate = half_points / (2 * battles)
    tallies = tallies_of(np.array([[0.5, rate], [1 - rate, 0.5]]), np.full((2, 2), battles))
    assert tallies.sum() == battles
    assert (tallies >= 0).all()
    points = 2 * tallies[0, 1, 0] + tallies[0, 1, 1] + 2 * tallies[1, 0, 2] + tallies[1, 0, 1]
    assert points == half_points
    assert tallies[:, :, 1].sum() == half_points % 2


@pytest.mark.parametrize(
    ("files", "battles", "words"),
    [
        ({}, 50, "no interaction_matrix.json in"),
        ({"interaction_matrix": PUBLISHED}, None, "say with battles_per_cell="),
        ({"interaction_matrix": PUBLISHED}, 1, "whole numbers of at least 2 battles"),
        ({"interaction_matrix": {"rows": 3}}, 50, r"expected a square matrix.*keys: rows"),
        ({"interaction_matrix": [[0.5, 62], [38, 0.5]]}, 50, "expected a win rate from 0 to 1"),
        (
            {"interaction_matrix": {"matrix": PUBLISHED, "policies": ["a", "b"]}},
            50,
            "expected 5 different policy names",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path: Path, files: dict[str, Any], battles: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(tmp_path, battles, **files)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "interaction_matrix.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"interaction_matrix\.json is not JSON"):
        load_earlier_results(tmp_path)
    with pytest.raises(InputError, match="values of the matrix"):
        load(tmp_path, values="percent", interaction_matrix=PUBLISHED)
