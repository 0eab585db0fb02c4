"""What a success costs: cost per structure over the rate of successes, with a 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

ALPHA = 0.05
GRADIENT = 0.5  # a pass with the gradient of its input costs about this much more


@dataclass(frozen=True)
class Rate:
    """A rate per structure with its interval."""

    value: float
    low: float
    high: float


def rate(weights: np.ndarray, lineage: np.ndarray, seed: int = 0) -> Rate:
    """Mean of the weights (n,), 0 to 1 each, over structures that share ancestors.

    Bootstrap over lineages; Wilson's interval where all structures are independent and count 0 or 1.
    """
    import numpy as np

    from lodestone.inference.intervals import wilson
    from lodestone.statistics.lineages import cluster_interval
    from lodestone.statistics.outcomes import Sample

    sample = Sample(weights, np.ones(len(weights), dtype=bool), lineage)
    if not sample.clustered and np.isin(weights, (0, 1)).all():
        found = wilson(int(weights.sum()), len(weights), ALPHA)
    else:
        found = cluster_interval(sample, np.random.default_rng(seed), ALPHA)
    if found.low is None or found.high is None:
        raise ValueError("a rate needs at least one structure")
    return Rate(float(weights.mean()), found.low, found.high)


def per_success(each: float, of: Rate) -> dict[str, float | None]:
    """Cost of one success with its interval; None: not defined, or unbounded above."""
    return {
        "value": each / of.value if of.value > 0 else None,
        "low": each / of.high if of.high > 0 else None,
        "high": each / of.low if of.low > 0 else None,
    }


def distinct_weights(chosen: np.ndarray, leaders: np.ndarray) -> np.ndarray:
    """1/multiplicity for each chosen structure, else 0 (n,); their sum is the number of distinct ones.

    `leaders` (n_chosen,) names the crystal of each chosen structure. With these weights the number
    of distinct structures is a sum over structures, so that it has an interval like any rate; the
    interval holds for the number of structures sampled, because distinct ones become rarer.
    """
    import numpy as np

    _, index, counts = np.unique(leaders, return_inverse=True, return_counts=True)
    weights = np.zeros(len(chosen))
    weights[np.flatnonzero(chosen)] = 1.0 / counts[index]
    return weights


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
