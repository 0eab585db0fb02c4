"""What a success costs: cost per structure over the rate of successes, with a 95 % interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.shared.rates import Rate, rate

if TYPE_CHECKING:
    import numpy as np

GRADIENT = 0.5  # a pass with the gradient of its input costs about this much more


def per_success(each: float, of: Rate) -> dict[str, float | None]:
    """Cost of one success with its interval; None: not defined, or unbounded above."""
    return {
        "value": each / of.value if of.value > 0 else None,
        "low": each / of.high if of.high > 0 else None,
        "high": each / of.low if of.low > 0 else None,
    }


def reference_passes(
    *, steps: int, start: float, recurrence: int, algorithm: int, halves: int, forward: bool
) -> float:
    """Network passes of a structure in the reference's own sampler, conditional and unconditional apart.

    Per step one corrector score; per guided repeat a score, a second pass without classifier-free
    guidance and with gradient for forward guidance, and between repeats another corrector score.
    `algorithm` 0 has the corrector only before the repeats. `halves`: passes of one guided score.
    """
    total = 0.0
    for k in range(steps):
        total += 2 * halves
        if 1 - k / steps < start:
            total += recurrence * forward * (1 + GRADIENT)
            total += (recurrence - 1) * halves * (2 if algorithm in {1, 2} else 1)
    return total


def outcome(name: str, weights: np.ndarray, lineage: np.ndarray, spent: dict[str, float]) -> dict[str, Any]:
    """One row: rate and the cost of one success in every unit of `spent` (cost of one structure)."""
    found = rate(weights, lineage)
    return {
        "outcome": name,
        "n": len(weights),
        "count": round(float(weights.sum()), 6),
        "rate": [found.value, found.low, found.high],
        **{f"{unit}_per_success": per_success(each, found) for unit, each in spent.items()},
    }
