"""PSRO with exact best responses and exact payoffs, on games whose answer is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from pokenash.algorithms import PSRO
from pokenash.algorithms.exact_game import exact_nash_conv
from pokenash.algorithms.nash import equilibrium_vertex
from pokenash.algorithms.oracles.exact_oracle import ExactOracle
from pokenash.algorithms.psro_store import MemoryStore
from pokenash.algorithms.sequence_form import sequence_form, spec_plans
from pokenash.errors import InputError
from pokenash.experiments import run_psro
from pokenash.experiments.report import write_report
from pokenash.games.aec import AECGame
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies import PolicySpec

UNIFORM = PolicySpec("uniform", "uniform")


@pytest.fixture(scope="module")
def kuhn() -> OpenSpielGame:
    return OpenSpielGame("kuhn_poker")


def test_kuhn_poker_is_solved_within_six_iterations(kuhn: OpenSpielGame) -> None:
    result = PSRO(kuhn, [UNIFORM], ExactOracle(), iterations=6, payoffs="exact", symmetric=False).run()
    curve = [state.analysis["exact_nash_conv"] for state in result.iterations]
    assert curve[0] == pytest.approx(0.916666666667)
    assert curve[-1] < 1e-9
    mixture = result.mixture()
    assert exact_nash_conv(kuhn, mixture) < 1e-9
    first, second = spec_plans(kuhn, mixture)
    assert sequence_form(kuhn).value(first, second) == pytest.approx(-1 / 18, abs=1e-9)


def test_one_strategy_for_both_seats_solves_it_too_and_stops_when_nothing_improves(kuhn: OpenSpielGame) -> None:
    store = MemoryStore()
    settings = {"iterations": 40, "payoffs": "exact", "store": store}
    result = PSRO(kuhn, [UNIFORM], ExactOracle(), equilibrium_vertex, stop_early=True, **settings).run()  # type: ignore[arg-type]
    assert len(result.iterations) < 41
    assert result.iterations[-1].analysis["exact_nash_conv"] < 1e-9
    assert result.iterations[-2].analysis["exact_nash_conv"] < 1e-9
    assert all(state.analysis["exact_nash_conv"] > 1e-9 for state in result.iterations[:-2])
    assert len(store.log) == 0


def test_what_a_best_response_gains_is_the_mixtures_nash_conv(kuhn: OpenSpielGame) -> None:
    result = PSRO(kuhn, [UNIFORM], ExactOracle(), iterations=3, payoffs="exact", symmetric=False).run()
    for state in result.iterations[:-1]:
        assert state.summary is not None
        gain = state.summary["best_response"]["exact_evaluation"]
        assert sum(gain["by_seat"]) == pytest.approx(state.analysis["exact_nash_conv"], abs=1e-12)
        assert state.meta_strategy.shape == (2, len(state.population))
        assert abs(state.analysis["restricted_nash_conv"]["plug_in"]) < 1e-6


def test_an_exact_run_on_disk_goes_on_and_is_reported(kuhn: OpenSpielGame, tmp_path: Path) -> None:
    def run(iterations: int) -> list[float]:
        result = run_psro(
            tmp_path, kuhn, [UNIFORM], ExactOracle(), iterations=iterations, payoffs="exact", symmetric=False
        )
        return [state.analysis["exact_nash_conv"] for state in result.iterations]

    short = run(2)
    assert run(4)[:3] == short
    page = write_report(tmp_path).read_text()
    for value in run(4):
        assert f"<td>{value:.3g}</td>" in page
    assert "not played" not in page
    with pytest.raises(InputError, match="symmetric"):
        run_psro(tmp_path, kuhn, [UNIFORM], ExactOracle(), iterations=4, payoffs="exact")


def test_what_has_no_exact_payoffs_is_refused_at_once(kuhn: OpenSpielGame) -> None:
    with pytest.raises(InputError, match="needs a game of OpenSpiel"):
        PSRO(AECGame("pettingzoo.classic.rps_v2:env", max_cycles=1), [UNIFORM], ExactOracle(), payoffs="exact")
    with pytest.raises(InputError, match="one of \\['nash', 'uniform'\\]"):
        PSRO(kuhn, [UNIFORM], ExactOracle(), "prd", symmetric=False)
    with pytest.raises(InputError, match="payoffs 'played' or 'exact'"):
        PSRO(kuhn, [UNIFORM], ExactOracle(), payoffs="guessed")  # type: ignore[arg-type]
