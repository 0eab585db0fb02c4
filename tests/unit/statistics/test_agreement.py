"""Every statistic of a comparison against the textbook formula, written out here with the standard library.

Nothing below calls statsmodels or scipy: normal tails are erfc, binomial coefficients exact integers,
Fisher's p an exact fraction, and quantiles of the normal distribution are found by bisection.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from lodestone.inference.intervals import newcombe, risk_ratio, risk_ratio_interval, wilson
from lodestone.inference.tests import benjamini_hochberg, holm, larger
from lodestone.statistics.lineages import bootstrap_rates, mean_of_lineages
from lodestone.statistics.outcomes import rate_of

TABLES = [
    *[(0, 1, 0, 1), (1, 1, 0, 1), (0, 1, 1, 1), (1, 1, 1, 1)],  # n = 1
    *[(1, 1, 7, 30), (0, 30, 1, 1), (1, 1, 400, 1000)],  # n = 1 against more
    *[(0, 50, 0, 50), (50, 50, 50, 50), (0, 50, 50, 50), (50, 50, 0, 50)],  # zeros and ones
    *[(0, 24, 3, 24), (3, 24, 0, 24), (24, 24, 20, 24)],  # one side at the end
    *[(4, 5, 1, 8), (3, 3, 0, 3), (2, 7, 2, 7)],  # tiny
    *[(12, 64, 3, 250), (30, 250, 31, 1000), (5, 1000, 1, 40)],  # unequal
    *[(10, 20, 0, 10), (10, 100, 5, 95), (9, 100, 0, 100), (5, 100, 5, 100)],  # expected counts about 5
    *[(400, 1000, 310, 1000), (37, 1000, 19, 1000), (999, 1000, 990, 1000)],  # large
    *[(60_123, 100_000, 59_800, 100_000), (12, 100_000, 3, 90_000)],  # huge
]
LEVELS = (0.05, 0.01)


def upper_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))


def quantile(tail: float) -> float:
    """z whose upper tail is `tail`, by bisection."""
    low, high = 0.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if upper_tail(middle) > tail else (low, middle)
    return (low + high) / 2


def score_interval(x: int, n: int, alpha: float) -> tuple[float, float]:
    """Wilson: both solutions p of (x/n - p)^2 = z^2 p (1 - p) / n."""
    z2, rate = quantile(alpha / 2) ** 2, x / n
    a, b, c = 1 + z2 / n, -(2 * rate + z2 / n), rate**2
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def fisher(x1: int, n1: int, x2: int, n2: int) -> float:
    """Upper tail of the hypergeometric distribution in exact integers."""
    both = x1 + x2
    ways = sum(math.comb(n1, k) * math.comb(n2, both - k) for k in range(x1, min(n1, both) + 1))
    return float(Fraction(ways, math.comb(n1 + n2, both)))


@pytest.mark.parametrize("counts", TABLES)
def test_tests(counts: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = counts
    found = larger(*counts)
    if n1 + n2 < 10_000:
        assert found.fisher_p == pytest.approx(fisher(*counts), rel=1e-7)
    p = Fraction(x1 + x2, n1 + n2)
    if p in (0, 1):
        assert (found.z, found.p_value, found.used) == (None, None, "fisher")
        return
    z = (x1 / n1 - x2 / n2) / math.sqrt(float(p * (1 - p) * (Fraction(1, n1) + Fraction(1, n2))))
    assert found.z == pytest.approx(z, rel=1e-9, abs=1e-12)
    assert found.p_value == pytest.approx(upper_tail(z), rel=1e-7)
    expected = [n * q for n in (n1, n2) for q in (p, 1 - p)]  # exact, so that 5 is not below 5
    assert found.used == ("fisher" if min(expected) < 5 else "z")
    assert found.p_used == {"z": found.p_value, "fisher": found.fisher_p}[found.used or ""]


@pytest.mark.parametrize("counts", TABLES)
@pytest.mark.parametrize("alpha", LEVELS)
def test_intervals(counts: tuple[int, int, int, int], alpha: float) -> None:
    x1, n1, x2, n2 = counts
    (l1, u1), (l2, u2) = score_interval(x1, n1, alpha), score_interval(x2, n2, alpha)
    own, p1, p2 = wilson(x1, n1, alpha), x1 / n1, x2 / n2
    assert (own.low, own.high) == pytest.approx((l1, u1), abs=1e-12)
    found, difference = newcombe(*counts, alpha), p1 - p2
    low = difference - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)
    high = difference + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize("counts", TABLES)
@pytest.mark.parametrize("alpha", LEVELS)
def test_risk_ratios(counts: tuple[int, int, int, int], alpha: float) -> None:
    x1, n1, x2, n2 = counts
    ratio, interval = risk_ratio(*counts), risk_ratio_interval(*counts, alpha)
    if not x2:
        assert ratio is None
    else:
        assert ratio == pytest.approx(float(Fraction(x1 * n2, n1 * x2)), rel=1e-12)
    if not (x1 and x2):
        assert (interval.low, interval.high) == (None, None)
        return
    assert ratio is not None
    error = math.sqrt(float(Fraction(1, x1) - Fraction(1, n1) + Fraction(1, x2) - Fraction(1, n2)))
    factor = math.exp(quantile(alpha / 2) * error)
    assert (interval.low, interval.high) == pytest.approx((ratio / factor, ratio * factor), rel=1e-9)


FAMILIES = [
    *[[0.5], [0.0, 1.0], [0.02, 0.02, 0.02], [1.0, 1.0], [1e-300, 0.04]],
    [0.01, None, 0.04, 0.03, None, 0.005],
    *(np.random.default_rng(seed).random(n).round(2).tolist() for seed, n in enumerate((2, 3, 8, 24, 60))),
]


def adjusted_by_hand(p_values: list[float | None], method: str) -> list[float | None]:
    """For each p its adjusted value from the definition, without sorting in steps."""
    known = [p for p in p_values if p is not None]
    m = len(known)
    out: list[float | None] = []
    for p in p_values:
        if p is None:
            out.append(None)
        elif method == "holm":  # the largest (m - j + 1) p_(j) of those not above p
            out.append(min(1.0, max((m - sum(r < q for r in known)) * q for q in known if q <= p)))
        else:  # the smallest m p_(j) / j of those not below p
            out.append(min(1.0, *(m * q / sum(r <= q for r in known) for q in known if q >= p)))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("p_values", FAMILIES, ids=len)
def test_adjustments(p_values: list[float | None]) -> None:
    for method, adjust in (("holm", holm), ("bh", benjamini_hochberg)):
        expected = adjusted_by_hand(p_values, method)
        for found, wanted in zip(adjust(p_values), expected, strict=True):
            assert found == (None if wanted is None else pytest.approx(wanted, rel=1e-12))


def test_the_bootstrap_over_lineages_has_the_moments_of_the_enumeration() -> None:
    """Three lineages have 27 resamples, all of which are listed."""
    sizes, hits = [1, 2, 3], [1, 0, 2]
    flags = np.array([1, 0, 0, 1, 1, 0], dtype=bool)
    sample = rate_of(flags, pl.Series([0, 1, 1, 2, 2, 2]))
    every = [
        (hits[i] + hits[j] + hits[k]) / (sizes[i] + sizes[j] + sizes[k])
        for i in range(3)
        for j in range(3)
        for k in range(3)
    ]
    drawn = bootstrap_rates(sample, np.random.default_rng(0), draws=40_000)
    for rate in set(every):
        share = every.count(rate) / 27
        found = np.isclose(drawn, rate).mean()
        assert found == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 40_000))
    assert mean_of_lineages(sample) == pytest.approx((1 + 0 + 2 / 3) / 3)
