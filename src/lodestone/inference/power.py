"""The smallest effect that the test which counts would find."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lodestone.inference.tests import SMALL, threshold

if TYPE_CHECKING:
    from collections.abc import Callable

POWER = 0.8
"""Probability with which the minimal detectable effect would be found."""
LARGEST = 10_000_000
"""Outcomes of both groups that are enumerated at most; beyond, the normal approximation serves."""
NEGLIGIBLE = 1e-10
"""Probability of the reference counts that are left out at either end."""
EXACT, NORMAL = "exact", "normal approximation"


@dataclass(frozen=True)
class Effect:
    """A rise of a rate, and how it was computed: "exact" or "normal approximation"."""

    value: float | None
    method: str | None


NONE = Effect(None, None)


@lru_cache(maxsize=4096)
def minimal_detectable_effect(
    n: int, n_reference: int, rate_reference: float | None, level: float = 0.05
) -> Effect:
    """Smallest rise above `rate_reference` that the one-sided test finds with 80 % power at `level`.

    The power is that of the procedure itself, z-test or Fisher's test as the expected counts of each outcome
    decide, summed over the binomial distributions of both counts (unconditional power; Suissa & Shuster,
    J. R. Stat. Soc. A 148, 317, 1985). The value is None when not even a rise to 1 would be found so often.
    """
    if n == 0 or n_reference == 0 or rate_reference is None or rate_reference >= 1:
        return NONE
    exact = _exact(n, n_reference, rate_reference, level)
    if exact is not None:
        return Effect(_smallest(exact[0], 1 - rate_reference, grows=exact[1]), EXACT)

    def power(rise: float) -> float:
        return normal_power(rise, n, n_reference, rate_reference, level)

    return Effect(_smallest(power, 1 - rate_reference, grows=True), NORMAL)


def normal_power(rise: float, n: int, n_reference: int, reference: float, level: float) -> float:
    """Power of the z-test: pooled variance under the null, unpooled under the alternative.

    Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 3rd ed., chapter 4.
    """
    from scipy.stats import norm

    rate = min(1.0, reference + rise)
    pooled = (n * rate + n_reference * reference) / (n + n_reference)
    null = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_reference))
    spread = math.sqrt(rate * (1 - rate) / n + reference * (1 - reference) / n_reference)
    excess = rise - float(norm.isf(level)) * null
    if spread == 0:
        return float(excess > 0)
    return float(norm.cdf(excess / spread))


def rejections(n: int, n_reference: int, successes_reference: np.ndarray, level: float) -> np.ndarray:
    """Whether the test that counts is significant at `level`, (n + 1, n_successes_reference) bool.

    Rows are the successes 0 to n; the rule is that of `proportions.larger`.
    """
    from scipy.stats import norm

    total = n + n_reference
    own, other = np.arange(n + 1)[:, None], successes_reference[None, :]
    both = own + other
    pooled = both / total
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_reference))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.asarray((own / n - other / n_reference) / spread > norm.isf(level))
    i, j = np.nonzero(min(n, n_reference) * np.minimum(both, total - both) / total < SMALL)
    found[i, j] = _fisher(i, successes_reference[j], n, n_reference) < threshold(level)
    return found


def _exact(
    n: int, n_reference: int, rate_reference: float, level: float
) -> tuple[Callable[[float], float], bool] | None:
    """Power as a function of the rise, and whether it surely grows with it; None where it is too dear."""
    from scipy.stats import binom

    low = int(binom.ppf(NEGLIGIBLE, n_reference, rate_reference)) if rate_reference else 0
    high = int(binom.isf(NEGLIGIBLE, n_reference, rate_reference)) if rate_reference else 0
    counts = np.arange(max(0, low), high + 1)
    if (n + 1) * len(counts) > LARGEST:
        return None
    weights = binom.pmf(counts, n_reference, rate_reference)
    chance = rejections(n, n_reference, counts, level) @ weights
    successes = np.arange(n + 1)

    def power(rise: float) -> float:
        return float(binom.pmf(successes, n, min(1.0, rate_reference + rise)) @ chance)

    return power, bool((np.diff(chance) >= -NEGLIGIBLE).all())


def _smallest(power: Callable[[float], float], largest: float, *, grows: bool) -> float | None:
    """The smallest rise whose power is `POWER`, sought step by step where power may fall again."""
    from scipy.optimize import brentq

    steps = [0.0, largest] if grows else np.linspace(0, largest, 201).tolist()
    for low, high in pairwise(steps):
        if power(high) >= POWER:
            return float(brentq(lambda rise: power(rise) - POWER, low, high, xtol=1e-9))
    return None


def _fisher(own: np.ndarray, other: np.ndarray, n: int, n_reference: int) -> np.ndarray:
    """One-sided p-values of Fisher's test for pairs of counts, (n_pairs,).

    The tail of the hypergeometric distribution is summed over the smaller group.
    """
    totals, place = np.unique(own + other, return_inverse=True)
    swap = n_reference < n
    size, rest = (n_reference, n) if swap else (n, n_reference)
    k, t = np.arange(size + 1)[None, :], totals[:, None]
    possible = (t - k >= 0) & (t - k <= rest)
    log = _choose(size, k) + _choose(rest, np.clip(t - k, 0, rest)) - _choose(size + rest, t)
    chance = np.where(possible, np.exp(log), 0.0)
    if swap:
        tail = chance.cumsum(axis=1)
        return np.asarray(tail[place, other])
    tail = chance[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.asarray(tail[place, own])


def _choose(n: int, k: np.ndarray) -> np.ndarray:
    """Logarithm of the binomial coefficient."""
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
