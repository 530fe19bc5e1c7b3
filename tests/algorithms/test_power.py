"""How many battles a claim needs: textbook values, sums worked out in full, and simulation."""

from __future__ import annotations

import re
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from pokenash.algorithms.power import (
    battles_for_difference,
    battles_for_interval,
    battles_for_win_rate,
    binomial_power,
    design_effect,
)
from pokenash.algorithms.power_tables import POWER_TABLES, power_page
from pokenash.errors import InputError

PAGE = Path(__file__).parents[2] / "docs" / "human-evaluation.md"


def _tail(n: int, k: int, p: float) -> float:
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def test_power_of_small_tests_worked_out_by_hand() -> None:
    # Ten battles at 5%: P(9 or 10 | 1/2) = 11/1024 rejects, P(8 or more) = 56/1024 does not. At 80% the power is
    # 10 * 0.8^9 * 0.2 + 0.8^10.
    assert binomial_power(10, 0.8) == pytest.approx(10 * 0.8**9 * 0.2 + 0.8**10)
    # Twenty battles, two-sided at 5%: 15 or more (2.07%) or 5 and fewer. A textbook value of the sign test.
    expected = _tail(20, 15, 0.7) + _tail(20, 15, 0.3)
    assert binomial_power(20, 0.7, two_sided=True) == pytest.approx(expected)
    assert expected == pytest.approx(0.4164, abs=1e-4)
    # Four battles cannot show anything at 5%, for 1/16 is more.
    assert binomial_power(4, 1.0) == 0
    assert binomial_power(0, 1.0) == 0


@given(n=st.integers(1, 120), rate=st.floats(0.02, 0.98), null=st.floats(0.1, 0.9), two_sided=st.booleans())
def test_power_is_the_probability_that_the_tests_p_value_is_small(
    n: int, rate: float, null: float, two_sided: bool
) -> None:
    upper = [_tail(n, k, null) for k in range(n + 1)]
    lower = [1 - _tail(n, k + 1, null) for k in range(n + 1)]
    tail = 0.025 if two_sided else 0.05
    # Where a tail is the level but for rounding either answer is right.
    if any(abs(p - tail) < 1e-9 for p in (*upper, *lower)):
        return
    rejects = [upper[k] <= tail or (two_sided and lower[k] <= tail) for k in range(n + 1)]
    expected = sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1) if rejects[k])
    assert binomial_power(n, rate, null=null, two_sided=two_sided) == pytest.approx(expected, abs=1e-8)


def test_numbers_of_battles_are_the_known_ones() -> None:
    # G*Power's exact binomial test gives 158 as the first number for 60% (one-sided, 5%, 80%); from 169 on none
    # is too small again.
    powers = [binomial_power(n, 0.6) for n in range(1, 400)]
    assert next(n for n, power in enumerate(powers, 1) if power >= 0.8) == 158
    assert battles_for_win_rate(0.6) == 169
    assert min(powers[168:]) >= 0.8 > powers[167]
    # Two proportions of 60% and 50%, two-sided at 5% with 80%: 388 in each group (Fleiss's formula, most textbooks).
    assert battles_for_difference(0.6, 0.5) == 388
    # Wilson at 50%: n = z^2 (1 / (4 h^2) - 1) = 380.3 for five points, 92.2 for ten.
    assert (battles_for_interval(0.05), battles_for_interval(0.1)) == (381, 93)


@pytest.mark.parametrize(
    ("rate", "null", "two_sided", "draws"), [(0.6, 0.5, False, 0.0), (0.3, 0.4, True, 0.0), (0.57, 0.5, False, 0.2)]
)
def test_simulated_studies_find_the_effect_as_often_as_computed(
    rate: float, null: float, two_sided: bool, draws: float
) -> None:
    battles = battles_for_win_rate(rate, null=null, two_sided=two_sided, draw_rate=draws)
    rng = np.random.default_rng(7)
    studies = rng.multinomial(battles, [rate - draws / 2, draws, 1 - rate - draws / 2], 2000)
    tail = {"alternative": "two-sided" if two_sided else "greater"}
    found = [binomtest(int(won), int(won + lost), null, **tail).pvalue <= 0.05 for won, _, lost in studies]
    power = binomial_power(battles, rate, null=null, two_sided=two_sided, draw_rate=draws)
    assert power >= 0.8
    # 2,000 studies have a standard deviation of 0.009; scipy's two-sided test is another, hardly stronger one.
    assert np.mean(found) == pytest.approx(power, abs=0.03)


