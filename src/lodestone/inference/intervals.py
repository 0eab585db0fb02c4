"""Confidence intervals of rates, of their differences and ratios, and bootstrap intervals of errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20260414
AT_ONCE = 4_000_000  # drawn errors in memory
REMEMBERED = 4096  # answers kept: arms meet the same counts in many comparisons
STATISTICS = ("mae", "rmse", "bias")


def error_summary(errors: np.ndarray) -> dict[str, float]:
    """`STATISTICS` of errors (n,) and the percentile interval of each, `<name>_low` and `<name>_high`.

    Empty where there are no errors. Units are those of the errors.
    """
    if not len(errors):
        return {}
    resampled = _resampled(errors)
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    found: dict[str, float] = {}
    for name, value, draws in zip(STATISTICS, _statistics(errors[None, :])[0], resampled.T, strict=True):
        low, high = np.percentile(draws, tails)
        found |= {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}
    return found


def _resampled(errors: np.ndarray) -> np.ndarray:
    """The statistics of every resample, (RESAMPLES, 3)."""
    rng, n = np.random.default_rng(SEED), len(errors)
    size = max(1, AT_ONCE // n)
    parts = [min(size, RESAMPLES - start) for start in range(0, RESAMPLES, size)]
    return np.concatenate([_statistics(errors[rng.integers(n, size=(part, n))]) for part in parts])


def _statistics(errors: np.ndarray) -> np.ndarray:
    """MAE, RMSE and bias of every row, (n_rows, 3)."""
    return np.stack(
        [np.abs(errors).mean(axis=1), np.sqrt((errors**2).mean(axis=1)), errors.mean(axis=1)], axis=1
    )


@dataclass(frozen=True)
class Interval:
    """A closed interval; None where a bound is not defined."""

    low: float | None
    high: float | None


UNDEFINED = Interval(None, None)


@lru_cache(REMEMBERED)
def wilson(successes: int, n: int, alpha: float = 0.05) -> Interval:
    """Wilson score interval of a rate (Wilson, J. Am. Stat. Assoc. 22, 209, 1927); n = 0: undefined."""
    if n == 0:
        return UNDEFINED
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=alpha, method="wilson")
    # at the ends the formula gives the rate itself, but for rounding
    return Interval(float(low) if successes else 0.0, float(high) if successes < n else 1.0)


@lru_cache(REMEMBERED)
def newcombe(
    successes: int, n: int, successes_reference: int, n_reference: int, alpha: float = 0.05
) -> Interval:
    """Interval of rate - reference rate from two Wilson intervals (Newcombe, Stat. Med. 17, 873, 1998)."""
    if n == 0 or n_reference == 0:
        return UNDEFINED
    rate, reference = successes / n, successes_reference / n_reference
    own, other = wilson(successes, n, alpha), wilson(successes_reference, n_reference, alpha)
    low = (rate - reference) - math.hypot(rate - _number(own.low), _number(other.high) - reference)
    high = (rate - reference) + math.hypot(_number(own.high) - rate, reference - _number(other.low))
    return Interval(max(-1.0, low), min(1.0, high))


def risk_ratio(successes: int, n: int, successes_reference: int, n_reference: int) -> float | None:
    """Rate over reference rate; None when the reference rate is 0 or a group is empty."""
    if n == 0 or n_reference == 0 or successes_reference == 0:
        return None
    return (successes / n) / (successes_reference / n_reference)


@lru_cache(REMEMBERED)
def risk_ratio_interval(
    successes: int, n: int, successes_reference: int, n_reference: int, alpha: float = 0.05
) -> Interval:
    """Interval of the risk ratio on the log scale (Katz et al., Biometrics 34, 469, 1978).

    Undefined when either group has no success.
    """
    if not (n and n_reference and successes and successes_reference):
        return UNDEFINED
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        successes, n, successes_reference, n_reference, method="log", compare="ratio", alpha=alpha
    )
    return Interval(float(low), float(high))


def _number(value: float | None) -> float:
    if value is None:
        raise ValueError("interval is not defined")
    return value
