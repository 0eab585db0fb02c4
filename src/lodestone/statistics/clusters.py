"""Rates of structures that share ancestors: the lineage, not the structure, is the unit drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lodestone.statistics.intervals import UNDEFINED, Interval, wilson
from lodestone.statistics.outcomes import Sample

if TYPE_CHECKING:
    from numpy.random import Generator

DRAWS = 2000
BLOCK = 250  # draws at once; bounds the memory


def bootstrap_rates(sample: Sample, rng: Generator, draws: int = DRAWS) -> np.ndarray:
    """Rates of `draws` resamples of whole lineages, (draws,) (Field & Welsh, JRSS B 69, 369, 2007)."""
    successes, sizes = _by_lineage(sample)
    n_lineages = len(sizes)
    rates = []
    for start in range(0, draws, BLOCK):
        count = min(BLOCK, draws - start)
        weights = rng.multinomial(n_lineages, np.full(n_lineages, 1 / n_lineages), size=count)
        rates.append((weights @ successes) / (weights @ sizes))
    return np.concatenate(rates)


def cluster_interval(sample: Sample, rng: Generator, alpha: float = 0.05) -> Interval:
    """Percentile bootstrap interval of the rate over lineages.

    Where every lineage has the same rate the bootstrap has no spread; then the Wilson interval of
    that rate with one trial per lineage is returned, which never pretends to certainty.
    """
    if sample.n == 0:
        return UNDEFINED
    successes, sizes = _by_lineage(sample)
    rates = successes / sizes
    if np.ptp(rates) == 0:
        n_lineages = len(sizes)
        return _fractional_wilson(float(rates[0]), n_lineages, alpha)
    return _percentiles(bootstrap_rates(sample, rng), alpha)


def cluster_difference_interval(
    sample: Sample, reference: Sample, rngs: tuple[Generator, Generator], alpha: float = 0.05
) -> Interval:
    """Interval of rate - reference rate.

    Both cluster intervals are joined as Newcombe joins two Wilson intervals, so that an arm
    without any success still contributes its uncertainty.
    """
    if sample.n == 0 or reference.n == 0:
        return UNDEFINED
    rate, base = sample.successes / sample.n, reference.successes / reference.n
    own, other = (
        cluster_interval(s, r, alpha) if s.clustered else wilson(s.successes, s.n, alpha)
        for s, r in zip((sample, reference), rngs, strict=True)
    )
    if own.low is None or own.high is None or other.low is None or other.high is None:
        return UNDEFINED
    low = rate - base - float(np.hypot(max(0.0, rate - own.low), max(0.0, other.high - base)))
    high = rate - base + float(np.hypot(max(0.0, own.high - rate), max(0.0, base - other.low)))
    return Interval(max(-1.0, low), min(1.0, high))


def one_per_lineage(sample: Sample, rng: Generator) -> Sample:
    """One structure of each lineage, drawn at random; their rates may be compared by a z-test."""
    order = rng.permutation(len(sample.lineage))
    _, first = np.unique(sample.lineage[order], return_index=True)
    kept = np.sort(order[first])
    return Sample(sample.success[kept], sample.finite[kept], sample.lineage[kept], measured=sample.measured)


def _by_lineage(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Successes and sizes of the lineages, each (n_lineages,)."""
    _, index = np.unique(sample.lineage, return_inverse=True)
    return np.bincount(index, weights=sample.success), np.bincount(index)


def _percentiles(rates: np.ndarray, alpha: float) -> Interval:
    low, high = np.quantile(rates, [alpha / 2, 1 - alpha / 2])
    return Interval(float(low), float(high))


def _fractional_wilson(rate: float, n: int, alpha: float) -> Interval:
    from scipy.stats import norm

    z2 = float(norm.ppf(1 - alpha / 2)) ** 2
    center = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = float(np.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n)))) / (1 + z2 / n)
    return Interval(max(0.0, center - half), min(1.0, center + half))