def test_no_false_claims_beyond_the_significance() -> None:
    for draws in (0.0, 0.1, 0.5):
        for battles in (7, 40, 163, 1000):
            assert binomial_power(battles, 0.5, draw_rate=draws) <= 0.05
            assert binomial_power(battles, 0.5, draw_rate=draws, two_sided=True) <= 0.05


def test_simulated_differences_are_found_as_often_as_computed() -> None:
    battles = battles_for_difference(0.6, 0.5)
    rng = np.random.default_rng(11)
    first, second = rng.binomial(battles, 0.6, 4000), rng.binomial(battles, 0.5, 4000)
    pooled = (first + second) / (2 * battles)
    z = (first - second) / battles / np.sqrt(pooled * (1 - pooled) * 2 / battles)
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.8, abs=0.02)


def test_pairing_and_dependence_multiply_the_battles() -> None:
    assert battles_for_difference(0.6, 0.5, correlation=0.5) == pytest.approx(388 / 2, abs=1)
    # Kish: five battles each at a correlation of 0.05 are worth 1 / 1.2 of independent ones.
    assert design_effect(5, 0.05) == pytest.approx(1.2)
    assert design_effect([1, 1, 8], 0.1) == pytest.approx(1 + (66 / 10 - 1) * 0.1)
    assert battles_for_win_rate(0.6, design_effect=1.2) == 203
    assert battles_for_interval(0.05, design_effect=2) == 762


def test_simulated_studies_with_returning_opponents_need_the_design_effect() -> None:
    from pokenash.algorithms.clustered import clustered_rate

    effect = design_effect(5, 0.1)
    opponents = battles_for_win_rate(0.6, design_effect=effect, significance=0.025) // 5 + 1
    rng = np.random.default_rng(13)
    rates = rng.beta(0.6 * 9, 0.4 * 9, (500, opponents))
    won = rng.binomial(5, rates)
    found = 0
    for study in won:
        scores = np.concatenate([np.repeat([1.0, 0.0], [w, 5 - w]) for w in study])
        found += clustered_rate(scores, np.arange(opponents).repeat(5).tolist(), samples=1).lower > 0.5
    # 500 studies have a standard deviation of 0.018, and the effective number of battles is itself an estimate.
    assert found / 500 == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize(
    "call",
    [
        lambda: battles_for_win_rate(0.5),
        lambda: battles_for_win_rate(0.4),
        lambda: battles_for_win_rate(1.2),
        lambda: battles_for_win_rate(0.6, power=1.0),
        lambda: battles_for_win_rate(0.6, design_effect=0.5),
        lambda: battles_for_win_rate(0.5001),
        lambda: battles_for_win_rate(0.6, null=0.55, draw_rate=0.1),
        lambda: binomial_power(10, 0.05, draw_rate=0.5),
        lambda: binomial_power(-1, 0.5),
        lambda: battles_for_difference(0.6, 0.6),
        lambda: battles_for_difference(0.6, 0.5, correlation=1.0),
        lambda: battles_for_interval(0.0),
        lambda: design_effect([], 0.1),
        lambda: design_effect(5, 2.0),
    ],
)
def test_what_no_number_of_battles_answers_is_refused(call: object) -> None:
    with pytest.raises(InputError):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("name", POWER_TABLES)
def test_the_table_on_the_page_is_what_the_code_gives(name: str) -> None:
    text = PAGE.read_text("utf-8")
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", text, re.DOTALL)
    assert found, f"the page has no table {name!r}"
    assert found.group(1).strip() == POWER_TABLES[name]().strip()
    assert power_page(text) == text
