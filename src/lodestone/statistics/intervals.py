"""Confidence intervals of rates and of their differences, and the smallest effect a test can see."""

from __future__ import annotations

import math
from dataclasses import dataclass

POWER = 0.8
"""Probability with which the minimal detectable effect would be found."""


@dataclass(frozen=True)
class Interval:
    """A closed interval; None where a bound is not defined."""

    low: float | None
    high: float | None


UNDEFINED = Interval(None, None)


def wilson(successes: int, n: int, alpha: float = 0.05) -> Interval:
    """Wilson score interval of a rate (Wilson, J. Am. Stat. Assoc. 22, 209, 1927); n = 0: undefined."""
    if n == 0:
        return UNDEFINED
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=alpha, method="wilson")
    # at the ends the formula gives the rate itself, but for rounding
    return Interval(float(low) if successes else 0.0, float(high) if successes < n else 1.0)


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


def minimal_detectable_effect(
    n: int, n_reference: int, rate_reference: float | None, alpha: float = 0.05
) -> float | None:
    """Smallest rise above `rate_reference` that the one-sided z-test finds with 80 % power.

    Normal approximation with the pooled variance under the null and the unpooled one under the
    alternative; None when not even a rise to 1 would be found so often.
    """
    if n == 0 or n_reference == 0 or rate_reference is None or rate_reference >= 1:
        return None
    from scipy.optimize import brentq

    def missing(difference: float) -> float:
        return _power(difference, n, n_reference, rate_reference, alpha) - POWER

    largest = 1 - rate_reference
    if missing(largest) < 0:
        return None
    return float(brentq(missing, 1e-9, largest, xtol=1e-9))


def _power(difference: float, n: int, n_reference: int, reference: float, alpha: float) -> float:
    from scipy.stats import norm

    rate = min(1.0, reference + difference)
    pooled = (n * rate + n_reference * reference) / (n + n_reference)
    null = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / n_reference))
    spread = math.sqrt(rate * (1 - rate) / n + reference * (1 - reference) / n_reference)
    excess = difference - float(norm.ppf(1 - alpha)) * null
    if spread == 0:
        return float(excess > 0)
    return float(norm.cdf(excess / spread))


def _number(value: float | None) -> float:
    if value is None:
        raise ValueError("interval is not defined")
    return value
