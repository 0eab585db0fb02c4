"""Intervals against closed formulas and other libraries."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest, norm
from statsmodels.stats.proportion import confint_proportions_2indep

from lodestone.inference.intervals import UNDEFINED, newcombe, risk_ratio, risk_ratio_interval, wilson

COUNTS = [(k, n) for n in (1, 2, 5, 24, 250, 1000) for k in sorted({0, 1, n // 3, n - 1, n})]
TABLES = [(a, n, b, m) for a, n in COUNTS[::2] for b, m in COUNTS[1::3]]


@pytest.mark.parametrize(("k", "n"), COUNTS)
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_wilson_is_the_score_interval(k: int, n: int, alpha: float) -> None:
    found, other = wilson(k, n, alpha), binomtest(k, n).proportion_ci(1 - alpha, "wilson")
    assert found.low == pytest.approx(other.low, abs=1e-12)
    assert found.high == pytest.approx(other.high, abs=1e-12)
    assert 0 <= found.low <= k / n <= found.high <= 1


def test_wilson_of_nothing_is_undefined() -> None:
    assert wilson(0, 0) == UNDEFINED


@pytest.mark.parametrize("counts", TABLES)
def test_newcombe_agrees_with_statsmodels(counts: tuple[int, int, int, int]) -> None:
    found = newcombe(*counts)
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert found.low == pytest.approx(max(-1, low), abs=1e-9)
    assert found.high == pytest.approx(min(1, high), abs=1e-9)


def test_newcombe_reproduces_the_published_example() -> None:
    # Newcombe (1998), method 10, 56/70 against 48/80
    found = newcombe(56, 70, 48, 80)
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)


def test_newcombe_of_an_empty_group_is_undefined() -> None:
    assert newcombe(0, 0, 1, 2) == UNDEFINED
    assert newcombe(1, 2, 0, 0) == UNDEFINED


@pytest.mark.parametrize("counts", [c for c in TABLES if c[0] and c[2]])
def test_risk_ratio_interval_is_katz(counts: tuple[int, int, int, int]) -> None:
    a, n, b, m = counts
    ratio, found = risk_ratio(*counts), risk_ratio_interval(*counts)
    error = math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    assert ratio == pytest.approx((a / n) / (b / m))
    assert found.low == pytest.approx(ratio * math.exp(-norm.ppf(0.975) * error))
    assert found.high == pytest.approx(ratio * math.exp(norm.ppf(0.975) * error))


def test_risk_ratio_without_successes() -> None:
    assert risk_ratio(3, 10, 0, 10) is None
    assert risk_ratio(0, 10, 3, 10) == 0
    assert risk_ratio_interval(0, 10, 3, 10) == UNDEFINED
    assert risk_ratio(0, 0, 3, 10) is None
