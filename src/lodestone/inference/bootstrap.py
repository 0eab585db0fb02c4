"""Mean absolute, root mean square and mean error with bootstrap intervals, in bounded memory."""

from __future__ import annotations

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20260414
AT_ONCE = 4_000_000  # drawn errors in memory
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
