"""Whether two rates differ, in either direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from lodestone.inference.intervals import newcombe
from lodestone.inference.power import minimal_detectable_effect
from lodestone.statistics.lineages import (
    cluster_difference_interval,
    mean_of_lineages,
    one_per_lineage,
    rate_interval,
)
from lodestone.statistics.outcomes import Sample
from lodestone.statistics.proportions import different

Row = dict[str, Any]


def compared(a: Sample, b: Sample, alpha: float, seed: int) -> Row:
    """Rates of two samples with intervals, B minus A with its interval, and the two-sided p.

    Where structures share lineages, intervals are over lineages and the test takes one structure of each.
    Both samples are drawn by the same seed, so that a campaign compared with itself does not differ.
    """
    if not (a.n and b.n):
        empty = [side for side, sample in (("A", a), ("B", b)) if not sample.n]
        why = "not measured or not generated in " + " and ".join(empty)
        return _side("a", a, alpha, seed) | _side("b", b, alpha, seed) | _undefined(why)
    clustered = a.clustered or b.clustered
    rngs = np.random.default_rng(seed), np.random.default_rng(seed)
    interval = (
        cluster_difference_interval(b, a, rngs, alpha)
        if clustered
        else newcombe(b.successes, b.n, a.successes, a.n, alpha)
    )
    one, other = (_independent(sample, seed) if clustered else sample for sample in (a, b))
    test = different(other.successes, other.n, one.successes, one.n)
    used = f"{test.used}, one structure per lineage" if clustered and test.used else test.used
    return (
        _side("a", a, alpha, seed)
        | _side("b", b, alpha, seed)
        | {
            "difference": b.successes / b.n - a.successes / a.n,
            "low": interval.low,
            "high": interval.high,
            "test": used,
            "p": test.p_used,
            "note": test.note,
        }
    )


def detectable(a: Sample, b: Sample, level: float) -> tuple[float | None, float | None]:
    """Smallest rise and smallest fall of B against A that the two-sided test at `level` finds in 80 %.

    None where not even the largest would be found so often. Structures that share lineages count as one.
    """
    if not (a.n and b.n):
        return None, None
    clustered = a.clustered or b.clustered
    sizes = (b.n_lineages, a.n_lineages) if clustered else (b.n, a.n)
    rate = mean_of_lineages(a) if clustered else a.successes / a.n
    return (
        minimal_detectable_effect(*sizes, rate, level / 2).value,
        minimal_detectable_effect(*sizes, 1 - rate, level / 2).value,
    )


def _independent(sample: Sample, seed: int) -> Sample:
    return one_per_lineage(sample, np.random.default_rng(seed))


def _side(name: str, sample: Sample, alpha: float, seed: int) -> Row:
    known = bool(sample.n)
    interval = rate_interval(sample, np.random.default_rng(seed), alpha) if known else None
    return {
        f"{name}_n": sample.n,
        f"{name}_successes": sample.successes,
        f"{name}_rate": sample.successes / sample.n if known else None,
        f"{name}_low": interval.low if interval else None,
        f"{name}_high": interval.high if interval else None,
        f"{name}_lineages": sample.n_lineages,
    }


def _undefined(note: str) -> Row:
    return dict.fromkeys(("difference", "low", "high", "test", "p")) | {"note": note}
