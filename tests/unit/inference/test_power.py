"""The minimal detectable effect against sums written out, simulation and another library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import power_proportions_2indep

from lodestone.inference import power
from lodestone.inference.power import EXACT, NONE, NORMAL, minimal_detectable_effect, normal_power, rejections
from lodestone.inference.tests import larger, threshold

CASES = [(64, 64, 0.1), (24, 24, 0.0), (40, 15, 0.9), (12, 60, 0.3), (5, 5, 0.02), (1, 40, 0.0)]


def binomial(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize("sizes", [(1, 1), (3, 3), (12, 9), (9, 30), (30, 9), (40, 40)])
@pytest.mark.parametrize("level", [0.05, 0.05 / 7, 0.001])
def test_rejections_are_those_of_the_test_itself(sizes: tuple[int, int], level: float) -> None:
    n, m = sizes
    found = rejections(n, m, np.arange(m + 1), level)
    for a in range(n + 1):
        for b in range(m + 1):
            p = larger(a, n, b, m).p_used
            assert p is not None
            assert found[a, b] == (p < threshold(level)), (a, b, p)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "base"), CASES)
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_exact_power_is_eighty_percent_by_the_double_sum(n: int, m: int, base: float, level: float) -> None:
    found = minimal_detectable_effect(n, m, base, level)
    assert found.method == EXACT

    def chance(rate: float) -> float:
        total = 0.0
        for a in range(n + 1):
            for b in range(m + 1):
                p = larger(a, n, b, m).p_used
                if p is not None and p < threshold(level):
                    total += binomial(a, n, rate) * binomial(b, m, base)
        return total

    if found.value is None:
        assert chance(1.0) < 0.8
        return
    assert chance(base + found.value) == pytest.approx(0.8, abs=1e-6)


def test_by_simulation() -> None:
    n, base = 200, 0.02  # expected counts on both sides of 5: either test may count
    effect = minimal_detectable_effect(n, n, base, 0.025).value
    assert effect is not None
    rng = np.random.default_rng(1)
    pairs = zip(rng.binomial(n, base + effect, 4000), rng.binomial(n, base, 4000), strict=True)
    tests = [larger(int(a), n, int(b), n) for a, b in pairs]
    assert {t.used for t in tests} == {"z", "fisher"}
    share = np.mean([t.p_used < threshold(0.025) for t in tests if t.p_used is not None])
    assert share == pytest.approx(0.8, abs=3 * math.sqrt(0.16 / 4000))


@pytest.mark.parametrize(("n", "m", "base"), [(64, 64, 0.1), (250, 1000, 0.02), (1000, 250, 0.5)])
def test_normal_power_agrees_with_statsmodels(n: int, m: int, base: float) -> None:
    for rise in (0.05, 0.2):
        other = power_proportions_2indep(
            rise, base, n, ratio=m / n, alpha=0.05, alternative="larger", return_results=False
        )
        assert normal_power(rise, n, m, base, 0.05) == pytest.approx(other, abs=1e-9)


def test_very_large_arms_are_approximated_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = minimal_detectable_effect(1000, 1000, 0.2, 0.03)
    minimal_detectable_effect.cache_clear()
    monkeypatch.setattr(power, "LARGEST", 10)
    approximate = minimal_detectable_effect(1000, 1000, 0.2, 0.03)
    minimal_detectable_effect.cache_clear()
    assert (exact.method, approximate.method) == (EXACT, NORMAL)
    assert approximate.value == pytest.approx(exact.value, rel=0.01)


def test_it_may_not_exist() -> None:
    assert minimal_detectable_effect(1, 1, 0.5).value is None
    assert minimal_detectable_effect(10, 10, 1.0) == NONE
    assert minimal_detectable_effect(0, 10, 0.1) == NONE
    assert minimal_detectable_effect(10, 10, None) == NONE


def test_a_stricter_level_needs_more() -> None:
    rises = [minimal_detectable_effect(50, 50, 0.1, level).value for level in (0.05, 0.01, 0.001)]
    assert rises == sorted(rises, key=lambda v: v or 1.0)
    assert len(set(rises)) == 3
