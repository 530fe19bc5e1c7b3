"""Schedules, their control, and the divergences over legal actions; the vectors are another implementation's."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pokenash.algorithms.damping import (
    AdaptiveControl,
    Damping,
    DampingSettings,
    PowerLaw,
    Reference,
    entropy,
    reverse_kl,
)
from pokenash.errors import InputError
from pokenash.policies.networks import masked_log_probabilities


def vectors() -> Path:
    """The folder of test vectors: named by ``POKENASH_PARITY``, or ``shared/parity`` above or beside the repository."""
    repository = Path(__file__).resolve().parents[2]
    places = [repository.parent / "shared" / "parity", repository / "shared" / "parity"]
    if "POKENASH_PARITY" in os.environ:
        places = [Path(os.environ["POKENASH_PARITY"])]
    for place in places:
        if (place / "damping").is_dir():
            return place / "damping"
    pytest.skip("needs the recorded vectors: set POKENASH_PARITY to the folder that holds damping/")


def test_schedules_are_those_of_the_vectors() -> None:
    cases = json.loads((vectors() / "schedule.json").read_text())
    assert len(cases) >= 40
    for case in cases:
        law = PowerLaw(case["k0"], case["T"], case["alpha"])
        # Both sides compute in double precision, with one power.
        assert law.at(case["t"]) == pytest.approx(case["value"], rel=1e-14)
        assert replace(law, cap=0.04).at(case["t"]) == pytest.approx(case["value_capped_at_max_0_04"], rel=1e-14)
        assert replace(law, floor=0.001).at(case["t"]) == pytest.approx(case["value_floored_at_min_0_001"], rel=1e-14)


def test_the_controller_is_that_of_the_vectors() -> None:
    cases = json.loads((vectors() / "controller.json").read_text())
    assert len(cases) >= 100
    for case in cases:
        control = AdaptiveControl(case["target"], case["tolerance"])
        settings = DampingSettings(PowerLaw(case["lr"]), PowerLaw(case["kl_coef"]), control=control)
        after = Damping(settings).after(0, case["observed_kl"])
        assert after.learning_rate(1) == pytest.approx(case["new_lr"], rel=1e-14)
        assert after.kl(1) == pytest.approx(case["new_kl_coef"], rel=1e-14)


@pytest.mark.parametrize("actions", [9, 13])
def test_divergence_and_entropy_are_those_of_the_vectors(actions: int) -> None:
    with np.load(vectors() / "kl_entropy.npz") as file:
        case = {
            k.removesuffix(f"_{actions}"): torch.from_numpy(file[k]) for k in file.files if k.endswith(f"_{actions}")
        }
    legal = case["legal"]
    assert (legal.sum(1) == 1).any()
    assert (legal.sum(1) == 0).any()
    new = case["new_logits"].clone().requires_grad_(True)
    log_p = masked_log_probabilities(new, legal)
    log_q = masked_log_probabilities(case["ref_logits"], legal)
    kl, h = reverse_kl(log_p, log_q, legal), entropy(log_p, legal)
    # Double precision of sums whose terms reach 100.
    torch.testing.assert_close(kl.detach(), case["kl_reverse"], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(h.detach(), case["entropy"], rtol=1e-12, atol=1e-12)
    (by_kl,) = torch.autograd.grad(kl.sum(), new, retain_graph=True)
    (by_entropy,) = torch.autograd.grad(h.sum(), new)
    torch.testing.assert_close(by_kl, case["grad_kl_wrt_new_logits"], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(by_entropy, case["grad_entropy_wrt_new_logits"], rtol=1e-10, atol=1e-12)
    single = (
        masked_log_probabilities(case["new_logits"].float(), legal),
        masked_log_probabilities(case["ref_logits"].float(), legal),
    )
    # What single precision gives of logits up to 1,000.
    torch.testing.assert_close(reverse_kl(*single, legal).double(), case["kl_reverse"], rtol=1e-4, atol=1e-4)


@given(st.integers(0, 2**32), st.integers(1, 6), st.sampled_from([1e-3, 1.0, 30.0, 1e4]))
def test_divergences_count_legal_actions_only_and_stay_finite(seed: int, actions: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    scores = torch.from_numpy(rng.normal(0, scale, (2, 8, actions)).astype(np.float32))
    mask = torch.from_numpy(rng.random((8, actions)) < 0.6)
    mask[0] = torch.arange(actions) == 0
    new = scores[0].clone().requires_grad_(True)
    log_p, log_q = masked_log_probabilities(new, mask), masked_log_probabilities(scores[1], mask)
    kl, h = reverse_kl(log_p, log_q, mask), entropy(log_p, mask)
    (gradient,) = torch.autograd.grad((kl + h).sum(), new)
    assert torch.isfinite(kl).all()
    assert torch.isfinite(gradient).all()
    assert (gradient[~mask] == 0).all()
    assert kl[0] == h[0] == 0
    # Rounding of single precision in sums of terms of the logits' size.
    assert (kl >= -1e-5 * max(scale, 1)).all()
    assert (h >= 0).all()
    assert (h <= torch.log(mask.sum(1).clamp(min=1).double()).float() + 1e-5).all()
    elsewhere = torch.where(mask, scores[0], torch.full_like(scores[0], 50 * scale))
    torch.testing.assert_close(entropy(masked_log_probabilities(elsewhere, mask), mask), h.detach())


def test_a_stand_in_of_minus_infinity_is_as_good() -> None:
    mask = torch.tensor([[True, False, True], [False, True, False]])
    scores = torch.tensor([[0.5, 9.0, -1.0], [3.0, 2.0, 1.0]], requires_grad=True)
    log_p = torch.log_softmax(scores.masked_fill(~mask, -torch.inf), -1)
    log_q = torch.log_softmax(torch.zeros(2, 3).masked_fill(~mask, -torch.inf), -1)
    total = reverse_kl(log_p, log_q, mask) + entropy(log_p, mask)
    # From a uniform reference the divergence is log n - H.
    torch.testing.assert_close(total.detach(), torch.tensor([math.log(2), 0.0]))
    (gradient,) = torch.autograd.grad(total.sum(), scores)
    assert torch.isfinite(gradient).all()


def test_a_schedule_halves_where_it_says() -> None:
    law = PowerLaw(0.8, time_scale=50, exponent=1.0, floor=0.1, cap=0.6)
    assert law.at(0) == 0.6
    assert law.at(50) == pytest.approx(0.4)
    assert law.at(150) == pytest.approx(0.2)
    assert law.at(10**9) == 0.1
    assert PowerLaw(0.3).at(10**6) == 0.3


CONTROLLED = DampingSettings(
    PowerLaw(1e-4, 10, 0.5), PowerLaw(0.1, 10, 1.0), PowerLaw(0.2, 10, 0.5), AdaptiveControl(0.01, 1.5)
)


@given(st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.02, 5.0]), max_size=30))
def test_factors_multiply_the_schedule_and_persist(observed: list[float]) -> None:
    """Whatever was observed long ago still counts, and the schedule goes on falling beneath it."""
    wide = AdaptiveControl(0.01, 1.5, learning_rate_range=(1e-30, 1e30), kl_range=(1e-30, 1e30))
    settings = replace(CONTROLLED, control=wide)
    damping, rate_factor, kl_factor = Damping(settings), 1.0, 1.0
    for time, kl in enumerate(observed):
        damping = damping.after(time, kl)
        rate_factor *= 0.5 if kl > 0.015 else 1.1 if kl < 0.01 / 1.5 else 1
        kl_factor *= 1.5 if kl > 0.015 else 0.9 if kl < 0.01 / 1.5 else 1
    later = 1000
    assert damping.learning_rate(later) == pytest.approx(settings.learning_rate.at(later) * rate_factor)
    assert damping.kl(later) == pytest.approx(settings.kl.at(later) * kl_factor)
    assert damping.entropy(later) == settings.entropy.at(later)


def test_factors_do_not_run_away_behind_a_bound() -> None:
    damping = Damping(CONTROLLED)
    for _ in range(100):
        damping = damping.after(0, 5.0)
    assert damping.learning_rate(0) == pytest.approx(1e-6)
    assert damping.kl(0) == pytest.approx(0.5)
    turned = damping.after(0, 0.0)
    assert turned.learning_rate(0) == pytest.approx(1.1e-6)
    assert turned.kl(0) == pytest.approx(0.45)


def test_without_control_or_weight_nothing_moves() -> None:
    free = Damping(replace(CONTROLLED, control=None)).after(0, 5.0)
    assert (free.learning_rate_factor, free.kl_factor) == (1, 1)
    none = Damping(replace(CONTROLLED, kl=PowerLaw(0.0))).after(0, 5.0)
    assert none.kl(0) == 0
    assert none.learning_rate_factor == 0.5


@pytest.mark.parametrize("observed", [-1.0, float("nan")])
def test_what_is_no_divergence_is_refused(observed: float) -> None:
    with pytest.raises(InputError, match="observed KL"):
        Damping(CONTROLLED).after(0, observed)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: PowerLaw(-1), "initial"),
        (lambda: PowerLaw(float("inf")), "initial"),
        (lambda: PowerLaw(1, 0), "time_scale"),
        (lambda: PowerLaw(1, 1, -1), "exponent"),
        (lambda: PowerLaw(1, floor=2, cap=1), "cap"),
        (lambda: PowerLaw(1).at(-1), "time"),
        (lambda: AdaptiveControl(0), "target"),
        (lambda: AdaptiveControl(0.1, 0.5), "tolerance"),
        (lambda: AdaptiveControl(learning_rate_shrink=1.5), "learning_rate_shrink"),
        (lambda: AdaptiveControl(learning_rate_grow=0.5), "learning_rate_grow"),
        (lambda: AdaptiveControl(kl_shrink=0), "kl_shrink"),
        (lambda: AdaptiveControl(kl_range=(1.0, 0.1)), "kl_range"),
        (lambda: Reference("moving"), "reference"),  # type: ignore[arg-type]
        (lambda: Reference(period=0), "period"),
        (lambda: Reference(decay=1.1), "decay"),
        (lambda: DampingSettings(PowerLaw(0.0)), "learning_rate"),
        (lambda: DampingSettings(PowerLaw(0.1), control=AdaptiveControl()), "learning_rate"),
        (lambda: DampingSettings(PowerLaw(1e-4), PowerLaw(0.9), control=AdaptiveControl()), "kl"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(make: Any, name: str) -> None:
    with pytest.raises(InputError, match=name):
        make()


@given(
    st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0.05, 20), st.floats(0.05, 20), st.floats(0, 2), st.booleans()
)  # fmt: skip
def test_a_training_that_follows_another_is_damped_as_if_it_were_the_same(
    time: float, later: float, rate_factor: float, kl_factor: float, exponent: float, bounded: bool
) -> None:
    settings = DampingSettings(
        PowerLaw(1e-4, 50.0, exponent),
        PowerLaw(0.05, 100.0, exponent, floor=0.002, cap=0.04 if bounded else None),
        PowerLaw(0.01, 70.0, exponent, floor=0.001),
        control=AdaptiveControl(learning_rate_range=(1e-12, 1.0), kl_range=(1e-12, 1.0)),
    )
    before = Damping(settings, rate_factor, kl_factor)
    after = Damping(before.settings_from(time))
    for name in ("learning_rate", "kl", "entropy"):
        # A few roundings of numbers that are multiplied.
        assert getattr(after, name)(later) == pytest.approx(getattr(before, name)(time + later), rel=1e-9)


def test_a_training_that_follows_one_at_its_bound_begins_there() -> None:
    control = AdaptiveControl(learning_rate_range=(1e-5, 1e-3), kl_range=(1e-3, 0.5))
    settings = DampingSettings(PowerLaw(1e-4, 1.0, 1.0), PowerLaw(0.05, 1.0, 1.0), PowerLaw(0.0), control=control)
    before = Damping(settings)
    after = Damping(before.settings_from(1e6))
    assert after.learning_rate(0) == before.learning_rate(1e6) == 1e-5
    assert after.kl(0) == before.kl(1e6) == 1e-3
    none = DampingSettings(PowerLaw(1e-4), PowerLaw(0.0), PowerLaw(0.0), control=control)
    assert Damping(Damping(none).settings_from(5)).kl(0) == 0
