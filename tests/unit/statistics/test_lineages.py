"""Rates of structures that share lineages."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from lodestone.inference.intervals import newcombe, wilson
from lodestone.statistics.lineages import (
    bootstrap_rates,
    cluster_difference_interval,
    cluster_interval,
    one_per_lineage,
)
from lodestone.statistics.outcomes import Sample


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def sample(success: np.ndarray, members: int) -> Sample:
    n = len(success)
    return Sample(success.astype(bool), np.ones(n, dtype=bool), np.arange(n) // members)


def test_identical_members_give_the_variance_of_lineages() -> None:
    lineages = rng(1).random(200) < 0.3
    rates = bootstrap_rates(sample(np.repeat(lineages, 4), 4), rng(), draws=20000)
    p = lineages.mean()
    assert rates.mean() == pytest.approx(p, abs=0.002)
    assert rates.std() == pytest.approx(np.sqrt(p * (1 - p) / 200), rel=0.03)


def test_independent_members_give_the_binomial_variance() -> None:
    success = rng(2).random(800) < 0.4
    rates = bootstrap_rates(sample(success, 1), rng(), draws=20000)
    assert rates.std() == pytest.approx(np.sqrt(0.4 * 0.6 / 800), rel=0.05)


def test_interval_is_wider_than_if_members_were_independent() -> None:
    success = np.repeat(rng(3).random(50) < 0.5, 4)
    found, naive = cluster_interval(sample(success, 4), rng()), wilson(int(success.sum()), 200)
    assert found.high - found.low > 1.5 * (naive.high - naive.low)


@pytest.mark.parametrize("value", [0, 1])
def test_no_spread_is_not_certainty(value: int) -> None:
    found = cluster_interval(sample(np.full(40, value), 4), rng())
    expected = wilson(10 * value, 10)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.slow
@pytest.mark.parametrize("n_lineages", [6, 12, 32])
@pytest.mark.parametrize(("rate", "alike"), [(0.1, 0.3), (0.1, 3.0), (0.35, 3.0), (0.9, 30.0)])
def test_the_true_rate_is_covered(n_lineages: int, rate: float, alike: float) -> None:
    """Lineages of eight with a rate of their own, from copies (`alike` 0) to independent (infinite)."""
    lineage, covered, draws = np.repeat(np.arange(n_lineages), 8), 0, 250
    for seed in range(draws):
        source = np.random.default_rng([seed, n_lineages])
        own = source.beta(rate * alike, (1 - rate) * alike, n_lineages)
        success = source.random(len(lineage)) < own[lineage]
        found = cluster_interval(sample(success, 8), rng(seed))
        covered += found.low <= rate <= found.high
    assert covered / draws > 0.9


def test_it_is_wilsons_with_the_trials_that_the_spread_between_lineages_allows() -> None:
    """Twelve lineages of eight of which one lacks one success; the bootstrap alone would say 97 to 100 %."""
    success = np.arange(96) > 0
    variance = 12 / 11 * ((7 - 95 / 12) ** 2 + 11 * (8 - 95 / 12) ** 2) / 96**2
    quantiles = norm.ppf(0.975), t.ppf(0.975, 11)
    n, z2, rate = 95 / 96**2 / variance * (quantiles[0] / quantiles[1]) ** 2, quantiles[0] ** 2, 95 / 96
    low = (rate + z2 / 2 / n - np.sqrt(z2 * (rate * (1 - rate) / n + z2 / 4 / n**2))) / (1 + z2 / n)
    found = cluster_interval(sample(success, 8), rng())
    assert found.low == pytest.approx(low)
    assert low < 0.95
    assert found.high == 1.0


def test_same_seed_same_interval() -> None:
    one = sample(rng(4).random(60) < 0.3, 3)
    assert cluster_interval(one, rng(5)) == cluster_interval(one, rng(5))


def test_difference_of_unclustered_arms_is_newcombe() -> None:
    a, b = sample(np.arange(30) < 12, 1), sample(np.arange(40) < 5, 1)
    found, expected = cluster_difference_interval(a, b, (rng(), rng())), newcombe(12, 30, 5, 40)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_of_each_lineage() -> None:
    whole = sample(rng(6).random(100) < 0.5, 4)
    kept = one_per_lineage(whole, rng(7))
    assert kept.lineage.tolist() == list(range(25))
    everything = [one_per_lineage(whole, rng(s)).success.mean() for s in range(400)]
    assert np.mean(everything) == pytest.approx(whole.success.mean(), abs=0.02)
